#!/usr/bin/env python3
"""Models that a server computes, against fake_server.py.

    check_remote.py REMOTE_EMBED [unittest options]

What holds in every test: the vectors are those of their texts, in the order of the texts, whatever the server did; no
text whose vector arrived is asked for again; callbacks come one at a time (remote_embed ends itself else).
"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from fake_server import KEY, FakeServer, tokens, vector

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import unittest_cases  # noqa: E402

PROGRAM = ""
TEXTS = [f"text number {i}, of the city of Zürich" for i in range(40)]


class Result:
    def __init__(self, process, path):
        self.values = dict(line.split("=", 1) for line in process.stdout.splitlines() if "=" in line)
        self.log = process.stderr
        self.status, self.message = self.values.get("status"), self.values.get("message", "")
        self.done = [digit == "1" for digit in self.values.get("done", "")]
        dim = int(self.values.get("dim", 0))
        numbers = b""
        if os.path.exists(path):
            with open(path, "rb") as file:
                numbers = file.read()
        self.vectors = [list(struct.unpack_from(f"<{dim}f", numbers, i * 4 * dim))
                        for i in range(len(numbers) // (4 * dim))] if dim else []

    def number(self, name):
        return int(self.values[name])


class Case(unittest.TestCase):
    longMessage = True

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="check_remote.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = FakeServer()
        self.addCleanup(self.server.stop)

    def run_program(self, texts, *options, model="openai:some-model", env=()):
        path = os.path.join(self.folder, "vectors")
        base = self.server.url + ("/v1" if model.startswith("openai") else "")
        environment = {"PATH": os.environ["PATH"], "RF_REMOTE_BACKOFF_MS": "20", "OPENAI_API_KEY": KEY,
                       "CO_API_KEY": KEY, "OPENAI_BASE_URL": base, "CO_API_URL": base, **dict(env)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        environment = {name: value for name, value in environment.items() if value is not None}
        process = subprocess.run([PROGRAM, model, path, *options], env=environment, timeout=120, text=True,
                                 input="".join(text + "\n" for text in texts), capture_output=True, check=False)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertNotIn(KEY, process.stdout + process.stderr)
        return Result(process, path)

    def embed(self, texts, *options, dim=8, **more):
        """A run that succeeds: every vector is right, and every text was billed once (and the probe's word)."""
        result = self.run_program(texts, *options, **more)
        self.assertEqual((result.status, result.message), ("ok", ""), result.log)
        self.assertEqual(result.vectors, [vector(text or " ", dim) for text in texts])
        self.assertTrue(all(result.done))
        self.assertNotIn("differs", result.values)
        self.check_billed(texts)
        return result

    def check_billed(self, texts):
        for text, times in self.server.billed.items():
            self.assertEqual(times, max(1, texts.count(text) if text != " " else texts.count("")), text)

    def failure(self, texts, *options, **more):
        result = self.run_program(texts, *options, **more)
        self.assertNotEqual(result.status, "ok")
        for i, done in enumerate(result.done):
            if done:
                self.assertEqual(result.vectors[i], vector(texts[i], len(result.vectors[i])))
        return result

    def bodies(self):
        """Of the requests after the probe."""
        return [request["body"] for request in self.server.requests if request["texts"] != ["dimension"]]


class Requests(Case):
    def test_texts_get_their_vectors_in_order(self):
        result = self.embed(TEXTS, "max_batch=7")
        self.assertEqual([len(body["input"]) for body in self.bodies()].count(7), 5)
        self.assertEqual(result.number("requests"), 7)
        self.assertEqual(result.number("tokens"), sum(map(tokens, TEXTS)))

    def test_a_probe_tells_the_dimension_of_a_model_that_is_not_known(self):
        result = self.embed(["a"])
        self.assertEqual(self.server.requests[0]["texts"], ["dimension"])
        self.assertEqual(result.values["provider"], "openai")
        self.assertEqual(result.values["kernels"], self.server.url + "/v1")

    def test_dimensions_need_no_probe(self):
        self.embed(["a"], "dimensions=16", dim=16)
        self.assertEqual([body["dimensions"] for body in self.bodies()], [16])
        self.assertEqual(len(self.server.requests), 1)

    def test_openai_body_and_headers(self):
        self.embed(["a"], "organization=org-1", "project=proj-2", "api_user=somebody \"quoted\"")
        request = self.server.requests[-1]
        self.assertEqual(request["body"], {"model": "some-model", "input": ["a"], "encoding_format": "base64",
                                           "user": "somebody \"quoted\""})
        self.assertEqual(request["headers"]["OpenAI-Organization"], "org-1")
        self.assertEqual(request["headers"]["OpenAI-Project"], "proj-2")

    def test_accounts_from_the_environment(self):
        self.embed(["a"], env={"OPENAI_ORG_ID": "org-3", "OPENAI_PROJECT_ID": "proj-4"})
        self.assertEqual(self.server.requests[-1]["headers"]["OpenAI-Organization"], "org-3")
        self.assertEqual(self.server.requests[-1]["headers"]["OpenAI-Project"], "proj-4")

    def test_accounts_are_no_business_of_cohere(self):
        self.embed(["a"], model="cohere:m", env={"OPENAI_ORG_ID": "org-3"})
        self.assertNotIn("OpenAI-Organization", self.server.requests[-1]["headers"])

    def test_at_most_2048_texts_a_request(self):
        texts = [f"t{i}" for i in range(5000)]
        self.embed(texts, "max_requests=1")
        self.assertEqual(sorted(len(body["input"]) for body in self.bodies()), [904, 2048, 2048])

    def test_requests_share_the_texts(self):
        self.embed([f"t{i}" for i in range(1200)])
        self.assertEqual([len(body["input"]) for body in self.bodies()], [300] * 4)

    def test_at_most_300000_tokens_a_request(self):
        texts = ["some words that are long enough " * 700 + str(i) for i in range(80)]  # about 5,600 tokens each
        self.embed(texts)
        self.assertGreater(len(self.bodies()), 1)
        self.assertTrue(all(sum(map(tokens, body["input"])) <= 300_000 for body in self.bodies()))

    def test_cohere_body(self):
        self.embed(["a"], "role=query", "truncate=left", "max_tokens=100", "dimensions=256", model="cohere:embed-v4.0",
                   dim=256)
        self.assertEqual(self.bodies(), [{"model": "embed-v4.0", "texts": ["a"], "input_type": "search_query",
                                          "embedding_types": ["float"], "truncate": "START", "output_dimension": 256,
                                          "max_tokens": 100}])

    def test_cohere_kinds_of_text(self):
        for options, kind in ((["role=document"], "search_document"), (["prompt_name=clustering"], "clustering"),
                              (["prompt_name=classification"], "classification"), ([], "search_document")):
            result = self.embed(["a"], *options, model="cohere:m")
            self.assertEqual(self.bodies()[-1]["input_type"], kind)
            self.assertEqual("say whether they are queries" in result.log, not options)
            self.server.billed.clear()
        self.assertIn("no kind of text", self.failure(["a"], "prompt_name=other", model="cohere:m").message)

    def test_at_most_96_texts_for_cohere(self):
        self.embed([f"t{i}" for i in range(200)], model="cohere:m")
        self.assertEqual(sorted(len(body["texts"]) for body in self.bodies()), [8, 96, 96])

    def test_a_prompt_stands_in_front(self):
        result = self.run_program(["a", ""], "prompt=query: ")
        self.assertEqual(self.bodies(), [{"model": "some-model", "input": ["query: a", "query: "],
                                          "encoding_format": "base64"}])
        self.assertEqual(result.vectors, [vector("query: a", 8), vector("query: ", 8)])

    def test_a_text_of_nothing_is_sent_as_a_space(self):
        self.embed(["a", "", "b"])

    def test_any_text(self):
        self.embed(["\"quotes\" \\ and \t tabs", "日本語 🙂", "\x7f \x01", "x" * 20_000])

    def test_vectors_as_numbers_for_a_server_without_base64(self):
        self.server.base64 = False
        result = self.embed(TEXTS, "max_batch=10", "max_requests=1")
        self.assertEqual([body["encoding_format"] for body in self.bodies()], ["float"] * 4)
        self.assertIn("takes no base64", result.log)

    def test_l2_scales(self):
        result = self.run_program(["a"], "l2", "dimensions=4")
        self.assertAlmostEqual(sum(n * n for n in result.vectors[0]), 1, 6)

    def test_known_models_at_a_url_that_is_not_theirs_are_asked(self):
        self.embed(["a"], model="openai:text-embedding-3-small", dim=1536)
        self.assertEqual(self.server.requests[0]["texts"], ["dimension"])

    def test_several_requests_at_once_but_no_more_than_allowed(self):
        for kind in range(12):
            self.server.fault("slow", seconds=0.1)
        self.embed(TEXTS, "max_batch=4", "max_requests=3", "dimensions=8")
        self.assertEqual(self.server.most_at_once, 3)

    def test_one_connection_serves_many_requests(self):
        self.embed(TEXTS, "max_batch=4", "max_requests=1", "dimensions=8")
        self.assertEqual(len(self.server.requests), 10)
        self.assertEqual(len({request["connection"] for request in self.server.requests}), 1)

    def test_several_calls_at_once(self):
        result = self.run_program(TEXTS, "threads=4", "max_batch=5")
        self.assertEqual(result.status, "ok")
        self.assertNotIn("differs", result.values)
        self.assertEqual(result.vectors, [vector(text, 8) for text in TEXTS])
        self.assertEqual(result.number("calls"), 4)

    def test_no_texts(self):
        self.assertEqual(self.embed([]).number("requests"), 1)

    def test_progress_counts_texts(self):
        result = self.embed(TEXTS, "max_batch=10", "max_requests=1")
        self.assertIn("progress: 40 40", result.log)


class Counting(Case):
    """With a tokenizer: the words of a vocabulary of our own, one token each."""

    def setUp(self):
        super().setUp()
        self.tokenizer = os.path.join(self.folder, "vocab.txt")
        with open(self.tokenizer, "w") as file:
            file.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "three", "four"]) + "\n")

    def test_tokens_are_counted(self):
        result = self.embed(["one two", "three"], f"count_with={self.tokenizer}")
        self.assertEqual(result.values["n_tokens"].split(), ["2", "1"])
        self.assertEqual(result.values["truncated"], "00")

    def test_long_texts_are_cut(self):
        for side, cut in (("right", "one two"), ("left", "three four")):
            result = self.run_program(["one two three four", "one two"], f"count_with={self.tokenizer}", "max_tokens=2",
                                      f"truncate={side}")
            self.assertEqual(self.bodies()[-1]["input"][0].strip(), cut)
            self.assertEqual(result.values["truncated"], "10")
            self.assertEqual(result.number("n_truncated"), 1)

    def test_or_refused(self):
        result = self.failure(["one", "one two three"], f"count_with={self.tokenizer}", "max_tokens=2", "truncate=error")
        self.assertEqual(result.status, "text too long")
        self.assertIn("text 1", result.message)

    def test_cutting_needs_a_tokenizer(self):
        for option in ("max_tokens=10", "truncate=left"):
            self.assertIn("count_with", self.failure(["a"], option).message)

    def test_without_one_tokens_are_estimated(self):
        self.assertEqual(self.embed(["some words"]).values["truncated"], "0")


class Failures(Case):
    def test_401_says_so_and_hides_the_key(self):
        secret = "sk-wrong-987654321"
        result = self.failure(["a"], env={"OPENAI_API_KEY": secret})
        self.assertEqual(result.status, "network error")
        self.assertIn("answered 401: Incorrect API key provided: ***. It should be another. Please check the key",
                      result.message)
        self.assertNotIn(secret, result.log + result.message)
        self.assertEqual(len(self.server.requests), 1)

    def test_the_key_may_be_an_option_and_is_cleaned(self):
        self.embed(["a"], f"api_key= {KEY}\n", env={"OPENAI_API_KEY": "another"})

    def test_a_key_that_is_no_header_is_refused_unseen(self):
        result = self.failure(["a"], "api_key=sk-1\r\nX-Evil: 1")
        self.assertEqual(result.status, "invalid argument")
        self.assertNotIn("sk-1", result.message)
        self.assertEqual(self.server.requests, [])

    def test_without_a_key(self):
        result = self.failure(["a"], env={"OPENAI_API_KEY": None, "OPENAI_BASE_URL": None})
        self.assertIn("set OPENAI_API_KEY", result.message)
        result = self.failure(["a"], env={"OPENAI_API_KEY": None})  # another server may need none; this one does
        self.assertIn("401", result.message)
        self.assertNotIn("Authorization", self.server.requests[0]["headers"])

    def test_429_with_retry_after(self):
        self.server.fault(429, headers={"Retry-After": "1"}, having=TEXTS[0])
        result = self.embed(TEXTS, "max_batch=10", "max_requests=1")
        self.assertIn("trying again in 1.0 s (1 of 5)", result.log)
        times = [request["time"] for request in self.server.requests]
        self.assertGreaterEqual(times[2] - times[1], 0.9)
        self.assertEqual(result.number("retries"), 1)

    def test_every_thread_waits_for_retry_after(self):
        self.server.fault(429, headers={"retry-after-ms": "700"}, having=TEXTS[0])
        self.embed(TEXTS, "max_batch=2", "dimensions=8")
        refused = next(request for request in self.server.requests if request["status"] == 429)
        late = [request["time"] - refused["time"] for request in self.server.requests
                if request["time"] - refused["time"] > 0.1]
        self.assertTrue(late and min(late) >= 0.6, late)

    def test_retry_after_as_a_date(self):
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
        self.server.fault(503, headers={"Retry-After": date}, having="a")
        begin = time.monotonic()
        self.embed(["a"])
        self.assertGreater(time.monotonic() - begin, 0.9)

    def test_rate_limit_headers_hold_back_what_follows(self):
        self.server.headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "400ms"}
        self.embed(TEXTS[:3], "max_batch=1", "max_requests=1", "dimensions=8")
        times = [request["time"] for request in self.server.requests]
        self.assertGreaterEqual(min(b - a for a, b in zip(times, times[1:])), 0.35)

    def test_too_long_a_wait_is_a_failure(self):
        self.server.fault(429, headers={"Retry-After": "86400"})
        begin = time.monotonic()
        result = self.failure(["a"])
        self.assertLess(time.monotonic() - begin, 20)
        self.assertIn("asks to wait 86400 s", result.message)

    def test_no_quota_is_no_rate(self):
        self.server.fault(429, times=-1, body={"error": {"message": "You exceeded your current quota",
                                                         "code": "insufficient_quota"}})
        self.assertIn("You exceeded your current quota", self.failure(["a"]).message)
        self.assertEqual(len(self.server.requests), 1)

    def test_what_passes_is_tried_again(self):
        for kind in (500, 502, 503, 408, 409, "reset", "cut", "cut-quiet"):
            with self.subTest(kind):
                self.server.billed.clear()
                self.server.fault(kind, having=TEXTS[12])
                self.assertEqual(self.embed(TEXTS, "max_batch=10").number("retries"), 1)

    def test_until_there_is_no_hope(self):
        self.server.fault(500, times=-1, having=TEXTS[12])
        result = self.failure(TEXTS, "max_batch=10", "max_requests=1", "max_retries=2")
        self.assertEqual(result.message, f"openai:some-model: {self.server.url}/v1 answered 500: told to answer 500")
        self.assertEqual(result.number("retries"), 2)
        self.assertEqual(result.done, [True] * 10 + [False] * 30)

    def test_no_retries(self):
        self.server.fault(500, having="a")
        self.assertEqual(self.failure(["a"], "max_retries=4294967295").number("retries"), 0)

    def test_a_call_that_failed_is_resumed_without_paying_twice(self):
        for kind in (500, 400, "count", "nan", "html"):
            with self.subTest(kind):
                self.server.billed.clear()
                self.server.requests.clear()
                self.server.fault(kind, times=1, having=TEXTS[25])
                result = self.run_program(TEXTS, "max_batch=5", "calls=2", "max_retries=4294967295")
                self.assertEqual(result.status, "ok", result.message)
                self.assertEqual(result.vectors, [vector(text, 8) for text in TEXTS])
                twice = [text for text, times in self.server.billed.items() if times > 1 and text != "dimension"]
                # what a 200 told wrongly is lost; nothing else is paid again
                self.assertEqual(twice, TEXTS[25:30] if kind in ("count", "nan") else [])

    def test_replies_that_are_wrong(self):
        for kind, part in (("count", "'data' has 9 vectors, expected 10"), ("dim", "vector 9 has 7 numbers, expected 8"),
                           ("nan", "number 0 of vector 0 is not finite"), ("infinite", "not finite"),
                           ("index", "the index of item 0 of 'data' is 10, which no text has"),
                           ("twice", "of item 9 of 'data' is 0, for the second time"),
                           ("base64", "vector 0 is no base64"), ("html", "no JSON"), ("text", "is not JSON"),
                           ("null", "'data' has 0 vectors"), ("huge", "the reply has more than the")):
            with self.subTest(kind):
                before = len(self.server.requests)
                self.server.fault(kind, having=TEXTS[12])
                result = self.failure(TEXTS, "max_batch=10", "max_requests=1", "dimensions=8")
                self.assertIn(part, result.message)
                self.assertIn("openai:some-model: ", result.message)
                self.assertEqual(result.number("retries"), 0)  # it was paid for
                self.assertEqual(len(self.server.requests) - before, 2)
                self.assertEqual(result.done, [True] * 10 + [False] * 30)

    def test_wrong_numbers(self):
        self.server.base64 = False
        for kind, part in (("nan", "is not JSON"), ("dim", "vector 9 has 7 numbers")):
            self.server.fault(kind, having=TEXTS[12])
            self.assertIn(part, self.failure(TEXTS, "max_batch=10", "max_requests=1", "dimensions=8").message)
        for kind, part in (("count", "'embeddings.float' has 9 vectors, expected 10"), ("dim", "vector 9 has 7 numbers"),
                           ("nan", "is not JSON"), ("null", "has 0 vectors")):
            self.server.fault(kind, having=TEXTS[12])
            self.assertIn(part, self.failure(TEXTS, "max_batch=10", "dimensions=8", model="cohere:m").message)

    def test_vectors_in_any_order(self):
        self.server.fault("reversed", times=-1)
        self.embed(TEXTS, "max_batch=10")

    def test_a_server_that_is_too_slow(self):
        self.server.fault("slow", seconds=60, having="a")
        begin = time.monotonic()
        result = self.failure(["a"], "timeout_s=1", "max_retries=4294967295")
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(result.status, "network error")
        self.assertIn("for too long", result.message)

    def test_nobody_there(self):
        result = self.failure(["a"], "base_url=http://127.0.0.1:9/v1", "max_retries=1")
        self.assertIn("cannot connect to 127.0.0.1:9", result.message)
        self.assertIn("(1 of 1)", result.log)

    def test_statuses(self):
        for status, ours in ((400, "invalid argument"), (422, "invalid argument"), (404, "not found"), (403, "network error"),
                             (302, "network error"), (418, "network error")):
            self.server.fault(status, body={"message": "because"}, having="a")
            self.assertEqual(self.failure(["a"], "dimensions=8").status, ours)

    def test_messages_of_many_shapes(self):
        for body, part in (({"detail": "no such thing"}, ": no such thing"),
                           ({"detail": [{"msg": "too long"}]}, ": too long"), ({"error": "odd"}, ": odd"),
                           ([], "says no more"), (b"plain\ntext", ": plain text"), (b"<html>", "says no more"),
                           (b"", "says no more"), (b"\xff\xfe", "answered 400"), ({"message": "x" * 5000}, "xxx")):
            self.server.fault(400, body=body, having="a")
            self.assertIn(part, self.failure(["a"], "dimensions=8").message)

    def test_cancel(self):
        self.server.fault("slow", times=-1, seconds=60)
        begin = time.monotonic()
        result = self.failure(TEXTS, "max_batch=5", "dimensions=8", "cancel_after=300")
        self.assertEqual(result.status, "cancelled")
        self.assertLess(time.monotonic() - begin, 20)

    def test_cancel_while_the_model_is_opened(self):
        for kind in ("slow", 429):
            self.server.fault(kind, seconds=60, headers={"Retry-After": "60"})
            begin = time.monotonic()
            self.assertEqual(self.failure(["a"], "cancel_after=300").status, "cancelled")
            self.assertLess(time.monotonic() - begin, 20)

    def test_cancel_while_waiting(self):
        self.server.fault(429, times=-1, headers={"Retry-After": "60"})
        begin = time.monotonic()
        self.assertEqual(self.failure(TEXTS, "dimensions=8", "cancel_after=300").status, "cancelled")
        self.assertLess(time.monotonic() - begin, 20)

    def test_what_only_a_local_model_has(self):
        result = self.failure(["a"], "revision=main")
        self.assertEqual(result.status, "unsupported")
        self.assertIn("the option revision is for models that run here", result.message)

    def test_offline(self):
        self.assertIn("offline", self.failure(["a"], "offline").message)
        self.assertIn("offline", self.failure(["a"], env={"HF_HUB_OFFLINE": "1"}).message)
        self.assertEqual(self.server.requests, [])

    def test_urls(self):
        for url in ("ftp://x", "example.org", ""):
            self.assertIn("base URL", self.failure(["a"], f"base_url={url}").message)
        self.embed(["a"], f"base_url={self.server.url}/v1///")

    def test_a_fallback_where_the_server_is_not_there(self):
        result = self.failure(["a"], "base_url=http://127.0.0.1:9/v1", "max_retries=4294967295", "fallback=/nowhere")
        self.assertIn("nor can the fallback '/nowhere' be opened", result.message)

    def test_by_a_proxy(self):
        self.embed(["a"], "base_url=http://nowhere.invalid/v1", env={"http_proxy": self.server.url})
        self.assertEqual(self.server.requests[-1]["headers"]["Host"], "nowhere.invalid")

    def test_a_password_in_the_url_is_not_shown(self):
        result = self.failure(["a"], "base_url=http://user:pass-word@127.0.0.1:9/v1", "max_retries=4294967295")
        self.assertNotIn("pass-word", result.message + result.log)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest_cases.run(sys.argv)
