"""A chat server on loopback that says what a test wants said: bytes, waits, a closed connection.

For replies that no fault of fault_server makes. `answer` is called with each Request, under no
lock, and returns the bytes of a response; `reply` and `chat` make them.
"""

import json
import socket
import threading
import time

USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
JUDGMENT = json.dumps({"claim": "c", "reasoning": "r", "price": 0.7})


def reply(body, status=200, **headers):
    """A response; a header's name is written with _ for -."""
    if not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    body = body.encode() if isinstance(body, str) else body
    sent = {"Content-Type": "application/json", "Content-Length": len(body),
            **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body


def chat(text=JUDGMENT, finish="stop", usage=USAGE, message=None, **choice):
    body = {"choices": [{"index": 0, "finish_reason": finish, **choice,
                         "message": {"role": "assistant", "content": text, **(message or {})}}]}
    return {**body, "usage": usage} if usage is not None else body


GOOD = reply(chat())


class Request:
    def __init__(self, number, head, body):
        self.number, self.head, self.body = number, head, json.loads(body)
        self.time = time.monotonic()
        self.text = json.dumps(self.body["messages"])


class SaidServer:
    def __init__(self, answer):
        self.answer, self.requests, self.lock = answer, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(60)
        try:
            with connection, connection.makefile("rb") as stream:
                while line := stream.readline():
                    head = line
                    while (line := stream.readline()).strip():
                        head += line
                    fields = dict(f.split(b": ", 1) for f in head.lower().splitlines()[1:])
                    body = stream.read(int(fields.get(b"content-length", 0)))
                    with self.lock:
                        request = Request(len(self.requests), head.decode("latin1"), body)
                        self.requests.append(request)
                    connection.sendall(self.answer(request))
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
