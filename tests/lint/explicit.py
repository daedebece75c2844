"""A pointer is compared with NULL and a status with CR_OK: what is tested is said.

Read by libclang (Debian: python3-clang), since only a compiler knows what is a pointer. Takes the build
folder as a second argument: its compile_commands.json says what is compiled how.
"""
import json
import pathlib
import shlex
import sys

import lint

try:
    from clang import cindex
    from clang.cindex import CursorKind, TypeKind
except ImportError:
    cindex = None


def wanted_of(node):
    """What NODE should be compared with: "NULL", "CR_OK" or None."""
    kind = node.type.get_canonical()
    if kind.kind == TypeKind.POINTER:
        return "NULL"
    if kind.kind == TypeKind.ENUM and kind.spelling.removeprefix("const ") == "enum cr_status":
        return "CR_OK"
    return None


def bare(node):
    """NODE without parentheses and conversions."""
    while node.kind in (CursorKind.UNEXPOSED_EXPR, CursorKind.PAREN_EXPR):
        inner = list(node.get_children())
        if len(inner) != 1:
            break
        node = inner[0]
    return node


def operator(node, text):
    """The operator of a binary NODE with its place between the operands, or of a unary one."""
    parts = list(node.get_children())
    if node.kind == CursorKind.UNARY_OPERATOR:
        return text[node.extent.start.offset:node.extent.start.offset + 1]
    return text[parts[0].extent.end.offset:parts[1].extent.start.offset].strip(b" \t\n()")


class Reader:
    """Walks one translation unit and gathers the truth tests that do not say what they test."""

    def __init__(self, root, texts):
        self.root, self.texts, self.found = root, texts, set()

    def text(self, node):
        path = node.location.file.name
        if path not in self.texts:
            self.texts[path] = pathlib.Path(path).read_bytes()
        return self.texts[path]

    def tested(self, node):
        node = bare(node)
        if node.kind == CursorKind.BINARY_OPERATOR and \
                operator(node, self.text(node)).split(b"//")[0].strip() != b"=":
            return
        wanted = wanted_of(node)
        if wanted:
            path = pathlib.Path(node.location.file.name)
            self.found.add(lint.finding(self.root, path, node.location.line, f"compare with {wanted}"))

    def condition_of(self, node, parts):
        if node.kind in (CursorKind.IF_STMT, CursorKind.WHILE_STMT, CursorKind.CONDITIONAL_OPERATOR):
            return [parts[0]]
        if node.kind == CursorKind.DO_STMT:
            return [parts[-1]]
        if node.kind == CursorKind.BINARY_OPERATOR and len(parts) == 2 and \
                operator(node, self.text(node))[:2] in (b"&&", b"||"):
            return parts
        if node.kind == CursorKind.UNARY_OPERATOR and operator(node, self.text(node)) == b"!":
            return parts
        return []

    def walk(self, node):
        parts = list(node.get_children())
        if node.location.file and parts:
            for part in self.condition_of(node, parts):
                self.tested(part)
        for part in parts:
            self.walk(part)


def arguments(command):
    words, kept = shlex.split(command), []
    for at, word in enumerate(words):
        if word.startswith(("-I", "-D", "-std")):
            kept.append(word)
        elif word == "-isystem":
            kept += [word, words[at + 1]]
    return kept


def check_build(root, build):
    if cindex is None:
        raise lint.CannotCheck("python3-clang is not there")
    try:
        index = cindex.Index.create()
    except cindex.LibclangError as error:
        raise lint.CannotCheck("libclang is not there") from error
    texts, found, seen = {}, set(), set()
    for entry in json.loads(lint.read(build / "compile_commands.json")):
        if not entry["file"].startswith(f"{root}/"):
            continue
        reader = Reader(root, texts)
        for node in index.parse(entry["file"], args=arguments(entry["command"])).cursor.get_children():
            path = node.location.file and node.location.file.name
            if not path or not str(pathlib.Path(path).resolve()).startswith(f"{root}/"):
                continue
            key = (path, node.extent.start.offset)
            if path == entry["file"] or key not in seen:
                reader.walk(node)
            seen.add(key)
        found |= reader.found
    return sorted(found)


def check(root):
    return check_build(root, pathlib.Path(sys.argv[2]).resolve())


def self_test():
    def checked(body):
        head = "enum cr_status { CR_OK, CR_E };\nint f(char *p, enum cr_status s, int n) {\n"
        with lint.sample({"a.c": head + body + "\nreturn 0; }\n"}) as root:
            root = root.resolve()
            entry = {"file": str(root / "a.c"), "directory": str(root), "command": f"cc -std=c11 -c {root}/a.c"}
            (root / "compile_commands.json").write_text(json.dumps([entry]))
            return check_build(root, root)

    assert checked("if (p != 0 && s == CR_OK && !n && n) { return n ? 1 : 2; }") == []
    for body, wanted in (("if (p) { }", "NULL"), ("while (!p) { }", "NULL"), ("if (s) { }", "CR_OK"),
                         ("if (n && (s)) { }", "CR_OK"), ("return p ? 1 : 2;", "NULL"),
                         ("do { } while (s);", "CR_OK"), ("if ((p = 0)) { }", "NULL")):
        found = checked(body)
        assert len(found) == 1 and found[0] == f"a.c:3: compare with {wanted}", (body, found)


if __name__ == "__main__":
    lint.run(check, self_test)
