"""The witness itself: the fault server does what its script says, and the same each time."""

import concurrent.futures
import http.client
import json
import socket
import time
import unittest

import harness

SCHEMA = {"type": "json_schema", "json_schema": {"name": "judgment", "schema": {
    "type": "object", "properties": {
        "claim": {"type": "string", "maxLength": 400}, "reasoning": {"type": "string"},
        "price": {"type": "number", "minimum": 0, "maximum": 1}}}}}
TRADER = {"type": "json_schema", "json_schema": {"name": "argument", "schema": {
    "type": "object", "properties": {
        "direction": {"type": "string", "enum": ["up", "down"]},
        "argument": {"type": "string"}}}}}


def chat(*texts):
    roles = ["user", "assistant"]
    return [{"role": "system", "content": "You price claims."}] + [
        {"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


class FaultServerTest(harness.TestCase):
    def serve(self, *rules, **script):
        server = harness.FaultServer({"rules": list(rules), **script})
        self.addCleanup(server.stop)
        return server

    def post(self, server, messages=None, path="/v1/chat/completions", headers=None,
             timeout=60, **body):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
        try:
            connection.request("POST", path, json.dumps(
                {"model": "m", "messages": messages or chat("Is water wet?"), **body}),
                {"Content-Type": "application/json", **(headers or {})})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def content(self, server, *arguments, **keywords):
        status, _, body = self.post(server, *arguments, **keywords)
        self.assertEqual(200, status, body)
        return json.loads(body)["choices"][0]["message"]["content"]

    def test_answers_have_the_shape_the_schema_asks_for(self):
        server = self.serve()
        judgment = json.loads(self.content(server, response_format=SCHEMA))
        self.assertEqual({"claim", "reasoning", "price"}, set(judgment))
        self.assertTrue(0 <= judgment["price"] <= 1)
        argument = json.loads(self.content(server, response_format=TRADER))
        self.assertIn(argument["direction"], ("up", "down"))

    def test_answers_depend_on_model_messages_and_seed_alone(self):
        a, b = self.serve(), self.serve(latency_ms=3)
        first = self.content(a, seed=1, response_format=SCHEMA)
        self.assertEqual(first, self.content(b, seed=1, response_format=SCHEMA))
        self.assertNotEqual(first, self.content(a, seed=2, response_format=SCHEMA))
        self.assertNotEqual(first, self.content(a, seed=1, model="n", response_format=SCHEMA))

    def test_a_fenced_or_spoilt_answer_makes_the_same_history(self):
        def next_price(*rules):
            server = self.serve(*rules)
            first = self.post(server, response_format=SCHEMA)[2].decode(errors="replace")
            said = json.loads(first)["choices"][0]["message"]["content"]
            messages = chat("Is water wet?", said, "But ice is not.")
            return json.loads(self.content(server, messages, response_format=SCHEMA))["price"]

        plain = next_price()
        for fault in ("fenced", "invalid_utf8"):
            self.assertEqual(plain, next_price({"fault": fault, "ordinals": [1]}), fault)

    def test_a_repaired_answer_is_the_one_that_would_have_come(self):
        plain = json.loads(self.content(self.serve(), response_format=SCHEMA))["price"]
        for fault in ("garbage", "length", "out_of_range"):
            server = self.serve({"fault": fault, "ordinals": [1]})
            bad = self.content(server, response_format=SCHEMA)
            again = chat("Is water wet?", bad, "That was no judgment.")
            price = json.loads(self.content(server, again, response_format=SCHEMA))["price"]
            self.assertEqual(plain, price, fault)

    def test_errors_carry_status_and_retry_after(self):
        server = self.serve({"fault": "429", "ordinals": [1], "retry_after": 2},
                            {"fault": "503", "ordinals": [2], "retry_after": 2,
                             "retry_as": "date"},
                            {"fault": "401", "ordinals": [3]})
        status, headers, body = self.post(server)
        self.assertEqual((429, "2"), (status, headers["Retry-After"]))
        self.assertEqual("rate_limit_error", json.loads(body)["error"]["type"])
        status, headers, _ = self.post(server, chat("b"))
        self.assertEqual(503, status)
        self.assertTrue(headers["Retry-After"].endswith(" GMT"))
        self.assertEqual(401, self.post(server, chat("c"))[0])
        self.post(server)
        stats = server.stats()
        self.assertEqual(1, stats["retry_early"])
        self.assertEqual({"429": 1, "503": 1, "401": 1}, stats["faults"])

    def test_resets_stalls_and_silence_reach_the_client(self):
        server = self.serve({"fault": "reset_before", "ordinals": [1]},
                            {"fault": "reset_mid", "ordinals": [2]},
                            {"fault": "stall", "ordinals": [3]},
                            {"fault": "never", "ordinals": [4]})
        for _ in range(2):
            with self.assertRaises(ConnectionResetError):
                self.post(server)
        for _ in range(2):
            with self.assertRaises((TimeoutError, socket.timeout)):
                self.post(server, timeout=0.3)
        harness.wait_for(lambda: server.stats()["in_flight"] == 0, 60, "hang-ups noticed")

    def test_bodies_that_are_no_replies(self):
        kinds = ["html", "truncated", "wrong_types", "empty_choices", "null_content"]
        server = self.serve(*({"fault": kind, "ordinals": [i + 1]}
                              for i, kind in enumerate(kinds)))
        bodies = {kind: self.post(server, chat(kind))[2] for kind in kinds}
        self.assertTrue(bodies["html"].startswith(b"<html>"))
        self.assertRaises(ValueError, json.loads, bodies["truncated"])
        self.assertEqual("none", json.loads(bodies["wrong_types"])["choices"])
        self.assertEqual([], json.loads(bodies["empty_choices"])["choices"])
        self.assertIsNone(
            json.loads(bodies["null_content"])["choices"][0]["message"]["content"])

    def test_a_share_meets_the_same_requests_in_each_run(self):
        def met():
            server = self.serve({"faults": ["500", "429"], "share": 0.3}, seed=5)
            first = [self.post(server, chat(str(i)))[0] for i in range(100)]
            second = [self.post(server, chat(str(i)))[0] for i in range(100)]
            self.assertEqual([200] * 100, second)
            return first

        statuses = met()
        self.assertEqual(statuses, met())
        self.assertTrue(15 <= statuses.count(500) + statuses.count(429) <= 45, statuses)
        self.assertTrue(statuses.count(500) > 0 and statuses.count(429) > 0)

    def test_a_key_is_asked_for(self):
        server = self.serve(key="secret")
        self.assertEqual(401, self.post(server)[0])
        for header in ({"Authorization": "Bearer secret"}, {"x-api-key": "secret"},
                       {"api-key": "secret"}):
            self.assertEqual(200, self.post(server, headers=header)[0])

    def test_latency_holds_no_other_request_back(self):
        server = self.serve(latency_ms=3000)
        bodies = [json.dumps({"model": "m", "messages": chat(str(i))}) for i in range(200)]
        connections = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
                       for _ in bodies]
        begin = time.monotonic()
        for connection, body in zip(connections, bodies):
            connection.request("POST", "/v1/chat/completions", body)
        for connection in connections:
            self.assertEqual(200, connection.getresponse().status)
            connection.close()
        self.assertLess(time.monotonic() - begin, 120)  # one after the other: ten minutes
        self.assertGreater(server.stats()["in_flight_max"], 100)

    def test_a_gate_holds_what_it_meets_until_it_is_opened(self):
        gate = self.gate(ordinals=[1])
        server = self.serve(gate.rule)
        with self.assertRaises((TimeoutError, socket.timeout)):
            self.post(server, timeout=0.5)
        self.assertEqual(200, self.post(server)[0])
        gate = self.gate(ordinals=[1])
        server = self.serve(gate.rule)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            held = pool.submit(self.post, server)
            harness.wait_for(lambda: gate.is_reached(server), 60, "the gate")
            gate.open()
            self.assertEqual(200, held.result()[0])

    def test_the_messages_api_is_spoken(self):
        server = self.serve({"fault": "529", "ordinals": [1]})
        status, _, body = self.post(server, path="/v1/messages", system="You price claims.")
        self.assertEqual(529, status)
        self.assertEqual("overloaded_error", json.loads(body)["error"]["type"])
        body = json.loads(self.post(server, path="/v1/messages")[2])
        self.assertIn('"price"', body["content"][0]["text"])
        self.assertEqual("end_turn", body["stop_reason"])

    def test_a_typing_error_in_the_script_is_refused(self):
        with self.assertRaises(AssertionError):
            harness.FaultServer({"rules": [{"fault": "4O4"}]})


if __name__ == "__main__":
    harness.main()
