"""Every protocol in every outcome space against a real llama-server: nothing fails, and what it writes is used.

test_protocols_llama.py [--propositions N]: 2 in the suite; 20 by the argument take ten minutes.
"""

import argparse
import collections
import json
import sys
import unittest

import harness

OPTIONS = argparse.Namespace(propositions=2)
STATUSES = ("pending", "done", "invalid", "failed")

PROTOCOLS = {
    "market": {"protocol": "market", "max_iterations": 2},
    "market_at_once": {"protocol": "market", "trader": ["m", "m"], "order": "simultaneous", "max_iterations": 1},
    "single": {"protocol": "single"},
    "self_consistency": {"protocol": "self_consistency", "samples": 3},
    "self_refine": {"protocol": "self_refine", "max_iterations": 2},
    "debate": {"protocol": "debate", "rounds": 1},
    "debate_at_once": {"protocol": "debate", "rounds": 1, "order": "simultaneous"},
}

# A random model hits options that sum to 1 by luck alone, so there the price is read from votes or from tokens;
# self_consistency takes whole judgments, and its episodes may all be invalid.
ELICITATIONS = {"market": "logprob", "market_at_once": "sampled", "single": "sampled", "self_refine": "logprob",
                "debate": "sampled", "debate_at_once": "logprob"}


def cells_of(space):
    """(name, cell) of every protocol in SPACE."""
    for name, cell in PROTOCOLS.items():
        by_token = ELICITATIONS.get(name) if space == "categorical" else None
        extra = {"elicitation": by_token, "samples": 2} if by_token else {}
        yield name, {**cell, **extra, "benchmark": space, "chain_of_thought": False}


def items_of(space, count):
    for i in range(count):
        if space == "binary":
            yield {"id": f"b{i}", "proposition": f"River {i} is longer than river {i + 1}.", "label": i % 2 == 0}
        elif space == "categorical":
            yield {"id": f"o{i}", "question": f"Which of the rivers of land {i} is the longest?",
                   "options": [f"Ada {i}", f"Bo {i}", f"Cy {i}"], "label": i % 3}
        else:
            yield {"id": f"q{i}", "question": f"How many of a hundred rivers of land {i} reach a sea?",
                   "value": 10 + i, "range": [0, 100], "unit": "rivers"}


class ProtocolsTest(harness.TestCase):
    def job_at(self, url):
        benchmarks = {}
        for space in ("binary", "categorical", "continuous"):
            path = self.dir / f"{space}.jsonl"
            path.write_text("".join(json.dumps(i) + "\n" for i in items_of(space, OPTIONS.propositions)))
            benchmarks[space] = {"format": "jsonl", "path": str(path), "framing": space}
        cells = [(name, space, cell) for space in benchmarks for name, cell in cells_of(space)]
        self.names = [(name, space) for name, space, _ in cells]
        model = {"api": "openai", "model": "tiny", "endpoints": [url],
                 "params": {"temperature": 0.7, "max_tokens": 140},
                 "limits": {"concurrency": 8, "timeout_s": 240}}
        base, *more = [cell for _, _, cell in cells]
        return self.write_job({"name": "protocols", "seed": 5, "models": {"m": model}, "benchmarks": benchmarks,
                               "cell": {"maker": "m", "repairs": 2, **base}, "cells": more})

    def counts(self, out):
        """How often each (protocol, space) came out as what."""
        names = ("status", "cell", "stop_reason", "iterations", "price", "outcome_price")
        sets = harness.read_run(out / "run.h5", *names)
        found = collections.defaultdict(collections.Counter)
        for status, cell, reason, iterations, price, prices in zip(*(sets[n] for n in names)):
            found[self.names[cell]][STATUSES[status]] += 1
            self.assertGreater(reason, 0, "a reason for the end")
            if STATUSES[status] == "done":
                self.assertGreater(iterations, 0)
                self.assert_prices(self.names[cell][1], price[:iterations], prices[:iterations])
        return found

    def assert_prices(self, space, price, prices):
        for one, vector in zip(price, prices):
            shares = vector if space == "categorical" else [one, 1 - one]
            self.assertAlmostEqual(1, sum(shares), places=9)
            self.assertTrue(all(0 <= share <= 1 for share in shares), (space, shares))

    def test_every_protocol_in_every_space(self):
        harness.llama_files()
        with harness.LlamaServer(self.dir / "server.log", parallel=8, context=65536) as server:
            harness.run("run", self.job_at(server.url), "-o", self.dir / "run", timeout=7200)
        found, done = self.counts(self.dir / "run"), collections.Counter()
        for (name, space), counter in sorted(found.items()):
            print(f"{name:17} {space:12} {dict(counter)}", file=sys.stderr)
            self.assertEqual(OPTIONS.propositions, counter["done"] + counter["invalid"], (name, space))
            done[name] += counter["done"]
            done[space] += counter["done"]
        self.assertEqual(set(self.names), set(found))
        self.assertEqual([], [name for name in PROTOCOLS if not done[name]], "nothing was done")
        # A server of llama.cpp holds a binary price to its list; what is left is cut answers.
        self.assertGreater(done["binary"], len(PROTOCOLS) * OPTIONS.propositions / 2)
        self.assertGreater(done["categorical"], 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--propositions", type=int, default=2)
    OPTIONS, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    harness.main()
