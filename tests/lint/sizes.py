"""Functions, parameters, files and headers stay within the limits. There are no exceptions.

Function ends come from universal-ctags. Parameters are counted in src/ and include/. Longer than usual but within the limit is only told.
"""
import json
import pathlib
import shutil
import subprocess

import lint

FUNCTION_LINES, PARAMETERS, FILE_LINES, HEADER_LINES = 60, 5, 800, 150
USUAL_FILE_LINES = 500


def functions(paths):
    """(path, name, first line, last line, signature) of every function defined in PATHS."""
    ctags = shutil.which("ctags") or shutil.which("ctags-universal")
    features = subprocess.run([ctags, "--list-features"], capture_output=True, text=True,
                              check=False).stdout if ctags else ""
    if "json" not in features:
        raise lint.CannotCheck("universal-ctags with JSON output is not there")
    out = subprocess.run(
        [ctags, "--output-format=json", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f",
         "--fields=+neS", "-I", "CR_MUST_CHECK", "-I", "CR_PRINTF+", "-f", "-", "-L", "-"],
        input="\n".join(map(str, paths)), capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        tag = json.loads(line)
        if tag.get("kind") == "function":
            yield (pathlib.Path(tag["path"]), tag["name"], tag["line"],
                   tag.get("end", tag["line"]), tag.get("signature", "()"))


def parameters(signature):
    """How many parameters "(int a, void (*f)(int, int), ...)" names; "..." is none."""
    depth, parts = 0, [""]
    for char in signature.strip()[1:-1]:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return sum(part.strip() not in ("", "void", "...") for part in parts)


def check_files(root, paths):
    found = []
    for path in paths:
        lines = lint.read(path).count("\n")
        limit = HEADER_LINES if path.suffix == ".h" else FILE_LINES
        if lines > limit:
            found.append(lint.finding(root, path, limit + 1, f"{lines} lines, more than {limit}"))
        elif lines > USUAL_FILE_LINES:
            print(f"note: {path.relative_to(root)} has {lines} lines")
    return found


def check_functions(root, paths):
    found, lengths = [], []
    for path, name, first, last, signature in functions(paths):
        lengths.append(last - first + 1)
        if lengths[-1] > FUNCTION_LINES:
            found.append(lint.finding(root, path, first, f"{name} has {lengths[-1]} lines, "
                                      f"more than {FUNCTION_LINES}"))
        # In tests, callbacks take what a foreign library hands them.
        if parameters(signature) > PARAMETERS and "tests" not in path.relative_to(root).parts:
            found.append(lint.finding(root, path, first, f"{name} has {parameters(signature)} "
                                      f"parameters, more than {PARAMETERS}"))
    lengths.sort()
    if lengths:
        print(f"note: {len(lengths)} functions, median {lengths[len(lengths) // 2]} lines, "
              f"90 % within {lengths[len(lengths) * 9 // 10]}")
    return found


def check(root):
    paths = lint.c_files(root)
    python = lint.files(root, ("tests", "analysis"), {".py"})
    return check_files(root, paths + python) + check_functions(root, paths)


def self_test():
    def body(lines):
        return "int f(void) {\n" + "    g();\n" * (lines - 2) + "}\n"

    lint.expect(check, "src/a.c", body(60))
    lint.expect(check, "src/a.c", "\n" + body(61), "src/a.c:2: f has 61 lines")
    lint.expect(check, "src/a.c", "int f(int a, int b, int c, int d, int e) { return 0; }\n")
    lint.expect(check, "src/a.c", "int f(int a, int b, int c, int d, int e, int g) { return 0; }\n",
                "f has 6 parameters")
    lint.expect(check, "src/a.c", "int f(int a, int b, int c, int d, void (*e)(int, int), ...) "
                "{ return 0; }\n")
    lint.expect(check, "src/a.c", "int a;\n" * 800)
    lint.expect(check, "src/a.c", "int a;\n" * 801, "801 lines, more than 800")
    lint.expect(check, "include/a.h", "int a;\n" * 150)
    lint.expect(check, "include/a.h", "int a;\n" * 151, "151 lines, more than 150")
    lint.expect(check, "tests/a.py", "a = 1\n" * 801, "more than 800")


if __name__ == "__main__":
    lint.run(check, self_test)
