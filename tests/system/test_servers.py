"""What servers say is understood: an outage is never an answer, and what is refused is learned or named."""

import json
import unittest

import harness
from said_server import GOOD, JUDGMENT, SaidServer, chat, reply


class ServersTest(harness.TestCase):
    def run_at(self, answer, count=2, expect=None, env=None, name="run", **changes):
        """(result, status, tape, requests) of a run of single judgments at a server that says ANSWER."""
        with SaidServer(answer) as server:
            job = {"cell__protocol": "single", "models__m__limits":
                   {"concurrency": 4, "timeout_s": 20, "retries": 2}, **changes}
            path = self.write_job(self.http_job(server.url, self.write_claims(count), **job))
            result = harness.run("run", path, "-o", self.dir / name, env=env, timeout=120,
                                 expect=expect)
            requests = server.requests
        status = json.loads((self.dir / name / "status.json").read_text())
        return result, status, harness.tape_lines(self.dir / name), requests

    def test_an_outage_is_the_same_however_it_is_told(self):
        def broken(answer):
            return lambda r: answer if "number 1 " in r.text or "number 3 " in r.text else GOOD
        error = {"code": 502, "message": "upstream is gone"}
        tellings = {
            "status": reply({"error": error}, 502),
            "choice": reply(chat("", "error", error=error)),
            "root": reply({"error": error}),
            "list": reply([{"error": error}]),
            "type": reply({"type": "error", "error": error}),
            "detail": reply({"detail": "upstream is gone"}),
            "page": reply("<html><title>upstream is gone</title></html>", Content_Type="text/html"),
            "stream": reply('data: {"error": {"message": "upstream is gone"}}\n\n'),
            "aborted": reply(chat("upstream is gone", "abort")),
            "unheard-of": reply(chat('{"claim": "c", "pri', "sated")),
        }
        for name, answer in tellings.items():
            with self.subTest(name):
                result, status, tape, _ = self.run_at(broken(answer), 6, 3, name=name)
                self.assertEqual((4, 0, 2), (status["done"], status["invalid"], status["failed"]))
                self.assertEqual({"server"}, {c["reason"] for c in tape} - {"none"})
                if name not in ("aborted", "unheard-of"):
                    self.assertIn("upstream is gone", result.err)

    def test_missing_usage_is_estimated_and_a_budget_holds(self):
        cost = {"input": 1.0, "output": 10.0}
        for name, usage in {"none": None, "zeros": {"prompt_tokens": 0, "completion_tokens": 0},
                            "nonsense": {"prompt_tokens": "many"}}.items():
            with self.subTest(name):
                _, status, tape, requests = self.run_at(
                    lambda _, usage=usage: reply(chat(usage=usage)), 40, 75, name=name,
                    models__m__cost=cost, models__m__limits={"concurrency": 1}, budget={"usd": 0.001})
                self.assertLess(len(requests), 10)
                self.assertTrue(all(call["estimated"] == 1 for call in tape))

    def test_what_a_server_calls_a_request_is_kept_and_shown(self):
        """The header's name, else the reply's own; in tape, run.h5, show and export, never with a key in it."""
        key = "sk-secret-0123456789"
        tellings = {"header": (reply(chat(), X_Request_Id="req_7"), "req_7"),
                    "body": (reply({**chat(), "id": "chatcmpl-7"}), "chatcmpl-7"),
                    "echo": (reply(chat(), X_Request_Id="for-" + key), "for-***"),
                    "none": (reply(chat()), "")}
        for name, (answer, wanted) in tellings.items():
            with self.subTest(name):
                _, _, tape, _ = self.run_at(lambda _, answer=answer: answer, 1, 0, name=name, env={"ID_TEST_KEY": key},
                                            models__m__api_key_env="ID_TEST_KEY")
                self.assertEqual({wanted}, {call["reply"].get("request_id", "") for call in tape})
                run = self.dir / name
                shown = json.loads(harness.run("show", run, "--episode", 0, "--format", "json").out)[0]["calls"]
                self.assertEqual({wanted or None}, {call["request_id"] for call in shown})
                text = harness.run("show", run, "--episode", 0, "--prompts").out
                self.assertEqual(bool(wanted), f"request {wanted}\n" in text if wanted else "  request " in text)
                harness.run("export", run, "--to", self.dir / (name + "-csv"))
                self.assertIn(wanted, (self.dir / (name + "-csv") / "calls.csv").read_text())

    def test_a_lone_total_is_what_is_paid_for(self):
        _, status, tape, _ = self.run_at(lambda _: reply(chat(usage={"total_tokens": 5000})), 2, 0)
        self.assertEqual({5000}, {call["tokens_in"] + call["tokens_out"] for call in tape})
        self.assertTrue(all(call["estimated"] == 1 and call["tokens_in"] > 0 for call in tape))
        self.assertEqual(5000 * len(tape), status["tokens_in"] + status["tokens_out"])

    def test_what_a_server_refuses_is_learned_once_and_kept(self):
        refusals = {
            "limit": (lambda b: "max_tokens" in b, "Unsupported parameter: 'max_tokens' is not "
                      "supported with this model. Use 'max_completion_tokens' instead."),
            "seed": (lambda b: "seed" in b, "Unrecognized request argument supplied: seed"),
            "system": (lambda b: b["messages"][0]["role"] == "system", "System role not supported"),
            "form": (lambda b: "response_format" in b, "Unknown field: response_format"),
        }
        for name, (is_refused, words) in refusals.items():
            def answer(request, is_refused=is_refused, words=words):
                if is_refused(request.body):
                    return reply({"error": {"message": words}}, 400)
                return GOOD
            with self.subTest(name):
                result, status, _, requests = self.run_at(answer, 12, 0, name=name)
                self.assertEqual((12, 0), (status["done"], status["failed"]))
                # The first calls are under way together; nobody else meets the refusal.
                self.assertLessEqual(sum(is_refused(r.body) for r in requests), 4 * 2)
                self.assertEqual(1 if name != "form" else 2, result.err.count("from now on"))
                kept = (self.dir / name / "learned.jsonl").read_text().splitlines()
                self.assertEqual(1 if name != "form" else 2, len(kept))

    def test_a_temperature_is_named_and_never_dropped(self):
        words = "Unsupported value: 'temperature' does not support 0.7. Only the default (1) is supported."
        result, status, _, requests = self.run_at(
            lambda _: reply({"error": {"message": words, "param": "temperature"}}, 400), 1)
        self.assertEqual(0, status["done"])
        self.assertTrue(all("temperature" in r.body for r in requests))
        self.assertIn("params.temperature is what it refuses", result.err)

    def test_a_filter_is_one_outcome_however_it_is_told(self):
        tellings = {
            "finish": reply(chat("", "content_filter")),
            "azure": reply({"error": {"code": "content_filter", "message": "filtered"}}, 400),
            "anthropic": reply({"error": {"message": "Output blocked by content filtering policy"}}, 400),
            "openrouter": reply({"error": {"code": 403, "message": "Your input was flagged"}}, 403),
            "inside": reply({"error": {"code": "content_policy_violation", "message": "no"}}),
        }
        seen = {}
        for name, answer in tellings.items():
            _, status, _, requests = self.run_at(
                lambda r, answer=answer: answer if "number 1 " in r.text else GOOD, 3, 0, name=name)
            seen[name] = (status["done"], status["invalid"], status["failed"], len(requests))
        self.assertEqual({(2, 1, 0, 5)}, set(seen.values()), seen)

    def test_a_sample_that_the_server_threw_away_is_sampled_again(self):
        bad = reply({"error": {"code": "json_validate_failed", "message": "does not match the schema",
                               "failed_generation": JUDGMENT}}, 400)
        _, status, _, requests = self.run_at(lambda r: bad if r.number == 0 else GOOD, 3, 0)
        self.assertEqual((3, 0), (status["done"], status["failed"]))
        self.assertEqual({"json_schema"}, {r.body["response_format"]["type"] for r in requests})
        # With no attempts left it is read like any other reply.
        _, status, tape, _ = self.run_at(lambda _: bad, 1, 0, name="all")
        self.assertEqual((1, 0), (status["done"], status["failed"]))
        self.assertIn("json_validate_failed", json.dumps(tape))

    def test_a_hint_lengthens_the_wait_and_never_shortens_it(self):
        hints = {"zero": {"Retry_After": 0}, "past": {"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"},
                 "epoch": {"Retry_After": 1}, "mad": {"retry_after_ms": "1e14"}}
        for name, headers in hints.items():
            with self.subTest(name):
                slow = reply({"error": {"message": "slow down"}}, 429, **headers)
                _, status, _, requests = self.run_at(
                    lambda r, slow=slow: slow if r.number < 3 else GOOD, 1, 0, name=name,
                    models__m__limits={"concurrency": 1, "retries": 6})
                self.assertEqual(1, status["done"])
                waits = [b.time - a.time for a, b in zip(requests, requests[1:])]
                # The seeded backoff of 0.5, 1 and 2 s, halved at the least.
                self.assertTrue(all(w > 0.24 * 2 ** i for i, w in enumerate(waits)), waits)

    def test_a_wait_of_hours_is_told_at_once(self):
        answer = reply({"error": {"message": "quota of the day"}}, 429, Retry_After=22320)
        result, _, _, requests = self.run_at(lambda _: answer, 2, budget={"wall_s": 4})
        self.assertEqual(75, result.code, result)
        self.assertIn("asks for a wait of 6.2 hours (Retry-After: 22320)", result.err)
        self.assertLessEqual(len(requests), 4)

    def test_an_echoed_key_goes_no_further(self):
        key = "sk-CANARY/0123456789"
        echoed = chat(json.dumps({"claim": f"the key is {key}", "reasoning": key, "price": 0.7}))
        escaped = json.dumps(echoed).replace("/", "\\/").encode()
        for name, answer in {"plain": reply(echoed), "escaped": reply(escaped),
                             "refused": reply({"error": {"message": f"{key} is wrong"}}, 401)}.items():
            with self.subTest(name):
                result, _, _, _ = self.run_at(lambda _, answer=answer: answer, 1, env={"CANARY": key},
                                              name=name, models__m__api_key_env="CANARY")
                self.assertNotIn("CANARY/", result.err + result.out)
                for path in (self.dir / name).rglob("*"):
                    if path.is_file():
                        self.assertNotIn(b"CANARY", path.read_bytes().replace(b'"CANARY"', b""), path)

    def test_a_proxy_never_sees_a_call_to_this_machine(self):
        with SaidServer(lambda _: GOOD) as proxy:
            _, status, _, requests = self.run_at(
                lambda _: GOOD, 2, 0, env={"http_proxy": proxy.url, "all_proxy": proxy.url})
            self.assertEqual((2, 2), (status["done"], len(requests)))
            self.assertEqual([], proxy.requests)
            self.run_at(lambda _: GOOD, 2, 0, name="named", models__m__proxy=proxy.url[:-3])
            self.assertEqual(2, len(proxy.requests))


if __name__ == "__main__":
    harness.main()
