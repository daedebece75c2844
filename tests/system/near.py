"""Numbers of `credence analyze` beside those of a reference."""

import json
import math

import harness


def analyze(*arguments):
    return json.loads(harness.run("analyze", *arguments, "--format", "json").out)


class NearTest(harness.TestCase):
    """Comparing numbers of the JSON with those of a reference."""

    def near(self, got, want, what, tolerance=1e-9):
        if want is None or (isinstance(want, float) and math.isnan(want)):
            self.assertIsNone(got, what)
            return
        self.assertIsNotNone(got, what)
        self.assertLessEqual(abs(got - want), tolerance * max(1.0, abs(want)),
                             f"{what}: {got} is not {want}")

    def all_near(self, got, want, what):
        for key, value in want.items():
            self.near(got[key], value, f"{what}.{key}")

    def intervals_near(self, got, want, what, tolerance=1e-8):
        for key, value in want.items():
            self.near(got[key]["low"], value and value[0], f"{what}.{key}.low", tolerance)
            self.near(got[key]["high"], value and value[1], f"{what}.{key}.high", tolerance)
