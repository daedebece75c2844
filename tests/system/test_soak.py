"""Eight oversubscribed ranks, every fault at once, ranks that die and launches that are resumed: memory and descriptors
stay flat, and nothing is lost.

test_soak.py [--minutes M] [--seed N] [--log FILE]: under a minute in the suite, any time by the argument; the job is
sized so that it is not done before. FILE gets one JSON line a sample. Flatness is asserted of launches of two minutes
and more; a minute is for the caches to fill.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import sys
import time
import unittest

import harness

OPTIONS = argparse.Namespace(minutes=0.6, seed=1, log=None)
RANKS, CONCURRENCY, HEARTBEAT_S, SAMPLE_S = 8, 32, 20, 2
WARM_S, JUDGED_S = 60, 120
REPLY_KB = 10 << 10
STOPPED = 75
RETRIED = ["reset_before", "reset_mid", "500", "503", "html", "truncated", "wrong_types", "empty_choices",
           "null_content", "drip", "slow"]
REPAIRED = ["garbage", "out_of_range", "length"]
READ = ["invalid_utf8", "fenced", "think", "reasoning", "gzip"]
SCRIPT = {"latency_ms": 100, "latency_spread_ms": 200, "rules": [
    {"faults": RETRIED + REPAIRED + READ, "share": 0.09, "latency_ms": 3},
    {"faults": ["stall", "never", "endless"], "share": 0.004},
    {"fault": "429", "share": 0.001, "retry_after": 1},
    {"fault": "529", "share": 0.001, "retry_after": 1, "retry_as": "date"}]}
SEAT = ("key", "trajectory_key", "iteration", "role", "trader", "sample", "repair", "ask", "seat")


def names_of(line):
    return tuple((k, str(line[k])) for k in SEAT if k in line)


def usage(pid):
    """(resident memory in KiB, open descriptors) of a process, or None when it has gone."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return (int(status.split("VmRSS:")[1].split()[0]), len(os.listdir(f"/proc/{pid}/fd")))
    except (OSError, IndexError):
        return None


class Watch:
    """What each rank of each launch used, sampled."""

    def __init__(self):
        self.samples = {}  # (launch, rank): [(seconds, KiB, descriptors)]
        self.log = open(OPTIONS.log, "w", encoding="utf-8") if OPTIONS.log else None

    def look(self, launch, begun, ranks):
        for rank, pid in ranks.items():
            used = usage(pid)
            if used is None:
                continue
            row = (round(time.monotonic() - begun, 1), *used)
            self.samples.setdefault((launch, rank), []).append(row)
            if self.log:
                self.log.write(json.dumps({"launch": launch, "rank": rank, "s": row[0], "kb": row[1],
                                           "fds": row[2]}) + "\n")
                self.log.flush()

    def warm(self):
        """The samples after WARM_S of ranks that lived for JUDGED_S: {(launch, rank): rows}."""
        return {at: [row for row in rows if row[0] >= WARM_S]
                for at, rows in self.samples.items() if rows[-1][0] >= JUDGED_S}


def thirds(rows, column):
    """(the most of the first third, the most of the last) of a column of samples."""
    part = max(1, len(rows) // 3)
    return max(r[column] for r in rows[:part]), max(r[column] for r in rows[-part:])


class SoakTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        harness.mpi()
        self.chance = random.Random(OPTIONS.seed)
        self.watch, self.out = Watch(), self.dir / "run"
        self.launches, self.deaths, self.calls, self.finished = 0, 0, 0, 0

    def make_job(self, url):
        # At most CONCURRENCY / 0.2 s calls a second, at least three an episode.
        replicates = max(1, round(OPTIONS.minutes * 5))
        return self.write_job(self.http_job(
            url, self.write_claims(1000), cell__replicates=replicates, output={"text": False},
            models__m__limits={"concurrency": CONCURRENCY, "timeout_s": 5, "retries": 12}))

    def ranks_of(self, process):
        return {harness.rank_number(pid): pid for pid in harness.ranks_of(process)}

    def live_through(self, process, seconds, deaths):
        """Samples until SECONDS are over; a worker is killed DEATHS times on the way."""
        begun = time.monotonic()
        dies_at = sorted(begun + seconds * (0.5 + 0.4 * self.chance.random()) for _ in range(deaths))
        while time.monotonic() < begun + seconds and process.poll() is None:
            ranks = {}
            try:
                ranks = self.ranks_of(process)
            except OSError:
                pass  # one that ended while it was looked at
            self.watch.look(self.launches, begun, ranks)
            workers = [pid for rank, pid in ranks.items() if rank > 0]
            if dies_at and time.monotonic() >= dies_at[0] and len(workers) > 2:
                dies_at.pop(0)
                os.kill(self.chance.choice(workers), signal.SIGKILL)
                self.deaths += 1
            time.sleep(SAMPLE_S)

    def launch(self, job, seconds, is_killed):
        """One launch of SECONDS; then everything is killed at once, or told to stop."""
        self.launches += 1
        with open(self.dir / "stderr", "a", encoding="utf-8") as told:
            process = harness.start("run", job, "-o", self.out, "--heartbeat", HEARTBEAT_S, "--max-failed",
                                    "100%", "--quiet", ranks=RANKS, recover=True, stdout=told, stderr=told)
        try:
            self.live_through(process, seconds, deaths=2)
            self.assertIsNone(process.poll(), "it goes on: " + (self.dir / "stderr").read_text()[-3000:])
            if not is_killed:
                root = self.ranks_of(process)[0]
                os.kill(root, signal.SIGTERM)
                process.wait(180)
        finally:
            harness.kill_all(process)
        self.check_kept()

    def check_kept(self):
        """What is on the tape and was counted as finished stays."""
        calls = len(harness.tape_lines(self.out))
        self.assertGreater(calls, self.calls, "a launch adds calls")
        self.calls = calls

    def check_whole(self, job):
        """run.h5 is what the tape says, and no call was paid for twice."""
        seats = [names_of(line) for line in harness.tape_lines(self.out)]
        self.assertEqual(len(seats), len(set(seats)), "nothing twice on the tape")
        harness.run("run", job, "-o", self.out, "--quiet", "--set", "budget.calls=1", "--max-failed", "100%",
                    timeout=900, expect=STOPPED)
        copy = self.dir / "copy"
        shutil.copytree(self.out, copy)
        (copy / "run.h5").unlink()
        harness.run("rebuild", copy, timeout=900, expect=None)
        states = harness.read_run(self.out / "run.h5", "status")["status"]
        self.assertEqual(states, harness.read_run(copy / "run.h5", "status")["status"])
        self.finished = sum(state != 0 for state in states)
        self.assertGreater(self.finished, 0)

    def check_flat(self):
        for (launch, rank), rows in sorted(self.watch.warm().items()):
            with self.subTest(launch=launch, rank=rank):
                first, last = thirds(rows, 1)
                # The coordinator keeps some bytes of each call; a worker, once it has met an endless reply, the
                # room of one reply of the largest size.
                self.assertLess(last, first * 1.1 + (8 << 10 if rank == 0 else REPLY_KB), "KiB")
                first, last = thirds(rows, 2)
                self.assertLessEqual(last, first + 8, "descriptors")

        # And no launch needs more than the one before.
        most = {launch: max(row[1] for (l, rank), rows in self.watch.warm().items() if rank > 0 and l == launch
                            for row in rows) for launch, rank in self.watch.warm() if rank > 0}
        for launch, kib in most.items():
            self.assertLess(kib, min(most.values()) * 1.1 + REPLY_KB, f"launch {launch}")

    def report(self, stats):
        print(f"{self.launches} launches on {RANKS} ranks, {self.deaths} workers killed, {self.calls} calls, "
              f"{self.finished} episodes finished, {stats['requests']} requests, "
              f"{sum(stats['faults'].values())} met a fault: {stats['faults']}")
        for name, column in (("resident KiB", 1), ("descriptors", 2)):
            for who, chosen in (("rank 0", lambda r: r == 0), ("workers", lambda r: r > 0)):
                rows = [thirds(rows, column) for (_, rank), rows in self.watch.warm().items() if chosen(rank)]
                if rows:
                    print(f"{name}, {who}: most of the first third {max(r[0] for r in rows)}, of the last "
                          f"{max(r[1] for r in rows)}; largest growth {max(r[1] - r[0] for r in rows)}")

    def test_all_faults_at_once(self):
        launches = 6 if OPTIONS.minutes >= 12 else 2
        seconds = OPTIONS.minutes * 60 / launches
        with harness.FaultServer(SCRIPT) as server:
            job = self.make_job(server.url)
            for i in range(launches):
                self.launch(job, seconds, is_killed=i + 1 < launches)
            self.check_whole(job)
            stats = server.stats()
        self.report(stats)
        self.check_flat()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=OPTIONS.minutes)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log")
    OPTIONS, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    harness.main()
