"""One episode of every protocol, stopped after each single call and resumed: the same file, and no call twice."""

import concurrent.futures
import json
import sys
import unittest

import harness

# Sampled at temperature 0.7 (harness.http_job): a call that was asked again could not be told from the first by luck.
CELLS = {
    "market_in_turn": {"protocol": "market", "trader": ["m", "n"], "order": "turn", "max_iterations": 3,
                       "stop": {"rule": "fixed"}},
    "market_at_once": {"protocol": "market", "trader": ["m", "n"], "order": "simultaneous", "max_iterations": 3,
                       "stop": {"rule": "fixed"}},
    "market_of_votes": {"protocol": "market", "elicitation": "sampled", "samples": 3, "max_iterations": 2,
                        "stop": {"rule": "fixed"}},
    "single": {"protocol": "single"},
    "self_consistency": {"protocol": "self_consistency", "samples": 4},
    "self_refine": {"protocol": "self_refine", "max_iterations": 4, "stop": {"rule": "fixed"}},
    "debate_in_turn": {"protocol": "debate", "order": "turn", "rounds": 2},
    "debate_at_once": {"protocol": "debate", "order": "simultaneous", "rounds": 2},
    "consultancy": {"protocol": "consultancy", "rounds": 2},
    "critic": {"protocol": "critic", "rounds": 2},
    "room_by_kelly": {"protocol": "lmsr", "trader": ["m", "n"], "rounds": 2},
    "room_of_stakes": {"protocol": "lmsr", "trader": ["m", "n", "m"], "rounds": 1, "room": {"sizing": "stake"}},
    "market_of_echoes": {"protocol": "market", "stance": "echo", "max_iterations": 3, "stop": {"rule": "fixed"}},
    "market_of_fillers": {"protocol": "market", "stance": "filler", "max_iterations": 3, "stop": {"rule": "fixed"}},
}
# A market of two traders: 2 calls an iteration in turn, 3 at once. A debate: 3 calls a round.
CALLS = {"market_in_turn": 7, "market_at_once": 10, "market_of_votes": 11, "single": 1, "self_consistency": 4,
         "self_refine": 5, "debate_in_turn": 7, "debate_at_once": 7,
         "consultancy": 5, "critic": 7, "room_by_kelly": 6, "room_of_stakes": 6, "market_of_echoes": 4, "market_of_fillers": 4}

AT_ONCE = 6

# argv: the folder of h5_compare.py, the unbroken file, the names ignored as JSON, then the resumed files.
COMPARE_ALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
import h5_compare
ignored = set(json.loads(sys.argv[3]))
print(json.dumps({p: d for p in sys.argv[4:] if (d := h5_compare.compare(sys.argv[2], p, ignored))}))
"""


class ResumeTest(harness.TestCase):
    def write_episode(self, server, cell):
        claims = self.write_claims(1)
        job = self.http_job(server.url, claims, cell={"benchmark": "c", "maker": "m", **cell})
        job["models"]["n"] = {**job["models"]["m"], "model": "other"}
        return self.write_job(job)

    def stop_and_resume(self, job, n, needed):
        out = self.dir / f"stopped_after_{n}"
        harness.run("run", job, "-o", out, "--quiet", "--set", f"budget.calls={n}",
                    expect=75 if n < needed else 0)
        self.assertEqual(n, len(harness.tape_lines(out)), f"the budget was {n}")
        harness.run("run", job, "-o", out, "--quiet")
        self.assertEqual(needed, len(harness.tape_lines(out)), f"resumed after {n}")
        return out / "run.h5"

    def assert_resumes_at_each_call(self, cell, needed=None, rules=()):
        """Stopped by a budget of each number of calls. A budget is noticed within a second, so several at a time."""
        with harness.FaultServer({"rules": list(rules)}) as server:
            job = self.write_episode(server, cell)
            harness.run("run", job, "-o", self.dir / "whole", "--quiet")
            asked = server.stats()["requests"]
            self.assertEqual(needed or asked, asked)
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                files = list(pool.map(lambda n: self.stop_and_resume(job, n, asked), range(1, asked + 1)))
            # Nothing twice: each pair of launches made the calls of one episode, no more.
            self.assertEqual(asked + asked * asked, server.stats()["requests"])
        self.assertEqual([1], harness.read_run(self.dir / "whole" / "run.h5", "status")["status"])
        found = json.loads(harness.python(COMPARE_ALL, harness.HERE, self.dir / "whole" / "run.h5",
                                          json.dumps(harness.VOLATILE), *files))
        self.assertEqual({}, found)
        print(f"{cell['protocol']}: stopped after each of {asked} calls", file=sys.stderr)
        return asked

    def test_with_repair_turns(self):
        """A bad reply is on the tape too, so the repair goes on from it."""
        rules = [{"fault": "garbage", "share": 0.3, "times": 0}]
        cell = {**CELLS["market_at_once"], "repairs": 8}
        self.assertGreater(self.assert_resumes_at_each_call(cell, rules=rules), CALLS["market_at_once"])


def of_protocol(name):
    def test(self):
        self.assert_resumes_at_each_call(CELLS[name], CALLS[name])
    return test


for protocol in CELLS:
    setattr(ResumeTest, f"test_{protocol}", of_protocol(protocol))


if __name__ == "__main__":
    harness.main()
