"""Figures, reports and the explorer of credence's runs."""

import argparse
import importlib
import os
import sys

from . import preflight
from .needs import missing

EXPECTED = (OSError, RuntimeError, KeyError, ValueError, ImportError)


def _parser():
    parser = argparse.ArgumentParser(prog="credence-analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("report", help="one self-contained HTML page of a run")
    one.add_argument("run", nargs="+", help="run directories, or run files")
    one.add_argument("-o", "--output", default="report.html", help="default report.html")
    one.add_argument("--by", help="group by these factors instead of by cell, as in "
                                  "credence analyze --by")
    one.add_argument("--resamples", type=int, help="bootstrap replicates (default 2000)")
    one.add_argument("--bundle", metavar="FILE", help="also write the explorer as one file, and "
                                                      "link every row to its markets there")
    one = commands.add_parser("view", help="every market in a browser, on this machine")
    one.add_argument("run", nargs="+", help="run directories, or run files")
    one.add_argument("--port", type=int, help="on loopback (default 8265, or any when taken)")
    one.add_argument("--unix-socket", metavar="PATH", help="instead of a port")
    one.add_argument("--bundle", metavar="FILE", help="write one self-contained HTML file instead")
    one.add_argument("--max-mb", type=float, default=50, help="most a bundle may hold, in "
                                                              "millions of bytes (default 50)")
    one.add_argument("--no-texts", action="store_true", help="a bundle of prices alone")
    return parser


def write_whole(path, text):
    """TEXT at PATH in UTF-8 whatever the locale; a reader sees the old file or the new one."""
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe is written through
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        return
    path = os.path.realpath(path)
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        if os.path.exists(part):
            os.unlink(part)
        raise


def _report(chosen):
    from . import bundle, report
    link = None
    if chosen.bundle is not None:
        write_whole(chosen.bundle, bundle.make(chosen.run))
        link = os.path.relpath(chosen.bundle, os.path.dirname(os.path.abspath(chosen.output)))
    write_whole(chosen.output, report.make(
        *chosen.run, by=chosen.by.split(",") if chosen.by else None, resamples=chosen.resamples,
        bundle=link))
    print(chosen.output)


def _view(chosen):
    if chosen.bundle is None:
        from . import serve
        serve.view(chosen.run, chosen.port, chosen.unix_socket)
        return
    from . import bundle
    text = bundle.make(chosen.run, chosen.max_mb, not chosen.no_texts)
    write_whole(chosen.bundle, text)
    print(f"{chosen.bundle}: {len(text.encode('utf-8', 'replace')) / 1e6:.1f} MB "
          f"(at most {chosen.max_mb:g}, --max-mb)")


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names of runs print whatever the locale
            stream.reconfigure(encoding="utf-8", errors="replace")
    chosen = _parser().parse_args(arguments)
    try:
        importlib.import_module(".checked", __package__)  # what is missing is said first
        for path in chosen.run:
            preflight.check(path)
        {"report": _report, "view": _view}[chosen.command](chosen)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EXPECTED as problem:
        if isinstance(problem, ImportError):
            problem = missing(problem)
        text = " ".join(str(problem).split()) or type(problem).__name__
        print(f"credence-analysis: {text}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
