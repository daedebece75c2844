"""No shipped prompt holds a number that could be an answer: weak models hand it back.

A number counts when it stands in the words of a template, apart from 0 and 1 (the ends of the
scale), the names of quantiles (q05) and what a placeholder brings in. Examples show placeholders
such as <probability from 0 to 1>, which the reader refuses.
"""
import re

import lint

NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?|(?<![\w])\.\d+")
PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")
ENDS = {"0", "1"}
# Words that are numbers too: half, three quarters, fifty per cent.
WORDED = re.compile(r"\b(half|quarters?|thirds?|(?:ten|twenty|thirty|forty|fifty|sixty|seventy|"
                    r"eighty|ninety|hundred) (?:per cent|percent))\b", re.IGNORECASE)


def check_file(root, path):
    found = []
    for number, line in enumerate(lint.read(path).splitlines(), 1):
        words = PLACEHOLDER.sub("", line)
        for match in NUMBER.finditer(words):
            if match.group() not in ENDS:
                found.append(lint.finding(root, path, number,
                                          f"a number that could be an answer: {match.group()!r}"))
        for match in WORDED.finditer(words):
            found.append(lint.finding(root, path, number,
                                      f"a number in words: {match.group()!r}"))
    return found


def check(root):
    paths = lint.files(root, ("prompts",), {".txt"})
    return [what for path in paths for what in check_file(root, path)]


def self_test():
    def expect(name, text, *wanted):
        lint.expect(check, name, text, *wanted)
    name = "prompts/own/answer_judgment_binary.txt"
    expect(name, '{"price": 0.62}\n', ":1: a number that could be an answer: '0.62'")
    expect(name, 'One line.\n{"prices": {"A": .7, "B": .3}}\n', ":2: a number that could be an answer: '.7'", "'.3'")
    expect(name, '{"q05": 10, "q50": 20}\n', "'10'", "'20'")
    expect(name, "with 5 % probability\n", "'5'")
    expect(name, "write 70% as such\n", "'70'")
    expect(name, "about half of them\n", "'half'")
    expect(name, "seventy per cent\n", "'seventy per cent'")
    expect(name, '{"q05": <low>, "price": <probability from 0 to 1>}\n')
    expect(name, "from {{low}} to {{high}}, trader {{number}}\n")


if __name__ == "__main__":
    lint.run(check, self_test)
