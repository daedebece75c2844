"""A server that speaks TLS and HTTP/2 with ill intent: no crash, no wait without end, memory that stays bounded, and
the reason that fits.

What nghttpx in front cannot be made to say is said by a server of the test's own, frame by frame; with nghttpx the
server behind it misbehaves, and the proxy itself dies.
"""

import collections
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import unittest

import harness
from test_transport import BARE, TlsFront

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 5, 6, 7, 8, 9)
END_STREAM, END_HEADERS = 1, 4
OK = b"\x88"  # HPACK: ":status: 200" of the static table
FLOOD_BYTES = 24 << 20
MEMORY_KB = 200 << 10


def frame(kind, flags=0, stream=0, body=b"", length=None):
    size = len(body) if length is None else length
    return struct.pack(">I", size)[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + body


def field(name, value):
    """A header that enters no table; lengths of HPACK are integers with a 7-bit prefix."""
    def text(raw):
        size, out = len(raw), bytearray()
        if size < 127:
            out.append(size)
        else:
            out.append(127)
            size -= 127
            while size >= 128:
                out.append(size % 128 + 128)
                size //= 128
            out.append(size)
        return bytes(out) + raw
    return b"\x00" + text(name) + text(value)


def flood(connection, pieces):
    sent = 0
    while sent < FLOOD_BYTES:
        connection.sendall(pieces)
        sent += len(pieces)


def goaway(c, _stream):
    c.sendall(frame(GOAWAY, body=struct.pack(">II", 0, 0)))


def goaway_error(c, stream):
    c.sendall(frame(GOAWAY, body=struct.pack(">II", stream, 11) + b"enhance your calm"))


def reset(c, stream):
    c.sendall(frame(RST_STREAM, stream=stream, body=struct.pack(">I", 2)))


def refused_stream(c, stream):
    c.sendall(frame(RST_STREAM, stream=stream, body=struct.pack(">I", 7)))


def reset_mid_body(c, stream):
    c.sendall(frame(HEADERS, END_HEADERS, stream, OK) + frame(DATA, 0, stream, b'{"choices": [') +
              frame(RST_STREAM, stream=stream, body=struct.pack(">I", 8)))


def endless_continuation(c, stream):
    c.sendall(frame(HEADERS, 0, stream, OK))
    flood(c, frame(CONTINUATION, 0, stream, field(b"x-filler", b"y" * 16000)))


def huge_header(c, stream):
    block = OK + field(b"x-huge", b"z" * (4 << 20))
    c.sendall(frame(HEADERS, 0, stream, block[:16000]))
    for at in range(16000, len(block), 16000):
        rest = block[at:at + 16000]
        c.sendall(frame(CONTINUATION, END_HEADERS if at + 16000 >= len(block) else 0, stream, rest))


def many_headers(c, stream):
    """Hundreds of times the same answer's head."""
    for _ in range(4000):
        c.sendall(frame(HEADERS, END_HEADERS, stream, OK + field(b"x-more", b"w" * 2000)))


def bad_hpack(c, stream):
    c.sendall(frame(HEADERS, END_HEADERS, stream, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))


def too_long_a_frame(c, stream):
    c.sendall(frame(DATA, 0, stream, b"q" * 1000, length=(1 << 24) - 1))


def beyond_the_window(c, stream):
    c.sendall(frame(HEADERS, END_HEADERS, stream, OK))
    flood(c, frame(DATA, 0, stream, b" " * 16000))


def data_before_headers(c, stream):
    c.sendall(frame(DATA, END_STREAM, stream, b"{}"))


def data_on_stream_zero(c, _stream):
    c.sendall(frame(DATA, 0, 0, b"{}"))


def push(c, stream):
    c.sendall(frame(PUSH_PROMISE, END_HEADERS, stream, struct.pack(">I", 2) + OK))


def window_overflow(c, stream):
    for _ in range(3):
        c.sendall(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7fffffff)))


def ping_flood(c, _stream):
    flood(c, frame(PING, body=b"pingping") * 1000)


def settings_flood(c, _stream):
    flood(c, frame(SETTINGS, body=struct.pack(">HI", 4, 0x7fffffff) * 10) * 100)


def empty_frames(c, stream):
    c.sendall(frame(HEADERS, END_HEADERS, stream, OK))
    flood(c, frame(DATA, 0, stream) * 1000)


def noise(c, _stream):
    c.sendall(bytes(range(256)) * 64)


def silence(c, _stream):
    time.sleep(0.01)
    hold(c)


def slow_body(c, stream):
    """Slow-loris: a byte, and another, for as long as it is listened to."""
    c.sendall(frame(HEADERS, END_HEADERS, stream, OK))
    for _ in range(3000):
        c.sendall(frame(DATA, 0, stream, b" "))
        time.sleep(0.02)


def half_a_frame(c, stream):
    c.sendall(frame(HEADERS, END_HEADERS, stream, OK)[:7])
    c.shutdown(socket.SHUT_WR)


def hold(connection):
    """Until the client goes."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


# What is done once a request has come; the reasons that fit.
FRAMES = {goaway: "connection", goaway_error: "connection timeout", reset: "connection", refused_stream: "connection",
          reset_mid_body: "connection", endless_continuation: "connection", huge_header: "connection",
          many_headers: "connection timeout", bad_hpack: "connection", too_long_a_frame: "connection timeout",
          beyond_the_window: "connection timeout server", data_before_headers: "connection",
          data_on_stream_zero: "connection", push: "connection timeout", window_overflow: "connection timeout",
          ping_flood: "connection timeout", settings_flood: "connection timeout",
          empty_frames: "connection timeout", noise: "connection timeout", silence: "timeout",
          slow_body: "timeout", half_a_frame: "connection timeout"}


class Hostile:
    """A server on a port of its own; HANDLE(socket) has each connection."""

    def __init__(self, handle):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.handle, self.seen, self.open = handle, collections.Counter(), set()
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.seen["connections"] += 1
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(30)
            self.open.add(connection)
            self.handle(self, connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class HostileTransportTest(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("openssl"):
            raise unittest.SkipTest("openssl is needed for a certificate")

    def setUp(self):
        super().setUp()
        self.certificate, self.key = self.dir / "certificate.pem", self.dir / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.key,
                        "-out", self.certificate], check=True, capture_output=True, timeout=120)
        self.claims = self.write_claims(2)

    def context(self, *protocols):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def frames(self, misbehave, *protocols):
        context = self.context(*(protocols or ("h2",)))

        def handle(server, connection):
            with context.wrap_socket(connection, server_side=True) as c:
                c.sendall(frame(SETTINGS))
                for stream in self.streams_of(c):
                    server.seen["requests"] += 1
                    misbehave(c, stream)
        return handle

    @staticmethod
    def streams_of(connection):
        """The stream of each HEADERS that comes, until the client goes."""
        received, at = b"", len(PREFACE)
        while piece := connection.recv(65536):
            received += piece
            while len(received) >= at + 9:
                if received[at + 3] == HEADERS:
                    yield struct.unpack(">I", received[at + 5:at + 9])[0]
                at += 9 + int.from_bytes(received[at:at + 3], "big")

    def run_to(self, name, url):
        """(the result, the reasons of the episodes, the most memory it had in KiB)."""
        job = self.write_job(self.http_job(url, self.claims, models__m__limits={
            "concurrency": 2, "timeout_s": 2, "retries": 1}), name + ".json")
        told = self.dir / f"{name}.stderr"
        with open(told, "w", encoding="utf-8") as err:
            process = harness.start("run", job, "-o", self.dir / name, "--max-failed", "100%", "--quiet",
                                    stdout=err, stderr=err, env={**BARE, "CURL_CA_BUNDLE": str(self.certificate)})
        deadline, code, used = time.monotonic() + 90, None, None
        while code is None and time.monotonic() < deadline:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            code = os.waitstatus_to_exitcode(status) if pid else None
            time.sleep(0 if pid else 0.02)
        process.returncode = code
        if code is None:
            harness.kill_all(process)
        self.assertIsNotNone(code, f"{name}: it does not end")
        text = told.read_text()
        self.assertNotIn("AddressSanitizer", text)
        self.assertNotIn("runtime error", text)
        self.assertIn(code, (3, 75), text)
        names = {7: "connection", 8: "timeout", 14: "server"}
        reasons = harness.read_run(self.dir / name / "run.h5", "reason")["reason"]
        return text, {names.get(r, str(r)) for r in reasons}, used.ru_maxrss

    def check(self, name, server, reasons):
        with self.subTest(name=name):
            _, found, most = self.run_to(name, server.url)
            self.assertLessEqual(found, set(reasons.split()), name)
            self.assertTrue(found)
            if "asan" not in os.environ.get("ASAN_OPTIONS", "") and not self.is_sanitized():
                self.assertLess(most, MEMORY_KB, f"{name}: memory")

    @staticmethod
    def is_sanitized():
        return b"__asan_init" in pathlib.Path(harness.CREDENCE).read_bytes()

    def test_frames_of_http2_that_break_the_rules(self):
        for misbehave, reasons in FRAMES.items():
            with Hostile(self.frames(misbehave)) as server:
                self.check(misbehave.__name__, server, reasons)
                self.assertGreater(server.seen["requests"], 0, f"{misbehave.__name__}: it never spoke HTTP/2")

    def test_a_protocol_that_was_not_agreed_on(self):
        with Hostile(self.frames(goaway, "http/1.1")) as server:
            self.check("frames_in_http1", server, "connection timeout")

    def test_tls_that_breaks_off_or_never_begins(self):
        def cut_hello(_, c):
            c.recv(4096)
            c.sendall(b"\x16\x03\x03\xff\xff\x02\x00")

        def alert(_, c):
            c.recv(4096)
            c.sendall(b"\x15\x03\x03\x00\x02\x02\x28")

        def plain(_, c):
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            hold(c)

        def mute(_, c):
            hold(c)

        def drip(_, c):
            c.recv(4096)
            for byte in b"\x16\x03\x03\x40\x00" + bytes(3000):
                c.sendall(bytes((byte,)))
                time.sleep(0.02)

        def noise_after_hello(_, c):
            with self.context("h2").wrap_socket(c, server_side=True) as tls:
                raw = socket.socket(fileno=os.dup(tls.fileno()))
                with raw:
                    raw.sendall(b"\x17\x03\x03\x01\x00" + bytes(256))
                hold(tls)

        for handle, reasons in ((cut_hello, "connection timeout"), (alert, "connection"), (plain, "connection"),
                                (mute, "timeout connection"), (drip, "timeout connection"),
                                (noise_after_hello, "connection")):
            with Hostile(handle) as server:
                self.check(handle.__name__, server, reasons)

    def test_a_body_that_tls_does_not_end_is_no_reply(self):
        """Whoever cuts a connection could end a body where it suits them."""
        def cut(server, c):
            with self.context("http/1.1").wrap_socket(c, server_side=True) as tls:
                while b"\r\n\r\n" not in tls.recv(65536):
                    pass
                server.seen["requests"] += 1
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
                            b'{"choices": [{"message": {"content": "{}"')

        with Hostile(cut) as server:
            self.check("cut", server, "connection server")

    def test_behind_a_proxy_that_dies_and_comes_back(self):
        with harness.FaultServer({"latency_ms": 30, "rules": [
                {"faults": ["reset_before", "reset_mid", "truncated", "500"], "share": 0.1}]}) as server, \
                TlsFront(self.dir, server) as front:
            job = self.write_job(self.http_job(front.url, self.write_claims(60), models__m__limits={
                "concurrency": 16, "timeout_s": 20, "retries": 12}))
            process = harness.start("run", job, "-o", self.dir / "run", "--quiet",
                                    env={**BARE, "CURL_CA_BUNDLE": str(front.certificate)})
            try:
                harness.wait_for(lambda: server.stats()["requests"] > 40, 120, "calls flow")
                port = front.port
                for how in (signal.SIGKILL, signal.SIGTERM):
                    front.process.send_signal(how)
                    front.process.wait(60)
                    before = server.stats()["requests"]
                    front.process = subprocess.Popen([*front.arguments, f"--frontend=127.0.0.1,{port}"],
                                                     stdin=subprocess.DEVNULL, stdout=front.errors,
                                                     stderr=front.errors)
                    harness.wait_for(lambda: server.stats()["requests"] > before or process.poll() is not None,
                                     120, "calls flow again")
            except BaseException:
                harness.kill_all(process)
                raise
            result = harness.finish(process, 240)
        self.assertEqual(0, result.code, str(result))
        self.assertEqual({1}, set(harness.read_run(self.dir / "run" / "run.h5", "status")["status"]))


if __name__ == "__main__":
    harness.main()
