"""The numbers: `credence analyze --format json`, read into Python."""

import json
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


def find_credence():
    """The credence program: $CREDENCE_BIN, the PATH, or a build beside this checkout."""
    named = os.environ.get("CREDENCE_BIN")
    if named:
        return named
    found = shutil.which("credence")
    if found:
        return found
    built = HERE.parent.parent / "build" / "credence"
    if built.exists():
        return str(built)
    raise FileNotFoundError("no credence program: set CREDENCE_BIN, or put it on the PATH")


def analyze(*paths, by=None, compare=None, family=None, resamples=None, seed=None,
            what_if=None):
    """What `credence analyze` says of PATHS, as a dict. WHAT_IF: {"stop.threshold": [..]}."""
    command = [find_credence(), "analyze", "--format", "json"]
    options = {"--by": by and ",".join(by), "--compare": compare, "--family": family,
               "--resamples": resamples, "--seed": seed}
    for name, value in options.items():
        if value is not None:
            command.append(f"{name}={value}")
    for axis, values in (what_if or {}).items():
        command.append(f"--what-if={axis}=" + ",".join(str(v) for v in values))
    command += ["--"] + [str(path) for path in paths]
    # credence prints UTF-8, whatever the locale.
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{command[0]}: exit {done.returncode}")
    return json.loads(done.stdout)
