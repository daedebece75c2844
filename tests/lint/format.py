"""Every C file is as clang-format would write it.

Versions differ in small things, so one decides: that of Debian 12.
"""
import re
import shutil
import subprocess

import lint


VERSION = "14"


def find_tool():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        tool = shutil.which(name)
        told = subprocess.run([tool, "--version"], capture_output=True, text=True,
                              check=False).stdout if tool else ""
        if f"version {VERSION}." in told:
            return tool
    raise lint.CannotCheck(f"clang-format {VERSION} is not there")


def check(root):
    tool = find_tool()
    paths = lint.c_files(root)
    if not paths:
        return []
    out = subprocess.run([tool, "--dry-run", "--style=file", *map(str, paths)],
                         capture_output=True, text=True, check=False)
    places = re.findall(r"^(.+?):(\d+):\d+: (?:warning|error): .*clang-format", out.stderr,
                        re.MULTILINE)
    if out.returncode and not places:
        raise RuntimeError(out.stderr)
    return sorted({f"{path.removeprefix(str(root) + '/')}:{line}: not as clang-format has it"
                   for path, line in places})


def self_test():
    style = {".clang-format": "BasedOnStyle: LLVM\nIndentWidth: 4\n"}
    lint.expect(check, "src/a.c", "int a;\n", others=style)
    lint.expect(check, "src/a.c", "int a;\nint   b;\n", "src/a.c:2: not as", others=style)


if __name__ == "__main__":
    lint.run(check, self_test)
