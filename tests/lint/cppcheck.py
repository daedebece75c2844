"""cppcheck has nothing to say about src/: warnings, performance and portability, no suppressions."""
import os

import lint
import tool

FINDING = r"^(.+?):(\d+): (\w+: .*)$"


def check(root):
    return sorted(tool.findings(root, [
        tool.find("cppcheck"), "--enable=warning,performance,portability", "--std=c11", "--quiet",
        f"-j{os.cpu_count() or 1}", "-Iinclude", "-Isrc", "--template={file}:{line}: {id}: {message}", "src"],
        FINDING))


def self_test():
    lint.expect(check, "src/a.c", "int f(int a) { return a; }\n")
    lint.expect(check, "src/a.c", "int f(void) { int a[2]; a[0] = 1; a[2] = 1; return a[0]; }\n",
                "src/a.c:1: arrayIndexOutOfBounds")


if __name__ == "__main__":
    lint.run(check, self_test)
