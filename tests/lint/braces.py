"""Every body of if, else, for, while and do stands in braces: a line can be added without reading twice."""
import re

import lint

KEYWORD = re.compile(r"\b(if|for|while|else|do)\b")


def after_parenthesis(code, at):
    """The place behind the parenthesis that opens at or after AT."""
    depth = 0
    for place in range(code.index("(", at), len(code)):
        depth += (code[place] == "(") - (code[place] == ")")
        if depth == 0:
            return place + 1
    return len(code)


def ends_do(code, start):
    """True when the `while` at START belongs to a `do { ... }`."""
    return code[:start].rstrip().endswith("}") and code[after_parenthesis(code, start):].lstrip().startswith(";")


def is_bare(code, match):
    keyword, behind = match.group(1), match.end()
    if keyword == "while" and ends_do(code, match.start()):
        return False
    if keyword in ("if", "for", "while"):
        behind = after_parenthesis(code, behind)
    body = code[behind:].lstrip()
    return not (body.startswith("{") or keyword == "else" and re.match(r"if\b", body))


def without_directives(code):
    """CODE with preprocessor lines blanked: #if is no statement, and a macro's body is its own affair."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()), code,
                  flags=re.MULTILINE)


def check(root):
    found = []
    for path in lint.c_files(root):
        code = without_directives(lint.code_only(lint.read(path)))
        found += [lint.finding(root, path, code.count("\n", 0, match.start()) + 1,
                               f"the body of '{match.group(1)}' has no braces")
                  for match in KEYWORD.finditer(code) if is_bare(code, match)]
    return found


def self_test():
    def expect(body, *wanted):
        lint.expect(check, "src/a.c", "void f(int a) {\n" + body + "\n}\n", *wanted)

    expect("if (a) { g(); } else if (b) { h(); } else { i(); }")
    expect("do { g(); } while (a);\nwhile (a) { g(); }\nfor (;;) { }")
    expect('// if only\nconst char *s = "while";')
    expect("if (a)\n g();", "src/a.c:2: the body of 'if'")
    expect("if (a) { g(); }\nelse\n h();", "src/a.c:3: the body of 'else'")
    expect("for (;;)\n g();", "'for'")
    expect("while (a(1, (2)))\n ;", "'while'")
    expect("if (a) { } else\n while (b) { }", "'else'")
    lint.expect(check, "src/a.c", "#if A\nint a;\n#else\nint b;\n#endif\n")


if __name__ == "__main__":
    lint.run(check, self_test)
