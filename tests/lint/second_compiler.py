"""The second compiler is silent: clang with every warning of the build as an error.

Takes the build folder as a second argument: its compile_commands.json says what is compiled how.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import lint

DROPPED_WITH_VALUE = {"-o", "-MF", "-MT", "-MQ"}
DROPPED = re.compile(r"-c|-M[DMGP]*|-g.*|-O.*|-fsanitize=.*|-fno-sanitize.*|-Wl,.*")


def as_clang(command, clang):
    """The words of a compiler's COMMAND line, for CLANG to check the syntax only."""
    words = shlex.split(command)
    start = next(i for i, word in enumerate(words) if not word.endswith("ccache"))
    kept, skip = [clang], False
    for word in words[start + 1:]:
        if not skip and word not in DROPPED_WITH_VALUE and not DROPPED.fullmatch(word):
            kept.append(word)
        skip = word in DROPPED_WITH_VALUE
    # Numbers have names as enumerators here, and some of them meet doubles.
    return kept + ["-Wno-enum-float-conversion", "-fsyntax-only", "-Werror"]


def faults(root, entry, clang):
    out = subprocess.run(as_clang(entry["command"], clang), cwd=entry["directory"],
                         capture_output=True, text=True, check=False)
    found = re.findall(r"^(.+?):(\d+):\d+: error: (.*)", out.stderr, re.MULTILINE)
    if out.returncode and not found:
        found = [(entry["file"], 1, out.stderr.strip().replace("\n", " "))]
    return {f"{path.removeprefix(str(root) + '/')}:{line}: {what}" for path, line, what in found}


def check_build(root, build):
    clang = shutil.which("clang")
    if not clang:
        raise lint.CannotCheck("clang is not there")
    entries = json.loads(lint.read(build / "compile_commands.json"))
    entries = [entry for entry in entries if entry["file"].startswith(str(root))]
    with concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return sorted(set().union(*pool.map(lambda entry: faults(root, entry, clang), entries)))


def check(root):
    return check_build(root, pathlib.Path(sys.argv[2]).resolve())


def self_test():
    def checked(text):
        with lint.sample({"a.c": text}) as root:
            entry = {"file": str(root / "a.c"), "directory": str(root),
                     "command": f"/usr/bin/ccache gcc -Wall -O2 -g -MD -MF x.d -o a.o -c {root}/a.c"}
            (root / "compile_commands.json").write_text(json.dumps([entry]))
            return check_build(root, root)

    assert checked("int f(void) { return 0; }\n") == []
    found = checked("int f(void) { return 0; }\nint g(void) { int unused; return 0; }\n")
    assert len(found) == 1 and found[0].startswith("a.c:2: unused variable"), found
    assert len(checked("int f(void) { return }\n")) == 1


if __name__ == "__main__":
    lint.run(check, self_test)
