"""The command line: help, man page, usage errors, status of dead runs, show and its escapes."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
import time
import unittest

import harness

EXIT_USAGE = 2


class HelpTest(harness.TestCase):
    def commands(self):
        text = harness.run("help").out
        block = text.split("commands:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in block.splitlines() if re.match(r"  \w", line)]

    def test_every_command_has_help_in_80_columns(self):
        names = self.commands()
        for name in ("plan", "run", "status", "list", "probe", "show", "analyze", "merge", "export",
                     "rebuild", "version", "help"):
            self.assertIn(name, names)
        for name in names:
            told = harness.run("help", name).out
            self.assertEqual(told, harness.run(name, "--help").out)
            self.assertTrue(told.startswith(f"usage: credence {name}"))
            for line in told.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_version_names_the_libraries_in_use(self):
        lines = harness.run("version").out.splitlines()
        self.assertRegex(lines[0], r"^credence \S+ \(\S+\)$")
        for line, library in zip(lines[1:], (r".*MPI\D+", "HDF5 ", "libcurl ", "cJSON "), strict=True):
            self.assertRegex(line, rf"^{library}\d+\.\d+\.\d+")

    @unittest.skipUnless(shutil.which("man"), "no man")
    def test_the_man_page_is_clean_and_says_what_help_says(self):
        page = self.dir / "credence.1"
        page.write_text(harness.run("help", "--man").out)
        done = subprocess.run(["man", "-l", "--warnings", str(page)], capture_output=True,
                              text=True, env={**os.environ, "MANWIDTH": "100"})
        self.assertEqual(done.stderr, "")
        for name in self.commands():
            self.assertIn(f"credence {name}", done.stdout)
        self.assertIn("--what-if", done.stdout)
        for name in ("market", "consultancy"):
            self.assertRegex(done.stdout, rf"(?m)^ +{name}\b")
            self.assertRegex(harness.run("help", "job").out.split("protocols:")[1], rf"(?m)^  {name} +\w")

    def complete(self, *words):
        """What bash offers for the last of WORDS, by the script that help makes."""
        script = self.dir / "completion.bash"
        script.write_text(harness.run("help", "--completion").out)
        code = (f"source {script}; COMP_WORDS=(credence \"$@\"); COMP_CWORD=$#; _credence; "
                "printf '%s\\n' \"${COMPREPLY[@]}\"")
        done = subprocess.run(["bash", "-u", "-c", code, "bash", *words], capture_output=True, text=True,
                              cwd=self.dir, timeout=60, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    @unittest.skipUnless(shutil.which("bash"), "no bash")
    def test_bash_completes_commands_options_and_files(self):
        self.assertEqual(sorted(self.complete("")), sorted(self.commands()))
        self.assertEqual(self.complete("sho"), ["show"])
        self.assertIn("--prompts", self.complete("show", "x", "--pro"))
        self.assertEqual(self.complete("list", "x", "--whe"), ["--where"])
        (self.dir / "a.json").touch()
        (self.dir / "adir").mkdir()
        self.assertEqual(sorted(self.complete("plan", "a")), ["a.json", "adir"])
        self.assertEqual(self.complete("run", "a.json", "-o", "a"), ["adir"])
        self.assertEqual(self.complete("run", "a.json", "--limit", ""), [])
        self.assertIn("analyze", self.complete("help", ""))

    def test_a_mistyped_word_gets_its_neighbour(self):
        for words, want in ((["analyse"], "analyze"), (["statsu"], "status"),
                            (["analyze", "x", "--formt", "md"], "--format"),
                            (["analyze", "x", "--by", "makr"], "maker"),
                            (["analyze", "x", "--section", "dynamic"], "dynamics"),
                            (["analyze", "x", "--what-if", "stop.treshold=1"], "stop.threshold"),
                            (["help", "shw"], "show")):
            result = harness.run(*words, expect=EXIT_USAGE)
            self.assertIn(f"'{want}'", result.err)
            self.assertEqual(result.out, "")

    def test_bad_usage_is_exit_2(self):
        for words in ([], ["nothing"], ["show", "x"], ["show", "x", "--episode", "-1"],
                      ["analyze"], ["analyze", "x", "--resamples", "many"],
                      ["analyze", "x", "--format"], ["status"], ["status", "a", "b"],
                      ["version", "x"], ["merge", "x"], ["merge", "-o", "y"],
                      ["export", "x"], ["analyze", "x", "--bins", "0"],
                      ["analyze", "x", "--what-if", "stop.window=1.5"]):
            result = harness.run(*words, expect=EXIT_USAGE)
            self.assertNotEqual(result.err, "")

    def test_results_that_cannot_be_written_are_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            process = harness.start("help", stdout=full)
            result = harness.finish(process, 60)
        self.assertEqual(result.code, 1)
        self.assertIn("standard output", result.err)


class StreamTest(harness.TestCase):
    def test_a_closed_stream_is_never_a_file_of_the_run(self):
        """Without a care the first file opened takes the number of the closed stream, and log
        lines are written over it."""
        job = self.write_job(self.sim_job(self.write_claims(3)))
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            out = self.dir / f"run{len(closed)}{closed[0:2].replace('<', 'i').replace('>', 'o')}"
            done = subprocess.run(["sh", "-c", f'exec "$0" run "$1" -o "$2" {closed}', harness.CREDENCE,
                                   str(job), str(out)], timeout=120, check=False)
            self.assertIn(done.returncode, (0, 1), closed)
            self.assertEqual((out / "run.h5").read_bytes()[:8], b"\x89HDF\r\n\x1a\n", closed)
            report = json.loads(harness.run("analyze", out, "--format", "json").out)
            self.assertTrue(report["files"][0]["complete"])

    def test_results_for_a_closed_stream_are_an_error(self):
        done = subprocess.run(["sh", "-c", 'exec "$0" version >&-', harness.CREDENCE], timeout=60,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)

    def test_words_of_the_command_line_do_not_drive_the_terminal(self):
        for words in (["\x1b[31mx"], ["show", "--\x1b[31mx"], ["run", "j", "--shard", "\x1b]0;x\u202e"]):
            result = harness.run(*words, expect=EXIT_USAGE)
            self.assertNotRegex(result.err, "[\x1b\u202e]")
            self.assertIn("x1b", result.err)


class PlanTest(harness.TestCase):
    def job(self, **changes):
        return self.write_job(self.sim_job(self.write_claims(4), **changes))

    def test_the_lines_that_matter_fit_a_screen_and_full_adds_the_job(self):
        job = self.job(grid={"stop.threshold": [0.1, 0.2], "stance": ["free", "up", "down"]})
        short, full = harness.run("plan", job).out, harness.run("plan", job, "--full").out
        self.assertLessEqual(len(short.splitlines()), 17)
        self.assertRegex(short, r"cells +6 +of stop.threshold \(2\) x stance \(3\)")
        self.assertNotIn('"seed"', short)
        self.assertTrue(full.endswith(short))
        self.assertIn('"seed"', full)

    def test_a_bound_above_the_budget_is_said(self):
        bounds = json.loads(harness.run("plan", self.job(), "--json").out)
        least, most = bounds["at_least"]["calls"], bounds["at_most"]["calls"]
        for calls, want in ((least - 1, "will stop early"), (most - 1, "may stop early")):
            out = harness.run("plan", self.job(budget={"calls": int(calls)})).out
            self.assertIn(want, out)
        self.assertNotIn("budget", harness.run("plan", self.job(budget={"calls": int(most)})).out)

    def test_the_proxy_of_an_endpoint_is_named_without_its_password(self):
        job = self.write_job(self.http_job("https://api.example.com/v1", self.write_claims(2),
                                           models__near={"api": "openai", "model": "x",
                                                         "endpoints": ["http://127.0.0.1:9/v1"]}))
        out = harness.run("plan", job, env={"https_proxy": "http://u:secret@proxy.example.com:3128",
                                            "http_proxy": "http://proxy.example.com:3128"}).out
        self.assertRegex(out, r"api\.example\.com/v1 through the proxy \S*proxy\.example\.com:3128")
        self.assertNotIn("secret", out)
        self.assertRegex(out, r"127\.0\.0\.1:9/v1\n")

    def test_prompts_are_what_will_be_sent_each_once(self):
        job = self.job(grid={"stop.threshold": [0.1, 0.2], "stance": ["free", "up"]})
        text = harness.run("plan", job, "--prompts").out
        self.assertIn("system:", text)
        self.assertIn("Claim number 0", text)
        found = json.loads(harness.run("plan", job, "--prompts", "--json").out)["prompts"]
        self.assertEqual(len(found), 1)  # nobody has argued yet: a stance does not show
        self.assertEqual([m["role"] for m in found[0]["messages"]], ["system", "user"])
        self.assertIn("Claim number 0", found[0]["messages"][-1]["text"])


class RunEndTest(harness.TestCase):
    def test_a_run_ends_with_what_came_out_where_it_is_and_what_next(self):
        job = self.write_job(self.sim_job(self.write_claims(4)))
        run = self.dir / "run"
        lines = harness.run("run", job, "-o", run).err.splitlines()[-4:]
        self.assertIn("complete:", lines[0])
        self.assertIn(f"{run}/run.h5", lines[1])
        self.assertIn(f"credence analyze {run}", lines[2])
        self.assertIn("instrument: of ", lines[3])

    def test_after_an_early_stop_it_says_how_to_go_on(self):
        job = self.write_job(self.sim_job(self.write_claims(20), budget={"calls": 30}))
        lines = harness.run("run", job, "-o", self.dir / "run", expect=75).err.splitlines()
        self.assertIn("run the same command again", lines[-1])


class TerminalTest(harness.TestCase):
    """What only a terminal gets: colour, its own width, a pager."""

    def on_terminal(self, *words, columns=120, **variables):
        control, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        env = {**os.environ, "TERM": "xterm", "PAGER": "cat", **variables}
        if "NO_COLOR" not in variables:
            env.pop("NO_COLOR", None)
        process = subprocess.Popen([harness.CREDENCE, *map(str, words)], stdout=terminal, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, env=env)
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal is gone when its last writer is
            while chunk := os.read(control, 65536):
                shown += chunk
        os.close(control)
        self.assertEqual(process.wait(60), 0)
        return shown.decode().replace("\r\n", "\n")

    def setUp(self):
        super().setUp()
        job = self.write_job(self.sim_job(self.write_claims(6)))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")

    def test_colour_is_for_terminals_that_want_it(self):
        run = self.dir / "run"
        self.assertIn("\x1b[", self.on_terminal("show", run, "--episode", 0))
        for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\x1b", self.on_terminal("show", run, "--episode", 0, **variables))
        self.assertNotIn("\x1b", harness.run("show", run, "--episode", 0, env={"TERM": "xterm"}).out)

    def test_the_width_is_the_terminals(self):
        def widest(columns):
            text = self.on_terminal("show", self.dir / "run", "--episode", 0, "--prompts", columns=columns, NO_COLOR="1")
            return max(map(len, text.splitlines()))
        self.assertLessEqual(widest(40), 80)
        self.assertLessEqual(widest(120), 120)
        self.assertGreater(widest(120), 80)
        self.assertLessEqual(widest(400), 200)

    def test_a_pager_gets_what_is_shown(self):
        out = self.on_terminal("show", self.dir / "run", "--episode", 0, PAGER="sed s/^/paged:/")
        self.assertIn("paged:", out)
        self.assertNotIn("paged:", self.on_terminal("show", self.dir / "run", "--episode", 0, "--no-pager",
                                                    PAGER="sed s/^/paged:/"))


class StatusTest(harness.TestCase):
    def write(self, **changes):
        status = {"state": "running", "pid": 1, "host": "elsewhere", "process_space": "pid:[1]", "launch": 2,
                  "ranks": 4, "job": "a\x1b[31mjob", "episodes": 100, "done": 40, "invalid": 1,
                  "failed": 2, "pending": 57, "converged": 30, "elapsed_s": 4000, "eta_s": 70,
                  "started_wall_ms": 0, "updated_wall_ms": time.time() * 1000, "calls": 900,
                  "models": [{"name": "m\x1b]0;x\x07", "calls": 900}], **changes}
        (self.dir / "status.json").write_text(json.dumps(status))

    def test_a_run_that_died_is_told_from_one_that_runs(self):
        here = {"host": os.uname().nodename,
                "process_space": os.readlink("/proc/self/ns/pid")}
        gone = subprocess.Popen(["true"])
        gone.wait()
        for changes, want in (({}, "running"),
                              ({"updated_wall_ms": (time.time() - 300) * 1000}, "dead"),
                              ({**here, "pid": os.getpid()}, "running"),
                              ({**here, "pid": gone.pid}, "dead"),
                              ({"state": "complete", **here, "pid": gone.pid},
                               "complete")):
            self.write(**changes)
            shown = json.loads(harness.run("status", self.dir, "--json").out)
            self.assertEqual(shown["state"], want, changes)
            self.assertIn(want, harness.run("status", self.dir).out)

    def test_numbers_are_shown_and_nothing_drives_the_terminal(self):
        self.write()
        out = harness.run("status", self.dir).out
        self.assertIn("43 of 100", out)
        self.assertIn("1h 06m", out)
        self.assertNotIn("\x1b", out)

    def test_totals_are_told_from_this_launch_and_reasons_have_advice(self):
        self.write(this_launch={"calls": 100, "tokens_in": 5, "usd": 0.25}, usd=1.5, tokens_in=50,
                   reasons={"timeout": 2, "cut": 7, "new\x1bword": 1}, state="interrupted",
                   message="the budget of 900 calls is spent")
        out = harness.run("status", self.dir).out
        self.assertIn("900 (100 in this launch)", out)
        self.assertIn("1.5000 (0.2500 in this launch)", out)
        self.assertLess(out.index("7 x cut"), out.index("2 x timeout"))
        self.assertIn("max_tokens", out)
        self.assertIn("the budget of 900 calls is spent", out)
        self.assertIn("resumes it", out)
        self.assertNotIn("\x1b", out)

    def test_openmetrics_have_a_type_before_each_sample_and_an_end(self):
        self.write(job='a"b\\c\nd')
        out = harness.run("status", self.dir, "--openmetrics").out
        self.assertTrue(out.endswith("# EOF\n"))
        typed, samples = set(), 0
        for line in out.splitlines()[:-1]:
            if line.startswith("# TYPE "):
                typed.add(line.split()[2])
            elif not line.startswith("#"):
                name = re.match(r"[a-z_]+", line).group(0)
                self.assertIn(name.removesuffix("_total"), typed, line)
                self.assertRegex(line, r'\{dir="[^"]+",job="a\\"b\\\\c\\nd"(,model="[^"]*")?\} -?[0-9.e+-]+$')
                samples += 1
        self.assertGreater(samples, 8)
        self.assertIn("} 900\n", out)

    def test_watch_ends_with_the_run(self):
        self.write(state="complete")
        harness.run("status", self.dir, "--watch")

    def test_no_run_directory_is_a_message(self):
        result = harness.run("status", self.dir, expect=1)
        self.assertIn("not a run directory", result.err)
        (self.dir / "status.json").write_text("{broken")
        self.assertIn("status.json", harness.run("status", self.dir, expect=1).err)


class ShardTest(harness.TestCase):
    def test_shards_analysed_or_merged_are_the_whole(self):
        job = self.write_job(self.sim_job(self.write_claims(30)))
        for part in (1, 2):
            harness.run("run", job, "-o", self.dir / f"s{part}", "--shard", f"{part}/2",
                        "--quiet")
        harness.run("run", job, "-o", self.dir / "whole", "--quiet")
        whole = json.loads(harness.run("analyze", self.dir / "whole", "--format", "json").out)
        for paths in ([self.dir / "s1", self.dir / "s2"], [self.dir / "m.h5"]):
            if len(paths) == 1:
                harness.run("merge", "-o", paths[0], self.dir / "s1", self.dir / "s2")
            got = json.loads(harness.run("analyze", *paths, "--format", "json").out)
            self.assertEqual(self.without_instructions(got), self.without_instructions(whole))
        part = harness.run("merge", "-o", self.dir / "p.h5", self.dir / "s1", expect=75)
        self.assertIn("pending", part.err)

    @staticmethod
    def without_instructions(analysis):
        """The groups, less what only the bundle of a run directory knows: a merged file has none beside it."""
        text = json.dumps(analysis["groups"])
        groups = json.loads(text, object_pairs_hook=lambda pairs: {
            key: value for key, value in pairs if not key.startswith(("prompt_number", "never_left"))})
        return groups

    def test_export_writes_tables(self):
        job = self.write_job(self.sim_job(self.write_claims(5)))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        harness.run("export", self.dir / "run", "--to", self.dir / "tables")
        lines = (self.dir / "tables" / "episodes.csv").read_text().splitlines()
        self.assertEqual(len(lines), 6)
        self.assertEqual(json.loads((self.dir / "tables" / "job.json").read_text())["name"],
                         "system")


class ListTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        job = self.write_job(self.sim_job(self.write_claims(20), cell__stop__rule="range", cell__replicates=2,
                                          grid={"stance": ["free", "adversarial"]}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")

    def rows(self, *options):
        return json.loads(harness.run("list", self.dir / "run", "--format", "json", *options).out)

    def ids(self, *options):
        return [int(line) for line in
                harness.run("list", self.dir / "run", "--format", "ids", *options).out.split()]

    def test_a_row_is_what_the_file_holds(self):
        stored = harness.read_run(self.dir / "run" / "run.h5", "price", "iterations", "status", "cell", "proposition")
        rows = self.rows()
        self.assertEqual([r["episode"] for r in rows], list(range(80)))
        for row, price, length in zip(rows, stored["price"], stored["iterations"], strict=True):
            self.assertAlmostEqual(row["opening"], price[0], places=6)
            self.assertAlmostEqual(row["final"], price[length - 1], places=6)
            self.assertAlmostEqual(row["move"], price[length - 1] - price[0], places=6)
            self.assertEqual(row["iterations"], length - 1)
            moves = [b - a for a, b in zip(price[:length - 1], price[1:length])]
            self.assertAlmostEqual(abs(row["largest"]), max(map(abs, moves)), places=6)
            self.assertEqual(row["opening_right"], (row["opening"] > 0.5) == (row["truth"] == "true"))

    def test_conditions_choose_what_python_chooses(self):
        rows = self.rows()
        for condition, want in (
                ("opening right and final wrong and stance = adversarial",
                 lambda r: r["opening_right"] and not r["final_right"] and r["stance"] == "adversarial"),
                ("final > opening", lambda r: r["final"] > r["opening"]),
                ("not (stance is FREE or largest >= 0)", lambda r: r["stance"] != "free" and r["largest"] < 0),
                ("item ~ '1' and replicate = 1 or episode < 3",
                 lambda r: ("1" in r["item"] and r["replicate"] == 1) or r["episode"] < 3),
                ("text ~ 'number 3 '", lambda r: "number 3 " in r["text"]),
                ("reason", lambda r: r["reason"] is not None),
                ("final_right = no", lambda r: r["final_right"] is False)):
            self.assertEqual(self.ids("--where", condition),
                             [r["episode"] for r in rows if want(r)], condition)
        self.assertTrue(self.ids("--where", "final > opening"))

    def test_sorting_limits_and_samples(self):
        rows = sorted(self.rows(), key=lambda r: (-r["final"], r["episode"]))
        self.assertEqual(self.ids("--sort", "-final", "-n", 7), [r["episode"] for r in rows[:7]])
        some = self.ids("--sample", 10)
        self.assertEqual(some, self.ids("--sample", 10))
        self.assertEqual(len(set(some)), 10)
        self.assertNotEqual(some, self.ids("--sample", 10, "--seed", 2))
        self.assertEqual(sorted(some), some)

    def test_columns_that_a_run_kept_of_its_items_are_columns_too(self):
        path = self.dir / "kept.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for i in range(6):
                file.write(json.dumps({"id": f"k{i}", "label": i % 2 == 0, "proposition": f"Claim number {i}.",
                                       "topic": "sky" if i < 2 else "sea"}) + "\n")
        job = self.sim_job(path, cell__max_iterations=3)
        job["benchmarks"]["c"]["keep"] = ["topic"]
        harness.run("run", self.write_job(job, "kept.json"), "-o", self.dir / "kept", "--quiet")
        for condition in ("topic = sky", "item.topic = sky"):
            out = harness.run("list", self.dir / "kept", "--where", condition, "--format", "ids").out
            self.assertEqual(["0", "1"], out.split(), condition)
        rows = json.loads(harness.run("list", self.dir / "kept", "--format", "json").out)
        self.assertEqual(["sky", "sky"] + ["sea"] * 4, [r["topic"] for r in rows])

    def test_a_wrong_word_is_named_with_its_place(self):
        for option, value, want in (("--where", "opning right", "'opening'"), ("--where", "final >", "a value"),
                                    ("--where", "stance free", "character 8"), ("--sort", "fnal", "'final'"),
                                    ("--columns", "item,trut", "'truth'"), ("--where", "(" * 100, "parentheses"),
                                    ("--where", "cell = 'x", "closing quote"), ("--format", "xml", "table")):
            result = harness.run("list", self.dir / "run", option, value, expect=EXIT_USAGE)
            self.assertIn(want, result.err)
            self.assertEqual(result.out, "")

    def test_a_table_fits_its_screen_and_csv_reads_back(self):
        out = harness.run("list", self.dir / "run", env={"COLUMNS": "80"}).out
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        self.assertIn("80 of 80 episodes", out)
        path = self.dir / "list.csv"
        path.write_text(harness.run("list", self.dir / "run", "--format", "csv").out)
        code = ("import csv, json, sys\nwith open(sys.argv[1], newline='') as f:\n"
                "    print(json.dumps(list(csv.DictReader(f))))")
        for got, want in zip(json.loads(harness.python(code, path)), self.rows(), strict=True):
            self.assertEqual(float(got["final"]), want["final"])
            self.assertEqual(got["stance"], want["stance"])


class ShowTest(harness.TestCase):
    def sim(self, **changes):
        job = self.write_job(self.sim_job(self.write_claims(6), **changes))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        return self.dir / "run"

    def test_a_market_is_readable(self):
        for text in (True, False):  # from run.h5, or from the tape
            run = self.sim(output={"text": text})
            out = harness.run("show", run, "--episode", 2).out
            self.assertIn("Claim number 2 of the list holds.", out)
            self.assertIn("[simulated agents]", out)
            prices = re.search(r"prices: (.*)", out).group(1).split(" | ")
            self.assertEqual(len(re.findall(r"^t = \d+ +maker", out, re.M)), len(prices))
            self.assertEqual(len(re.findall(r"^t = \d+ +trader", out, re.M)), len(prices) - 1)
            self.assertNotIn('{"', out)
            shutil.rmtree(run)

    def test_an_item_is_found_by_its_id(self):
        run = self.sim(grid={"stop.threshold": [0.1, 0.3]})
        out = harness.run("show", run, "--item", "c4").out
        self.assertEqual(out.count("episode "), 2)
        self.assertIn("no episode of 'nope'",
                      harness.run("show", run, "--item", "nope", expect=1).err)
        self.assertIn("the run has 12", harness.run("show", run, "--episode", 99, expect=1).err)

    def test_what_has_ended_is_shown_while_the_run_goes_on(self):
        job = self.write_job(self.sim_job(  # it would go on for minutes
            self.write_claims(400), grid={"stop.threshold": [0.1, 0.3]},
            models={"m": {"api": "sim", "latency_ms": 250}}))
        run = self.dir / "run"
        process = harness.start("run", job, "-o", run, "--quiet", "--live", 6)
        try:
            def last_done():
                status = run / "status.json"
                return status.exists() and json.loads(status.read_text())["done"] >= 8
            harness.wait_for(last_done, 120, "some markets")
            report = json.loads(harness.run("analyze", run, "--format", "json").out)
            live = harness.run("show", run, "--episode", self.ended(run)).out
        finally:
            process.terminate()
            harness.finish(process, 120)
        self.assertTrue(report["warnings"])
        self.assertFalse(report["files"][0]["complete"])
        stopped = harness.run("show", run, "--episode", self.ended(run)).out
        for out in (live, stopped):  # from the tape, and from whatever the stop left
            prices = re.search(r"prices: (.*)", out).group(1).split(" | ")
            self.assertEqual(len(re.findall(r"^t = \d+ +maker", out, re.M)), len(prices))

    def test_a_market_that_has_not_ended_is_read_from_the_tape(self):
        job = self.write_job(self.sim_job(
            self.write_claims(4), cell__stop__rule="fixed", cell__replicates=2,
            grid={"stance": ["free", "up"]}))
        whole = self.dir / "whole"
        harness.run("run", job, "-o", whole, "--quiet")
        run = self.dir / "run"
        harness.run("run", job, "-o", run, "--quiet", "--set", "budget.calls=150", expect=75)
        status = harness.read_run(run / "run.h5", "status")["status"]
        pending = [e for e, s in enumerate(status) if s == 0]
        self.assertTrue(pending)
        begun = 0
        for episode in pending:
            out = harness.run("show", run, "--episode", episode).out
            self.assertIn("not finished", out)
            want = harness.run("show", whole, "--episode", episode).out
            self.assertEqual(out.splitlines()[:5], want.splitlines()[:5])
            said = re.search(r"prices: ?(.*)", out).group(1)
            self.assertTrue(re.search(r"prices: (.*)", want).group(1).startswith(said))
            self.assertEqual(len(re.findall(r"^t = \d+ +maker", out, re.M)),
                             len(said.split(" | ")) if said else 0)
            begun += bool(said)
        self.assertGreater(begun, 0)
        items = [harness.run("show", run, "--item", f"c{i}").out for i in range(4)]
        self.assertEqual([4] * 4, [len(re.findall(r"^episode ", text, re.M)) for text in items])
        self.assertEqual(len(pending), sum(text.count("status: not finished") for text in items))
        cell = re.search(r"^episode \d+  (.*?)  replicate", items[0], re.M).group(1)
        some = harness.run("show", run, "--item", "c0", "--cell", cell).out
        self.assertEqual(2, len(re.findall(r"^episode ", some, re.M)))

    def ended(self, run):
        """The first episode of RUN that is done."""
        code = ("import h5py, sys\nwith h5py.File(sys.argv[1], 'r', libver='latest', "
                "swmr=True) as f: print((f['status'][()] == 1).argmax())")
        return int(harness.python(code, run / "run.h5"))

    def test_views_of_one_trajectory_show_its_calls(self):
        run = self.sim(grid={"stop.threshold": [0.02, 0.5], "stance": ["free", "up"]},
                       cell__replicates=2, output={"text": False})
        for episode in range(48):
            out = harness.run("show", run, "--episode", episode).out
            prices = re.search(r"prices: (.*)", out).group(1).split(" | ")
            self.assertEqual(len(re.findall(r"^t = \d+ +maker", out, re.M)), len(prices), out)


if __name__ == "__main__":
    harness.main()
