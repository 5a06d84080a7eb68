#!/usr/bin/env python3
"""Checks fake_hub.py against the hub's real Python client, so that what passes on the fake one passes on the real one.

    PYTHON tests/hub/check_fake_hub.py        PYTHON has huggingface_hub: see tests/hub/run

Prints a line for each check; exits 1 if one fails. What the client does not show (ranges, faults, the log) is checked
with plain requests.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import unittest.mock
import urllib.error
import urllib.parse
import urllib.request

SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="check_fake_hub."))
# Before the import, which reads them once. A home of its own: neither the user's token nor cache take part.
for name in [name for name in os.environ if name.startswith("HF_") or name.lower().endswith("_proxy")]:
    del os.environ[name]
os.environ.update(HF_HOME=str(SCRATCH / "home"), HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_TELEMETRY="1",
                  HF_HUB_DOWNLOAD_TIMEOUT="30", HF_HUB_ETAG_TIMEOUT="30", HF_ENDPOINT="http://127.0.0.1:9")

import huggingface_hub  # noqa: E402
from huggingface_hub import HfApi, hf_hub_download, snapshot_download  # noqa: E402
from huggingface_hub.errors import (EntryNotFoundError, GatedRepoError, HfHubHTTPError,  # noqa: E402
                                    RepositoryNotFoundError, RevisionNotFoundError)

ROOT = SCRATCH / "root"
REPO = "org/model"
ONNX = bytes(range(256)) * 2000  # 512 kB, and every byte says where it stands
CONFIG = b'{"hidden_size": 8}\n'
FILES = {
    "README.md": b"---\nlicense: apache-2.0\nlanguage: en\n---\n# A model\n",
    "config.json": CONFIG,
    "tokenizer.json": b"{}" * 500,
    "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}\n',
    "onnx/model.onnx": ONNX,
}


def write_repository(repo, files):
    for path, data in files.items():
        target = ROOT / repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


class Hub:
    """The server as a process, started with options and ended with the block."""

    def __init__(self, *options):
        self.scratch = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        self.cache = str(self.scratch / "cache")
        self.log_file = self.scratch / "log"
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("fake_hub.py")), str(ROOT), "--until-eof",
             "--port-file", str(self.scratch / "port"), "--log", str(self.log_file), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        assert line.startswith("HF_ENDPOINT="), line
        self.endpoint = line.partition("=")[2]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(5) == 0, "the server did not end well"
        self.process.stdout.close()

    def control(self, query):
        return json.loads(urllib.request.urlopen(f"{self.endpoint}/__control?{query}").read())

    def log(self):
        return self.control("log")

    def client(self, **more):
        return {"endpoint": self.endpoint, "cache_dir": self.cache, **more}

    def download(self, path, repo=REPO, **more):
        return pathlib.Path(hf_hub_download(repo, path, **self.client(**more)))

    def request(self, path, method="GET", **headers):
        """(status, headers, body) without following redirects; headers by name with _ for -."""
        class NoRedirect(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None
        url = path if path.startswith("http") else self.endpoint + path
        request = urllib.request.Request(url, method=method,
                                         headers={name.replace("_", "-"): value for name, value in headers.items()})
        try:
            with urllib.request.build_opener(NoRedirect).open(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()


def equal(found, expected):
    assert found == expected, f"\n  found    {found!r:.300}\n  expected {expected!r:.300}"


@contextlib.contextmanager
def raises(kind, exactly=True):
    try:
        yield
    except Exception as error:
        assert type(error) is kind if exactly else isinstance(error, kind), f"{type(error).__name__}: {error}"
    else:
        raise AssertionError(f"no {kind.__name__}")


def blob_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


# --- what the client sees --------------------------------------------------------------------------------------------

@check
def cache_layout_of_a_small_file():
    with Hub() as hub:
        path = hub.download("config.json")
        repo = pathlib.Path(hub.cache, "models--org--model")
        commit = (repo / "refs/main").read_text()
        equal(path, repo / "snapshots" / commit / "config.json")
        equal(path.read_bytes(), CONFIG)
        equal(path.resolve(), (repo / "blobs" / blob_sha1(CONFIG)).resolve())


@check
def lfs_file_over_a_redirect_on_the_same_server():
    with Hub() as hub:
        path = hub.download("onnx/model.onnx")
        equal(path.read_bytes(), ONNX)
        equal(path.resolve().name, hashlib.sha256(ONNX).hexdigest())
        assert any(entry["path"].startswith("/cdn/") for entry in hub.log())


@check
def lfs_file_from_a_second_host_without_the_token():
    with Hub("--cdn", "--token", "right") as hub:
        equal(hub.download("onnx/model.onnx", token="right").read_bytes(), ONNX)
        sent = [entry["authorization"] for entry in hub.log() if entry["server"] == "cdn"]
        equal(sent, [False])
        assert all(entry["authorization"] for entry in hub.log() if entry["server"] == "hub")
        assert "right" not in hub.log_file.read_text(), "a token in the log"


@check
def second_host_refuses_a_token():
    with Hub("--cdn") as hub:
        location = hub.request(f"/{REPO}/resolve/main/onnx/model.onnx")[1]["Location"]
        equal(hub.request(location, Authorization="Bearer x")[0], 400)
        equal(hub.request(location)[2], ONNX)


@check
def whole_snapshot():
    with Hub("--cdn") as hub:
        folder = pathlib.Path(snapshot_download(REPO, **hub.client()))
        found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        equal(found, FILES)


@check
def whole_snapshot_with_small_files_redirected_too():
    with Hub("--cdn", "--resolve-cache") as hub:
        folder = pathlib.Path(snapshot_download(REPO, **hub.client()))
        equal((folder / "config.json").read_bytes(), CONFIG)
        equal((folder / "config.json").resolve().name, blob_sha1(CONFIG))
        assert any(entry["path"].startswith("/api/resolve-cache/") for entry in hub.log())


@check
def cached_files_need_no_server():
    with Hub() as hub:
        hub.download("config.json")
    equal(hub.download("config.json", local_files_only=True).read_bytes(), CONFIG)


@check
def revisions():
    with Hub("--tag", f"{REPO}=v1") as hub:
        api = HfApi(endpoint=hub.endpoint)
        commit = api.model_info(REPO).sha
        for revision in (commit, commit[:8], "v1"):
            equal(api.model_info(REPO, revision=revision).sha, commit)
            assert commit in str(hub.download("config.json", revision=revision))
        other = api.model_info(REPO, revision="refs/pr/1").sha
        assert other != commit
        for revision in ("refs/pr/1", other):
            equal(hub.download("config.json", revision=revision).read_bytes(), b"{}\n")
        with raises(RevisionNotFoundError):
            api.model_info(REPO, revision="nope")
        with raises(RevisionNotFoundError):
            hub.download("config.json", revision="nope")


@check
def commit_is_the_same_in_every_run():
    commits = set()
    for _ in range(2):
        with Hub() as hub:
            commits.add(HfApi(endpoint=hub.endpoint).model_info(REPO).sha)
    equal(len(commits), 1)


@check
def changed_contents_change_the_commit():
    with Hub() as hub:
        write_repository("org/changing", {"config.json": b"1"})
        first = hub.download("config.json", "org/changing")
        write_repository("org/changing", {"config.json": b"22"})
        second = hub.download("config.json", "org/changing")
        assert first != second
        equal((first.read_bytes(), second.read_bytes()), (b"1", b"22"))


@check
def model_information():
    with Hub("--gated", REPO) as hub:
        info = HfApi(endpoint=hub.endpoint).model_info(REPO, files_metadata=True)
        equal([sibling.rfilename for sibling in info.siblings], sorted(FILES))
        equal(info.gated, "auto")
        assert "license:apache-2.0" in info.tags
        equal(info.card_data.license, "apache-2.0")
        sizes = {sibling.rfilename: sibling.size for sibling in info.siblings}
        equal(sizes, {path: len(data) for path, data in FILES.items()})


@check
def tree_in_pages_and_paths_info():
    with Hub("--page-size", "2") as hub:
        api = HfApi(endpoint=hub.endpoint)
        entries = {entry.path: entry for entry in api.list_repo_tree(REPO, recursive=True)}
        equal(sorted(entries), sorted([*FILES, "1_Pooling", "onnx"]))
        equal(entries["config.json"].blob_id, blob_sha1(CONFIG))
        equal(entries["onnx/model.onnx"].lfs.sha256, hashlib.sha256(ONNX).hexdigest())
        equal([entry.path for entry in api.list_repo_tree(REPO, "onnx")], ["onnx/model.onnx"])
        equal([entry.path for entry in api.get_paths_info(REPO, ["config.json", "nope"])], ["config.json"])
        assert api.file_exists(REPO, "config.json") and not api.file_exists(REPO, "nope")


@check
def missing_things():
    with Hub() as hub:
        with raises(EntryNotFoundError, exactly=False):
            hub.download("nope.json")
        with raises(RepositoryNotFoundError):
            hub.download("config.json", "org/nope")
        with raises(RepositoryNotFoundError):
            snapshot_download("org/nope", **hub.client())
    with Hub("--missing-repo-status", "401") as hub, raises(RepositoryNotFoundError):
        hub.download("config.json", "org/nope")


@check
def gated_and_private():
    with Hub("--gated", REPO, "--token", "right", "--token-without-access", "stranger") as hub:
        with raises(GatedRepoError):
            hub.download("config.json", token=False)
        with raises(GatedRepoError):
            hub.download("config.json", token="stranger")
        with raises(HfHubHTTPError):
            hub.download("config.json", token="wrong")
        equal(hub.download("config.json", token="right").read_bytes(), CONFIG)
        equal(hub.request(f"/{REPO}/resolve/main/config.json")[1]["X-Error-Code"], "GatedRepo")
        equal(HfApi(endpoint=hub.endpoint).whoami(token="right")["name"], "tester")
    with Hub("--private", REPO, "--token", "right") as hub:
        with raises(RepositoryNotFoundError):
            hub.download("config.json", token=False)
        equal(hub.download("config.json", token="right").read_bytes(), CONFIG)


@check
def renamed_repository():
    with Hub("--alias", f"org/old={REPO}") as hub:
        equal(hub.download("config.json", "org/old").read_bytes(), CONFIG)
        equal(HfApi(endpoint=hub.endpoint).model_info("org/old").id, REPO)


# --- faults ----------------------------------------------------------------------------------------------------------

@check
def client_resumes_after_a_cut():
    chunk = 10 * 1024 * 1024  # the client keeps what it got in whole chunks of this size
    data = ONNX * 40          # 20 MB
    write_repository("org/large", {"model.onnx": data})
    with Hub("--cdn", "--fault", "fault=cut&path=model.onnx&after=12000000") as hub:
        equal(hub.download("model.onnx", "org/large").read_bytes() == data, True)
        bodies = [entry for entry in hub.log() if entry["server"] == "cdn"]
        equal([(entry["status"], entry["bytes"], entry["fault"]) for entry in bodies],
              [(200, 12000000, "cut"), (206, len(data) - chunk, None)])
        equal(bodies[1]["headers"]["range"], f"bytes={chunk}-")


@check
def cut_for_ever_then_complete_at_the_next_call():
    with Hub("--cdn", "--fault", "fault=cut&path=model.onnx&after=100000&times=-1") as hub:
        with raises(Exception, exactly=False):
            hub.download("onnx/model.onnx")
        equal({entry["bytes"] for entry in hub.log() if entry["fault"]}, {100000})
        hub.control("clear")
        equal(hub.download("onnx/model.onnx").read_bytes(), ONNX)


@check
def client_survives_a_stall():
    begun = time.monotonic()
    with (unittest.mock.patch.object(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 2),
          Hub("--cdn", "--fault", "fault=stall&path=model.onnx&after=1000&seconds=60") as hub):
        equal(hub.download("onnx/model.onnx").read_bytes(), ONNX)
    equal(time.monotonic() - begun < 30, True)


@check
def client_survives_an_ignored_range():
    data = ONNX * 40
    write_repository("org/large", {"model.onnx": data})
    with Hub("--cdn", "--fault", "fault=cut&path=model.onnx&after=12000000") as hub:
        hub.control("fault=norange&path=model.onnx")  # takes its turn after the cut
        equal(hub.download("model.onnx", "org/large").read_bytes() == data, True)
        bodies = [entry for entry in hub.log() if entry["server"] == "cdn"]
        equal([(entry["status"], "range" in entry["headers"]) for entry in bodies], [(200, False), (200, True)])


@check
def client_notices_a_wrong_length():
    with Hub("--cdn", "--fault", "fault=length&path=model.onnx&delta=-10&times=-1") as hub:
        with raises(Exception, exactly=False):
            hub.download("onnx/model.onnx")


@check
def statuses_and_how_often():
    with Hub("--fault", "fault=429&path=config.json&times=2&retry_after=7") as hub:
        path = f"/{REPO}/resolve/main/config.json"
        for _ in range(2):
            status, headers, _ = hub.request(path)
            equal((status, headers["Retry-After"]), (429, "7"))
        equal(hub.request(path)[2], CONFIG)
        hub.control("fault=500&path=config.json&method=HEAD")
        equal(hub.request(path)[0], 200)
        equal(hub.request(path, "HEAD")[0], 500)
        equal(hub.request(path, "HEAD")[0], 200)
        hub.control("fault=503&on=cdn&times=-1")
        location = hub.request(f"/{REPO}/resolve/main/onnx/model.onnx")[1]["Location"]
        equal(hub.request(location)[0], 503)
        hub.control("clear")
        equal(hub.request(location)[0], 200)


@check
def bodies_that_are_not_the_file():
    with Hub() as hub:
        path = f"/{REPO}/resolve/main/config.json"
        hub.control("fault=html")
        status, headers, body = hub.request(path)
        equal((status, headers.get_content_type(), body[:9]), (200, "text/html", b"<!DOCTYPE"))
        hub.control("fault=corrupt&after=3")
        equal(hub.request(path)[2], CONFIG[:3] + bytes([CONFIG[3] ^ 255]) + CONFIG[4:])
        hub.control("fault=length&delta=5")
        equal(hub.request(path)[2], CONFIG + bytes(5))
        hub.control("fault=length&delta=-5")
        equal(hub.request(path)[2], CONFIG[:-5])
        hub.control("fault=pointer")
        assert hub.request(path)[2].startswith(b"version https://git-lfs")
        hub.control("fault=reset")
        with raises(Exception, exactly=False):
            hub.request(path)
        hub.control("fault=slow&rate=100")
        start = time.monotonic()
        equal(hub.request(path)[2], CONFIG)
        assert time.monotonic() - start > len(CONFIG) / 100
        equal(hub.request(path)[2], CONFIG)


@check
def wrong_faults_are_refused():
    with Hub() as hub:
        for query in ("fault=nope", "fault=cut&colour=red", "fault=cut&after=x", "fault=429&on=moon", "unknown"):
            equal(hub.request(f"/__control?{query}")[0], 400)


# --- the protocol itself ---------------------------------------------------------------------------------------------

@check
def ranges():
    with Hub() as hub:
        path = f"/{REPO}/resolve/main/tokenizer.json"
        data = FILES["tokenizer.json"]
        status, headers, body = hub.request(path, Range="bytes=10-19")
        equal((status, headers["Content-Range"], body), (206, f"bytes 10-19/{len(data)}", data[10:20]))
        equal(hub.request(path, Range="bytes=990-")[2], data[990:])
        equal(hub.request(path, Range="bytes=-4")[2], data[-4:])
        equal(hub.request(path, Range=f"bytes={len(data)}-")[0], 416)
        etag = headers["ETag"]
        equal(etag, f'"{blob_sha1(data)}"')
        equal(hub.request(path, Range="bytes=1-", If_Range=etag)[0], 206)
        equal(hub.request(path, Range="bytes=1-", If_Range='"other"')[0], 200)
        status, headers, body = hub.request(path, "HEAD")
        equal((status, headers["Content-Length"], body), (200, str(len(data)), b""))


@check
def headers_of_an_lfs_file():
    with Hub("--cdn") as hub:
        status, headers, _ = hub.request(f"/{REPO}/resolve/main/onnx/model.onnx", "HEAD")
        equal(status, 302)
        equal(headers["X-Linked-Etag"], f'"{hashlib.sha256(ONNX).hexdigest()}"')
        equal(headers["X-Linked-Size"], str(len(ONNX)))
        equal(len(headers["X-Repo-Commit"]), 40)
        ports = (hub.scratch / "port").read_text().split()
        equal(urllib.parse.urlsplit(hub.endpoint).port, int(ports[0]))
        equal(urllib.parse.urlsplit(headers["Location"]).port, int(ports[1]))
        assert headers["Location"].count(hashlib.sha256(ONNX).hexdigest()) == 1
        _, headers, _ = hub.request(headers["Location"], "HEAD")
        assert hashlib.sha256(ONNX).hexdigest() not in headers["ETag"]


@check
def error_codes():
    with Hub() as hub:
        for path, code in ((f"/{REPO}/resolve/main/nope", "EntryNotFound"),
                           ("/org/nope/resolve/main/x", "RepoNotFound"),
                           (f"/{REPO}/resolve/nope/config.json", "RevisionNotFound"),
                           ("/api/models/org/nope", "RepoNotFound"), ("/..%2F../x/resolve/main/x", "RepoNotFound")):
            status, headers, body = hub.request(path)
            equal((path, status, headers["X-Error-Code"]), (path, 404, code))
            assert "error" in json.loads(body)


@check
def log_file_and_stop():
    with Hub() as hub:
        hub.request(f"/{REPO}/resolve/main/config.json", Authorization="Bearer secret")
        hub.control("log")  # now the file is complete
        entry = json.loads(hub.log_file.read_text().splitlines()[0])
        equal((entry["method"], entry["path"], entry["status"], entry["bytes"], entry["authorization"]),
              ("GET", f"/{REPO}/resolve/main/config.json", 200, len(CONFIG), True))
        hub.control("log=clear")
        equal((hub.log(), hub.log_file.read_text()), ([], ""))
        hub.control("stop")
        equal(hub.process.wait(5), 0)


@check
def as_a_proxy():
    with Hub() as hub:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": hub.endpoint}))
        equal(opener.open(f"http://hub.invalid/{REPO}/resolve/main/config.json", timeout=30).read(), CONFIG)
        equal([entry["proxied"] for entry in hub.log()], [True])


@check
def over_tls():
    if not shutil.which("openssl"):
        raise AssertionError("openssl is not installed; scripts/setup --test does that")
    key, cert = SCRATCH / "key.pem", SCRATCH / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    program = ("import sys; from huggingface_hub import hf_hub_download as d; "
               "print(d('org/model', 'onnx/model.onnx', cache_dir=sys.argv[1]))")
    process = subprocess.Popen(
        [sys.executable, str(pathlib.Path(__file__).with_name("fake_hub.py")), str(ROOT), "--cdn", "--until-eof",
         "--cert", str(cert), "--key", str(key)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    endpoint = process.stdout.readline().strip().partition("=")[2]
    try:
        done = subprocess.run([sys.executable, "-c", program, str(SCRATCH / "tls")], capture_output=True, text=True,
                              env={**os.environ, "HF_ENDPOINT": endpoint, "SSL_CERT_FILE": str(cert)}, timeout=60)
    finally:
        process.communicate()
    assert done.returncode == 0, done.stderr[-500:]
    equal(pathlib.Path(done.stdout.strip().splitlines()[-1]).read_bytes(), ONNX)
    return None


def main():
    write_repository(REPO, FILES)
    write_repository(f"{REPO}@refs%2Fpr%2F1", {"config.json": b"{}\n"})
    print(f"huggingface_hub {huggingface_hub.__version__}, Python {sys.version.split()[0]}")
    failed = 0
    try:
        for function in CHECKS:
            start = time.monotonic()
            try:
                verdict = function() or "ok"
            except Exception:
                failed += 1
                verdict = "FAILED\n" + traceback.format_exc()
            print(f"{function.__name__.replace('_', ' ')}: {verdict} ({time.monotonic() - start:.1f} s)", flush=True)
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
