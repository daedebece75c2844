"""A real llama-server: a random model, whatever it writes is read, repaired or counted.

test_llama.py [--propositions N]: 12 in the suite; 50 by the argument take five minutes.
"""

import argparse
import json
import sys
import unittest

import harness

OPTIONS = argparse.Namespace(propositions=12)


class LlamaTest(harness.TestCase):
    def test_markets_on_two_ranks(self):
        harness.mpi()
        harness.llama_files()
        claims = self.write_claims(OPTIONS.propositions)
        with harness.LlamaServer(self.dir / "server.log", parallel=32, context=262144) as server:
            job = self.http_job(server.url, claims, models__m={
                "api": "openai", "model": "tiny", "endpoints": [server.url],
                "params": {"temperature": 0.7, "max_tokens": 200},
                "limits": {"concurrency": 8, "timeout_s": 240}}, cell__max_iterations=2)
            out = self.dir / "run"
            harness.run("run", self.write_job(job), "-o", out, ranks=2, timeout=900)
        sets = harness.read_run(out / "run.h5", "status")
        self.assertEqual(OPTIONS.propositions, len(sets["status"]))
        self.assertTrue(set(sets["status"]) <= {1, 2}, "done or invalid, never failed")
        print({name: sets["status"].count(code) for code, name in ((1, "done"), (2, "invalid"))})
        self.assertIn(1, sets["status"], "some market was priced to its end")
        self.assertGreater(harness.cached_share(out / "run.h5"), 0.8)
        self.assert_a_market_can_be_read(out, sets["status"].index(1))

    def assert_a_market_can_be_read(self, out, episode):
        text = harness.run("show", out, "--episode", episode).out
        claim = json.loads((self.dir / "claims.jsonl").read_text().splitlines()[0])
        self.assertRegex(text, r"Claim number \d+ of the list holds\.", claim)
        self.assertRegex(text, r"0\.\d+")
        self.assertEqual([], [c for c in text if ord(c) < 32 and c not in "\n\t"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--propositions", type=int, default=12)
    OPTIONS, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    harness.main()
