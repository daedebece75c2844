"""`credence-analysis view DIR...`: the explorer on loopback.

Login nodes are shared, so the address holds a token that every request must bear; the Host
header must name this machine, or a page elsewhere could reach it by DNS rebinding. Nothing is
written, and only GET is answered.
"""

import getpass
import hmac
import http.server
import json
import os
import secrets
import socket
import socketserver
import sys
import threading
import urllib.parse

from . import pack, site
from .checked import BadFile
from .run import open_run
from .search import search
from .transcript_json import market

HOSTS = {"127.0.0.1", "localhost", "[::1]"}
PORT = 8265
QUERY_MAX = 500


class Runs:
    """The runs that are looked at, read again when their files change."""

    def __init__(self, paths):
        self.paths = [os.fspath(path) for path in paths]
        self.lock = threading.Lock()
        self.version = self.packet = None
        self.runs = []
        self.refresh()

    def now(self):
        """A word that changes when a run has gone on."""
        parts = []
        for path in self.paths:
            names = [os.path.join(path, n) for n in ("run.h5", "status.json")] if os.path.isdir(
                path) else [path]
            for name in names:
                try:
                    told = os.stat(name)
                    parts.append(f"{told.st_mtime_ns}.{told.st_size}.{told.st_ino}")
                except OSError:
                    parts.append("-")
        return "/".join(parts)

    def refresh(self):
        """Reads what has changed; a file caught in the middle of a change waits for the next time."""
        version = self.now()
        if version == self.version:
            return
        try:
            runs = [open_run(path) for path in self.paths]
            packet = pack.build(runs, self.labels(runs), version)
        except (BadFile, OSError):
            if self.packet is None:
                raise
            return
        self.runs, self.packet, self.version = runs, packet, version

    def labels(self, runs):
        names = [run.name for run in runs]
        return [name if names.count(name) == 1 else f"{name} ({path})"
                for name, path in zip(names, self.paths)]

    @property
    def title(self):
        return ", ".join(run.name for run in self.runs)


class Handler(http.server.BaseHTTPRequestHandler):
    server_version, sys_version = "credence", ""
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, format, *args):  # quiet: the address with its token is no log line
        pass

    def address_string(self):
        return "client"

    def _send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
                            ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
                            ("Cross-Origin-Resource-Policy", "same-origin"),
                            ("Cross-Origin-Opener-Policy", "same-origin"),
                            ("Content-Security-Policy",
                             site.policy("'self'") + "; frame-ancestors 'none'")):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _plain(self, status, text):
        self._send(status, "text/plain; charset=utf-8", (text + "\n").encode())

    def _json(self, value):
        self._send(200, "application/json",
                   json.dumps(value, ensure_ascii=True, allow_nan=False).encode())

    def _is_allowed(self, query):
        host = self.headers.get("Host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if name.lower() not in HOSTS:
            self._plain(403, f"The Host header names {ascii(host[:80])}; this page is for "
                             "127.0.0.1 and localhost alone.")
            return False
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            self._plain(403, "Another site asked for this.")
            return False
        token = self.headers.get("X-Credence-Token") or query.get("token", [""])[0]
        if not hmac.compare_digest(token.encode("utf-8", "replace"),
                                   self.server.token.encode()):
            self._plain(403, "The address lacks its token: copy the whole line that "
                             "credence-analysis view printed.")
            return False
        return True

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query, max_num_fields=20)
        if not self._is_allowed(query):
            return
        answer = {"/": self._page, "/markets": self._markets, "/market": self._market,
                  "/search": self._search, "/state": self._state}.get(url.path)
        if answer is None:
            self._plain(404, "There is no such page.")
            return
        try:
            answer(query)
        except (BrokenPipeError, ConnectionResetError):
            pass
        except (BadFile, OSError, ValueError, IndexError) as problem:
            self._plain(500, " ".join(str(problem).split()))

    do_HEAD = do_GET

    def _page(self, query):
        self._send(200, "text/html; charset=utf-8", site.page(self.server.runs.title).encode(
            "utf-8", "replace"))

    def _markets(self, query):
        with self.server.runs.lock:
            self.server.runs.refresh()
            packet = self.server.runs.packet
        self._send(200, "application/octet-stream", packet)

    def _state(self, query):
        self._json({"version": self.server.runs.now()})

    def _market(self, query):
        runs = self.server.runs
        try:
            at, episode = int(query["run"][0]), int(query["episode"][0])
        except (KeyError, ValueError):
            self._plain(400, "A market is asked for by run and episode, two numbers.")
            return
        if not 0 <= at < len(runs.runs) or not 0 <= episode < len(runs.runs[at].episodes):
            self._plain(404, "There is no such market.")
            return
        self._json(market(runs.runs[at], runs.paths[at], episode, "prompts" in query))

    def _search(self, query):
        wanted = query.get("q", [""])[0]
        if not 0 < len(wanted) <= QUERY_MAX:
            self._plain(400, f"A search is 1 to {QUERY_MAX} characters long.")
            return
        found, notes = [], []
        for at, run in enumerate(self.server.runs.runs):
            episodes, note = search(run, wanted)
            found += [[at, int(e)] for e in episodes]
            notes += [note] if note else []
        self._json({"found": found, "note": " ".join(notes)})


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A client that went away is no news; anything else is one line."""
        problem = sys.exc_info()[1]
        if not isinstance(problem, (ConnectionError, TimeoutError, socket.timeout)):
            print(f"credence-analysis view: {type(problem).__name__}: {problem}", file=sys.stderr)


class UnixServer(Server):
    address_family = socket.AF_UNIX

    def server_bind(self):
        # Only the owner may connect; the file is made that way, not changed afterwards.
        before = os.umask(0o177)
        try:
            socketserver.TCPServer.server_bind(self)
        finally:
            os.umask(before)
        self.server_name, self.server_port = "localhost", 0

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("unix socket", 0)


def open_server(paths, port=None, unix_socket=None):
    """A server of the runs at PATHS that is bound and not yet serving."""
    runs = Runs(paths)
    if unix_socket:
        server = UnixServer(unix_socket, Handler)
    else:
        try:
            server = Server(("127.0.0.1", PORT if port is None else port), Handler)
        except OSError:
            if port is not None:
                raise
            server = Server(("127.0.0.1", 0), Handler)  # the usual port is taken
    server.runs, server.token = runs, secrets.token_urlsafe(24)
    return server


def lines(server, unix_socket=None):
    """What a person needs to open the page, from here and from elsewhere."""
    user, host = getpass.getuser(), socket.gethostname()
    port = PORT if unix_socket else server.server_port
    count = sum(len(run.episodes) for run in server.runs.runs)
    target = os.path.abspath(unix_socket) if unix_socket else f"127.0.0.1:{port}"
    out = [f"{count:,} markets of {server.runs.title}"]
    if not unix_socket:
        out.append(f"  http://127.0.0.1:{port}/?token={server.token}")
    out += ["from another machine, first", f"  ssh -N -L {port}:{target} {user}@{host}",
            "then open there" + (" the address above" if not unix_socket else "")]
    if unix_socket:
        out.append(f"  http://127.0.0.1:{port}/?token={server.token}")
    return out + ["Ctrl-C ends it."]


def view(paths, port=None, unix_socket=None):
    """Serves until it is interrupted."""
    server = open_server(paths, port, unix_socket)
    try:
        print("\n".join(lines(server, unix_socket)), flush=True)
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        if unix_socket:
            os.unlink(unix_socket)
