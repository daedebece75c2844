"""python3 -m credence_analysis report DIR|FILE -o report.html"""

import argparse
import os
import sys

from . import report


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="credence_analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("report", help="one self-contained HTML page of a run")
    one.add_argument("run", help="a run directory, or a run file")
    one.add_argument("-o", "--output", default="report.html", help="default report.html")
    one.add_argument("--by", help="group by these factors instead of by cell, as in "
                                  "credence analyze --by")
    one.add_argument("--resamples", type=int, help="bootstrap replicates (default 2000)")
    chosen = parser.parse_args(arguments)
    try:
        text = report.make(chosen.run, by=chosen.by.split(",") if chosen.by else None,
                           resamples=chosen.resamples)
    except (OSError, RuntimeError, KeyError) as problem:
        print(f"credence_analysis: {problem}", file=sys.stderr)
        return 1
    part = chosen.output + ".part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, chosen.output)  # a reader sees the old page or the new one
    return 0


if __name__ == "__main__":
    sys.exit(main())
