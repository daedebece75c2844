"""How a check asks a tool of others: find it, run it over files in parallel, gather what it says."""
import concurrent.futures
import os
import re
import shutil
import subprocess

import lint


def find(*names):
    """The path of the first of NAMES that is installed."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise lint.CannotCheck(f"{names[0]} is not there")


def findings(root, command, pattern, cwd=None):
    """What COMMAND prints that fits PATTERN (path, line, what), as findings below ROOT."""
    out = subprocess.run([str(word) for word in command], cwd=cwd or root, capture_output=True, text=True,
                         check=False)
    found = re.findall(pattern, out.stdout + out.stderr, re.MULTILINE)
    if out.returncode and not found:
        raise RuntimeError(f"{command[0]}: exit {out.returncode}\n{out.stdout}{out.stderr}")
    return {f"{path.removeprefix(str(root) + '/').removeprefix('./')}:{line}: {what}" for path, line, what in found}


def each(paths, ask):
    """The findings of ASK for all PATHS, on as many cores as there are."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return sorted(set().union(*pool.map(ask, paths)))
