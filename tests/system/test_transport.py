"""What lies between a run and a server: TLS and its authorities, HTTP/2, proxies, UNIX sockets."""

import collections
import contextlib
import http.client
import http.server
import shutil
import socket
import subprocess
import threading
import unittest

import harness

CLAIMS = 60


class TlsFront:
    """nghttpx before a server: TLS with a certificate of its own, HTTP/2 and 1.1."""

    def __init__(self, folder, behind):
        program, openssl = shutil.which("nghttpx"), shutil.which("openssl")
        if not program or not openssl:
            raise unittest.SkipTest("nghttpx and openssl are needed")
        self.certificate, key = folder / "certificate.pem", folder / "key.pem"
        subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", self.certificate],
                       check=True, capture_output=True, timeout=120)
        self.log = folder / "access.log"
        self.errors = open(folder / "nghttpx.log", "ab")
        self.process = None
        self.arguments = [program, f"--backend=127.0.0.1,{behind.port}", "--workers=1",
                          "--conf=/dev/null", f"--accesslog-file={self.log}",
                          "--accesslog-format=$remote_port $status $request", key,
                          self.certificate]
        harness.wait_for(self.listens, 60, "nghttpx listens")
        self.url = f"https://127.0.0.1:{self.port}/v1"

    def start(self):
        self.port = harness.free_port()
        self.process = subprocess.Popen(
            [*self.arguments, f"--frontend=127.0.0.1,{self.port}"], stdin=subprocess.DEVNULL,
            stdout=self.errors, stderr=self.errors)

    def listens(self):
        """Whether it does by now. One that has ended found its port taken: another port."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
            return True
        return False

    def requests(self):
        """(client's port, protocol) of each request."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [(words[0], words[-1]) for words in lines if "POST" in words]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        harness.end_process(self.process)
        self.errors.close()


class Proxy(http.server.ThreadingHTTPServer):
    """A forward proxy that counts what it passes on, by host and port."""

    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            address, _, path = self.path.removeprefix("http://").partition("/")
            self.server.passed[address] += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            onward = http.client.HTTPConnection(address, timeout=60)
            onward.request("POST", "/" + path, body, {"Content-Type": "application/json"})
            reply = onward.getresponse()
            text = reply.read()
            onward.close()
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.passed = collections.Counter()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


# What whoever runs the tests may have set.
BARE = {name: "" for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy",
                              "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
                              "NO_PROXY")}


class TransportTest(harness.TestCase):
    def run_to(self, name, url, env, expect=0, **changes):
        job = self.http_job(url, self.write_claims(CLAIMS), **changes)
        return harness.run("run", self.write_job(job, name + ".json"), "-o", self.dir / name,
                           timeout=300, expect=expect, env={**BARE, **env})

    def assert_same_prices(self, a, b):
        self.assertEqual([], harness.compare(self.dir / a / "run.h5", self.dir / b / "run.h5",
                                             harness.VOLATILE))

    def test_many_calls_share_few_connections_of_http2_over_tls(self):
        with harness.FaultServer({"latency_ms": 30}) as server, \
                TlsFront(self.dir, server) as front:
            self.run_to("plain", server.url, {})
            before = server.stats()["requests"]
            self.run_to("tls", front.url, {"CURL_CA_BUNDLE": str(front.certificate)},
                        models__m__limits={"concurrency": 50, "timeout_s": 60})
            requests = front.requests()
            self.assertGreater(server.stats()["in_flight_max"], 30)
        self.assertEqual(before, len(requests), "as many requests as without TLS")
        self.assertEqual({"HTTP/2"}, {protocol for _, protocol in requests})
        self.assertLess(len({port for port, _ in requests}), 5, "connections")
        self.assert_same_prices("plain", "tls")

    def test_a_certificate_is_trusted_by_the_usual_variables_alone(self):
        with harness.FaultServer() as server, TlsFront(self.dir, server) as front:
            trusted = {"SSL_CERT_FILE": str(front.certificate)}
            self.run_to("trusted", front.url, trusted)
            served = server.stats()["requests"]
            result = self.run_to("distrusted", front.url, {}, expect=3)
            self.assertEqual(served, server.stats()["requests"])
        self.assertIn("certificate", result.err)
        status = harness.read_run(self.dir / "distrusted" / "run.h5", "status")["status"]
        self.assertEqual({3}, set(status), "failed: trouble of the machine is no wrong answer")

    def test_a_proxy_is_used_where_the_job_says_so_and_never_by_chance_for_this_machine(self):
        with harness.FaultServer() as server, Proxy() as proxy:
            self.run_to("direct", server.url, {})
            direct = server.stats()["requests"]
            # The environment's is not for loopback, where a key would pass by whoever owns the variable.
            self.run_to("spared", server.url, {"http_proxy": proxy.url})
            self.assertEqual({}, dict(proxy.passed))
            self.run_to("proxied", server.url, {}, models__m__proxy=proxy.url)
            self.assertEqual({f"127.0.0.1:{server.port}": direct}, dict(proxy.passed))
            self.assertEqual(3 * direct, server.stats()["requests"])
        self.assert_same_prices("direct", "proxied")

    def test_a_unix_socket_is_an_endpoint(self):
        path = self.dir / "socket"
        with harness.FaultServer() as server:
            self.run_to("port", server.url, {})
        with harness.FaultServer(unix=path):
            self.run_to("unix", "http://nowhere.invalid/v1", {},
                        models__m__unix_socket=str(path))
        self.assert_same_prices("port", "unix")


if __name__ == "__main__":
    harness.main()
