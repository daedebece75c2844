"""clang-tidy has nothing to say; .clang-tidy names the checks, with a reason for each that is left out.

Takes the build folder as a second argument. Versions differ in what they know, so one decides: Debian 12's.
"""
import json
import pathlib
import sys

import lint
import tool

WARNING = r"^(.+?):(\d+):\d+: (?:warning|error): (.*)$"


def check_build(root, build):
    tidy = tool.find("clang-tidy-14", "clang-tidy")
    entries = json.loads(lint.read(build / "compile_commands.json"))
    paths = sorted({entry["file"] for entry in entries if entry["file"].startswith(f"{root}/src/")})
    return tool.each(paths, lambda path: tool.findings(
        root, [tidy, "-p", build, "--quiet", f"--config-file={root}/.clang-tidy", path], WARNING))


def check(root):
    return check_build(root, pathlib.Path(sys.argv[2]).resolve())


def self_test():
    def checked(text):
        with lint.sample({"src/a.c": text, ".clang-tidy": "Checks: '-*,bugprone-*'\n"}) as root:
            root = root.resolve()
            entry = {"file": f"{root}/src/a.c", "directory": str(root), "command": f"cc -c {root}/src/a.c"}
            (root / "compile_commands.json").write_text(json.dumps([entry]))
            return check_build(root, root)

    assert checked("int f(int a) { return a; }\n") == []
    found = checked("int f(int a) { if (a) { return 1; } else { return 1; } }\n")
    assert len(found) == 1 and found[0].startswith("src/a.c:1: "), found


if __name__ == "__main__":
    lint.run(check, self_test)
