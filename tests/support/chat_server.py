"""A chat server whose answers are a function of the messages, and which keeps what it was sent."""

import http.server
import json
import threading


class Server(http.server.ThreadingHTTPServer):
    """Answers chats by a rule, and keeps what it was sent. A rule gives text, finish and, at will, logprobs."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.requests = answer, []
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # a reply is one segment: no wait for an acknowledgement

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text, finish, *logprobs = self.server.answer(request["messages"])
        self.server.requests.append((request["messages"], text))
        body = json.dumps({"choices": [{"message": {"role": "assistant", "content": text},
                                        "finish_reason": finish, "index": 0,
                                        **({"logprobs": logprobs[0]} if logprobs else {})}],
                           "usage": {"prompt_tokens": 10, "completion_tokens": 5}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
