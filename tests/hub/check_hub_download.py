#!/usr/bin/env python3
"""Checks the hub folder from outside: downloads and whatever can happen to them, by hub_fetch against fake_hub.py.

    check_hub_download.py PROGRAM [TEST…]        TEST as unittest has it, such as Download.test_layout

Python's standard library only, and openssl.
"""
import email.utils
import fcntl
import hashlib
import http.server
import json
import os
import random
import shutil
import signal
import threading
import time

from hub_case import FILES, FOLDER, ONNX, REPO, TOKEN, WANTED, Case, Result, main


class Download(Case):
    def test_layout(self):
        self.start("--cdn")
        result = self.fetched(REPO, "--progress")
        self.assert_sound(result)
        commit = result.values["revision"]
        self.assertRegex(commit, "^[0-9a-f]{40}$")
        folder = self.cache / FOLDER
        self.assertEqual((folder / "refs/main").read_text(), commit)
        self.assertEqual(result.values["directory"], str(folder / "snapshots" / commit))
        self.assertEqual(result.values["onnx_file"], str(folder / "snapshots" / commit / "onnx/model.onnx"))
        self.assertEqual(result.values["weights_file"], "")
        self.assertEqual(result.values["cache_dir"], str(folder / ".rag_factory"))
        link = folder / "snapshots" / commit / "1_Pooling/config.json"
        self.assertTrue(os.readlink(link).startswith("../../../blobs/"))
        tree = json.loads((folder / "trees" / f"{commit}.json").read_text())
        self.assertEqual(set(tree["files"]), set(FILES))
        self.assertEqual(tree["files"]["onnx/model.onnx"]["lfs_sha256"], hashlib.sha256(ONNX).hexdigest())
        for lock in (self.cache / ".locks" / FOLDER).iterdir():
            with open(lock) as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        total = sum(len(FILES[path]) for path in WANTED)
        self.assertEqual(result.progress()[-1], (total, total))

    def test_what_is_cached_needs_no_hub(self):
        hub = self.start()
        first = self.fetched()
        self.stop(hub)
        second = self.fetched(env={"HF_ENDPOINT": "http://127.0.0.1:9"})
        self.assertEqual(first.values, second.values)
        third = self.fetched(f"{REPO}@{first.values['revision']}")
        self.assertEqual(first.values, third.values)
        self.assertNotIn("warning", second.err + third.err)

    def test_two_downloads_cost_one(self):
        self.start("--cdn")
        processes = [self.spawn("resolve", REPO, "--cache-dir", self.cache) for _ in range(2)]
        self.fault("slow", path="model.onnx", rate=600_000, times=-1)
        results = [process.communicate(timeout=60) + (process.returncode,) for process in processes]
        self.assertEqual([code for _, _, code in results], [0, 0], results)
        self.assertEqual(len(self.file_log()), 1)
        self.assert_sound(Result(0, results[0][0], ""))

    def test_slow_hub_and_lock(self):
        """The second waits for the first, and says so."""
        self.start()
        self.fault("slow", path="model.onnx", rate=200_000, times=-1)
        first = self.spawn("resolve", REPO, "--cache-dir", self.cache)
        while not any((self.cache / FOLDER / "blobs").glob(hashlib.sha256(ONNX).hexdigest() + ".incomplete")):
            time.sleep(0.02)
        second = self.fetched()
        first.communicate(timeout=60)
        self.assertIn("another process is downloading it", second.err)
        self.assertEqual(len(self.file_log()), 1)

    def test_renamed_repository(self):
        self.start("--alias", f"old/name={REPO}")
        self.fetched("old/name", env={"HF_TOKEN": TOKEN})
        self.assertTrue(all(entry["authorization"] for entry in self.log()))

    def test_small_files_by_redirect(self):
        self.start("--resolve-cache", "--cdn")
        self.assert_sound(self.fetched())

    def test_old_name_without_organisation(self):
        self.start("--alias", "bert-base-uncased=google-bert/bert-base-uncased")
        self.write("google-bert/bert-base-uncased", FILES)
        result = self.fetched("bert-base-uncased")
        self.assertIn("models--bert-base-uncased", result.values["directory"])

    def test_default_organisation(self):
        self.start()
        self.write("sentence-transformers/tiny", FILES)
        result = self.fetched("tiny")
        self.assertIn("models--sentence-transformers--tiny", result.values["directory"])
        self.assertIn("info: 'tiny' names no organisation: taken as 'sentence-transformers/tiny'", result.err)
        self.assertIn("'nothing' is no path here", self.refused("nothing").message)

    def test_damaged_blob_is_replaced(self):
        self.start()
        self.fetched()
        blob = self.cache / FOLDER / "blobs" / hashlib.sha256(ONNX).hexdigest()
        blob.write_bytes(ONNX[:1000])
        result = self.fetched()
        self.assertIn("has 1000 bytes, expected 300000; downloading it anew", result.err)
        self.assert_sound(result)

    def test_empty_file(self):
        self.write(REPO, {"README.md": b""})
        self.start()
        self.assertEqual(self.files(self.fetched())["README.md"], b"")

    def test_slash_at_the_end_of_the_endpoint(self):
        self.start()
        self.fetched(env={"HF_ENDPOINT": self.url + "//"})

    def test_tree_that_nobody_can_read(self):
        """A listing of another version, or damaged, counts as none."""
        self.start()
        commit = self.fetched().values["revision"]
        for text in ("", "{", '{"format_version": 2, "files": {}}', "[]", '{"format_version": 1, "files": 3}'):
            (self.cache / FOLDER / "trees" / f"{commit}.json").write_text(text)
            self.fetched()
            self.fetched(env={"HF_HUB_OFFLINE": "1"})


class AtOnce(Case):
    """Several files at once."""

    def begin_with_a_slow_one(self, *arguments):
        """The largest file stands still in the middle; every other one is waited for."""
        self.start("--cdn")
        self.fault("stall", path="model.onnx", after=123_456)
        process = self.spawn("resolve", REPO, "--cache-dir", self.cache, *arguments,
                             env={"HF_HUB_DOWNLOAD_TIMEOUT": 100})
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 60
        while len(list((self.cache / FOLDER).glob("snapshots/*/**/*.*"))) < len(WANTED) - 1:
            self.assertLess(time.monotonic(), deadline, self.blobs())
            time.sleep(0.02)
        return process

    def test_small_ones_pass_a_slow_one(self):
        process = self.begin_with_a_slow_one()
        have = self.partial().stat().st_size
        self.assertTrue(0 < have <= 123_456, have)
        process.kill()
        process.communicate()
        self.control("log=clear")
        self.assert_sound(self.fetched())
        self.assertEqual([entry["bytes"] for entry in self.file_log()], [len(ONNX) - have])

    def test_a_failure_ends_the_others(self):
        """Long before the slow ones would be there; what they have is kept."""
        self.start("--cdn")
        self.fault("slow", path="model.onnx", rate=5_000, times=-1)  # a minute
        self.fault("403", path="tokenizer.json", times=-1)
        begun = time.monotonic()
        self.assertIn("answered 403", self.refused().message)
        self.assertLess(time.monotonic() - begun, 30)
        self.control("clear")
        self.assert_sound(self.fetched())

    def test_cancelling_ends_all(self):
        self.start("--cdn")
        self.fault("stall", path="resolve", times=-1, after=10)
        result = self.fetch(REPO, "--cancel-after", 1000, env={"HF_HUB_DOWNLOAD_TIMEOUT": 100})
        self.assertEqual(result.status, "cancelled")
        self.control("clear")
        self.assert_sound(self.fetched())

    def test_same_contents_twice(self):
        """One download, and no wait for a lock of our own."""
        twins = {path: b"the same" * 1000 for path in ("special_tokens_map.json", "added_tokens.json", "README.md")}
        self.write(REPO, twins)
        self.start("--cdn")
        result = self.fetched(REPO, "--progress")
        files = self.files(result)
        self.assertEqual({path: files[path] for path in twins}, twins)
        self.assertNotIn("waiting", result.err)
        self.assertEqual(len([entry for entry in self.log("resolve") if entry["path"].endswith(tuple(twins))]), 1)
        total = sum(map(len, files.values()))
        self.assertEqual(result.progress()[-1], (total, total))

    def test_progress_is_the_sum(self):
        self.start("--cdn")
        self.fault("slow", path="model.onnx", rate=150_000, times=-1)
        progress = self.fetched(REPO, "--progress").progress()
        total = sum(len(FILES[path]) for path in WANTED)
        counted = [(done, of) for done, of in progress if of]
        self.assertEqual(counted, sorted(counted))
        self.assertEqual({of for _, of in counted}, {total})
        self.assertGreater(len({done for done, _ in counted}), 5)

    def test_shards(self):
        shards = {f"model-0000{n}-of-00006.safetensors": random.Random(n).randbytes(100_000) for n in range(1, 7)}
        for path in ("onnx/model.onnx", "onnx/model_quantized.onnx", "model.safetensors"):
            (self.root / REPO / path).unlink()
        self.write(REPO, {"model.safetensors.index.json": b"{}", **shards})
        self.start("--cdn")
        self.fault("slow", path="model-0", rate=100_000, times=-1)
        begun = time.monotonic()
        files = self.files(self.fetched())
        self.assertEqual({path: files[path] for path in shards}, shards)
        self.assertGreater(time.monotonic() - begun, 1.5, "slow is not slow")
        self.assertEqual(len(self.log("cdn")), 6)


class Resume(Case):
    def sent(self):
        return sum(entry["bytes"] for entry in self.file_log())

    def test_cut(self):
        self.start("--cdn")
        for after in (0, 1, 4096, 65536, 150_000, 299_999):
            with self.subTest(after=after):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.control("log=clear")
                self.fault("cut", path="model.onnx", after=after)
                self.assert_sound(self.fetched())
                self.assertEqual(self.sent(), len(ONNX))

    def test_cut_again_and_again(self):
        """As long as something arrives it goes on, more often than there are attempts."""
        self.start()
        for after in range(70_000, 300_000, 70_000):
            self.fault("cut", path="model.onnx", after=after)
        for after in range(280_100, 280_400, 100):
            self.fault("cut", path="model.onnx", after=after)
        self.assert_sound(self.fetched())
        self.assertEqual(self.sent(), len(ONNX))

    def test_cut_for_ever(self):
        self.start()
        self.fault("cut", path="model.onnx", after=1000, times=-1)
        result = self.refused()
        self.assertEqual(result.status, "network error")
        self.assertEqual(self.partial().stat().st_size, 1000)
        self.control("clear")
        self.control("log=clear")
        self.assert_sound(self.fetched())
        self.assertEqual(self.sent(), len(ONNX) - 1000)

    def test_stall(self):
        self.start("--cdn")
        self.fault("stall", path="model.onnx", after=123_456)
        begun = time.monotonic()
        self.assert_sound(self.fetched(env={"HF_HUB_DOWNLOAD_TIMEOUT": 1}))
        self.assertLess(time.monotonic() - begun, 30)

    def test_killed(self):
        self.start("--cdn")
        self.fault("slow", path="model.onnx", rate=400_000)
        process = self.spawn("resolve", REPO, "--cache-dir", self.cache, "--progress")
        for line in process.stderr:
            if line.startswith("progress: ") and int(line.split()[1]) > 100_000:
                break
        process.kill()
        process.communicate()
        have = self.partial().stat().st_size
        self.assertGreater(have, 50_000)
        self.assertFalse((self.cache / FOLDER / "refs/main").exists())
        self.control("clear")
        self.control("log=clear")
        result = self.fetched(REPO, "--progress")
        self.assert_sound(result)
        self.assertEqual(self.sent(), len(ONNX) - have)
        self.assertEqual(self.file_log()[0]["headers"]["range"], f"bytes={have}-")

    def test_abort_inside(self):
        self.start()
        self.fault("slow", path="model.onnx", rate=400_000)
        result = self.fetch(REPO, "--die-at", 100_000)
        self.assertEqual(result.code, -signal.SIGABRT)
        self.control("clear")
        self.assert_sound(self.fetched())

    def test_cancelled(self):
        self.start()
        self.fault("slow", path="model.onnx", rate=400_000)
        result = self.fetch(REPO, "--cancel-at", 100_000)
        self.assertEqual((result.code, result.status), (1, "cancelled"), result.err)
        self.assertIn("what arrived is kept", result.message)
        self.assertGreater(self.partial().stat().st_size, 50_000)
        for lock in (self.cache / ".locks" / FOLDER).iterdir():
            with open(lock) as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.assertFalse((self.cache / FOLDER / "refs").exists())
        self.control("clear")
        self.assert_sound(self.fetched())

    def test_cancelled_while_nothing_arrives(self):
        self.start()
        self.fault("stall", path="model.onnx", after=1000, times=-1)
        begun = time.monotonic()
        result = self.fetch(REPO, "--cancel-after", 700, env={"HF_HUB_DOWNLOAD_TIMEOUT": 60})
        self.assertEqual(result.status, "cancelled")
        self.assertLess(time.monotonic() - begun, 20)

    def test_cancelled_while_waiting_to_retry(self):
        self.start()
        self.fault("429", path="api", retry_after=50, times=-1)
        begun = time.monotonic()
        self.assertEqual(self.fetch(REPO, "--cancel-after", 500).status, "cancelled")
        self.assertLess(time.monotonic() - begun, 20)

    def test_cancelled_while_another_has_the_lock(self):
        self.start()
        lock = self.cache / ".locks" / FOLDER / (hashlib.sha256(ONNX).hexdigest() + ".lock")
        lock.parent.mkdir(parents=True)
        with open(lock, "w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            self.assertEqual(self.fetch(REPO, "--cancel-after", 1000).status, "cancelled")
        self.fetched()

    def test_server_without_ranges(self):
        self.start("--cdn")
        self.fault("cut", path="model.onnx", after=100_000)
        self.fault("norange", path="model.onnx")
        self.assert_sound(self.fetched())
        self.assertEqual(self.sent(), 100_000 + len(ONNX))

    def test_wrong_part_is_not_kept(self):
        """What an earlier process left may be of anything: the hash decides."""
        self.start()
        partial = self.cache / FOLDER / "blobs" / (hashlib.sha256(ONNX).hexdigest() + ".incomplete")
        partial.parent.mkdir(parents=True)
        for junk in (b"x" * 5000, b"x" * len(ONNX), b"x" * (len(ONNX) + 1)):
            partial.write_bytes(junk)
            self.assert_sound(self.fetched())
            shutil.rmtree(self.cache / FOLDER)
            partial.parent.mkdir(parents=True)

    def test_whole_part_is_only_renamed(self):
        self.start()
        partial = self.cache / FOLDER / "blobs" / (hashlib.sha256(ONNX).hexdigest() + ".incomplete")
        partial.parent.mkdir(parents=True)
        partial.write_bytes(ONNX)
        self.assert_sound(self.fetched())
        self.assertEqual(self.sent(), 0)


class Faults(Case):
    def test_damaged_once(self):
        self.start("--cdn")
        self.fault("corrupt", path="model.onnx", after=1234)
        result = self.fetched()
        self.assert_sound(result)
        self.assertIn("warning: 'onnx/model.onnx' arrived damaged: it has the sha256", result.err)

    def test_damaged_for_ever(self):
        self.start("--cdn")
        self.fault("corrupt", path="model.onnx", after=1234, times=-1)
        message = self.refused().message
        self.assertIn("'onnx/model.onnx' arrived damaged, twice: it has the sha256", message)
        self.assertIn("expected " + hashlib.sha256(ONNX).hexdigest(), message)
        self.assertEqual([name for name in self.blobs() if hashlib.sha256(ONNX).hexdigest() in name], [])

    def test_damaged_small_file(self):
        self.start()
        self.fault("corrupt", path="tokenizer.json", times=-1)
        self.assertIn("it has the git hash", self.refused().message)

    def test_web_page(self):
        self.start()
        for path in ("/api/", "config.json", "model.onnx"):
            with self.subTest(path=path):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.control("clear")
                self.fault("html", path=path, times=-1)
                self.assertIn("answered with a web page", self.refused().message)
                # What came beside it is kept.
                for part in (self.cache / FOLDER / "blobs").glob("*.incomplete"):
                    self.assertFalse(part.read_bytes().startswith(b"<!DOCTYPE"), part.name)

    def test_pointer(self):
        self.start("--cdn")
        self.fault("pointer", path="model.onnx", times=-1)
        self.assertIn("git-lfs pointer", self.refused().message)

    def test_wrong_length(self):
        self.start()
        for delta in (-1, 1, 1000):
            with self.subTest(delta=delta):
                self.control("clear")
                self.fault("length", path="model.onnx", delta=delta, times=-1)
                self.assertIn(f"sends {len(ONNX) + delta} bytes for 'onnx/model.onnx', expected {len(ONNX)}",
                              self.refused().message)

    def test_passing_faults(self):
        self.start()
        for kind in ("429", "500", "502", "503", "504", "408", "reset"):
            for path in ("/api/", "model.onnx") if kind in ("429", "reset") else ("/api/",):
                with self.subTest(kind=kind, path=path):
                    shutil.rmtree(self.cache, ignore_errors=True)
                    self.control("clear")
                    self.fault(kind, path=path, times=3)
                    self.assert_sound(self.fetched())

    def test_faults_for_ever(self):
        self.start()
        for kind, text in (("429", "answered 429 (too many requests, each time we tried)"), ("500", "answered 500"),
                           ("503", "answered 503"), ("400", "answered 400"), ("403", "answered 403"),
                           ("410", "answered 410"), ("reset", "the connection to 127.0.0.1")):
            for path in ("/api/", "model.onnx"):
                with self.subTest(kind=kind, path=path):
                    shutil.rmtree(self.cache, ignore_errors=True)
                    self.control("clear")
                    self.control("log=clear")
                    self.fault(kind, path=path, times=-1)
                    result = self.refused()
                    self.assertIn(text, result.message)
                    self.assertEqual(result.status, "network error")
                    tries = len(self.log(path))
                    # libcurl asks once more by itself when a connection that it kept turns out to be closed.
                    self.assertIn(tries, (1,) if kind in ("400", "403", "410") else (5, 6) if kind == "reset" else (5,))

    def test_retry_after(self):
        self.start()
        self.fault("429", path="/api/", retry_after=2)
        begun = time.monotonic()
        result = self.fetched()
        self.assertGreater(time.monotonic() - begun, 1.9)
        self.assertIn("trying again in 2.0 s", result.err)

    def test_retry_after_a_date(self):
        self.start()
        begun = time.time()
        self.fault("503", path="/api/", retry_after=email.utils.formatdate(begun + 3, usegmt=True))
        self.fetched()
        self.assertGreater(time.time() - begun, 1.9)

    def test_nobody_there(self):
        begun = time.monotonic()
        result = self.refused(env={"HF_ENDPOINT": "http://127.0.0.1:9"})
        self.assertIn("cannot connect to 127.0.0.1:9", result.message)
        self.assertIn("HF_ENDPOINT", result.message)
        self.assertLess(time.monotonic() - begun, 20)

    def test_no_such_host(self):
        result = self.refused(env={"HF_ENDPOINT": "http://hub.invalid"})
        self.assertIn("the name of hub.invalid cannot be resolved", result.message)

    def test_cdn_is_down(self):
        self.start("--cdn")
        self.fault("503", path="model.onnx", on="cdn", times=3)
        self.assert_sound(self.fetched())
        self.assertEqual(len(self.log("model.onnx", "hub")), 4)

    def test_out_of_memory(self):
        """Every 5th allocation; tests/unit/hub tries all of those that need no hub."""
        self.start("--cdn")
        result = self.run_program("torture", REPO, "--cache-dir", self.cache, "--every", 5)
        self.assertEqual(result.code, 0, result.err[-2000:])
        self.assertGreater(int(result.out), 50)

    def test_endpoint_is_no_url(self):
        self.assertIn("HF_ENDPOINT is 'hub.example'", self.refused(env={"HF_ENDPOINT": "hub.example"}).message)


class Access(Case):
    def test_no_such_repository(self):
        self.start()
        message = self.refused("org/nothing").message
        self.assertEqual(message, "Could not download ONNX model 'org/nothing': the hub answered 404 (repository not "
                                  "found). Please ensure that the name is right, or set HF_TOKEN if it is private")

    def test_no_such_repository_for_strangers(self):
        self.start("--missing-repo-status", "401")
        result = self.refused("org/nothing")
        self.assertEqual(result.status, "not found")
        self.assertIn("401 (no such repository, or a private one)", result.message)

    def test_no_such_revision(self):
        self.start()
        self.assertIn("no revision 'nothing'", self.refused(f"{REPO}@nothing").message)
        self.assertIn("no revision '" + "1" * 40, self.refused(REPO, "--revision", "1" * 40).message)

    def test_gated(self):
        self.start("--gated", REPO, "--token", TOKEN, "--token-without-access", TOKEN + "2")
        self.assertIn(f"accept its terms at {self.url}/{REPO}", self.refused().message)
        self.assertIn(f"ask for access at {self.url}/{REPO}", self.refused(env={"HF_TOKEN": TOKEN + "2"}).message)
        self.assertIn("it does not know the token", self.refused(env={"HF_TOKEN": "hf_wrong"}).message)
        self.fetched(env={"HF_TOKEN": TOKEN})

    def test_private(self):
        self.start("--private", REPO, "--token", TOKEN)
        self.refused()
        self.fetched(env={"HF_TOKEN": f"  {TOKEN}\n"})

    def test_where_the_token_is(self):
        self.start("--private", REPO, "--token", TOKEN)
        (self.home / ".cache/huggingface").mkdir(parents=True)
        places = {
            "file of the login": (self.home / ".cache/huggingface/token", {}),
            "XDG": (self.scratch / "xdg/huggingface/token", {"XDG_CACHE_HOME": self.scratch / "xdg"}),
            "HF_HOME": (self.scratch / "hf/token", {"HF_HOME": self.scratch / "hf"}),
            "HF_TOKEN_PATH": (self.scratch / "a token", {"HF_TOKEN_PATH": self.scratch / "a token"}),
        }
        for name, (path, env) in places.items():
            with self.subTest(name):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(TOKEN + "\n")
                shutil.rmtree(self.cache, ignore_errors=True)
                self.refused(env={**env, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"})
                self.fetched(env=env)
                path.unlink()
        self.fetched(f"{REPO}@main", env={"HUGGING_FACE_HUB_TOKEN": TOKEN})

    def test_token_that_is_no_token(self):
        self.start()
        self.assertIn("the token of HF_TOKEN has a blank", self.refused(env={"HF_TOKEN": "hf_a\r\nX-Evil: 1"}).message)

    def test_token_stays_at_home(self):
        self.start("--cdn", "--private", REPO, "--token", TOKEN)
        self.fetched(env={"HF_TOKEN": TOKEN})
        self.assertTrue(self.log(server="hub") and self.log(server="cdn"))
        self.assertTrue(all(entry["authorization"] for entry in self.log(server="hub")))
        self.assertFalse(any(entry["authorization"] for entry in self.log(server="cdn")))

    def test_token_stays_at_home_by_name_too(self):
        """Another name of the same machine is another host."""
        self.start("--cdn", "--cdn-host", "localhost", "--private", REPO, "--token", TOKEN)
        self.fetched(env={"HF_TOKEN": TOKEN})
        self.assertFalse(any(entry["authorization"] for entry in self.log(server="cdn")))

    def test_password_of_the_endpoint_is_not_shown(self):
        self.start("--gated", REPO)
        result = self.refused(env={"HF_ENDPOINT": self.url.replace("//", "//user:sesame@")})
        self.assertNotIn("sesame", result.err)


class Odd(Case):
    """Servers that are no hub, or an evil one. `answers` is path -> (status, headers, body)."""

    def serve(self, answers):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                asked.append((self.command, self.path, self.headers.get("Authorization")))
                status, headers, body = answers.get(self.path, answers.get("*", (404, {}, b"")))
                self.send_response(status)
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        asked = []
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"
        return asked

    API = f"/api/models/{REPO}/revision/main?blobs=true"
    COMMIT = "0123456789" * 4

    def listing(self, *siblings, sha=COMMIT):
        return 200, {}, json.dumps({"sha": sha, "siblings": list(siblings)}).encode()

    def test_answers_that_are_no_listing(self):
        for body in (b"", b"null", b"[]", b"{", b'{"sha": 3}', b'{"sha": "main"}', b'{"sha": "../../../../x"}',
                     b"[" * 1000, b'{"sha": "%s", "siblings": 3}' % self.COMMIT.encode(),
                     b'{"sha": "%s", "siblings": [3]}' % self.COMMIT.encode(),
                     b'{"sha": "%s", "siblings": [{"rfilename": 3}]}' % self.COMMIT.encode(),
                     b'{"sha": "%s"}' % self.COMMIT.encode(),
                     b'{"sha": "%s", "siblings": [{"rfilename": "model.onnx", "size": -1}]}' % self.COMMIT.encode()):
            with self.subTest(body=body[:80]):
                self.serve({self.API: (200, {}, body)})
                self.refused()
        self.assertEqual(list(self.cache.glob("*/blobs/*")), [])

    def test_paths_that_lead_out(self):
        bad = ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "./model.onnx", "a//b", "", "x" * 5000, "C:/evil",
               "a\nb"]
        self.serve({self.API: self.listing(*({"rfilename": path, "size": 1, "blobId": "1" * 40} for path in bad))})
        self.assertIn("has no onnx/model.onnx", self.refused().message)

    def test_mirror_without_sizes(self):
        """The listing names only paths: sizes and hashes come from each file's headers."""
        files = {path: FILES[path] for path in ("config.json", "tokenizer.json", "onnx/model.onnx")}
        answers = {self.API: self.listing(*({"rfilename": path} for path in files))}
        for path, data in files.items():
            answers[f"/{REPO}/resolve/{self.COMMIT}/{path}"] = (
                200, {"ETag": f'W/"{hashlib.sha256(data).hexdigest()}"'}, data)
        asked = self.serve(answers)
        result = self.fetched(REPO, "--progress")
        self.assertEqual(self.files(result), files)
        total = sum(map(len, files.values()))
        self.assertEqual(result.progress()[-1], (total, total))
        self.assertEqual(sum(method == "HEAD" for method, _, _ in asked), 3)
        self.assertFalse((self.cache / FOLDER / "trees").exists())

    def test_mirror_with_etags_of_its_own(self):
        for etag, good in (("abc-1", True), ("../evil", False), ("", False), ("x" * 200, False), (".hidden", False)):
            with self.subTest(etag=etag):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.serve({self.API: self.listing({"rfilename": "model.onnx"}),
                            f"/{REPO}/resolve/{self.COMMIT}/model.onnx": (200, {"ETag": f'"{etag}"'}, b"x" * 100)})
                if good:
                    self.fetched()
                    self.assertEqual(self.blobs(), [etag])
                else:
                    self.assertIn("no ETag", self.refused().message)

    def test_redirects(self):
        for location, text in ((self.API, "redirected more than"), ("file:///etc/passwd", ""), ("ftp://x/", ""),
                               ("http://user:pw@127.0.0.1:9/", "cannot connect to 127.0.0.1:9"), ("http://[::", "")):
            with self.subTest(location=location):
                self.serve({"*": (302, {"Location": location}, b"")})
                result = self.refused(env={"HF_TOKEN": TOKEN})
                self.assertIn(text, result.message)
                self.assertNotIn("pw@", result.err)

    def test_token_does_not_come_back(self):
        """From the hub to another host, and from there to the hub again."""
        far = self.serve({"*": (302, {"Location": "PLACEHOLDER"}, b"")})
        away = self.url
        home = self.serve({self.API: (302, {"Location": away + "/"}, b""), "/back": (404, {}, b"")})
        back = {"*": (302, {"Location": self.url + "/back"}, b"")}
        home_url = self.url
        far = self.serve(back)
        away = self.url
        home = self.serve({self.API: (302, {"Location": away + "/"}, b""), "*": (404, {}, b"")})
        back["*"] = (302, {"Location": self.url + "/back"}, b"")
        self.refused(env={"HF_TOKEN": TOKEN})
        self.assertEqual([(path, token is not None) for _, path, token in home], [(self.API, True), ("/back", False)])
        self.assertEqual([token for _, _, token in far], [None])
        del home_url

    def test_disk_too_small(self):
        """The disk has room for each file, but not for both: nothing begins."""
        disk = os.statvfs(self.scratch)
        size = disk.f_bavail * disk.f_frsize * 2 // 3
        asked = self.serve({self.API: self.listing(
            *({"rfilename": path, "size": size, "blobId": "1" * 40, "lfs": {"sha256": digit * 64, "size": size}}
              for path, digit in (("model.onnx", "2"), ("model.onnx_data", "3"))))})
        message = self.refused().message
        self.assertRegex(message, r"[0-9.]+ MB are to be downloaded to .*/cache, where [0-9.]+ MB are free\. Please")
        self.assertIn("--cache-dir", message)
        self.assertEqual([path for _, path, _ in asked], [self.API])
        self.assertEqual(self.blobs(), [])

    def test_file_changed_since_it_was_listed(self):
        data = FILES["config.json"]
        self.serve({self.API: self.listing({"rfilename": "model.onnx", "size": len(data), "blobId": "1" * 40}),
                    f"/{REPO}/resolve/{self.COMMIT}/model.onnx": (200, {"X-Linked-Etag": '"%s"' % ("2" * 40)}, data)})
        self.assertIn("has other contents for 'model.onnx'", self.refused().message)

    def test_endless_body(self):
        self.serve({self.API: self.listing({"rfilename": "model.onnx", "size": 10, "blobId": "1" * 40}),
                    f"/{REPO}/resolve/{self.COMMIT}/model.onnx":
                        (200, {"Content-Length": "", "Transfer-Encoding": "chunked"}, b"400\r\n" + b"x" * 1024 + b"\r\n")})
        self.refused()
        self.assertLessEqual(max((path.stat().st_size for path in self.cache.glob("*/blobs/*")), default=0), 10)

    def test_wrong_range(self):
        data = b"0123456789" * 100
        partial = self.cache / FOLDER / "blobs" / (hashlib.sha256(data).hexdigest() + ".incomplete")
        partial.parent.mkdir(parents=True)
        partial.write_bytes(data[:500])
        self.serve({self.API: self.listing({"rfilename": "model.onnx", "size": 1000,
                                            "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": 1000}}),
                    f"/{REPO}/resolve/{self.COMMIT}/model.onnx":
                        (206, {"Content-Range": "bytes 0-999/1000"}, data)})
        self.fetched()


if __name__ == "__main__":
    main()
