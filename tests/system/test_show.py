"""What show prints: every message as the server received it, each reply with its price or why it has none."""

import json
import re

import harness
from chat_server import Server

EXIT_USAGE = 2
BAD = "I would rather not name a number."
EVIL = "up \x1b[31m\u202e\u2028\x9b1m now"


def answer(messages):
    """A usable reply, but each first judgment is prose and each second one is out of range."""
    if '"direction"' in messages[0]["content"]:
        return json.dumps({"direction": "up", "argument": EVIL + str(len(messages))}), "stop"
    said = [m["content"] for m in messages if m["role"] == "assistant"]
    if not said:
        return BAD, "stop"
    if said[-1] == BAD:
        return json.dumps({"claim": "c", "reasoning": "r", "price": 1.5}), "stop"
    return json.dumps({"claim": "yes", "reasoning": EVIL, "price": 0.4 + 0.01 * len(messages)}), "stop"


class PromptTest(harness.TestCase):
    def finished(self, url):
        job = self.write_job(self.http_job(url, self.write_claims(3), cell__max_iterations=3))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        return self.dir / "run"

    def show(self, run, *options):
        return json.loads(harness.run("show", run, "--format", "json", *options).out)

    def test_messages_are_those_that_the_server_received(self):
        with Server(answer) as server:
            run = self.finished(server.url)
            received = [(messages, text) for messages, text in server.requests]
        shown = self.show(run, "--episode", "0-2", "--prompts")
        self.assertEqual([0, 1, 2], [e["episode"] for e in shown])
        calls = [c for e in shown for c in e["calls"]]
        self.assertEqual(len(received), len(calls))
        self.assertTrue(all(c["hash_ok"] for c in calls))
        sent = [([{"role": m["role"], "content": m["text"]} for m in c["messages"]], c["text"]) for c in calls]
        self.assertCountEqual([json.dumps(r) for r in received], [json.dumps(s) for s in sent])

    def test_each_reply_has_its_price_or_why_it_has_none(self):
        with Server(answer) as server:
            run = self.finished(server.url)
        calls = self.show(run, "--episode", 0)[0]["calls"]
        first = [c for c in calls if c["iteration"] == 0]
        self.assertEqual(["unreadable", "out_of_range", "none"], [c["reason"] for c in first])
        self.assertEqual([0, 1, 2], [c["repair"] for c in first])
        self.assertEqual([None, None, 0.44], [c["price"] for c in first])
        self.assertEqual(["stop"] * 3, [c["finish"] for c in first])
        self.assertTrue(first[0]["complaint"])
        self.assertIn("1.5", first[1]["complaint"])
        self.assertIsNone(first[2]["complaint"])
        text = harness.run("show", run, "--episode", 0).out
        self.assertRegex(text, r"t = 0 +maker  no price: unreadable")
        self.assertRegex(text, r"t = 0 +maker  p = 0.440  \(repair 2\)")
        self.assertIn(BAD, text)
        self.assertIn(first[0]["complaint"][:30], text)

    def test_a_trader_of_a_room_shows_what_it_believes(self):
        job = self.write_job(self.sim_job(self.write_claims(1), models={"m": {"api": "sim", "behaviour": "bettor", "competence": 0.7}},
                                          cell={"protocol": "lmsr", "maker": "m", "trader": ["m", "m"], "benchmark": "c",
                                                "rounds": 1}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        text = harness.run("show", self.dir / "run", "--episode", 0).out
        self.assertRegex(text, r"t = 0 +trader  believes, for itself alone: p = 0\.[37]00\n")
        self.assertRegex(text, r"t = 1 +trader  believes: p = 0\.[37]00\n")
        calls = self.show(self.dir / "run", "--episode", 0)[0]["calls"]
        self.assertEqual(4, sum(isinstance(call["price"], float) for call in calls))

    def test_a_reading_is_told_from_a_judgment(self):
        def held(messages):
            if "Yes or No" not in messages[-1]["content"]:
                return answer(messages)
            if len(messages) > 2:  # no mass on yes or no
                return "{", "length", {"content": [{"token": "{", "logprob": -0.01, "top_logprobs": [
                    {"token": "{", "logprob": -0.01}]}]}
            return "Yes", "length", {"content": [{"token": "Yes", "logprob": -0.5, "top_logprobs": [
                {"token": "Yes", "logprob": -0.5}, {"token": "No", "logprob": -1.5}]}]}
        with Server(held) as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(1), cell__held="both",
                                               cell__max_iterations=1))
            harness.run("run", job, "-o", self.dir / "run", "--quiet")
        text = harness.run("show", self.dir / "run", "--episode", 0).out
        self.assertRegex(text, r"t = 0 +maker  held: p = 0\.731\n")
        self.assertRegex(text, r"t = 1 +maker  held: missing \([a-z_ ]+\)\n")
        self.assertRegex(text, r"t = 1 +maker  held without the argument: missing \([a-z_ ]+\)\n")
        self.assertRegex(text, r"t = 1 +maker  said without the argument: p = 0\.440\n")
        calls = self.show(self.dir / "run", "--episode", 0)[0]["calls"]
        self.assertEqual({None, "held", "held_idle", "said_idle"}, {c["reading"] for c in calls})
        self.assertFalse([c for c in calls if c["reading"] and c["complaint"]])

    def test_nothing_that_was_said_drives_the_terminal(self):
        with Server(answer) as server:
            run = self.finished(server.url)
        for options in ((), ("--prompts",), ("--format", "json"), ("--format", "json", "--prompts")):
            out = harness.run("show", run, "--episode", 0, *options).out
            self.assertNotRegex(out, "[\x1b\x9b\u202e\u2028]", options)
        said = self.show(run, "--episode", 0)[0]["calls"][3]["text"]
        self.assertTrue(json.loads(said)["argument"].startswith(EVIL))

    def test_another_job_is_not_taken_for_what_was_sent(self):
        with Server(answer) as server:
            run = self.finished(server.url)
            other = self.write_job(self.http_job(server.url, self.write_claims(3), cell__max_iterations=3,
                                                 models__m__params={"temperature": 0.9}), "other.json")
            harness.run("run", other, "-o", self.dir / "other", "--quiet")
        (run / "bundle").write_bytes((self.dir / "other" / "bundle").read_bytes())
        calls = self.show(run, "--episode", 0, "--prompts")[0]["calls"]
        self.assertFalse(any(c["hash_ok"] for c in calls))
        self.assertIn("NOT as it was sent", harness.run("show", run, "--episode", 0, "--prompts").out)

    def test_a_trader_without_an_argument_is_shown_with_why(self):
        def mute(messages):
            if '"direction"' in messages[0]["content"]:
                return "", "stop"
            return json.dumps({"claim": "yes", "reasoning": "r", "price": 0.4}), "stop"
        with Server(mute) as server:
            run = self.finished(server.url)
            received = len(server.requests)
        shown = self.show(run, "--episode", "0-2")
        self.assertEqual({"no_argument"}, {e["stop_reason"] for e in shown})
        self.assertEqual(received, sum(len(e["calls"]) for e in shown))
        self.assertIn("no argument: unreadable", harness.run("show", run, "--episode", 0).out)

    def test_a_file_alone_has_no_messages(self):
        with Server(answer) as server:
            run = self.finished(server.url)
        result = harness.run("show", run / "run.h5", "--episode", 0, "--prompts", expect=EXIT_USAGE)
        self.assertIn("run directory", result.err)
        calls = self.show(run / "run.h5", "--episode", 0)[0]["calls"]
        self.assertEqual({None}, {c["hash_ok"] for c in calls})
        self.assertEqual(BAD, calls[0]["text"])


class ProtocolTest(harness.TestCase):
    def test_every_protocol_is_played_again_word_for_word(self):
        """Of each protocol, way to ask and outcome space: all hashes agree."""
        data = harness.SOURCE / "jobs" / "data"
        job = self.sim_job(self.write_claims(3), models__m__malformed=0.3, grid={
            "protocol": ["market", "single", "debate", "self_consistency", "self_refine"],
            "elicitation": ["verbal", "sampled"]}, cell__max_iterations=3,
            exclude=[{"protocol": "self_consistency", "elicitation": "sampled"}])
        job["benchmarks"]["q"] = {"format": "commonsenseqa", "framing": "categorical", "limit": 3,
                                  "path": str(data / "commonsenseqa_sample.jsonl")}
        job["grid"]["benchmark"] = ["c", "q"]
        run = self.dir / "run"
        harness.run("run", self.write_job(job), "-o", run, "--quiet")
        shown = json.loads(harness.run("show", run, "--episode", f"0-{len(self.rows(run)) - 1}",
                                       "--format", "json").out)
        repaired = 0
        for episode in shown:
            self.assertTrue(episode["calls"])
            self.assertTrue(all(c["hash_ok"] for c in episode["calls"]), episode["cell"])
            repaired += sum(c["complaint"] is not None for c in episode["calls"])
            if episode["cell"].startswith("q"):
                self.assertEqual(5, len(episode["options"]))
        self.assertGreater(repaired, 10)

    def rows(self, run):
        return json.loads(harness.run("list", run, "--format", "json").out)

    def test_prices_of_options_are_in_the_order_of_the_file(self):
        data = harness.SOURCE / "jobs" / "data"
        job = self.sim_job(self.write_claims(1), cell__benchmark="q", cell__max_iterations=3)
        job["benchmarks"] = {"q": {"format": "commonsenseqa", "framing": "categorical", "limit": 4,
                                   "path": str(data / "commonsenseqa_sample.jsonl")}}
        run = self.dir / "run"
        harness.run("run", self.write_job(job), "-o", run, "--quiet")
        for episode in json.loads(harness.run("show", run, "--episode", "0-3", "--format", "json").out):
            said = [c for c in episode["calls"] if c["role"] == "maker"]
            for call, prices in zip(said, episode["option_prices"], strict=True):
                for a, b in zip(call["option_prices"], prices, strict=True):
                    self.assertAlmostEqual(a, b, places=5)
            self.assertEqual([c["price"] for c in said], [c["option_prices"][episode["label"]] for c in said])
        text = harness.run("show", run, "--episode", 0).out
        self.assertEqual({"A", "B", "C", "D", "E"}, set(re.findall(r"\(shown as (\w)\)", text)))

    def test_a_list_is_shown_in_its_order(self):
        run = self.dir / "run"
        harness.run("run", self.write_job(self.sim_job(self.write_claims(9))), "-o", run, "--quiet")
        ids = harness.run("list", run, "--sort", "-final", "-n", 4, "--format", "ids").out
        (self.dir / "ids").write_text(ids + "\n")
        shown = json.loads(harness.run("show", run, "--from-list", self.dir / "ids", "--format", "json").out)
        self.assertEqual([int(i) for i in ids.split()], [e["episode"] for e in shown])
        for bad in ("x\n", "1\n99\n", "-1\n"):
            (self.dir / "ids").write_text(bad)
            result = harness.run("show", run, "--from-list", self.dir / "ids", expect=EXIT_USAGE)
            self.assertIn("ids:", result.err)
        for bad in ("1-", "3-1", "x", "1,,2", ""):
            harness.run("show", run, "--episode", bad, expect=EXIT_USAGE)


MARK = "In the words of the other set."
MARKED = ("maker_system", "maker_opening", "maker_update", "trader_system", "trader_opening", "trader_update",
          "item_binary", "meaning_binary", "answer_judgment_binary", "answer_argument_binary", "repair")


class TwoSetsTest(harness.TestCase):
    """Maker and trader with a prompt set each: whose words are in whose messages."""

    def setUp(self):
        super().setUp()
        (self.dir / "mine").mkdir()
        for name in MARKED:
            text = (harness.SOURCE / "prompts" / "paper" / f"{name}.txt").read_text()
            (self.dir / "mine" / f"{name}.txt").write_text(text.rstrip("\n") + f"\n{MARK}\n")

    def finished(self, **grid):
        models = {"m": {"api": "sim", "competence": 0.7, "noise": 0.3, "malformed": 0.2}}
        job = self.write_job(self.sim_job(self.write_claims(6), models=models, grid=grid,
                                          cell__max_iterations=3, cell__stop={"rule": "fixed"}))
        self.plan = harness.run("plan", job, "--full").out
        harness.run("run", job, "-o", self.dir / "run", "--quiet", expect=None)
        return self.dir / "run"

    def words(self, run):
        """{cell: {role: how many of its turns are in the other set's words, of how many}}, and the repairs seen."""
        found, repairs = {}, set()
        shown = json.loads(harness.run("show", run, "--format", "json", "--prompts", "--episode",
                                       f"0-{self.episodes(run) - 1}").out)
        for episode in shown:
            for call in episode["calls"]:
                self.assertTrue(call["hash_ok"], call)
                self.assertIsNotNone(call["messages"])
                repairs.update([call["role"]] if call["repair"] else [])
                asked = [m["text"] for m in call["messages"] if m["role"] != "assistant"]
                sides = found.setdefault(episode["cell"], {}).setdefault(call["role"], set())
                sides.update(MARK in text for text in asked)
        return found, repairs

    @staticmethod
    def episodes(run):
        return json.loads(harness.run("status", run, "--json").out)["episodes"]

    def test_each_speaks_in_the_words_of_its_own_set(self):
        mixed = {"maker": "paper", "trader": "mine"}
        run = self.finished(prompts=["paper", mixed, {"maker": "mine", "trader": "paper"}])
        words, repairs = self.words(run)
        self.assertEqual({"maker", "trader"}, repairs)  # they are marked too
        self.assertEqual({
            "c prompts=paper": {"maker": {False}, "trader": {False}},
            "c prompts.maker=paper prompts.trader=mine": {"maker": {False}, "trader": {True}},
            "c prompts.maker=mine prompts.trader=paper": {"maker": {True}, "trader": {False}}}, words)
        self.assertIn('"trader": "mine"', self.plan)
        groups = json.loads(harness.run("analyze", run, "--by", "prompts,prompts.trader",
                                        "--format", "json").out)["groups"]
        self.assertEqual([("paper", "paper"), ("paper", "mine"), ("mine", "paper")],
                         [tuple(g["factors"].values()) for g in groups])
        listed = harness.run("list", run, "--where", 'prompts.trader = "mine"', "--columns",
                             "cell,prompts,prompts.trader", "--format", "csv").out
        self.assertEqual({"c prompts.maker=paper prompts.trader=mine,paper,mine"},
                         set(listed.splitlines()[1:]))
        # The opening is asked in the maker's words alone: both cells share it.
        opening = {c: p for c, p in self.openings(run)}
        self.assertEqual(opening["c prompts=paper"], opening["c prompts.maker=paper prompts.trader=mine"])
        self.assertNotEqual(opening["c prompts=paper"], opening["c prompts.maker=mine prompts.trader=paper"])

    @staticmethod
    def openings(run):
        rows = json.loads(harness.run("list", run, "--columns", "cell,item,opening", "--format", "json").out)
        found = {}
        for row in rows:
            found.setdefault(row["cell"], []).append((row["item"], row["opening"]))
        return found.items()

    def test_the_sides_are_axes(self):
        words, _ = self.words(self.finished(**{"prompts.trader": ["paper", "mine"]}))
        self.assertEqual({"c prompts.trader=paper": {"maker": {False}, "trader": {False}},
                          "c prompts.trader=mine": {"maker": {False}, "trader": {True}}}, words)


if __name__ == "__main__":
    harness.main()
