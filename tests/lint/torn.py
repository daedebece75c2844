"""Sentences in comments and string literals are whole: a formatter has torn none of them.

A comment's line that ends early goes on in the next for no reason when the next word would have fitted and
nothing is set as a table or list there. A literal that is one word between two others is what is left of a
sentence after a line was broken twice.
"""
import re

import lint

COLUMNS = 72  # a line whose next word would have ended before this was broken by nobody who read it
COMMENT = re.compile(r"^(.*?)//( ?)(.*)$")
FRAGMENT = re.compile(r'^\s*"[A-Za-z,;.]{1,14} "$')


def goes_on(line, following):
    """True when FOLLOWING continues the comment of LINE in the middle of a sentence, too early."""
    here, there = COMMENT.match(line), COMMENT.match(following)
    if not here or not there or '"' in here.group(1) or there.group(1).strip():
        return False
    if len(here.group(1)) != len(there.group(1)) or there.group(3).startswith((" ", "|")):
        return False
    said = here.group(3)
    if not said or re.search(r"[.:;,!?)]$", said) or "  " in said:
        return False
    word = there.group(3).split(" ")[0]
    return bool(re.match(r"[a-z]", word)) and len(line) + 1 + len(word) <= COLUMNS


def check_file(root, path):
    lines = lint.read(path).split("\n")
    found = []
    for at in range(len(lines) - 1):
        if goes_on(lines[at], lines[at + 1]):
            found.append(lint.finding(root, path, at + 1, "a comment's line ends early"))
        if FRAGMENT.match(lines[at + 1]) and lines[at].endswith('"'):
            found.append(lint.finding(root, path, at + 2, "a string literal of one word"))
    return found


def check(root):
    return [what for path in lint.c_files(root, ("src", "include")) for what in check_file(root, path)]


def self_test():
    def expect(text, *wanted):
        lint.expect(check, "src/a.c", text, *wanted)

    expect("// A sentence that is as long as lines are here, and goes on in the next line, since it\n"
           "// has to.\n")
    expect("// Broken after\n// three words.\n", "src/a.c:1: a comment's line ends early")
    expect("int a; // broken after\n       // three words\n", "src/a.c:1: a comment's")
    expect("// A list:\n// one\n// Another sentence.\n// x  a row\n// y  of a table\n")
    expect('const char *a = "one two three "\n    "four "\n    "five";\n', "src/a.c:2: a string literal")
    expect('const char *a[] = {\n    "four ",\n    "five"};\n')


if __name__ == "__main__":
    lint.run(check, self_test)
