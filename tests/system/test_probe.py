"""credence probe: verdicts on models whose nature is known, and calls that are not paid twice."""

import json
import math
import os
import re
import signal
import sys
import time

import harness
from chat_server import Server

UNUSABLE = BLOCKED = 4
STOPPED = 75


def judgment(price):
    return json.dumps({"claim": "c", "reasoning": "r", "price": price}), "stop"


def claim_of(messages):
    return re.search(r"Claim number (\d+)", messages[-1]["content"] + messages[1]["content"]).group(1)


def yes_or_no(yes, no):
    """A first word by its logprobs; a yes in two spellings."""
    top = [{"token": token, "logprob": math.log(p)} for token, p in
           (("Yes", yes / 2), (" yes", yes / 2), ("No", no), ("Well", max(1 - yes - no, 1e-9)))]
    return "Yes", "length", {"content": [{**top[0], "top_logprobs": top}]}


def is_reading(messages):
    return any("Yes or No" in m["content"] for m in messages)


def holds_more_than_it_says(messages):
    """It says 0.62 of everything, and knows which claims are true: every third (harness.write_claims)."""
    if not is_reading(messages):
        return judgment(0.62)
    return yes_or_no(0.7, 0.2) if int(claim_of(messages)) % 3 == 0 else yes_or_no(0.3, 0.6)


def sound(messages):
    """A price of its own for each claim, coherent under negation, deaf to examples."""
    if is_reading(messages):
        return yes_or_no(0.5, 0.4)
    price = 0.1 + 0.03 * int(claim_of(messages))
    negated = any("not true that" in m["content"] for m in messages)
    return judgment(round(1 - price if negated else price, 3))


def constant(_):
    return judgment(0.62)


def parrot(messages):
    """Its own price, but where the form shows an example the example's."""
    found = re.findall(r'"price": (0\.\d)\}', messages[-1]["content"])
    return judgment(float(found[0])) if found else sound(messages)


def mute(_):
    return "I would rather not say.", "stop"


class ProbeTest(harness.TestCase):
    def job(self, url, **changes):
        return self.write_job(self.http_job(url, self.write_claims(30), **changes))

    def probe(self, job, *options, expect=0):
        return json.loads(harness.run("probe", job, "-o", self.dir / "run", "--json", *options, expect=expect).out)

    def verdict(self, answer, expect=0):
        with Server(answer) as server:
            return self.probe(self.job(server.url), expect=expect)["models"][0]

    def test_a_sound_model_is_fit(self):
        found = self.verdict(sound)
        self.assertEqual("fit", found["verdict"])
        self.assertEqual((24, 24), (found["propositions"], found["distinct"]))
        self.assertEqual(24 * 7, found["calls"])
        self.assertLess(found["negation_arbitrage"]["mean"], 1e-6)
        self.assertAlmostEqual(0, found["copy_slope"]["mean"])

    def test_one_number_always_is_unusable(self):
        found = self.verdict(constant, expect=UNUSABLE)
        self.assertEqual(("unusable", "unusable", "fit"), (found["verdict"], found["variety"], found["usable"]))
        self.assertEqual((1, 0.62), (found["distinct"], found["commonest"]))
        self.assertGreater(found["negation_arbitrage"]["mean"], 0.01)

    def test_a_logprob_reading_that_tells_more_than_the_price_is_named(self):
        with Server(holds_more_than_it_says) as server:
            job = self.job(server.url)
            found = self.probe(job, expect=UNUSABLE)["models"][0]
            out = harness.run("probe", job, "-o", self.dir / "run", expect=UNUSABLE).out
        self.assertEqual((24, 24), (found["readable"]["count"], found["readable"]["of"]))
        self.assertAlmostEqual(0.9, found["mass"]["mean"], 6)
        self.assertEqual((0.5, 1, True), (found["auc"], found["held_auc"], found["only_held_separates"]))
        self.assertIn("does not tell true claims from false ones, the logprob reading does", out)
        self.assertIn("--set cell.held=logprob", out)
        self.assertLessEqual(len(out.splitlines()), 24)

    def test_a_reading_beside_the_judgment_is_neither_cut_nor_a_judgment(self):
        with Server(sound) as server:
            found = self.probe(self.job(server.url, cell__held="logprob"))["models"][0]
        self.assertEqual("fit", found["verdict"])
        self.assertEqual((0, 24), (found["cut"]["count"], found["at_once"]["count"]))
        self.assertEqual(24 * 8, found["calls"])  # one reading beside each opening, and none beside the probe's own
        with Server(sound) as server:  # a price that is read is one token by design
            job = self.write_job(self.http_job(server.url, self.write_claims(30), cell__elicitation="logprob"), "read.json")
            found = json.loads(harness.run("probe", job, "-o", self.dir / "read", "--json", expect=None).out)["models"][0]
        self.assertEqual(0, found["cut"]["count"])

    def test_a_reading_without_the_mass_has_no_price(self):
        found = self.verdict(lambda m: yes_or_no(0.3, 0.01) if is_reading(m) else sound(m))
        self.assertEqual((0, 24), (found["readable"]["count"], found["readable"]["of"]))
        self.assertAlmostEqual(0.31, found["mass"]["mean"], 6)
        self.assertEqual((None, False), (found["held_auc"], found["only_held_separates"]))

    def test_a_reading_that_has_no_mass_is_not_advised(self):
        with Server(lambda m: yes_or_no(0.04, 0.01) if is_reading(m) else constant(m)) as server:
            out = harness.run("probe", self.job(server.url), "-o", self.dir / "run", expect=UNUSABLE).out
        self.assertIn("mass of yes and no 0.05", out)
        self.assertIn("--set cell.elicitation=sampled, ", out)

    def test_a_server_without_logprobs_is_asked_once_and_not_blamed(self):
        with Server(lambda m: judgment(0.5) if is_reading(m) else sound(m)) as server:
            result = harness.run("probe", self.job(server.url), "-o", self.dir / "run", "--json", expect=0)
        found = json.loads(result.out)["models"][0]
        self.assertEqual((True, "fit", 24 * 6 + 1), (found["lacks_logprobs"], found["verdict"], found["calls"]))
        self.assertEqual((0, ""), (found["readable"]["of"], result.err))

    def test_a_server_without_logprobs_ends_the_probe_of_a_job_that_reads_them(self):
        with Server(constant) as server:
            job = self.job(server.url, cell__elicitation="logprob")
            result = harness.run("probe", job, "-o", self.dir / "run", expect=BLOCKED)
            self.assertLess(len(server.requests), 30)
        self.assertIn("no logprobs in the reply", result.err)
        self.assertIn("model m cannot answer (no_logprobs)", result.err)

    def last_line(self, answer, name, *options):
        """Of a run whose prompt has 0.62 in its example."""
        prompts = self.dir / "example"
        prompts.mkdir(exist_ok=True)
        (prompts / "answer_judgment_binary.txt").write_text(
            'Answer with JSON alone: {"claim": "", "reasoning": "", "price": 0.62}\n')
        with Server(answer) as server:
            job = self.job(server.url, cell__prompts="example", cell__max_iterations=1)
            done = harness.run("run", job, "-o", self.dir / name, *options)
        return done.err.splitlines()[-1] if done.err else ""

    def test_a_run_whose_prices_are_its_prompts_warns_on_its_last_line(self):
        """And what prices measure is the last line of any run."""
        for options in ((), ("--quiet",)):
            line = self.last_line(constant, f"constant{len(options)}", *options)
            self.assertRegex(line, r"of 30 prices 100 % are numbers of the prompt, 0 % tenths.*so they measure the prompt")
        line = self.last_line(sound, "sound")
        self.assertRegex(line, r"instrument: of 30 prices 0 % are numbers of the prompt, [1-9]\d? % tenths")
        self.assertNotIn("so they measure", line)
        self.assertEqual("", self.last_line(sound, "quiet", "--quiet"))

    def test_a_parrot_is_unusable(self):
        found = self.verdict(parrot, expect=UNUSABLE)
        self.assertEqual("unusable", found["copying"])
        self.assertAlmostEqual(1, found["copy_slope"]["mean"])

    def test_a_model_without_a_price_is_unusable(self):
        found = self.verdict(mute, expect=UNUSABLE)
        self.assertEqual((24, "unusable"), (found["never"]["count"], found["usable"]))
        self.assertEqual({"unreadable": 24}, found["reasons"])

    def test_a_server_that_is_down_is_not_a_model_that_cannot_price(self):
        with harness.FaultServer({"key": "another"}) as server:
            result = harness.run("probe", self.job(server.url), "-o", self.dir / "run", "--json",
                                 expect=BLOCKED, timeout=60)
            self.assertLess(server.stats()["requests"], 50)
        self.assertIn("401", result.err)
        self.assertIn("key", result.err)
        self.assertEqual("", result.out)

    def test_nothing_is_paid_twice(self):
        with Server(sound) as server:
            job = self.job(server.url, cell__max_iterations=3)
            first = self.probe(job)["models"][0]
            asked = len(server.requests)
            self.assertEqual(asked, first["calls"])
            again = self.probe(job)["models"][0]
            self.assertEqual((asked, 0), (len(server.requests), again["calls"]))
            self.assertEqual(first["commonest_share"], again["commonest_share"])
            harness.run("run", job, "-o", self.dir / "fresh", "--quiet")
            fresh = len(server.requests) - asked
            harness.run("run", job, "-o", self.dir / "run", "--quiet")
            self.assertEqual(fresh - 24, len(server.requests) - asked - fresh)
        for name in ("run", "fresh"):
            self.assertTrue((self.dir / name / "run.h5").exists())
        one, other = (json.loads(harness.run("analyze", self.dir / name, "--format", "json").out)["groups"]
                      for name in ("run", "fresh"))
        self.assertEqual([g["accuracy"] for g in one], [g["accuracy"] for g in other])

    def test_a_changed_job_may_go_on_where_only_a_probe_was(self):
        with Server(sound) as server:
            self.probe(self.job(server.url, cell__max_iterations=3))
            asked = len(server.requests)
            changed = self.write_job(self.http_job(server.url, self.write_claims(30), cell__max_iterations=3,
                                                   cell__stance="up"), "changed.json")
            found = self.probe(changed)["models"][0]  # an opening does not know the stance
            self.assertLess(found["calls"], asked)
            harness.run("run", changed, "-o", self.dir / "run", "--quiet")
            harness.run("run", self.job(server.url, cell__max_iterations=3), "-o", self.dir / "run", expect=2)

    def test_the_screen_says_it_in_words_and_settings(self):
        with Server(constant) as server:
            out = harness.run("probe", self.job(server.url), "-o", self.dir / "run", expect=UNUSABLE).out
        self.assertLessEqual(len(out.splitlines()), 24)
        self.assertRegex(out, r"m  24 propositions, \d+ calls.*: unusable")
        self.assertIn("0.62", out)
        self.assertRegex(out, r"the whole job +about \d+ (seconds|minutes) one call at a time, "
                              r"\d+ seconds with 32 in flight")
        self.assertIn("--set cell.elicitation=sampled, ", out)  # its server has no logprobs

    def test_simulated_agents_are_fit(self):
        job = self.write_job(self.sim_job(self.write_claims(60)))
        found = self.probe(job)
        self.assertTrue(found["simulated"])
        self.assertEqual("fit", found["models"][0]["verdict"])

    def test_a_server_that_is_not_there_is_said_at_once_and_exits_as_a_run_does(self):
        url = f"http://127.0.0.1:{harness.free_port()}/v1"
        job = self.write_job(self.http_job(url, self.write_claims(30), models__m__limits__retries=2))
        begin = time.monotonic()
        process = harness.start("probe", job, "-o", self.dir / "probe")
        line = process.stderr.readline()
        self.assertLess(time.monotonic() - begin, 2)
        self.assertIn(url, line)
        result = harness.finish(process, 60)
        run = harness.run("run", job, "-o", self.dir / "run", expect=None)
        self.assertEqual((BLOCKED, BLOCKED), (result.code, run.code), result)
        self.assertIn("connection", result.err)

    def test_a_signal_loses_nothing_and_the_same_command_goes_on(self):
        """Calls in flight are awaited; what is on the tape is not asked again."""
        gate = self.gate(after=20, most=4)
        with harness.FaultServer({"rules": [gate.rule]}) as server:
            job = self.job(server.url)
            process = harness.start("probe", job, "-o", self.dir / "run", "--json")
            try:
                harness.wait_for(lambda: gate.is_reached(server), 60, "calls in flight")
                process.send_signal(signal.SIGTERM)
                self.assertIn("SIGTERM", process.stderr.readline())
            except BaseException:
                harness.kill_all(process)
                raise
            finally:
                gate.open()
            result = harness.finish(process, 60)
            self.assertEqual((STOPPED, ""), (result.code, result.out), result)
            self.assertIn("the same command goes on from there", result.err)
            asked = server.stats()["requests"]
            self.assertEqual(asked, len(harness.tape_lines(self.dir / "run")))
            self.assertLess(asked, 24 * 6)
            found = json.loads(harness.run("probe", job, "-o", self.dir / "run", "--json", expect=None).out)
            self.assertEqual(asked, found["models"][0]["recorded"])
            self.assertEqual(found["models"][0]["calls"], server.stats()["requests"] - asked)

    def served_job(self, lines):
        """A job whose server is a script of ours: LINES of Python, of which the port is sys.argv[1]."""
        script = self.dir / "server.py"
        script.write_text("\n".join(lines))
        job = self.http_job("", self.write_claims(30))
        del job["models"]["m"]["endpoints"]
        job["models"]["m"]["serve"] = {"command": [sys.executable, str(script), "{port}"], "health": "/health"}
        return self.write_job(job)

    def test_a_server_that_the_job_starts_is_started_and_ended(self):
        job = self.served_job([
            "import http.server, json, os, sys",
            f"open({str(self.dir / 'pid')!r}, 'w').write(str(os.getpid()))",
            "class Handler(http.server.BaseHTTPRequestHandler):",
            "    def answer(self, page):",
            "        self.send_response(200); self.send_header('Content-Length', str(len(page)))",
            "        self.end_headers(); self.wfile.write(page)",
            "    def do_GET(self): self.answer(b'{}')",
            "    def do_POST(self):",
            "        self.rfile.read(int(self.headers['Content-Length']))",
            f"        text = {judgment(0.62)[0]!r}",
            "        self.answer(json.dumps({'choices': [{'finish_reason': 'stop', 'message': {'content': text}}],",
            "                                'usage': {'prompt_tokens': 9, 'completion_tokens': 5}}).encode())",
            "    def log_message(self, *_): pass",
            "http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()"])
        found = self.probe(job, expect=UNUSABLE)["models"][0]
        self.assertEqual((0.62, "unusable"), (found["commonest"], found["variety"]))
        with self.assertRaises(ProcessLookupError):
            os.kill(int((self.dir / "pid").read_text()), 0)

    def test_a_server_that_does_not_come_up_is_named_with_its_last_words(self):
        job = self.served_job(["import sys", "sys.exit('no such weights')"])
        result = harness.run("probe", job, "-o", self.dir / "run", expect=BLOCKED, timeout=120)
        self.assertIn("no such weights", result.err)


if __name__ == "__main__":
    harness.main()
