#!/usr/bin/env python3
"""An embedding server on this machine, for tests: answers as OpenAI's and Cohere's APIs do, and fails as they and networks
do. Python's standard library only.

    fake_server.py [--dim N]     prints the variables that lead to it, and ends when standard input does

As a module: FakeServer is the server in threads of this process; `fault()` makes it fail, `requests` is what was asked,
`billed` how often each text was computed and its vector sent whole.

    POST /v1/embeddings    OpenAI's; POST /v2/embed    Cohere's

A request is checked as the real servers check it - the key, types, limits, no empty text - and answered 400 where it is
wrong. The vector of a text is made of its hash, the same for both APIs, of length 1.
"""
import argparse
import base64
import collections
import hashlib
import http.server
import json
import math
import struct
import sys
import threading
import time

KEY = "sk-test-0123456789"
KNOWN = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "embed-v4.0": 1536}


def vector(text, dim):
    """The text's vector, numbers as they are in fp32."""
    bits = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(dim * 2)
    numbers = [n / 32768 for n in struct.unpack(f"<{dim}h", bits)]
    length = math.sqrt(sum(n * n for n in numbers)) or 1
    return list(struct.unpack(f"<{dim}f", struct.pack(f"<{dim}f", *(n / length for n in numbers))))


def tokens(text):
    return max(1, len(text) // 4)


class Refused(Exception):
    def __init__(self, status, message, code=None):
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def check_openai(body):
    extra = set(body) - {"model", "input", "encoding_format", "dimensions", "user"}
    texts = body.get("input")
    if extra:
        raise Refused(400, f"Unrecognized request argument supplied: {sorted(extra)[0]}")
    if not isinstance(body.get("model"), str) or not isinstance(texts, list) or not texts:
        raise Refused(400, "'model' and 'input' are required")
    if not all(isinstance(text, str) and text for text in texts):
        raise Refused(400, "'$.input' is invalid: no text may be empty")
    if len(texts) > 2048:
        raise Refused(400, "'input' may have 2048 texts at most")
    if any(tokens(text) > 8192 for text in texts):
        raise Refused(400, "This model's maximum context length is 8192 tokens", "context_length_exceeded")
    if sum(map(tokens, texts)) > 300_000:
        raise Refused(400, "Requested more than 300000 tokens, max 300000 tokens per request")
    if body.get("encoding_format", "float") not in ("float", "base64"):
        raise Refused(400, "'encoding_format' is one of float, base64")
    if not isinstance(body.get("dimensions", 1), int) or not isinstance(body.get("user", ""), str):
        raise Refused(400, "'dimensions' or 'user' is of a wrong type")
    return texts, body.get("dimensions")


def check_cohere(body):
    extra = set(body) - {"model", "texts", "input_type", "embedding_types", "truncate", "output_dimension", "max_tokens"}
    texts = body.get("texts")
    if extra:
        raise Refused(400, f"unknown field: parameter '{sorted(extra)[0]}' is not a valid field")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refused(400, "invalid type: parameter texts is of type object")
    if not 1 <= len(texts) <= 96:
        raise Refused(400, "invalid request: total number of texts must be at most 96")
    if body.get("input_type") not in ("search_document", "search_query", "classification", "clustering"):
        raise Refused(400, "valid input_type must be provided with the provided model")
    if body.get("embedding_types") != ["float"] or body.get("truncate", "END") not in ("NONE", "START", "END"):
        raise Refused(400, "invalid embedding_types or truncate")
    return texts, body.get("output_dimension")


class FakeServer:
    def __init__(self, dim=8, port=0):
        self.dim = dim
        self.requests = []  # {"path", "headers", "body", "texts", "status", "time"}
        self.billed = collections.Counter()
        self.validators = {}  # path: a function that raises for a body that is not of the types
        self.faults = []
        self.headers = {}  # of every answer
        self.base64 = True
        self.running = self.most_at_once = 0
        self.lock = threading.Lock()
        server = self

        class Handler(_Handler):
            owner = server

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()

    def fault(self, kind, times=1, having=None, **more):
        """The next `times` requests (those with the text `having`) fail so. A number is a status, with `body`, `headers`;
        slow (seconds), reset (no answer), cut (in the middle of the body), cut-quiet (no length was announced), count,
        dim, nan, nan-json, infinite, huge, reversed, index, twice, base64, html, text, null: what the reply is."""
        self.faults.append({"kind": kind, "times": times, "having": having, **more})

    def take_fault(self, texts):
        with self.lock:
            for fault in self.faults:
                if fault["times"] != 0 and (fault["having"] is None or fault["having"] in texts):
                    fault["times"] -= 1
                    return fault
        return {"kind": None}

    def texts(self):
        """All texts of all requests, in the order of their arrival."""
        return [text for request in self.requests for text in request["texts"]]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        owner = self.owner
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        entry = {"path": self.path, "headers": dict(self.headers), "body": None, "texts": [], "status": 0,
                 "time": time.monotonic(), "connection": self.client_address}
        with owner.lock:
            owner.requests.append(entry)
            owner.running += 1
            owner.most_at_once = max(owner.most_at_once, owner.running)
        try:
            self.answer(entry, raw)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with owner.lock:
                owner.running -= 1

    def answer(self, entry, raw):
        try:
            entry["body"] = body = json.loads(raw)
            if self.headers.get("Content-Type") != "application/json":
                raise Refused(415, "expected application/json")
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                given = self.headers.get("Authorization", "")
                raise Refused(401, f"Incorrect API key provided: {given[7:]}. It should be another", "invalid_api_key")
            path = "/" + self.path.split("/", 3)[3] if self.path.startswith("http://") else self.path  # as a proxy sees it
            if path not in ("/v1/embeddings", "/v2/embed"):
                raise Refused(404, f"no such page: {self.path}")
            if path in self.owner.validators:
                self.owner.validators[path](body)
            is_cohere = path == "/v2/embed"
            texts, dim = check_cohere(body) if is_cohere else check_openai(body)
            entry["texts"] = texts
            if not is_cohere and not self.owner.base64 and body.get("encoding_format") == "base64":
                raise Refused(400, "encoding_format: only 'float' is supported")
        except Refused as refused:
            self.refuse(entry, refused)
            return
        self.compute(entry, texts, dim or KNOWN.get(body["model"], self.owner.dim), is_cohere,
                     body.get("encoding_format") == "base64")

    def refuse(self, entry, refused):
        if entry["path"] == "/v2/embed":
            self.send(entry, refused.status, {"message": refused.message})
        else:
            self.send(entry, refused.status, {"error": {"message": refused.message, "type": "invalid_request_error",
                                                        "param": None, "code": refused.code}})

    def compute(self, entry, texts, dim, is_cohere, as_base64):
        fault = self.owner.take_fault(texts)
        kind = fault["kind"]
        if kind == "slow":
            time.sleep(fault["seconds"])
        if kind == "reset":
            self.close_connection = True
            return
        if isinstance(kind, int):
            self.send(entry, kind, fault.get("body", {"error": {"message": f"told to answer {kind}"}}),
                      fault.get("headers", {}))
            return
        vectors = [vector(text, dim) for text in texts]
        if kind == "count":
            vectors = vectors[:-1]
        if kind == "dim":
            vectors[-1] = vectors[-1][:-1]
        if kind in ("nan", "infinite"):
            vectors[0][0] = math.nan if kind == "nan" else math.inf
        reply = self.cohere_reply(texts, vectors) if is_cohere else self.openai_reply(entry, texts, vectors, as_base64)
        if not is_cohere and kind == "reversed":
            reply["data"].reverse()
        if not is_cohere and kind == "index":
            reply["data"][0]["index"] = len(texts)
        if not is_cohere and kind == "twice":
            reply["data"][-1]["index"] = 0
        if not is_cohere and kind == "base64":
            reply["data"][0]["embedding"] = reply["data"][0]["embedding"][:-3] + "!=="
        if kind == "null":
            reply = {"data": None, "embeddings": None}
        body = json.dumps(reply).encode()
        if kind == "huge":
            body = body[:-1] + b', "more": "' + b"x" * 30_000_000 + b'"}'
        if kind == "html":
            self.send(entry, 200, b"<!doctype html><html><body>Log in</body></html>", {"Content-Type": "text/html"})
        elif kind == "text":
            self.send(entry, 200, b"upstream connect error", {"Content-Type": "text/plain"})
        elif kind in ("cut", "cut-quiet"):
            self.cut(entry, body, kind == "cut")
        else:
            if self.send(entry, 200, body):
                with self.owner.lock:
                    self.owner.billed.update(texts)

    @staticmethod
    def openai_reply(entry, texts, vectors, as_base64):
        n = sum(map(tokens, texts))
        return {"object": "list", "model": entry["body"]["model"],
                "data": [{"object": "embedding", "index": i,
                          "embedding": base64.b64encode(struct.pack(f"<{len(v)}f", *v)).decode() if as_base64 else v}
                         for i, v in enumerate(vectors)],
                "usage": {"prompt_tokens": n, "total_tokens": n}}

    @staticmethod
    def cohere_reply(texts, vectors):
        return {"id": "1", "response_type": "embeddings_by_type", "embeddings": {"float": vectors}, "texts": texts,
                "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": float(sum(map(tokens, texts)))}}}

    def send(self, entry, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        entry["status"] = status
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **self.owner.headers, **dict(headers)}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
        return True

    def cut(self, entry, body, with_length):
        entry["status"] = 200
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        if with_length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dim", type=int, default=8, help="of models that are not known")
    arguments = parser.parse_args()
    server = FakeServer(arguments.dim)
    for name, value in (("OPENAI_BASE_URL", server.url + "/v1"), ("OPENAI_API_KEY", KEY), ("CO_API_URL", server.url),
                        ("CO_API_KEY", KEY)):
        print(f"{name}={value}", flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
