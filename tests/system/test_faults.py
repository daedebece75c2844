"""One request in ten meets a fault, and the run is as if none had.

CREDENCE_FULL=1 takes the whole published files (TruthfulQA and five of ETHICS, ten minutes);
otherwise a part of each, or the sample files when the published ones are not here.
"""

import os
import unittest

import harness

FULL = os.environ.get("CREDENCE_FULL") == "1"
RETRIED = ["reset_before", "reset_mid", "500", "html", "truncated", "wrong_types",
           "empty_choices", "drip", "slow"]
# A cut reply is not among them: its repair asks for the brief form, so the words that follow are other ones.
REPAIRED = ["garbage", "out_of_range"]
READ = ["invalid_utf8", "fenced", "think", "reasoning", "gzip"]
# Each of these quiets the whole model for a second, so a long run gets fewer of them.
PAUSES = 0.0002 if FULL else 0.0035
RULES = [
    {"faults": RETRIED + REPAIRED + READ, "share": 0.09, "latency_ms": 3},
    {"faults": ["stall", "never", "endless"], "share": 0.008},
    {"fault": "429", "share": PAUSES, "retry_after": 1},
    {"fault": "503", "share": PAUSES, "retry_after": 1, "retry_as": "date"},
]
FILES = {"tqa": ("truthfulqa", "TruthfulQA.csv"), "cm": ("ethics-commonsense", "cm_test.csv"),
         "just": ("ethics-justice", "justice_test.csv"),
         "deon": ("ethics-deontology", "deontology_test.csv"),
         "util": ("ethics-utilitarianism", "util_test.csv"),
         "virt": ("ethics-virtue", "virtue_test.csv")}


class FaultsTest(harness.TestCase):
    def benchmarks(self):
        folder = harness.SHARED / "data"
        published = folder.is_dir()
        chosen = {}
        for name, (form, file) in FILES.items():
            path = folder / file if published else next(
                (harness.SOURCE / "jobs" / "data").glob(form.replace("-", "_") + "*"), None)
            if path is None:
                self.skipTest(f"neither {folder / file} nor a sample of {form} is here")
            chosen[name] = {"format": form, "path": str(path)}
            if not FULL:
                chosen[name]["limit"] = 60 if name == "tqa" else 20
        return chosen

    def run_against(self, rules, name, benchmarks, ranks):
        with harness.FaultServer({"latency_ms": 1, "rules": rules}) as server:
            # A retried call that fell back to no response_format gets the same answer, so
            # only what reaches the market counts.
            job = self.http_job(server.url, "", models__m__limits={
                "concurrency": 64, "timeout_s": 3, "retries": 16})
            job["benchmarks"] = benchmarks
            job["cell"]["benchmark"] = "tqa"
            job["grid"] = {"benchmark": sorted(benchmarks)}
            path = self.write_job(job, name + ".json")
            harness.run("run", path, "-o", self.dir / name, ranks=ranks, timeout=3000)
            return self.dir / name / "run.h5", server.stats()

    def test_faults_cost_no_proposition_and_change_no_price(self):
        harness.mpi()
        benchmarks = self.benchmarks()
        plain, calm = self.run_against([], "plain", benchmarks, 4)
        bent, stats = self.run_against(RULES, "bent", benchmarks, 4)
        share = sum(stats["faults"].values()) / stats["requests"]
        self.assertTrue(0.07 < share < 0.13, stats)
        self.assertGreater(min(stats["faults"].values()), 0 if FULL else -1, stats)
        status = harness.read_run(bent, "status")["status"]
        self.assertEqual([1] * len(status), status, "every episode is done")
        tokens = {"judgment_tokens_in", "judgment_tokens_out", "argument_tokens_in",
                  "argument_tokens_out", "cached_tokens", "total_tokens", "tokens_estimated"}
        work = {"calls_made", "total_calls", "repairs", "repair_reason"}
        differences = [line for line in harness.compare(plain, bent, harness.VOLATILE)
                       if not line.startswith("/calls:") and not line.startswith("calls/")
                       and line.split(":")[0] not in tokens | work]
        self.assertEqual([], differences)
        self.assertEqual(0, stats["retry_early"], stats)
        print(f"{len(status)} episodes, {stats['requests']} requests ({calm['requests']} without "
              f"faults), {share:.1%} met a fault: {stats['faults']}")


if __name__ == "__main__":
    harness.main()
