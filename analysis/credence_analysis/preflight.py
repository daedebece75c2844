"""Whether a file can be read at all, tried in a process of its own.

Damaged metadata can end a process inside the HDF5 library, where no check of ours comes first.
The commands try every file this way before they read it, and say in one line what is wrong.

    python3 -m credence_analysis.preflight FILE
"""

import subprocess
import sys

SECONDS = 600


def attempt(path):
    """Reads all of the run file at PATH that any command reads."""
    from . import pack
    from .run import open_run
    run = open_run(path)
    pack.build([run], [""])
    run.calls(0) if len(run.episodes) else None


def check(path):
    """Raises BadFile when PATH cannot be read, in whatever way it fails."""
    from .checked import BadFile
    done = subprocess.run([sys.executable, "-m", __name__, str(path)], capture_output=True,
                          timeout=SECONDS, check=False)
    if done.returncode == 0:
        return
    said = done.stdout.decode("utf-8", "replace").strip().splitlines()
    if done.returncode == 1 and said:
        raise BadFile(said[-1])
    raise BadFile(f"{path}: damaged: the HDF5 library crashed while reading it; if it is a run "
                  "directory's, `credence rebuild DIR` makes it anew from the tape")


if __name__ == "__main__":
    try:
        attempt(sys.argv[1])
    except (OSError, ValueError, KeyError, RuntimeError, MemoryError) as problem:
        sys.stdout.buffer.write(" ".join(str(problem).split()).encode("utf-8", "replace"))
        sys.exit(1)
