#!/usr/bin/env python3
"""What needs the official clients: the bodies that go out are of their types, and the fake server answers as the real ones do.

    check_types.py REMOTE_EMBED

Run by tests/remote/run, which makes the environment.
"""
import inspect
import os
import subprocess
import sys
import tempfile
import typing
import unittest

import cohere
import openai
import pydantic
from cohere.v2.client import V2Client
from openai.types import EmbeddingCreateParams

from fake_server import KEY, FakeServer, Refused, vector

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import unittest_cases  # noqa: E402

PROGRAM = ""
TEXTS = [f"text {i}" for i in range(200)] + ["", "\"quoted\" \\ 日本語 🙂"]
OPTIONS = {
    "openai": [[], ["dimensions=16", "api_user=somebody", "max_batch=7"], ["prompt=query: "]],
    "cohere": [["role=query"], ["prompt_name=clustering", "dimensions=256", "max_tokens=100", "truncate=left"],
               ["truncate=error", "max_batch=7"]],
}


def check_openai(body):
    extra = set(body) - set(EmbeddingCreateParams.__annotations__)
    if extra:
        raise Refused(400, f"not of EmbeddingCreateParams: {extra}")
    pydantic.TypeAdapter(EmbeddingCreateParams).validate_python(body, strict=True)
    # pydantic looks into no Iterable before it is read: that member of the union which ours has to be
    pydantic.TypeAdapter(typing.List[str]).validate_python(body["input"], strict=True)


def check_cohere(body):
    """The parameters of V2Client.embed, each of its type."""
    parameters = inspect.signature(V2Client.embed, eval_str=True).parameters
    for name, value in body.items():
        if name not in parameters:
            raise Refused(400, f"no parameter of embed: {name}")
        annotation = parameters[name].annotation
        pydantic.TypeAdapter(closed(annotation)).validate_python(value, strict=True)
    for name in ("model", "input_type"):
        if name not in body:
            raise Refused(400, f"{name} is missing")


def closed(annotation):
    """The annotation without the Any that cohere's unions of literals end with."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Union:
        return typing.Union[tuple(closed(a) for a in arguments if a is not typing.Any)]
    if origin is not None and origin is not typing.Literal and arguments:
        return typing.List[closed(arguments[0])]
    return annotation


class Types(unittest.TestCase):
    def setUp(self):
        self.server = FakeServer()
        self.addCleanup(self.server.stop)
        self.refused = []
        for path, check in (("/v1/embeddings", check_openai), ("/v2/embed", check_cohere)):
            self.server.validators[path] = self.refusing(check)

    def refusing(self, check):
        def validate(body):
            try:
                check(body)
            except (pydantic.ValidationError, Refused) as fault:
                self.refused.append(str(fault))
                raise Refused(400, str(fault)) from fault
        return validate

    def test_bodies_are_of_the_official_types(self):
        for provider, lists in OPTIONS.items():
            for options in lists:
                with self.subTest(provider, options=options), tempfile.NamedTemporaryFile() as out:
                    url = self.server.url + ("/v1" if provider == "openai" else "")
                    run = subprocess.run([PROGRAM, f"{provider}:m", out.name, f"base_url={url}", f"api_key={KEY}", *options],
                                         input="".join(text + "\n" for text in TEXTS), capture_output=True, text=True,
                                         check=True)
                    self.assertIn("status=ok\n", run.stdout, run.stdout + run.stderr)
        self.assertEqual(self.refused, [])
        self.assertGreater(len(self.server.requests), 60)

    def test_the_types_refuse(self):
        for body in ({"model": "m"}, {"input": ["a"]}, {"model": "m", "input": [1.5]}, {"model": "m", "input": ["a"], "user": 1},
                     {"model": "m", "input": ["a"], "encoding_format": "hex"}, {"model": "m", "input": ["a"], "odd": 1}):
            with self.assertRaises((pydantic.ValidationError, Refused), msg=body):
                check_openai(body)
        for body in ({"model": "m", "texts": ["a"]}, {"model": "m", "input_type": "query", "texts": ["a"]},
                     {"model": "m", "input_type": "search_query", "texts": "a"},
                     {"model": "m", "input_type": "search_query", "texts": ["a"], "truncate": "RIGHT"},
                     {"model": "m", "input_type": "search_query", "texts": ["a"], "embedding_types": ["fp32"]}):
            with self.assertRaises((pydantic.ValidationError, Refused), msg=body):
                check_cohere(body)

    def test_the_fake_server_answers_openai_as_openai_does(self):
        client = openai.OpenAI(base_url=self.server.url + "/v1", api_key=KEY, max_retries=0)
        for more in ({}, {"encoding_format": "float"}, {"dimensions": 16}):
            reply = client.embeddings.create(model="m", input=["a", "b"], **more)
            self.assertEqual([item.embedding for item in reply.data],
                             [vector(text, more.get("dimensions", 8)) for text in ("a", "b")])
        with self.assertRaises(openai.AuthenticationError):
            client.with_options(api_key="wrong").embeddings.create(model="m", input=["a"])
        with self.assertRaises(openai.BadRequestError):
            client.embeddings.create(model="m", input=[""])
        self.server.fault(429, headers={"Retry-After": "1"})
        with self.assertRaises(openai.RateLimitError):
            client.embeddings.create(model="m", input=["a"])

    def test_and_cohere_as_cohere_does(self):
        client = cohere.ClientV2(api_key=KEY, base_url=self.server.url)
        reply = client.embed(model="m", texts=["a", "b"], input_type="search_query", embedding_types=["float"])
        self.assertEqual(reply.embeddings.float_, [vector("a", 8), vector("b", 8)])
        with self.assertRaises(cohere.UnauthorizedError):
            cohere.ClientV2(api_key="wrong", base_url=self.server.url).embed(model="m", texts=["a"], input_type="search_query",
                                                                            embedding_types=["float"])


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest_cases.run(sys.argv)
