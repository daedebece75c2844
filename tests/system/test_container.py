"""credence inside a Charliecloud container: alone, under srun on a real SLURM, and a container as a server that a run starts.

The image is a folder with the program, the test server and the libraries they load: what a container must hold, and no
more, so that nothing outside it can help.
"""
import getpass
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import harness
import test_slurm

CLAIMS = 12


def libraries(program):
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", out)


def put(image, path):
    """PATH of this machine at the same place in IMAGE (below usr/ for what is a link into it)."""
    real_folder = pathlib.Path(os.path.realpath(os.path.dirname(path)))
    target = image / real_folder.relative_to("/") / os.path.basename(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy(path, target)


def make_image(image):
    for folder in ("bin", "usr/bin", "usr/lib", "usr/lib64", "etc", "proc", "sys", "dev", "tmp", "home", "root", "mnt", "run", "var"):
        (image / folder).mkdir(parents=True, exist_ok=True)
    (image / "bin").rmdir()
    for name in ("bin", "lib", "lib64"):
        (image / name).symlink_to(f"usr/{name}")
    for name in ("passwd", "group", "hosts", "resolv.conf"):
        (image / "etc" / name).touch()
    shutil.copy("/etc/passwd", image / "etc")
    plugins = [path for folder in ("openmpi/lib", "pmix2") for path in
               pathlib.Path("/usr/lib/x86_64-linux-gnu", folder).rglob("*.so*")]
    for program, name in ((harness.CREDENCE, "credence"), (harness.FAULT_SERVER, "fault_server")):
        shutil.copy(program, image / "usr" / "bin" / name)
        for library in libraries(program):
            put(image, library)
    for plugin in plugins:
        put(image, plugin)
        for library in libraries(plugin):
            put(image, library)
    if os.path.isdir("/usr/share/openmpi"):
        shutil.copytree("/usr/share/openmpi", image / "usr/share/openmpi", symlinks=False)
    for folder in ("/etc/openmpi", "/usr/share/pmix"):
        if os.path.isdir(folder):
            shutil.copytree(folder, image / folder[1:], symlinks=False, dirs_exist_ok=True)
    shutil.copytree(harness.SOURCE / "prompts", image / "usr/share/credence/prompts")


class ContainerTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        if shutil.which("ch-run") is None:
            raise unittest.SkipTest("ch-run is not there (Debian: charliecloud)")
        self.env = harness.environment(USER=getpass.getuser(), CREDENCE_DATA_DIR="/usr/share/credence")
        self.image = self.dir / "image"
        make_image(self.image)
        tried = subprocess.run(self.inside("credence", "version"), env=self.env, capture_output=True, text=True, check=False)
        if tried.returncode and re.search(r"unshare|user namespace|clone|mount", tried.stderr):
            raise unittest.SkipTest(f"no user namespaces here: {tried.stderr.strip()[-200:]}")
        self.assertEqual(0, tried.returncode, tried.stderr)

    def inside(self, *command):
        return ["ch-run", "--no-home", f"--bind={self.dir}:/mnt", str(self.image), "--", *map(str, command)]

    def claims_job(self, **changes):
        self.write_claims(CLAIMS)
        job = self.sim_job("/mnt/claims.jsonl", **changes)
        return self.write_job(job)

    def test_a_run_in_a_container_is_the_run_outside(self):
        self.claims_job()
        done = subprocess.run(self.inside("credence", "run", "/mnt/job.json", "-o", "/mnt/inside", "--quiet"),
                              env=self.env, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        (self.dir / "plain.json").write_text((self.dir / "job.json").read_text().replace("/mnt/", f"{self.dir}/"))
        harness.run("run", self.dir / "plain.json", "-o", self.dir / "outside", "--quiet")
        a, b = (harness.read_run(self.dir / name / "run.h5", "price", "status") for name in ("inside", "outside"))
        self.assertEqual(json.dumps(a), json.dumps(b))

    def test_a_container_as_a_server_that_the_run_starts(self):
        claims = self.write_claims(CLAIMS)
        job = self.http_job("", claims, models={"m": {
            "api": "openai", "model": "fault",
            "serve": {"command": self.inside("fault_server", "--port", "{port}"), "per": "node", "startup_s": 60}}})
        harness.run("run", self.write_job(job), "-o", self.dir / "run", "--quiet", env={"USER": getpass.getuser()})
        status = harness.read_run(self.dir / "run" / "run.h5", "status")["status"]
        self.assertEqual({1}, set(status))
        log = next((self.dir / "run" / "servers").glob("*.log"))
        self.assertFalse(self.is_served(log), "the server ends with the run")

    def is_served(self, log):
        """True when some process still has LOG open: the server's children inherit it."""
        for folder in pathlib.Path("/proc").glob("[0-9]*/fd"):
            try:
                if any(os.path.realpath(fd) == str(log.resolve()) for fd in folder.iterdir()):
                    return True
            except OSError:
                continue
        return False

    def test_ranks_in_containers_under_srun(self):
        if test_slurm.INSIDE not in os.environ:
            raise unittest.SkipTest("no network of its own (lo_only.sh)")
        harness.mpi()
        cluster = test_slurm.Cluster()
        self.addCleanup(cluster.down)
        self.dir.chmod(0o755)
        self.claims_job()
        env = test_slurm.environment(**cluster.env, USER=getpass.getuser(), CREDENCE_DATA_DIR="/usr/share/credence")
        done = subprocess.run(["srun", "--mpi=pmix", "-N", "2", "-n", "3", *self.inside(
            "credence", "run", "/mnt/job.json", "-o", "/mnt/srun", "--quiet")],
            env=env, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        harness.run("run", self.write_job(self.sim_job(self.dir / "claims.jsonl"), "one.json"), "-o", self.dir / "one", "--quiet")
        a, b = (harness.read_run(self.dir / name / "run.h5", "price", "status") for name in ("srun", "one"))
        self.assertEqual(json.dumps(a), json.dumps(b))
        ranks = len(list((self.dir / "srun" / "tape").iterdir()))
        self.assertGreater(ranks, 1, "several ranks worked")


if __name__ == "__main__":
    if shutil.which("ch-run"):
        test_slurm.enter_loopback()
    harness.main()
