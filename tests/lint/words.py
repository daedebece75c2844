"""Words and calls that this house does not use."""
import re

import lint

SHELL_AND_PYTHON = {".py", ".sh", ".sbatch", ".cmake", ".txt"}

# Rule: what to find in the whole text, which files (by path), what to say.
EVERYWHERE = [
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b"), r".*", "an open end: finish it or file an issue"),
    (re.compile(r"^[ \t]*(//|/\*|\*|#)[ \t]*([-=*#~_+/])\2{4,}", re.MULTILINE), r".*", "a banner"),
    (re.compile(r"[ \t]+$", re.MULTILINE), r".*\.(c|h|py|sh)", "space at the end of a line"),
    (re.compile(r"\t"), r".*\.[ch]", "a tab"),
]

# The same in C without comments and literals.
IN_CODE = [
    (re.compile(r"\btypedef\s+struct\b"), r".*", "a struct hidden by typedef"),
    (re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|system|popen|s?rand)\s*\("), r".*",
     "a banned function"),
    (re.compile(r"\bexit\s*\("), r"src/(?!cli/main\.c).*", "only cli/main.c may exit"),
    (re.compile(r"\bMPI_Abort\b"), r"src/(?!cluster/).*", "only cluster/ may abort the job"),
    (re.compile(r"(?<![\w>.])(malloc|calloc|realloc|strdup|strndup|asprintf)\s*\("),
     r"src/(?!base/mem\.c).*", "memory goes through cr_malloc and its like"),
    (re.compile(r"\bassert\s*\([^;]*(\+\+|--|[^=!<>]=[^=])[^;]*\)\s*;"), r"src/.*",
     "an assertion that does something"),
]


def search(root, path, text, rules):
    place = str(path.relative_to(root))
    found = []
    for pattern, where, what in rules:
        if not re.fullmatch(where, place):
            continue
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append((line, lint.finding(root, path, line,
                                             f"{what}: {match.group().strip()!r}")))
    return found


def check_file(root, path):
    text = lint.read(path)
    found = search(root, path, text, EVERYWHERE)
    if path.suffix in (".c", ".h"):
        found += search(root, path, lint.code_only(text), IN_CODE)
    return [what for _, what in sorted(found)]


def check(root):
    folders = ("src", "include", "tests", "analysis", "jobs", "slurm", "prompts")
    paths = lint.files(root, folders, {".c", ".h"} | SHELL_AND_PYTHON)
    return [what for path in paths if "data" not in path.relative_to(root).parts
            for what in check_file(root, path)]


def self_test():
    def expect(name, text, *wanted):
        lint.expect(check, name, text, *wanted)

    expect("src/a.c", "// TO" "DO: later\n", "src/a.c:1: an open end")
    expect("tests/a.py", "# FIX" "ME\n", "an open end")
    expect("src/a.c", "// ------\nint a;\n", "a banner")
    expect("src/a.c", "/**********\n", "a banner")
    expect("src/a.sh", "# =====\n", "a banner")
    expect("src/a.c", "int a; \n", "space at the end")
    expect("src/a.c", "\tint a;\n", "a tab")
    expect("tests/a.py", "a = '\t'\n")
    expect("src/a.h", "typedef struct a b;\n", "typedef")
    for call in ("strcpy(a, b)", "sprintf(a, b)", "strcat(a, b)", "gets(a)", "system(a)", "rand()",
                 "srand(1)"):
        expect("src/a.c", f"void f(void) {{ {call}; }}\n", "a banned function")
    expect("src/a.c", "// sprintf(a) is not called\nconst char *s = \"rand()\";\n")
    expect("src/a.c", "void f(void) { snprintf(a, 1, b); my_rand(); brand(); }\n")
    expect("src/a.c", "void f(void) { exit(1); }\n", "only cli/main.c")
    expect("src/a.c", "void f(void) { _exit(1); }\n")
    expect("src/cli/main.c", "void f(void) { exit(1); }\n")
    expect("tests/a.c", "void f(void) { exit(1); }\n")
    expect("src/run/a.c", "void f(void) { MPI_Abort(a, 1); }\n", "only cluster/")
    expect("src/cluster/a.c", "void f(void) { MPI_Abort(a, 1); }\n")
    expect("src/run/a.c", "void *f(void) { return malloc(1); }\n", "cr_malloc")
    expect("src/run/a.c", "void *f(void) { return cr_malloc(1); }\n")
    expect("src/base/mem.c", "void *f(void) { return malloc(1); }\n")
    expect("src/run/a.c", "void f(void) { assert(a++ < 3); }\n", "does something")
    expect("src/run/a.c", "void f(void) { assert(a == 3 && b <= 2 && c != 1); }\n")


if __name__ == "__main__":
    lint.run(check, self_test)
