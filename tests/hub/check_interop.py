#!/usr/bin/env python3
"""Checks that this cache and that of the Python tools are one: what either brings the other uses, and they lock each
other out. Needs huggingface_hub; run it with the interpreter of a place that has it:

    python3 -m venv /tmp/hubvenv && /tmp/hubvenv/bin/pip install huggingface_hub
    /tmp/hubvenv/bin/python tests/hub/check_interop.py build/debug/tests/hub/hub_fetch
"""
import hashlib
import json
import os
import subprocess
import sys
import time

from hub_case import FILES, FOLDER, ONNX, REPO, WANTED, Case, Result, main

PYTHON = """
import json, sys, warnings
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
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

    def race(self, first, second):
        """Both run at once over a slow line; the file is sent once."""
        self.start("--cdn")
        self.fault("slow", path="model.onnx", rate=150_000, times=-1)
        one = first()
        deadline = time.monotonic() + 20
        while not any(self.cache.glob("*/blobs/" + hashlib.sha256(ONNX).hexdigest() + "*.incomplete")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        two = second()
        outputs = [process.communicate(timeout=60) for process in (one, two)]
        self.assertEqual([one.returncode, two.returncode], [0, 0], outputs)
        self.assertEqual(len(self.file_log()), 1)
        blobs = [path.read_bytes() for path in (self.cache / FOLDER / "blobs").iterdir()]
        self.assertIn(ONNX, blobs)

    def ours(self):
        return self.spawn("resolve", REPO, "--cache-dir", self.cache)

    def theirs(self):
        return self.python(f"hf_hub_download({REPO!r}, 'onnx/model.onnx')", wait=False)

    def test_python_waits_for_us(self):
        self.race(self.ours, self.theirs)

    def test_we_wait_for_python(self):
        self.race(self.theirs, self.ours)


if __name__ == "__main__":
    main()
