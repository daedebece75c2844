"""The JSON of job files against Python's reader: what one refuses the other refuses, and what is printed again
reads back as the same value. Thousands of texts, always the same ones: the dark corners, and spoilt copies of
them. Beyond the standard, job files refuse keys that appear twice, numbers that no double holds, and the escapes
of NUL and of half a surrogate pair."""
import json
import os
import random
import subprocess
import unittest

import harness

PROGRAM = os.environ.get("JSON_CHECK_BIN", str(harness.SOURCE / "build" / "tests" / "support" / "json_check"))

CORNERS = [
    "01", "1.", "1.e5", "-", "-.5", "1e", "1e+", ".5", "+1", "0x1", "1_0", "--1", "1-1", "1e5.5", '"\t"', '"a\nb"',
    '"\x01"', '"\\x"', '"\\u12"', '"\\ud800"', '"\\ud800\\u0041"', '"\\udc00"', '"\\u0000"', '"a\\u0000b"',
    '"\\ud83d\\ude00"', '{"a":1,}', "[1,]", "[,1]", "{,}", "nul", "true1", "truefalse", "[1 2]", '{"a" 1}',
    '{"a":1 "b":2}', "\x0b1", "\x0c1", "\xa01", "1\x00", '{"a":1,"a":2}', "NaN", "Infinity", "-Infinity", "1e400",
    "-1e400", "1e-400", "123456789012345678901234567890", "0.1", "1E5", "-0", "-0.0", "0e0", '"\x7f"', '"\u2028"',
    '""', "[]", "{}", "[[]]", "null", "  null  ", '"\\/"', '"\\b\\f\\n\\r\\t"', "'a'", "/*c*/1", "1//c", "[1]]",
    '{"":1}', '{"\\u0000":1}', "9007199254740993", "1e22", "1.7976931348623157e308", "4.9e-324",
    "2.2250738585072011e-308", "0.30000000000000004", "5e-324", '"\\ud800\\udc00"', '"\\uDBFF\\uDFFF"',
    '"\\uD800\\uD800"', "\r\n1\r\n", "\t1", '{"a":[1,2.5e3,{"b":"x\\u00e9"}],"c":null}', "[truefalse]", "[1.5.5]",
    '{"a":tru}', "[-]", '{"a":{"b":1,"b":2}}', '[{"x":1},{"x":1}]']


def texts():
    draw = random.Random(3)

    def spoil(text):
        chars = list(text)
        for _ in range(draw.randrange(1, 4)):
            kind, char = draw.randrange(4), draw.choice('{}[]:,"\\ueE+-.0123456789 \t\n\x01abtrufalsn')
            if kind == 0 and chars:
                chars[draw.randrange(len(chars))] = char
            elif kind == 1:
                chars.insert(draw.randrange(len(chars) + 1), char)
            elif kind == 2 and chars:
                del chars[draw.randrange(len(chars))]
            else:
                chars += draw.choice(CORNERS)
        return "".join(chars)

    found = CORNERS + [spoil(draw.choice(CORNERS)) for _ in range(6000)]
    broken = [b'"\xff"', b'"\xc3"', b'{"\xed\xa0\x80":1}', b'"\xc0\xaf"', b'"\xf4\x90\x80\x80"', b'"ok \xe2\x82\xac"']
    return [text.encode() for text in found] + broken


def refuse(why):
    raise ValueError(why)


def pairs(members):
    keys = [key for key, _ in members]
    return dict(members) if len(set(keys)) == len(keys) else refuse("a key twice")


def number(text):
    value = float(text)
    return value if abs(value) != float("inf") else refuse("too large")


def strict(raw):
    """The value of RAW by Python's reader, with what job files refuse beyond the standard."""
    value = json.loads(raw.decode(), parse_constant=refuse, object_pairs_hook=pairs, parse_float=number,
                       parse_int=number)

    def walk(node):
        if isinstance(node, str):
            node.encode()  # half a surrogate pair
            if "\0" in node:
                refuse("NUL")
        for child in (node if isinstance(node, list) else [*node, *node.values()] if isinstance(node, dict) else []):
            walk(child)
    walk(value)
    return value


class JsonTest(harness.TestCase):
    def test_it_refuses_and_reads_what_python_does(self):
        all_texts = texts()
        told = subprocess.run([PROGRAM], input="\n".join(text.hex() for text in all_texts) + "\n", text=True,
                              capture_output=True, check=True, timeout=300).stdout.split("\n")
        self.assertEqual(len(told), len(all_texts) + 1)
        refused = 0
        for text, answer in zip(all_texts, told):
            try:
                value = strict(text)
            except (ValueError, RecursionError):
                refused += 1
                self.assertTrue(answer.startswith("no "), (text, answer))
                continue
            self.assertTrue(answer.startswith("ok "), (text, answer))
            self.assertEqual(strict(answer[3:].encode()), value, text)
        self.assertGreater(refused, 1000)
        self.assertGreater(len(all_texts) - refused, 300)


if __name__ == "__main__":
    harness.main()
