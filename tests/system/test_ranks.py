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
            claims, cell__held="both",
            grid={"stop.threshold": [0.1, 0.2], "stance": ["free", "contrary"]})))

    def test_markets_over_http_are_the_same_on_1_2_3_5_and_8_ranks(self):
        harness.mpi()
        with harness.FaultServer({"latency_ms": 1, "latency_spread_ms": 8}) as server:
            self.assert_same_on_all_ranks(
                self.write_job(self.http_job(server.url, self.write_claims(CLAIMS))))

    def two_commands(self, name, ranks, between=""):
        """A launch of a script that runs credence twice: the second run's file, and what was said."""
        job = self.write_job(self.sim_job(self.write_claims(4)))
        first, second = (self.dir / f"{which}-{name}" for which in ("first", "second"))
        script = (f"'{harness.CREDENCE}' run {job} -o {first} --quiet; {between} "
                  f"'{harness.CREDENCE}' run {job} -o {second} --quiet")
        done = harness.subprocess.run(
            [harness.mpi()[0], *harness.launch_flags(), "-n", str(ranks), "sh", "-c", script],
            env=harness.environment(ranks), capture_output=True, text=True, timeout=300)
        self.assertTrue((first / "run.h5").exists(), done.stderr)
        return second / "run.h5", done.stderr

    def assert_told_once(self, said):
        told = [line for line in said.splitlines() if line.startswith("credence: MPI did not")]
        self.assertEqual(1, len(told), said)
        self.assertIn("an mpirun or srun of its own", told[0])

    def test_a_script_of_two_commands_under_one_launcher(self):
        """Alone both run; on several ranks MPI starts once only, and the second says so in a line of its own."""
        second, said = self.two_commands("alone", 1)
        self.assertTrue(second.exists(), said)
        second, said = self.two_commands("ranks", 2)
        if not second.exists():
            self.assert_told_once(said)

    def test_whichever_rank_fails_first_says_that_mpi_did_not_start(self):
        """The launcher ends the ranks that are late before they could say anything."""
        for late in (0, 1):
            with self.subTest(late=late):
                second, said = self.two_commands(
                    f"late{late}", 2, f'[ "$OMPI_COMM_WORLD_RANK" != {late} ] || sleep 60;')
                if "MPI_Init" not in said:
                    self.skipTest("this MPI starts twice under one launcher, or waits for all ranks")
                self.assertFalse(second.exists())
                self.assert_told_once(said)

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
