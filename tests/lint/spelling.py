"""codespell finds no misspelling. Words that are meant stand in .codespellrc with what they are."""
import re
import subprocess

import lint
import tool

FOLDERS = ("src", "include", "tests", "analysis", "jobs", "slurm", "prompts")
TEXTS = {".c", ".h", ".py", ".sh", ".sbatch", ".md", ".txt", ".json", ".js", ".css", ".html", ".def"}


def check(root):
    speller = tool.find("codespell")
    paths = [path for path in lint.files(root, FOLDERS, TEXTS) if "data" not in path.relative_to(root).parts]
    paths += sorted(root.glob("*.md"))
    out = subprocess.run([speller, *(path.relative_to(root) for path in paths)], cwd=root,
                         capture_output=True, text=True, check=False)
    found = re.findall(r"^(.+?):(\d+): (.*)$", out.stdout, re.MULTILINE)
    if out.returncode and not found:
        raise RuntimeError(out.stdout + out.stderr)
    return sorted(f"{path}:{line}: {what}" for path, line, what in found)


def self_test():
    lint.expect(check, "src/a.c", "// the price that was received\n")
    lint.expect(check, "src/a.c", "// the price that was recie" "ved\n", "src/a.c:1: ")


if __name__ == "__main__":
    lint.run(check, self_test)
