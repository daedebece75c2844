"""What the lint checks share: the files they look at, C without its comments, and how they end.

A check is a module with check(root) -> list of findings "path:line: what", and self_test(), which
must show that it finds what it is for. run() is its main: `python3 CHECK.py ROOT | --self-test`.
Exit codes: 0 clean, 1 findings, 77 cannot be had here (ctest shows it as skipped).
"""
import contextlib
import pathlib
import re
import sys
import tempfile

SKIPPED = 77


class CannotCheck(Exception):
    """A tool that the check needs is not there."""


def files(root, folders, suffixes):
    """Paths below ROOT's FOLDERS with one of SUFFIXES, sorted."""
    found = []
    for folder in folders:
        found += [path for path in (root / folder).rglob("*")
                  if path.suffix in suffixes and path.is_file()]
    return sorted(found)


def c_files(root, folders=("src", "include", "tests")):
    return files(root, folders, {".c", ".h"})


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_only(text):
    """TEXT with comments and the insides of literals blanked; lines stay where they are."""
    def blank(match):
        token = match.group()
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[-1]
    return TOKEN.sub(blank, text)


def literals_blanked(text):
    """TEXT with the insides of its literals blanked, comments kept."""
    def blank(match):
        token = match.group()
        return token if token[0] == "/" else token[0] + " " * (len(token) - 2) + token[-1]
    return TOKEN.sub(blank, text)


def read(path):
    return path.read_text(encoding="utf-8")


def finding(root, path, line, what):
    return f"{path.relative_to(root)}:{line}: {what}"


@contextlib.contextmanager
def sample(tree):
    """A root folder with the files of TREE (path -> text), for self-tests."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in tree.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield root


def expect(check, name, text, *wanted, others=None):
    """CHECK of a tree with one file NAME must give exactly the findings WANTED (parts of them)."""
    with sample({**(others or {}), name: text}) as root:
        found = check(root)
    assert len(found) == len(wanted), f"{name}: wanted {wanted}, found {found}"
    for part, line in zip(wanted, found):
        assert part in line, f"{name}: wanted {part!r} in {line!r}"


def run(check, self_test):
    try:
        if sys.argv[1:] == ["--self-test"]:
            self_test()
            return
        found = check(pathlib.Path(sys.argv[1]).resolve())
    except CannotCheck as reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    print("\n".join(found) if found else "clean")
    sys.exit(1 if found else 0)
