"""The explorer's page: one HTML file of our own scripts and style, and a policy that allows these alone."""

import base64
import hashlib
import html
import pathlib

VIEW = pathlib.Path(__file__).resolve().parent / "view"
SCRIPTS = ("dom", "pack", "where", "source", "chart", "list", "facets", "market", "app")


def _hash(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def script():
    parts = [(VIEW / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return '\n(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def policy(connect):
    """The content security policy: these scripts and this style, and CONNECT for data."""
    style = (VIEW / "view.css").read_text(encoding="utf-8")
    return (f"default-src 'none'; script-src {_hash(script())}; style-src {_hash(style)}; "
            f"connect-src {connect}; base-uri 'none'; form-action 'none'")


def page(title, data="", connect="'self'"):
    """The page as text. DATA: ready HTML of data blocks, for a bundle."""
    parts = {"title": html.escape(title, quote=True), "policy": policy(connect), "data": data,
             "style": (VIEW / "view.css").read_text(encoding="utf-8"), "script": script()}
    text = (VIEW / "page.html").read_text(encoding="utf-8")
    out, rest = [], text
    while "{{" in rest:
        before, _, rest = rest.partition("{{")
        name, _, rest = rest.partition("}}")
        out += [before, parts[name]]
    return "".join(out) + rest
