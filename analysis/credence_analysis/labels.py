"""Names of groups that a reader can tell apart: only what differs between them, the rest once.

>>> labels = Labels(numbers)
>>> labels.short(numbers["groups"][0])        # "free · T 0.1"
>>> labels.common                             # "market, claims, maker weak, ..."
"""

SHORT = {"stop.threshold": "T", "stop.window": "w", "max_iterations": "N", "stop.rule": "rule"}
BARE = ("file", "protocol", "benchmark", "stance")  # their values say what they are
MORE = ("elicitation", "order", "prompts", "prompts_trader", "samples", "rounds", "memory",
        "chain_of_thought")
LINES_MAX = 6


def say(name, value):
    """One factor of a label."""
    return str(value) if name in BARE else f"{SHORT.get(name, name.replace('_', ' '))} {value}"


class Labels:
    """Labels of the groups of NUMBERS, the result of analyze; RUNS add factors that it lacks."""

    def __init__(self, numbers, runs=()):
        self.groups = numbers["groups"]
        rows = {str(name): (run, i) for run in runs for i, name in enumerate(run.cells["name"])}
        self._factors = {id(group): self._all(group, rows, numbers) for group in self.groups}
        names = list(dict.fromkeys(name for f in self._factors.values() for name in f))
        self.values = {name: list(dict.fromkeys(self.factor(g, name) for g in self.groups))
                       for name in names}
        self.differing = self._telling([name for name in names if len(self.values[name]) > 1])
        self.ambiguous = len({self._key(g) for g in self.groups}) < len(self.groups)

    @staticmethod
    def _all(group, rows, numbers):
        by = {name: value for name, value in group["factors"].items() if name != "cell"}
        if set(by) - {"file"}:
            return by  # grouped by factors: those are all that is known
        factors = {**by, **{k: v for k, v in group["first_cell"].items() if k != "name"}}
        run, row = rows.get(str(group["first_cell"]["name"]), (None, 0))
        for name in MORE if run is not None else ():
            if name in run.cells:
                value = run.cells[name][row]
                factors[name] = value.item() if hasattr(value, "item") else value
        return factors

    def _telling(self, names):
        """NAMES without those that another one determines, as the run does its models."""
        kept = list(names)
        for name in reversed(names):
            for other in kept:
                pairs = {(str(self.factor(g, other)), str(self.factor(g, name)))
                         for g in self.groups}
                if other != name and name != "stance" and len(pairs) == len(
                        self.values[other]) > 1:
                    kept.remove(name)
                    break
        return kept

    def factor(self, group, name):
        return self._factors[id(group)].get(name)

    def _key(self, group):
        return tuple(str(self.factor(group, name)) for name in self.differing)

    def short(self, group, without=()):
        """The factors that differ, but those in WITHOUT."""
        if self.ambiguous or not self.differing:
            return group["label"]
        parts = [say(name, self.factor(group, name)) for name in self.differing
                 if name not in without and self.factor(group, name) is not None]
        return " \u00b7 ".join(parts) or "all"

    @property
    def common(self):
        """What all groups have in common, in words; empty when there is one group."""
        if len(self.groups) < 2:
            return ""
        return ", ".join(say(name, values[0]) for name, values in self.values.items()
                         if len(values) == 1 and name not in MORE
                         and values[0] is not None)

    def line_factor(self):
        """The factor whose levels are lines of one panel: the most of 2 to LINES_MAX, or None."""
        fit = [name for name in self.differing if len(self.values[name]) <= LINES_MAX]
        return max(fit, key=lambda name: len(self.values[name])) if fit and not self.ambiguous \
            else None

    def panels(self, groups):
        """(title, [(line's label, its number, group)]) of each panel, equal in kind."""
        line = self.line_factor()
        if line is None:
            return [(self.short(group), [("", 0, group)]) for group in groups]
        if len(self.differing) == 1:
            return [("", [(say(line, self.factor(g, line)), self.values[line].index(
                self.factor(g, line)), g) for g in groups])]

        def title(group):
            return self.short(group, without=(line,))
        found = {}
        for group in groups:
            found.setdefault(title(group), []).append(group)
        return [(name, [(say(line, self.factor(g, line)), self.values[line].index(
            self.factor(g, line)), g) for g in mine]) for name, mine in found.items()]

    def axes(self):
        """The two factors of a sweep, numbers first, or one, or none."""
        def is_number(name):
            return all(isinstance(v, (int, float)) and not isinstance(v, bool)
                       for v in self.values[name])
        known = [name for name in self.differing if name not in MORE and name != "file"]
        return sorted(known, key=lambda name: (not is_number(name), -len(self.values[name])))[:2]

    def sections(self):
        """(heading, groups, the factors it names): by all but the last two factors that differ."""
        if len(self.differing) < 2 or self.ambiguous:
            return [("", list(self.groups), ())]
        heads = tuple(self.differing[:max(1, len(self.differing) - 2)])
        found = {}
        for group in self.groups:
            key = " \u00b7 ".join(say(name, self.factor(group, name)) for name in heads)
            found.setdefault(key, []).append(group)
        return [(key, groups, heads) for key, groups in found.items()]
