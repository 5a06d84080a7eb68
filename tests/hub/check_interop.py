#!/usr/bin/env python3
"""Checks that this cache and that of the Python tools are one: what either brings the other uses, and they lock each
other out.

    PYTHON tests/hub/check_interop.py PROGRAM [TEST…]        PYTHON has huggingface_hub: see tests/hub/run
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from hub_case import FILES, FOLDER, ONNX, REPO, WANTED, Case, Result, main

PYTHON = """
import json, sys, warnings
from huggingface_hub import HfApi, hf_hub_download, scan_cache_dir, snapshot_download
print(json.dumps(eval(sys.argv[1])))
"""


class Interop(Case):
    def python(self, code, wait=True, **env):
        """What `code` gives in Python, on the same cache."""
        process = subprocess.Popen([sys.executable, "-c", PYTHON, code], text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE,
                                   env=self.environment(HF_HUB_CACHE=self.cache, HF_HUB_DISABLE_PROGRESS_BARS="1",
                                                        HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_XET="1", **env))
        if not wait:
            return process
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        return json.loads(out)

    def test_python_uses_what_we_brought(self):
        self.start("--cdn")
        ours = self.fetched().values
        self.control("log=clear")
        for path in WANTED:
            found = self.python(f"hf_hub_download({REPO!r}, {path!r}, local_files_only=True)")
            self.assertEqual(found, f"{ours['directory']}/{path}")
        folder = self.python(f"snapshot_download({REPO!r}, local_files_only=True, allow_patterns={WANTED!r})")
        self.assertEqual(folder, ours["directory"])
        self.assertEqual(self.log(), [])
        self.assertEqual(self.python(f"snapshot_download({REPO!r}, allow_patterns={WANTED!r})"), ours["directory"])
        self.assertEqual(sum(entry["bytes"] for entry in self.log("resolve")), 0)

    def test_python_completes_what_we_brought(self):
        self.start()
        ours = self.fetched().values
        self.assertEqual(self.python(f"snapshot_download({REPO!r})"), ours["directory"])
        self.assertEqual(self.files(Result(0, f"directory={ours['directory']}", "")), FILES)
        self.assertEqual(len(self.file_log()), 4, "three of the large files were new")
        self.assertEqual(self.fetched().values, ours)

    def test_python_understands_the_cache(self):
        self.start()
        ours = self.fetched().values
        os.makedirs(ours["cache_dir"])
        open(ours["cache_dir"] + "/derived.onnx", "w").close()
        scan = self.python("(lambda c: [[str(w) for w in c.warnings], [[r.repo_id, r.size_on_disk, [[v.commit_hash, "
                           "sorted(v.refs), len(v.files)] for v in r.revisions]] for r in c.repos]])(scan_cache_dir())")
        self.assertEqual(scan, [[], [[REPO, sum(len(FILES[path]) for path in WANTED),
                                      [[ours["revision"], ["main"], len(WANTED)]]]]])

    def test_we_use_a_snapshot_of_python(self):
        hub = self.start("--cdn")
        folder = self.python(f"snapshot_download({REPO!r})")
        self.stop(hub)
        ours = self.fetched(env={"HF_HUB_OFFLINE": "1"})
        self.assertEqual(ours.values["directory"], folder)
        self.assertNotIn("warning", ours.err)

    def test_we_use_files_of_python(self):
        """As sentence-transformers brings them: one by one, the weights and no ONNX file, and no listing."""
        self.start("--cdn")
        paths = [path for path in WANTED if "onnx" not in path] + ["model.safetensors"]
        for path in paths:
            self.python(f"hf_hub_download({REPO!r}, {path!r})")
        ours = self.fetched(env={"HF_HUB_OFFLINE": "1"})
        self.assertTrue(ours.values["weights_file"].endswith("model.safetensors"))
        self.assertNotIn("warning", ours.err)

    def test_we_complete_what_python_brought(self):
        self.start("--cdn")
        self.python(f"hf_hub_download({REPO!r}, 'onnx/model.onnx')")
        self.control("log=clear")
        self.assert_sound(self.fetched())
        self.assertEqual(self.file_log(), [])

    def test_known_absent(self):
        for path in ("config_sentence_transformers.json", "modules.json", "1_Pooling/config.json"):
            (self.root / REPO / path).unlink()
        self.start()
        for path in ("config.json", "tokenizer.json", "tokenizer_config.json", "sentence_bert_config.json",
                     "onnx/model.onnx"):
            self.python(f"hf_hub_download({REPO!r}, {path!r})")
        self.assertIn("warning: ", self.fetched(env={"HF_HUB_OFFLINE": "1"}).err)
        for path in ("config_sentence_transformers.json", "modules.json"):
            process = self.python(f"hf_hub_download({REPO!r}, {path!r})", wait=False)
            process.communicate(timeout=60)
        self.assertNotIn("warning: ", self.fetched(env={"HF_HUB_OFFLINE": "1"}).err)

    def same_files(self, folder):
        """Their bytes, and where they lie: (path, file system's number of the file)."""
        return {(path.relative_to(folder).as_posix(), path.stat().st_ino) for path in pathlib.Path(folder).rglob("*")
                if path.is_file() and path.relative_to(folder).as_posix() in WANTED}

    def test_same_files_both_ways(self):
        """Ours, then theirs, and theirs, then ours: the very same files, each sent once, without a network at the end."""
        for first, second in ((self.ours, self.theirs_all), (self.theirs_all, self.ours)):
            with self.subTest(first=first.__name__):
                shutil.rmtree(self.cache, ignore_errors=True)
                hub = self.start("--cdn")
                self.finish(first)
                folder, = (self.cache / FOLDER / "snapshots").iterdir()
                files = self.same_files(folder)
                self.assertEqual({path for path, _ in files}, set(WANTED))
                sent = [entry["path"] for entry in self.log("resolve") if entry["method"] == "GET"]
                self.assertEqual(len(sent), len(set(sent)))
                self.control("log=clear")
                self.finish(second)
                self.assertEqual(sum(entry["bytes"] for entry in self.log("resolve")), 0)
                self.stop(hub)
                self.finish(second, HF_HUB_OFFLINE="1")
                self.assertEqual(self.same_files(folder), files)

    def finish(self, start, **env):
        process = start(**env)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        return out

    def test_python_verifies_what_we_brought(self):
        """With the sums that it asks the hub for."""
        self.start("--cdn")
        ours = self.fetched().values
        code = f"(lambda v: [v.checked_count, len(v.mismatches)])(HfApi().verify_repo_checksums({REPO!r}))"
        self.assertEqual(self.python(code), [len(WANTED), 0])
        blob = (pathlib.Path(ours["directory"]) / "config.json").resolve()
        blob.write_bytes(blob.read_bytes()[::-1])
        self.assertEqual(self.python(code), [len(WANTED), 1], "it looks")

    def test_python_without_links(self):
        """HF_HUB_DISABLE_SYMLINKS, as on Windows: the files lie in the snapshot. We use, check and complete them."""
        hub = self.start("--cdn")
        folder = self.python(f"snapshot_download({REPO!r})", HF_HUB_DISABLE_SYMLINKS="1")
        self.assertEqual(self.blobs(), [])
        self.stop(hub)
        ours = self.fetched(env={"HF_HUB_OFFLINE": "1"})
        self.assertEqual(ours.values["directory"], folder)
        self.assertNotIn("warning", ours.err)
        self.start("--cdn")
        self.assertEqual(self.run_program("verify", "--cache-dir", self.cache).out.count("whole\t"), len(FILES))
        (pathlib.Path(folder) / "tokenizer.json").unlink()
        self.control("log=clear")
        self.assert_sound_in(self.fetched().values["directory"])
        self.assertEqual([entry["path"].split("/")[-1] for entry in self.log("resolve")], ["tokenizer.json"])

    def assert_sound_in(self, folder):
        self.assertEqual({path: (pathlib.Path(folder) / path).read_bytes() for path in WANTED},
                         {path: FILES[path] for path in WANTED})

    def test_all_at_once(self):
        """Four of ours and four of theirs: one download of each file, and no error."""
        self.start("--cdn")
        self.fault("slow", path="model.onnx", rate=150_000, times=-1)
        processes = [start() for _ in range(4) for start in (self.ours, self.theirs_all)]
        outputs = [process.communicate(timeout=120) for process in processes]
        self.assertEqual([process.returncode for process in processes], [0] * 8, outputs)
        sent = [entry["path"] for entry in self.log("resolve") if entry["method"] == "GET" and entry["bytes"] > 0]
        self.assertEqual(len(sent), len(set(sent)), sent)
        self.assertEqual([entry["bytes"] for entry in self.log("cdn") if entry["method"] == "GET"], [len(ONNX)])
        self.assert_sound(self.fetched(env={"HF_HUB_OFFLINE": "1"}))

    def race(self, first, second):
        """Both run at once over a slow line; the file is sent once."""
        self.start("--cdn")
        self.fault("slow", path="model.onnx", rate=150_000, times=-1)
        one = first()
        deadline = time.monotonic() + 60
        while not any(self.cache.glob("*/blobs/" + hashlib.sha256(ONNX).hexdigest() + "*.incomplete")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        two = second()
        outputs = [process.communicate(timeout=60) for process in (one, two)]
        self.assertEqual([one.returncode, two.returncode], [0, 0], outputs)
        self.assertEqual(len(self.file_log()), 1)
        blobs = [path.read_bytes() for path in (self.cache / FOLDER / "blobs").iterdir()]
        self.assertIn(ONNX, blobs)

    def ours(self, **env):
        return self.spawn("resolve", REPO, "--cache-dir", self.cache, env=env)

    def theirs_all(self, **env):
        return self.python(f"snapshot_download({REPO!r}, allow_patterns={WANTED!r})", wait=False, **env)

    def theirs(self):
        return self.python(f"hf_hub_download({REPO!r}, 'onnx/model.onnx')", wait=False)

    def test_python_waits_for_us(self):
        self.race(self.ours, self.theirs)

    def test_we_wait_for_python(self):
        self.race(self.theirs, self.ours)


if __name__ == "__main__":
    main()
