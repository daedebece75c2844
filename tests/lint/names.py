"""One meaning a name, and no name in a comment that is nowhere else.

A struct or enum tag is defined once, a `cr_<noun>_` prefix of exported functions belongs to one folder, and
no two sources have one name (but the table.c of a function table). Every `x.c`, `x.h` and `cr_*` in a comment
exists.
"""
import collections
import re

import lint

TAG = re.compile(r"^\s*(?:typedef\s+)?(struct|enum|union)\s+(cr_\w+)\s*\{", re.MULTILINE)
EXPORT = re.compile(r"^(?!static\b)[A-Za-z_][\w \t*]*?[ *](cr_[a-z0-9]\w*)\(", re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
NAMED_FILE = re.compile(r"(?<![\w.<*])((?:[\w-]+/)*[\w-]+\.[ch])(?![\w>])")
PLACEHOLDER = re.compile(r"[\w/]*NAME[\w.]*")
NAMED = re.compile(r"\bcr_\w+")
SHARED_NAMES = {"table.c", "CMakeLists.txt"}
FOREIGN_FILES = {"mpi.h", "mpi-ext.h", "hdf5.h", "curl.h", "cJSON.h", "csv.h", "xxhash.h", "cmocka.h", "a.c", "x.c", "x.h"}


def folder_of(root, path):
    parts = path.relative_to(root).parts
    return parts[2] if parts[0] == "include" else parts[1]


def place(root, path, text, start):
    return path, text.count("\n", 0, start) + 1


def tags_twice(root, texts):
    seen, found = {}, []
    for path, text in texts.items():
        if "tests" in path.relative_to(root).parts:
            continue
        for match in TAG.finditer(lint.code_only(text)):
            first = seen.setdefault(match.group(2), path)
            if first != path:
                line = text.count("\n", 0, match.start(1)) + 1
                found.append(lint.finding(root, path, line, f"{match.group(2)} is a tag of "
                                          f"{first.relative_to(root)} too"))
    return found


def nouns(texts):
    """Tags without cr_: a prefix is the longest noun that has a tag, else its first word."""
    return {match.group(2)[3:] for text in texts.values() for match in TAG.finditer(text)}


def prefix_of(name, known):
    words = name[3:].split("_")
    for length in range(len(words) - 1, 0, -1):
        if "_".join(words[:length]) in known:
            return "_".join(words[:length])
    return words[0]


def prefixes_twice(root, texts):
    known, users = nouns(texts), collections.defaultdict(dict)
    for path, text in texts.items():
        if path.suffix != ".h" or "tests" in path.relative_to(root).parts:
            continue
        for match in EXPORT.finditer(lint.code_only(text)):
            users[prefix_of(match.group(1), known)].setdefault(
                folder_of(root, path), (path, match.group(1), text.count("\n", 0, match.start(1)) + 1))
    found = []
    for prefix, folders in users.items():
        if len(folders) > 1:
            for path, name, line in folders.values():
                found.append(lint.finding(root, path, line, f"{name}: the prefix cr_{prefix}_ stands in "
                                          + " and ".join(sorted(folders))))
    return found


def files_twice(root, paths):
    seen, found = {}, []
    for path in paths:
        if path.suffix != ".c" or path.name in SHARED_NAMES or path.relative_to(root).parts[0] != "src":
            continue
        first = seen.setdefault(path.name, path)
        if first != path:
            found.append(lint.finding(root, path, 1, f"{first.relative_to(root)} has this name too"))
    return found


def is_known(name, code):
    """NAME, a whole identifier, or a prefix as in cr_tape_*, is in CODE."""
    return name in code or name.endswith("_") and any(word.startswith(name) for word in code)


def named_nowhere(root, texts):
    code = set()
    for path, text in texts.items():
        code.update(NAMED.findall(COMMENT.sub(" ", text)))
    names = {path.name for path in texts} | {path.name for path in lint.files(
        root, ("src", "include", "tests"), {".c", ".h"})} | FOREIGN_FILES
    found = []
    for path, text in texts.items():
        for comment in COMMENT.finditer(PLACEHOLDER.sub(" ", lint.literals_blanked(text))):
            line = text.count("\n", 0, comment.start()) + 1
            said = [word for word in NAMED.findall(comment.group()) if not is_known(word, code)]
            said += [name for name in NAMED_FILE.findall(comment.group())
                     if name.split("/")[-1] not in names and not (root / name).exists()]
            found += [lint.finding(root, path, line, f"{word} is named but does not exist")
                      for word in said]
    return found


def check(root):
    paths = lint.c_files(root)
    texts = {path: lint.read(path) for path in paths}
    return sorted(tags_twice(root, texts) + prefixes_twice(root, texts) + files_twice(root, paths)
                  + named_nowhere(root, texts))


def self_test():
    def expect(tree, *wanted):
        with lint.sample(tree) as root:
            found = check(root)
        assert len(found) == len(wanted), found
        for part, line in zip(wanted, found):
            assert part in line, (part, line)

    expect({"src/a/x.h": "struct cr_a {\n};\n", "src/b/y.h": "struct cr_b {\n};\n"})
    expect({"src/a/x.h": "struct cr_a {\n};\n", "src/b/y.h": "\nenum cr_a {\n};\n"},
           "src/b/y.h:2: cr_a is a tag of src/a/x.h")
    expect({"src/a/x.h": "int cr_a_open(int);\n", "src/b/y.h": "int cr_a_close(int);\n"},
           "src/a/x.h:1: cr_a_open", "src/b/y.h:1: cr_a_close")
    expect({"src/a/x.h": "int cr_a_open(int);\n", "src/b/y.h": "struct cr_a_b {\n};\nint cr_a_b_close(int);\n"})
    expect({"src/a/x.h": "int cr_a_open(int);\n", "include/credence/a/y.h": "int cr_a_close(int);\n"})
    expect({"src/a/x.c": "", "src/b/x.c": ""}, "src/b/x.c:1: src/a/x.c has this name")
    expect({"src/a/table.c": "", "src/b/table.c": ""})
    expect({"src/a/x.c": "// see y.h and cr_nothing\nint a;\n"}, "cr_nothing is named", "y.h is named")
    expect({"src/a/x.c": "// see x.c, <mpi.h>, cr_open_*\nint cr_open_it(int);\n"})
    expect({"src/a/x.c": 'const char *a = "// cr_none";\n'})


if __name__ == "__main__":
    lint.run(check, self_test)
