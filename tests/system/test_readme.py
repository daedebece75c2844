"""What README.md shows is what happens: its output, its commands, its code, its links.

test_readme.py --update writes the quickstart's output into README.md anew.
"""

import pathlib
import re
import shlex
import shutil
import sys
import tempfile
import unittest

import harness

README = harness.SOURCE / "README.md"
SHOWN = re.compile(r"(?ms)^(<!-- quickstart -->\n```\n)(.*?)^```")


class ReadmeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """The quickstart, as jobs/quickstart.sh runs it once all is built."""
        harness.mpi()
        cls.text = README.read_text()
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="credence-readme-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        for name in ("jobs", "prompts"):
            shutil.copytree(harness.SOURCE / name, cls.dir / name)
        harness.run("run", "jobs/quickstart.json", "-o", "runs/quickstart", ranks=4, cwd=cls.dir)

    def block(self, language, containing=""):
        found = [b for b in re.findall(rf"(?ms)^```{language}\n(.*?)^```", self.text)
                 if containing in b]
        self.assertEqual(1, len(found), f"{language} blocks with {containing!r}")
        return found[0]

    @classmethod
    def quickstart_output(cls):
        result = harness.run("analyze", "runs/quickstart", cwd=cls.dir)
        script = (harness.SOURCE / "jobs" / "quickstart.sh").read_text()
        last = re.findall(r'(?m)^echo "(.+)"$', script)[-1]
        return f"{result.err}{result.out}\n{last}\n"

    def test_the_quickstart_prints_what_is_shown(self):
        self.assertEqual(SHOWN.search(self.text).group(2), self.quickstart_output())

    def test_the_commands_that_follow_work(self):
        ran = 0
        for block in re.findall(r"(?ms)^```console\n(.*?)^```", self.text):
            for line in re.findall(r"(?m)^\$ build/credence (.*)$", block):
                result = harness.run(*shlex.split(line, comments=True), cwd=self.dir)
                self.assertNotEqual("", result.out, line)
                ran += 1
        self.assertGreater(ran, 0)

    def test_the_python_code_works(self):
        code = "import os; os.chdir(os.sys.argv[1])\n" + self.block("python", "h5py")
        shape = harness.python(code + "\nprint(price.shape[0], len(label))", self.dir).split()
        self.assertEqual(shape[0], shape[1])

    def test_the_job_file_is_one(self):
        (self.dir / "job.json").write_text(self.block("jsonc"))
        shutil.copy(self.dir / "jobs" / "data" / "truthfulqa_sample.csv",
                    self.dir / "TruthfulQA.csv")
        harness.run("plan", "job.json", cwd=self.dir)

    def test_every_model_of_the_table_is_understood(self):
        rows = re.findall(r"(?m)^\| [^|]+ \| (?:.*?)(`\"(?:api|endpoints|dialect).*)\|$", self.text)
        self.assertGreaterEqual(len(rows), 4)
        for row in rows:
            members = ", ".join(re.findall(r"`(\"[^`]+)`", row)).replace("NAME", "x")
            api = '' if '"api"' in members else '"api": "openai", '
            (self.dir / "model.json").write_text(
                f'{{"name": "m", "models": {{"m": {{{api}"model": "x", {members}}}}},'
                '"benchmarks": {"c": {"format": "jsonl", "path": "jobs/data/propositions_sample.jsonl"}},'
                '"cell": {"benchmark": "c", "maker": "m"}}')
            harness.run("plan", "model.json", cwd=self.dir)

    def test_every_link_leads_somewhere(self):
        for target in re.findall(r"\]\(([^)#:]+)\)", self.text):
            self.assertTrue((harness.SOURCE / target).exists(), target)


def update():
    ReadmeTest.setUpClass()
    try:
        output = ReadmeTest.quickstart_output()
        README.write_text(SHOWN.sub(lambda old: old.group(1) + output + "```", ReadmeTest.text))
    finally:
        ReadmeTest.doClassCleanups()


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        harness.main()
