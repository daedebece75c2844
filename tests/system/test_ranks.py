"""The number of ranks changes nothing but the time, and waiting costs nothing."""

import time
import unittest

import harness

CLAIMS = 40


class RanksTest(harness.TestCase):
    def run_on(self, job, ranks):
        out = self.dir / f"ranks{ranks}"
        harness.run("run", job, "-o", out, "--quiet", ranks=ranks)
        return out / "run.h5"

    def assert_same_on_all_ranks(self, job):
        alone = self.run_on(job, 0)
        self.assertEqual(1, harness.attributes(alone)["complete"])
        for ranks in (1, 2, 3, 5, 8):
            self.assertEqual([], harness.compare(alone, self.run_on(job, ranks)), f"{ranks} ranks")

    def test_simulated_markets_are_the_same_on_1_2_3_5_and_8_ranks(self):
        harness.mpi()
        claims = self.write_claims(CLAIMS)
        self.assert_same_on_all_ranks(self.write_job(self.sim_job(
            claims, grid={"stop.threshold": [0.1, 0.2], "stance": ["free", "contrary"]})))

    def test_markets_over_http_are_the_same_on_1_2_3_5_and_8_ranks(self):
        harness.mpi()
        with harness.FaultServer({"latency_ms": 1, "latency_spread_ms": 8}) as server:
            self.assert_same_on_all_ranks(
                self.write_job(self.http_job(server.url, self.write_claims(CLAIMS))))

    def test_a_script_of_two_commands_under_one_launcher(self):
        """Alone both run; on several ranks MPI starts once only, and the second says so in a line of its own."""
        job = self.write_job(self.sim_job(self.write_claims(4)))
        for ranks, is_second in ((1, True), (2, False)):
            with self.subTest(ranks=ranks):
                first, second = (self.dir / f"{name}{ranks}" for name in ("first", "second"))
                script = f"'{harness.CREDENCE}' run {job} -o {first} --quiet; '{harness.CREDENCE}' run {job} -o {second} --quiet"
                done = harness.subprocess.run(
                    [harness.mpi()[0], *harness.launch_flags(), "-n", str(ranks), "sh", "-c", script],
                    env=harness.environment(ranks), capture_output=True, text=True, timeout=300)
                self.assertTrue((first / "run.h5").exists(), done.stderr)
                if is_second:
                    self.assertTrue((second / "run.h5").exists(), done.stderr)
                elif not (second / "run.h5").exists():
                    told = [line for line in done.stderr.splitlines() if line.startswith("credence: MPI did not")]
                    self.assertEqual(1, len(told), done.stderr)
                    self.assertIn("an mpirun or srun of its own", told[0])

    def test_ranks_that_wait_use_under_two_percent_of_a_core(self):
        harness.mpi()
        window_s = 3.0
        most = 0.02 * window_s + 0.01  # /proc counts in ticks of 10 ms
        with harness.FaultServer({"rules": [self.gate(times=0).rule]}) as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(8),
                                               models__m__limits__timeout_s=600))
            process = harness.start("run", job, "-o", self.dir / "run", ranks=5)
            try:
                harness.wait_for(lambda: server.stats()["in_flight"] >= 8, 120, "calls in flight")
                pids = harness.ranks_of(process)
                self.assertEqual(5, len(pids))
                # The best of some stretches of idleness: a busy machine lends its cost to others.
                for _ in range(5):
                    used = self.cpu_in(window_s, pids)
                    print(f"CPU seconds of {window_s} s: {used}")
                    if max(used) <= most:
                        break
            finally:
                harness.kill_all(process)
        self.assertLessEqual(max(used), most, used)

    def cpu_in(self, window_s, pids):
        before = [harness.cpu_seconds(pid) for pid in pids]
        time.sleep(window_s)
        return [round(harness.cpu_seconds(pid) - b, 2) for pid, b in zip(pids, before)]


if __name__ == "__main__":
    harness.main()
