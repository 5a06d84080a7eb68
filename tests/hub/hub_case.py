"""What the check_*.py share: a hub, a home and a cache for each test, and hub_fetch, the program that is nothing but the
hub folder. None touches the network or the user's files. A tool that a test needs and that is not there fails it.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import unittest_cases  # noqa: E402

PROGRAM = []  # the command
REPO = "org/model"
FOLDER = "models--org--model"
TOKEN = "hf_secretsecretsecret"
MODULES = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
           {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
           {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
ONNX = random.Random(1).randbytes(300_000)
WEIGHTS = random.Random(2).randbytes(200_000)
FILES = {
    "README.md": b"---\nlicense: apache-2.0\n---\n",
    "modules.json": json.dumps(MODULES).encode(),
    "config.json": b'{"hidden_size": 8}',
    "config_sentence_transformers.json": b"{}",
    "sentence_bert_config.json": b'{"max_seq_length": 8}',
    "tokenizer.json": b'{"model": {}}',
    "tokenizer_config.json": b'{"model_max_length": 8}',
    "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
    "onnx/model.onnx": ONNX,
    "onnx/model_quantized.onnx": b"quantized" * 100,
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"never" * 100,
}
WANTED = sorted(set(FILES) - {"onnx/model_quantized.onnx", "model.safetensors", "pytorch_model.bin"})


class Result:
    def __init__(self, done, out, err):
        self.code, self.out, self.err = done, out, err
        self.values = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        found = re.search(r"^error: ([^:]*): (.*)$", err, re.M)
        self.status, self.message = (found[1], found[2]) if found else ("", "")

    def progress(self):
        return [tuple(map(int, line.split()[1:])) for line in self.err.splitlines() if line.startswith("progress: ")]


class Case(unittest.TestCase):
    longMessage = True

    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="check_hub."))
        self.scratch.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.root = self.scratch / "root"
        self.home = self.scratch / "home"
        self.home.mkdir()
        self.cache = self.scratch / "cache"
        self.write(REPO, FILES)
        self.url = "http://127.0.0.1:9"  # nobody is there

    def write(self, repo, files):
        folder = self.root / repo
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder

    # --- the hub -----------------------------------------------------------------------------------------------------

    def start(self, *options):
        ports = self.scratch / "ports"
        ports.unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, HERE / "fake_hub.py", self.root, "--port-file", ports, "--until-eof",
                                    *options], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(self.stop, process)
        for _ in range(1200):
            if ports.exists():
                break
            time.sleep(0.05)
        scheme = "https" if "--cert" in options else "http"
        self.port = int(ports.read_text().split()[0])
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        return process

    @staticmethod
    def stop(process):
        process.stdin.close()
        process.wait(10)

    def control(self, query):
        with urllib.request.urlopen(f"{self.url}/__control?{query}", timeout=10) as answer:
            return json.load(answer)

    def fault(self, kind, **keys):
        self.control(urllib.parse.urlencode({"fault": kind, **keys}))

    def log(self, part="", server=""):
        return [entry for entry in self.control("log") if part in entry["path"] and server in entry["server"]]

    def file_log(self, sent=True):
        """Requests that sent a part of the ONNX file."""
        return [entry for entry in self.control("log")
                if ("/cdn/" in entry["path"] or "model.onnx" in entry["path"]) and entry["status"] in (200, 206)
                and entry["method"] == "GET" and (entry["bytes"] > 0 or not sent)]

    # --- the program -------------------------------------------------------------------------------------------------

    def environment(self, **more):
        names = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE", "TMPDIR")
        values = {name: os.environ[name] for name in names if name in os.environ}
        # Patient: a machine that stands still for a second is no stall, and no reason for a second request.
        values.update(HOME=str(self.home), HF_ENDPOINT=self.url, RF_HUB_BACKOFF_MS="1", HF_HUB_DOWNLOAD_TIMEOUT="30",
                      HF_HUB_ETAG_TIMEOUT="30")
        values.update({name: str(value) for name, value in more.items() if value is not None})
        return values

    def spawn(self, *arguments, env=None, **keys):
        return subprocess.Popen([*PROGRAM, *map(str, arguments)], env=self.environment(**(env or {})), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.scratch, **keys)

    def run_program(self, *arguments, env=None, **keys):
        process = self.spawn(*arguments, env=env, **keys)
        out, err = process.communicate(timeout=120)
        result = Result(process.returncode, out, err)
        self.assertIn(result.code, (0, 1, -signal.SIGABRT), err)
        self.assertNotIn("AddressSanitizer", err)
        self.assertNotIn("runtime error", err)
        self.assertNotIn(TOKEN, out + err)
        return result

    def fetch(self, name=REPO, *arguments, **keys):
        return self.run_program("resolve", name, "--cache-dir", self.cache, *arguments, **keys)

    def fetched(self, *arguments, **keys):
        result = self.fetch(*arguments, **keys)
        self.assertEqual(result.code, 0, result.err)
        return result

    def refused(self, *arguments, **keys):
        result = self.fetch(*arguments, **keys)
        self.assertEqual(result.code, 1, result.out)
        self.assertEqual(result.out, "")
        self.assertTrue(result.message.startswith("Could not download ONNX model '"), result.message)
        self.assertLess(len(result.message), 507, "the message is cut")
        return result

    # --- tools -------------------------------------------------------------------------------------------------------

    def need(self, tool):
        self.assertTrue(shutil.which(tool), f"{tool} is not installed; scripts/setup --test does that")

    def strace(self, options, *arguments, env=None, program=None):
        """The program under strace: its result, and what strace wrote."""
        if sys.platform != "linux":
            self.skipTest("strace is Linux's alone")
        self.need("strace")
        trace = self.scratch / "trace"
        trace.unlink(missing_ok=True)
        done = subprocess.run(["strace", "-f", "-o", trace, *options, *(program or PROGRAM), *map(str, arguments)],
                              env=self.environment(ASAN_OPTIONS="detect_leaks=0", **(env or {})), capture_output=True,
                              text=True, cwd=self.scratch, timeout=300)
        text = trace.read_text() if trace.exists() else ""
        self.assertIn("+++ exited", text, f"strace does not work here: {done.stderr[-300:]}")
        return Result(done.returncode, done.stdout, done.stderr), text

    @contextlib.contextmanager
    def read_only(self, folder):
        """While nothing can be written there: how to start a process that feels it. root, whom no mode keeps out, becomes
        somebody else for that."""
        if os.getuid() == 0:
            yield {"user": "nobody", "group": "nogroup", "extra_groups": []}
            return
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]
        for path in folders:
            path.chmod(0o555)
        try:
            yield {}
        finally:
            for path in folders:
                path.chmod(0o755)

    # --- the cache ---------------------------------------------------------------------------------------------------

    def path(self, result, path):
        return pathlib.Path(self.scratch, result.values["directory"], path)

    def files(self, result):
        folder = pathlib.Path(self.scratch, result.values["directory"])
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def blobs(self, cache=None):
        folder = (cache or self.cache) / FOLDER / "blobs"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def partial(self):
        found = list((self.cache / FOLDER / "blobs").glob("*.incomplete"))
        self.assertEqual(len(found), 1, self.blobs())
        return found[0]

    def assert_sound(self, result):
        """Everything wanted is there, right, and nothing is left over."""
        self.assertEqual(self.files(result), {path: FILES[path] for path in WANTED})
        for blob in self.blobs():
            data = (self.cache / FOLDER / "blobs" / blob).read_bytes()
            self.assertIn(blob, (hashlib.sha256(data).hexdigest(),
                                 hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()))


def main():
    """CHECK PROGRAM [TEST…]"""
    if len(sys.argv) < 2:
        sys.exit(sys.modules["__main__"].__doc__)
    # A copy that other users may run as well.
    with tempfile.TemporaryDirectory(prefix="check_hub.") as folder:
        os.chmod(folder, 0o755)
        copy = shutil.copy(sys.argv[1], folder)
        os.chmod(copy, 0o755)
        PROGRAM.append(copy)
        unittest_cases.run([sys.argv[0], *sys.argv[2:]])
