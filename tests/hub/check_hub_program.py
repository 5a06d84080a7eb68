#!/usr/bin/env python3
"""Checks rag-factory itself with a real model from a hub on this machine: from its name to the vector, whatever happens.

    RF_MODEL=DIRECTORY check_hub_program.py PROGRAM [TEST…]        the directory of all-MiniLM-L6-v2

Every run takes a sample; with RF_HUB_WHOLE=1 it is all of it. Python's standard library only, and strace and openssl.
"""
import json
import os
import pathlib
import random
import shutil
import time

from check_hub_network import Authority, Proxy
from hub_case import Case, main

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
WHOLE = os.environ.get("RF_HUB_WHOLE") == "1"
SEED = int(os.environ.get("RF_HUB_SEED", "20261127"))
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
EMBED = ("embed", "a text and its vector", "--format", "csv", "-m", MODEL)


class Program(Case):
    def setUp(self):
        super().setUp()
        source = pathlib.Path(os.environ.get("RF_MODEL", ""), "model.safetensors").resolve()
        self.assertTrue(source.is_file(), "RF_MODEL is no directory of all-MiniLM-L6-v2; scripts/fetch-models brings it")
        (self.root / MODEL).parent.mkdir()
        (self.root / MODEL).symlink_to(source.parent)

    def environment(self, **more):
        return super().environment(**{"HF_HUB_CACHE": self.cache, **more})

    def done(self, *arguments, **keys):
        result = self.run_program(*arguments, **keys)
        self.assertEqual(result.code, 0, result.err)
        return result.out

    def blob(self, path):
        found, = self.cache.glob(f"*/snapshots/*/{path}")
        return found.resolve()

    def test_no_socket(self):
        """Offline, or with all in the cache, no command opens one."""
        self.start("--cdn")
        vector = self.done(*EMBED)
        for arguments in (EMBED, (*EMBED, "--offline"), ("similarity", "one", "two", "--offline"),
                          ("tokenize", "one", "--offline"), ("models", "info", "--offline"), ("models", "list"),
                          ("models", "verify"), ("models", "pull", "--offline"), ("doctor", "--offline")):
            result, trace = self.strace(["-e", "trace=network"], *arguments)
            self.assertEqual(result.code, 0, (arguments, result.err))
            self.assertNotRegex(trace, r"\b(socket|socketpair|connect|sendto)\(", arguments)
            if arguments[0] == "embed":
                self.assertEqual(result.out, vector)
        _, trace = self.strace(["-e", "trace=network"], "models", "pull")
        self.assertRegex(trace, r"\bconnect\(", "and this looks for the newest")

    def test_external_data(self):
        """What an ONNX file keeps its tensors in is read out of it, brought, and found behind the cache's links."""
        location, own = b"external.onnx_data", b"tables/rows.tensor"
        onnx = (GOLDEN / "onnx/external.onnx").read_bytes()
        self.assertEqual(onnx.count(location), 1)
        files = {path: (GOLDEN / "onnx-variants" / path).read_bytes()
                 for path in ("config.json", "tokenizer.json", "tokenizer_config.json")}
        files["config.json"] = files["config.json"].replace(b'"hidden_size": 32', b'"hidden_size": 8')
        folder = self.write("org/external", {**files, "onnx/model.onnx": onnx.replace(location, own), "onnx/other.tensor": b"x",
                                             f"onnx/{own.decode()}": (GOLDEN / "onnx/external.onnx_data").read_bytes()})
        self.start()
        embed = ("embed", "hello world", "--format", "csv", "-m")
        wanted = self.done(*embed, str(folder))
        self.assertEqual(self.done(*embed, "org/external"), wanted)
        self.assertFalse(list(self.cache.glob("*/snapshots/*/onnx/other.tensor")))
        info = json.loads(self.done("models", "info", "org/external", "--offline", "--format", "json"))
        self.assertEqual(info["file_size"], len(onnx) + 64000)
        self.blob(f"onnx/{own.decode()}").unlink()
        self.assertIn("only partly in the cache", self.run_program(*embed, "org/external", "--offline").err)
        self.assertEqual(self.done(*embed, "org/external"), wanted, "and it is brought again")

    def test_kill(self):
        """kill -9 anywhere between the name and the vector: the model is whole or told to be missing, never broken."""
        kills, choice = 40 if WHOLE else 4, random.Random(SEED)
        self.start("--cdn")
        begun = time.monotonic()
        vector = self.done(*EMBED)
        took = time.monotonic() - begun
        shutil.rmtree(self.cache)
        killed = complete = 0
        while killed < kills:
            process = self.spawn(*EMBED)
            time.sleep(choice.random() * took)
            process.kill()
            process.communicate()
            killed += process.returncode == -9
            result = self.run_program(*EMBED, "--offline")
            if result.code == 0:
                complete += 1
                self.assertEqual(result.out, vector)
                shutil.rmtree(self.cache)
            else:
                self.assertRegex(result.err, "is in no cache|only partly in the cache")
        self.assertEqual(self.done(*EMBED), vector)
        self.assertIn("all whole", self.done("models", "verify"))
        self.assertFalse(list(self.cache.glob("*/.rag_factory/**/*.tmp")), "what a killed process began to make")
        print(f"seed {SEED}: {killed} kills within {took:.2f} s, {complete} models complete, the same vector each time")

    def test_kill_while_an_onnx_file_is_made(self):
        """With the weights there; the parts of it that a killed process wrote do not pile up."""
        kills, choice = 20 if WHOLE else 2, random.Random(SEED + 1)
        self.start("--cdn")
        vector = self.done(*EMBED)
        made = self.blob("model.safetensors").parents[1] / ".rag_factory"
        shutil.rmtree(made)
        for _ in range(kills):
            process = self.spawn(*EMBED, "--offline")
            while process.poll() is None and not list(made.glob("**/*.tmp")):
                time.sleep(0.001)
            time.sleep(choice.random() * 0.1)
            process.kill()
            process.communicate()
            self.assertLessEqual(len(list(made.glob("**/*.tmp"))), 2)  # the file and its data
            if list(made.glob("**/*.onnx")):
                self.assertEqual(self.done(*EMBED, "--offline"), vector)
                shutil.rmtree(made)
        self.assertEqual(self.done(*EMBED, "--offline"), vector)
        self.assertEqual(list(made.glob("**/*.tmp")), [])

    def test_all_at_once(self):
        self.start("--cdn")
        processes = [self.spawn(*EMBED) for _ in range(8)]
        outputs = [process.communicate(timeout=300) for process in processes]
        self.assertEqual([process.returncode for process in processes], [0] * 8, outputs)
        self.assertEqual(len({out for out, _ in outputs}), 1)
        sent = [entry["path"] for entry in self.log("resolve") if entry["method"] == "GET"]
        self.assertEqual(len(sent), len(set(sent)), "a file was asked for twice")
        self.assertEqual([entry["bytes"] for entry in self.log("cdn")], [self.blob("model.safetensors").stat().st_size])

    def test_corrupt(self):
        self.start("--cdn")
        vector = self.done(*EMBED)
        choice = random.Random(SEED)
        for path in ("model.safetensors", "tokenizer.json", "1_Pooling/config.json"):
            blob = self.blob(path)
            with open(blob, "r+b") as stream:
                at = choice.randrange(blob.stat().st_size)
                stream.seek(at)
                byte = stream.read(1)[0]
                stream.seek(at)
                stream.write(bytes([byte ^ 1]))
            result = self.run_program("models", "verify")
            self.assertEqual(result.code, 1)
            self.assertIn(f"{MODEL}: {self.cache}", result.err)
            self.assertIn(f"/blobs/{blob.name}: has the ", result.err)
            self.assertIn("repaired: 1 file downloaded again", self.done("models", "verify", "--repair"))
            self.assertIn("all whole", self.done("models", "verify"))
            self.assertEqual(self.done(*EMBED, "--offline"), vector)

    def test_proxy_and_private_authority(self):
        self.need("openssl")
        authority = Authority(self.scratch)
        cert, key = authority.certificate("hub", "DNS:hub.invalid", "DNS:files.invalid")
        self.start("--cert", str(cert), "--key", str(key), "--cdn", "--cdn-host", "files.invalid")
        hub, files = map(int, (self.scratch / "ports").read_text().split())
        proxy = Proxy({"hub.invalid:443": hub, f"files.invalid:{files}": files})
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        env = {"HF_ENDPOINT": "https://hub.invalid", "HTTPS_PROXY": f"http://127.0.0.1:{proxy.server_port}"}
        self.assertIn("set SSL_CERT_FILE", self.run_program(*EMBED, env=env).err)
        self.done(*EMBED, env={**env, "SSL_CERT_FILE": authority.ca})
        self.assertIn("all whole", self.done("models", "verify"))
        self.assertTrue({status for _, status in proxy.asked} == {200})


if __name__ == "__main__":
    main()
