#!/usr/bin/env python3
"""A model hub on this machine, for tests: answers as the Hugging Face hub does, and fails as it and networks do.

    fake_hub.py ROOT [--port-file FILE] [--log FILE] [--cdn] [options]

ROOT/org/name/… is the repository org/name at revision main; a folder ROOT/org/name@rev/… is its revision `rev` (a
branch or a tag; write / as %2F). Folders and files may be symbolic links. Contents may change while the server runs.
The commit of a revision is the sha1 of its contents, so it is the same in every run. Python's standard library only.

Standard output gets the line `HF_ENDPOINT=http://127.0.0.1:PORT` once the server answers. --port-file gets the port,
and the second server's on a second line, and appears complete or not at all. The process ends at SIGTERM, SIGINT,
/__control?stop or, with --until-eof, when its standard input ends (so that it cannot outlive the test that started it).

What it serves
    GET  /api/models/ORG/NAME[/revision/REV]               what the repository is: sha, siblings, gated, tags, cardData
    GET  /api/models/ORG/NAME/tree/REV[/FOLDER]?recursive  its files: oid, size, lfs; pages of --page-size by `Link`
    POST /api/models/ORG/NAME/paths-info/REV               the same for the named paths
    GET  /api/whoami-v2                                    200 or 401
    HEAD, GET /ORG/NAME/resolve/REV/PATH                   a file: X-Repo-Commit, ETag = git blob sha1, ranges, If-Range
  A file is "LFS" if it is at least --lfs-threshold bytes or ends in .onnx, .safetensors, .bin, … Then resolve answers
  302 with X-Linked-Etag = sha256 and X-Linked-Size, and a Location on this server (/cdn/…) or, with --cdn, on a second
  one with another port, as the hub sends clients to another host. The second server's ETag is not the sha256, and
  a request with an Authorization header gets 400 from it, both as in real life. --resolve-cache redirects the small
  files too, as the real hub does today (307, a Location without host).
  REV is main, the commit or 7 or more of its first digits, a --tag, or a folder's @rev.

Who may read (--token; without it any token is taken)
    a token other than --token and --token-without-access     401 "Invalid credentials in Authorization header"
    --private ORG/NAME, no token                              401 RepoNotFound, as if it did not exist
    --gated ORG/NAME, no token                                information is public, files are 401 GatedRepo
    --gated ORG/NAME, --token-without-access                  403 GatedRepo
  A repository that does not exist is 404 RepoNotFound (--missing-repo-status 401: what the real hub tells strangers).

Faults: by --fault 'QUERY' (repeatable) at the start, or at any time by GET /__control?QUERY. In QUERY, joined by &:
    fault=KIND      one of the list below
    path=TEXT       only for requests whose path contains TEXT (a redirected file counts by the path asked first)
    method=GET      only for this method (default: GET for faults of the body, any for the others)
    on=hub|cdn      only on the redirecting or on the redirected-to side (default: cut, stall and the other faults of
                    the body fall on whoever sends the body, statuses on the first to be asked)
    times=N         this often, then no more (default 1; -1 for ever)
    after=BYTES     cut, stall, corrupt: the offset in the file (default: half of it)
    retry_after=S   429, 503: the Retry-After header (default 0)
    seconds=S       stall: how long (default 3600)
    rate=BYTES      slow: bytes a second
    delta=BYTES     length: how much longer or, if negative, shorter the body is (default -1)
  KIND is
    400…599    this status                    cut       close the connection after `after` bytes; resuming works
    html       200 and a web page             stall     the same, but silently keep the connection open
    reset      close without an answer        corrupt   flip the bits of the byte at `after`
    pointer    the git-lfs pointer instead    length    a body complete in itself, but not of the announced size
    slow       `rate` bytes a second          norange   answer 200 with everything to a range request
  Offsets count from the start of the file, so a download that resumes behind `after` gets nothing more as long as a cut
  with times=-1 stands.
    /__control?clear      forget all faults      /__control?log        the request log as a JSON array
    /__control?stop       end the server         /__control?log=clear  empty it

--log writes one JSON object a line, when the answer has been sent or has failed: {"n", "server": "hub" | "cdn",
"method", "path", "query", "headers" (names in lower case; a credential's value is replaced by "***"), "authorization":
whether there was one, "proxied": whether the request line held a whole URL, as a proxy sees it, "status" (0: none),
"bytes" of body sent, "fault": the kind or null}. /__control is not logged; it answers after the requests before it are
in the log, so ask it (/__control?log) before reading the file.

--cert and --key (PEM) make both servers speak TLS. As a plain HTTP proxy it answers every host as itself.
"""
import argparse
import hashlib
import html
import http.server
import json
import os
import re
import signal
import ssl
import sys
import threading
import time
import urllib.parse

LFS_SUFFIXES = (".onnx", ".safetensors", ".bin", ".onnx_data", ".h5", ".pt", ".pth", ".msgpack", ".gguf", ".ot")
BODY_FAULTS = {"cut", "stall", "corrupt", "length", "slow", "norange", "pointer"}
OTHER_FAULTS = {"html", "reset"}
CHUNK = 64 * 1024
EPOCH = "2024-01-01T00:00:00.000Z"


class File:
    """One file of a repository: where it lies, its size and the names git and git-lfs give to its contents."""

    _hashes = {}  # (path, size, mtime_ns) -> (sha1, sha256); hashing a model once is enough
    _lock = threading.Lock()

    def __init__(self, location, threshold):
        self.location = location
        stat = os.stat(location)
        self.size = stat.st_size
        self.sha1, self.sha256 = self._hash(location, stat)
        self.lfs = self.size >= threshold or location.endswith(LFS_SUFFIXES)
        self.pointer = ("version https://git-lfs.github.com/spec/v1\n"
                        f"oid sha256:{self.sha256}\nsize {self.size}\n").encode()
        # git stores the pointer, so that is what the oid of an LFS file names.
        self.oid = git_blob_sha1(self.pointer) if self.lfs else self.sha1
        self.etag = self.sha256 if self.lfs else self.sha1

    @classmethod
    def _hash(cls, location, stat):
        key = (os.path.realpath(location), stat.st_size, stat.st_mtime_ns)
        with cls._lock:
            if key not in cls._hashes:
                blob, plain = hashlib.sha1(b"blob %d\0" % stat.st_size), hashlib.sha256()
                with open(location, "rb") as stream:
                    while chunk := stream.read(1 << 20):
                        blob.update(chunk)
                        plain.update(chunk)
                cls._hashes[key] = blob.hexdigest(), plain.hexdigest()
            return cls._hashes[key]

    def entry(self, path):
        """As the tree lists it."""
        entry = {"type": "file", "oid": self.oid, "size": self.size, "path": path}
        if self.lfs:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": len(self.pointer)}
        return entry


def git_blob_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Snapshot:
    """A repository at one revision: {path: File} and the commit computed from it."""

    def __init__(self, repo, folder, threshold):
        self.files = {}
        for parent, folders, names in os.walk(folder, followlinks=True):
            folders[:] = [name for name in folders if name not in (".git", ".cache")]
            for name in names:
                location = os.path.join(parent, name)
                self.files[os.path.relpath(location, folder).replace(os.sep, "/")] = File(location, threshold)
        listing = "".join(f"{path} {self.files[path].oid}\n" for path in sorted(self.files))
        self.commit = hashlib.sha1(f"commit of {repo}\n{listing}".encode()).hexdigest()


class Fault:
    def __init__(self, query):
        values = {key: found[-1] for key, found in
                  urllib.parse.parse_qs(query, keep_blank_values=True, strict_parsing=True).items()}
        self.kind = values.pop("fault")
        self.status = int(self.kind) if re.fullmatch("[45][0-9][0-9]", self.kind) else 0
        if not self.status and self.kind not in BODY_FAULTS | OTHER_FAULTS:
            raise ValueError(f"unknown fault '{self.kind}'")
        self.path = values.pop("path", "")
        self.method = values.pop("method", "GET" if self.of_body else "")
        self.on = values.pop("on", "")
        self.times = int(values.pop("times", 1))
        after = values.pop("after", None)
        self.after = None if after is None else int(after)
        self.retry_after = values.pop("retry_after", "0")
        self.seconds = float(values.pop("seconds", 3600))
        self.rate = int(values.pop("rate", 100_000))
        self.delta = int(values.pop("delta", -1))
        if values:
            raise ValueError(f"unknown key '{next(iter(values))}'")
        if self.on not in ("", "hub", "cdn"):
            raise ValueError("on is hub or cdn")

    @property
    def of_body(self):
        return self.kind in BODY_FAULTS

    def offset(self, size):
        return min(size // 2 if self.after is None else self.after, size)


class Hub:
    """What both servers share: the options, the faults, the log."""

    def __init__(self, options):
        self.options = options
        self.faults = [Fault(query) for query in options.fault]
        self.log = []
        self.log_file = open(options.log, "w", buffering=1) if options.log else None
        self.lock = threading.Lock()
        self.idle = threading.Condition(self.lock)
        self.in_flight = 0  # requests begun and not yet logged
        self.stopping = threading.Event()
        self.cdn_base = ""  # "": LFS files are redirected to this very server
        self.blobs = {}     # sha256 -> (File, the path asked first, the redirect's headers); what /cdn/ may hand out
        self.tags = {}      # repo -> names
        for tag in options.tag:
            repo, _, name = tag.partition("=")
            self.tags.setdefault(repo, set()).add(name)
        self.aliases = dict(alias.split("=", 1) for alias in options.alias)

    def folder(self, repo, revision="main"):
        suffix = "" if revision == "main" else "@" + urllib.parse.quote(revision, safe="")
        steps = repo.split("/")
        folder = os.path.join(self.options.root, *steps) + suffix
        return folder if os.path.isdir(folder) and not {"", ".", ".."} & set(steps) else None

    def snapshot(self, repo, revision):
        """The repository at a revision, None if it has no such revision."""
        def at(name):
            folder = self.folder(repo, name)
            return Snapshot(repo, folder, self.options.lfs_threshold) if folder else None

        if revision in self.tags.get(repo, ()):
            revision = "main"
        if found := at(revision):
            return found
        if not re.fullmatch("[0-9a-f]{7,40}", revision):
            return None
        owner, name = os.path.split(os.path.join(self.options.root, *repo.split("/")))
        for entry in sorted(os.listdir(owner)):
            if entry == name or entry.startswith(name + "@"):
                found = at(urllib.parse.unquote(entry[len(name) + 1:]) or "main")
                if found.commit.startswith(revision):
                    return found
        return None

    def take_fault(self, server, method, path, wanted):
        """The first fault that is due for this request, one of its times used up."""
        with self.lock:
            for fault in self.faults:
                if (fault.times and wanted(fault) and fault.path in path and fault.method in ("", method)
                        and fault.on in ("", server)):
                    fault.times -= fault.times > 0
                    return fault
        return None

    def begin(self):
        with self.lock:
            self.in_flight += 1

    def record(self, entry):
        with self.lock:
            self.in_flight -= 1
            self.idle.notify_all()
            entry = {"n": len(self.log), **entry}
            self.log.append(entry)
            if self.log_file:
                self.log_file.write(json.dumps(entry) + "\n")


class Cut(Exception):
    """The connection is to be closed as it is."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer on a kept connection waits 40 ms for an acknowledgement
    server_version = "fake-hub"
    hub: Hub
    server_name = "hub"
    secure = False
    timeout = 600

    # --- one request -------------------------------------------------------------------------------------------------

    def handle_any(self):
        self.sent_status, self.sent_bytes, self.fault = 0, 0, None
        # A proxy is asked for a whole URL; whatever host it names is this one.
        proxied = re.match("https?://[^/]*(.*)", self.path)
        url = urllib.parse.urlsplit(proxied[1] or "/" if proxied else self.path)
        # Split before decoding: a revision may hold an encoded slash.
        self.parts = [urllib.parse.unquote(part) for part in url.path.split("/")[1:]]
        self.query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        if self.parts[0] == "__control":
            return self.control(url.query)
        self.hub.begin()
        try:
            self.route(url.path)
            self.wfile.flush()
        except (Cut, BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True
        finally:
            self.hub.record({
                "server": self.server_name, "method": self.command, "path": url.path, "query": url.query,
                "headers": {name.lower(): "***" if name.lower() in ("authorization", "cookie", "proxy-authorization")
                            else value for name, value in self.headers.items()},
                "authorization": "Authorization" in self.headers, "proxied": bool(proxied),
                "status": self.sent_status, "bytes": self.sent_bytes,
                "fault": self.fault.kind if self.fault else None})
        return None

    do_GET = do_HEAD = do_POST = handle_any

    def route(self, path):
        asked = path
        if self.parts[0] == "cdn" and len(self.parts) > 1 and self.parts[1] in self.hub.blobs:
            asked = self.hub.blobs[self.parts[1]][1]
        # Without `on` a status counts for the first to be asked, so that times=1 is one failure of the whole download.
        side = "cdn" if self.parts[0] == "cdn" else "hub"
        fault = self.hub.take_fault(side, self.command, asked, lambda f: not f.of_body and (f.on or side == "hub"))
        if fault:
            self.fault = fault
            return self.answer_fault(fault)
        if self.parts[0] == "cdn":
            return self.cdn(asked)
        if self.server_name == "cdn":
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
        token = self.token()
        known = {t for t in (self.hub.options.token, self.hub.options.token_without_access) if t}
        if token is not None and known and token not in known:
            return self.fail(401, None, "Invalid credentials in Authorization header")
        parts = self.parts
        if parts[:2] == ["api", "whoami-v2"]:
            if token:
                return self.json({"name": "tester", "type": "user"})
            return self.fail(401, None, "Invalid username or password.")
        if parts[:2] == ["api", "models"] and len(parts) >= 3:
            if len(parts) == 3 or parts[3] in ("revision", "tree", "paths-info"):  # without an organisation
                return self.api(parts[2], parts[3:])
            return self.api(f"{parts[2]}/{parts[3]}", parts[4:])
        if parts[:2] == ["api", "resolve-cache"] and len(parts) >= 7:
            return self.resolve(f"{parts[3]}/{parts[4]}", parts[5], "/".join(parts[6:]), cached=True)
        if len(parts) >= 5 and parts[2] == "resolve":
            return self.resolve(f"{parts[0]}/{parts[1]}", parts[3], "/".join(parts[4:]))
        if len(parts) >= 4 and parts[1] == "resolve":  # the old repositories without an organisation
            return self.resolve(parts[0], parts[2], "/".join(parts[3:]))
        return self.fail(404, None, "Sorry, we can't find the page you are looking for.")

    def token(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else None

    # --- repositories ------------------------------------------------------------------------------------------------

    def readable(self, repo, files):
        """Whether this caller may read; otherwise the refusal has been sent."""
        options, token = self.hub.options, self.token()
        if repo in self.hub.aliases:  # renamed: the same path under the new name
            new = self.hub.aliases[repo]
            self.answer(307, b"", headers={"Location": self.path.replace(repo, new, 1)})
            return False
        entitled = token is not None and token != options.token_without_access
        if not self.hub.folder(repo):
            status = options.missing_repo_status if token is None else 404
            self.fail(status, "RepoNotFound",
                      "Invalid username or password." if status == 401 else "Repository not found")
            return False
        if repo in options.private and not entitled:
            self.fail(401 if token is None else 404, "RepoNotFound",
                      "Invalid username or password." if token is None else "Repository not found")
            return False
        if files and repo in options.gated and not entitled:
            if token is None:
                self.fail(401, "GatedRepo", f"Access to model {repo} is restricted. You must have access to it and be "
                          "authenticated to access it. Please log in.")
            else:
                self.fail(403, "GatedRepo", f"Access to model {repo} is restricted and you are not in the authorized "
                          "list. Visit the model's page to ask for access.")
            return False
        return True

    def api(self, repo, rest):
        if not self.readable(repo, files=False):
            return None
        verb, revision = (rest + ["", "main"])[:2] if rest else ("revision", "main")
        snapshot = self.hub.snapshot(repo, revision)
        if verb not in ("revision", "tree", "paths-info"):
            return self.fail(404, None, "Not found")
        if not snapshot:
            return self.fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if verb == "tree":
            return self.tree(snapshot, "/".join(rest[2:]))
        if verb == "paths-info":
            return self.paths_info(snapshot)
        return self.model_info(repo, snapshot)

    def model_info(self, repo, snapshot):
        card = self.card(snapshot)
        siblings = []
        for path, file in sorted(snapshot.files.items()):
            sibling = {"rfilename": path}
            if self.flag("blobs"):
                sibling.update(size=file.size, blobId=file.oid)
                if file.lfs:
                    sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": len(file.pointer)}
            siblings.append(sibling)
        tags = ["sentence-transformers", "feature-extraction"]
        tags += [f"license:{card['license']}"] if "license" in card else []
        return self.json({
            "_id": snapshot.commit[:24], "id": repo, "modelId": repo, "author": repo.split("/")[0],
            "sha": snapshot.commit, "lastModified": EPOCH, "createdAt": EPOCH,
            "private": repo in self.hub.options.private, "gated": "auto" if repo in self.hub.options.gated else False,
            "disabled": False, "downloads": 0, "likes": 0,
            "library_name": "sentence-transformers", "pipeline_tag": "sentence-similarity", "tags": tags,
            "cardData": card, "siblings": siblings, "usedStorage": sum(f.size for f in snapshot.files.values())})

    def card(self, snapshot):
        """The plain `key: value` lines of README.md's front matter."""
        readme = snapshot.files.get("README.md")
        if not readme:
            return {}
        with open(readme.location, encoding="utf-8", errors="replace") as stream:
            front = re.match(r"---\n(.*?)\n---", stream.read(CHUNK), re.S)
        return dict(re.findall(r"^(\w+): *(\S.*)$", front[1], re.M)) if front else {}

    def tree(self, snapshot, folder):
        prefix = folder.strip("/") + "/" if folder.strip("/") else ""
        below = [path for path in snapshot.files if path.startswith(prefix)]
        if prefix and not below:
            return self.fail(404, "EntryNotFound", f"{folder} does not exist on this revision")
        folders, entries = set(), []
        for path in below:
            steps = path[len(prefix):].split("/")
            folders.update(prefix + "/".join(steps[:n]) for n in range(1, len(steps)))
            if self.flag("recursive") or len(steps) == 1:
                entries.append(snapshot.files[path].entry(path))
        for name in folders:
            if self.flag("recursive") or "/" not in name[len(prefix):]:
                oid = hashlib.sha1(name.encode()).hexdigest()
                entries.append({"type": "directory", "oid": oid, "size": 0, "path": name})
        entries.sort(key=lambda entry: entry["path"])
        start = int(self.query.get("cursor", ["0"])[0])
        size = int(self.query.get("limit", [self.hub.options.page_size])[0])
        headers = {}
        if start + size < len(entries):
            query = {**{key: value[-1] for key, value in self.query.items()}, "cursor": start + size}
            here = f"{self.base()}{urllib.parse.urlsplit(self.path).path}?{urllib.parse.urlencode(query)}"
            headers["Link"] = f'<{here}>; rel="next"'
        return self.json(entries[start:start + size], headers)

    def paths_info(self, snapshot):
        if "json" in self.headers.get("Content-Type", ""):
            paths = json.loads(self.body or b"{}").get("paths", [])
        else:
            paths = urllib.parse.parse_qs(self.body.decode()).get("paths", [])
        return self.json([snapshot.files[path].entry(path) for path in paths if path in snapshot.files])

    def flag(self, name):
        return self.query.get(name, ["false"])[0].lower() in ("", "1", "true")

    def base(self):
        return f"{'https' if self.secure else 'http'}://{self.headers.get('Host') or '127.0.0.1'}"

    # --- files -------------------------------------------------------------------------------------------------------

    def resolve(self, repo, revision, path, cached=False):
        if not self.readable(repo, files=True):
            return None
        snapshot = self.hub.snapshot(repo, revision)
        if not snapshot:
            return self.fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        commit = {"X-Repo-Commit": snapshot.commit}
        file = snapshot.files.get(path)
        if not file:
            return self.fail(404, "EntryNotFound", "Entry not found", commit)
        linked = {**commit, "X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.etag}"'}
        if file.lfs:
            self.hub.blobs[file.sha256] = file, urllib.parse.urlsplit(self.path).path, linked
            where = f"{self.hub.cdn_base or self.base()}/cdn/{file.sha256}?Expires=2000000000&Signature=fake"
            return self.answer(302, b"Found. Redirecting to another host", "text/plain", {**linked, "Location": where})
        if self.hub.options.resolve_cache and not cached:
            where = f"/api/resolve-cache/models/{repo}/{snapshot.commit}/{urllib.parse.quote(path)}?etag={file.etag}"
            return self.answer(307, b"Temporary Redirect", "text/plain", {**linked, "Location": where})
        return self.send_file(file, file.etag, urllib.parse.urlsplit(self.path).path, commit)

    def cdn(self, asked):
        found = self.hub.blobs.get(self.parts[1] if len(self.parts) > 1 else "")
        if self.server_name == "cdn" and "Authorization" in self.headers:
            # A signed address and a token at once: what object stores answer, and a token that should not be here.
            return self.answer(400, b"<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed"
                               b"</Message></Error>", "application/xml")
        if not found or not os.path.isfile(found[0].location):
            return self.answer(403, b"<Error><Code>AccessDenied</Code></Error>", "application/xml")
        # A client that follows redirects as long as they stay on one host sees only this answer, so here it is told
        # what the redirect said.
        linked = {} if self.server_name == "cdn" else found[2]
        return self.send_file(found[0], f"cdn-{found[0].sha256[:16]}", asked, linked)

    def send_file(self, file, etag, asked, headers):
        fault = self.hub.take_fault("cdn" if self.parts[0] == "cdn" else "hub", self.command, asked,
                                    lambda f: f.of_body)
        self.fault = fault
        kind = fault.kind if fault else ""
        if kind == "pointer":
            return self.answer(200, file.pointer, "text/plain", {**headers, "ETag": f'"{etag}"'})
        size = max(0, file.size + (fault.delta if kind == "length" else 0))
        headers = {**headers, "ETag": f'"{etag}"', "Accept-Ranges": "bytes",
                   "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT",
                   "Content-Disposition": f'inline; filename="{os.path.basename(asked)}"'}
        try:
            first, last = self.range(size, etag, kind == "norange")
        except ValueError:
            return self.answer(416, b"", headers={**headers, "Content-Range": f"bytes */{size}"})
        partial = first is not None
        if partial:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        else:
            first, last = 0, size - 1
        self.start(206 if partial else 200, last - first + 1, "application/octet-stream", headers)
        if self.command != "HEAD":
            self.send_body(file, first, last + 1, fault)
        return None

    def range(self, size, etag, ignore):
        """(first, last) asked for, (None, None) for everything; ValueError if it lies outside the file."""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not match or match[0] == "bytes=-" or ignore:
            return None, None
        if self.headers.get("If-Range", f'"{etag}"') != f'"{etag}"':
            return None, None
        if match[1]:
            first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
        else:
            first, last = max(0, size - int(match[2])), size - 1
        if first >= size or first > last:
            raise ValueError
        return first, last

    def send_body(self, file, first, end, fault):
        """Bytes first…end of the file, with what the fault makes of them. Offsets are those of the whole file."""
        kind = fault.kind if fault else ""
        stop = max(first, min(end, fault.offset(file.size))) if kind in ("cut", "stall") else end
        flip = min(fault.offset(file.size), file.size - 1) if kind == "corrupt" else -1
        position = first
        with open(file.location, "rb") as stream:
            stream.seek(first)
            while position < stop:
                n = min(CHUNK, stop - position)
                if kind == "slow":  # ten portions a second, not one large one every other second
                    n = max(1, min(n, fault.rate // 10))
                data = bytearray(stream.read(n)) or bytearray(n)  # zeros: a body made longer than the file
                if position <= flip < position + len(data):
                    data[flip - position] ^= 0xFF
                if kind == "slow" and self.hub.stopping.wait(len(data) / fault.rate):
                    raise Cut
                self.wfile.write(data)
                self.sent_bytes += len(data)
                position += len(data)
        if kind in ("cut", "stall"):
            self.wfile.flush()
            if kind == "stall":
                self.hub.stopping.wait(fault.seconds)
            raise Cut

    # --- answers -----------------------------------------------------------------------------------------------------

    def start(self, status, length, content_type, headers):
        self.sent_status = status
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def answer(self, status, data, content_type="text/plain; charset=utf-8", headers=None):
        self.start(status, len(data), content_type, headers)
        if self.command != "HEAD":
            self.wfile.write(data)
            self.sent_bytes += len(data)

    def json(self, value, headers=None, status=200):
        self.answer(status, json.dumps(value).encode(), "application/json; charset=utf-8", headers)

    def fail(self, status, code, message, headers=None):
        headers = {**(headers or {}), "X-Error-Message": message}
        if code:
            headers["X-Error-Code"] = code
        self.json({"error": message}, headers, status)

    def answer_fault(self, fault):
        if fault.kind == "reset":
            raise Cut
        if fault.kind == "html":
            return self.answer(200, b"<!DOCTYPE html>\n<html><head><title>The airport's network</title></head>"
                               b"<body>Please log in.</body></html>\n", "text/html; charset=utf-8")
        headers = {"Retry-After": fault.retry_after} if fault.status in (429, 503) else {}
        page = f"<html><body><h1>{fault.status}</h1>{html.escape(self.path)}</body></html>".encode()
        return self.answer(fault.status, page, "text/html; charset=utf-8", headers)

    def control(self, query):
        hub, command = self.hub, urllib.parse.parse_qs(query, keep_blank_values=True)
        status, reply = 200, {"ok": True}
        with hub.lock:
            # A client may have its answer a moment before the line about it is in the log. A second is enough for that;
            # what takes longer is a stall, which the caller knows of.
            hub.idle.wait_for(lambda: not hub.in_flight, timeout=1)
            if "fault" in command:
                try:
                    hub.faults.append(Fault(query))
                except ValueError as error:
                    status, reply = 400, {"error": str(error)}
            elif "clear" in command:
                hub.faults.clear()
            elif command.get("log") == ["clear"]:
                hub.log.clear()
                if hub.log_file:
                    hub.log_file.seek(0)
                    hub.log_file.truncate()
            elif "log" in command:
                reply = list(hub.log)
            elif "stop" in command:
                hub.stopping.set()
            else:
                status, reply = 400, {"error": "unknown command; see the top of fake_hub.py"}
        self.json(reply, status=status)

    def log_message(self, *_):
        pass  # --log is the log


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, ssl.SSLError)):
            super().handle_error(request, client_address)


def start_server(hub, name, port, options):
    handler = type(f"{name}Handler", (Handler,), {"hub": hub, "server_name": name, "secure": bool(options.cert)})
    server = Server(("127.0.0.1", port), handler)
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        # Without the lazy handshake one silent client would hold up the thread that accepts.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def parse_arguments():
    parser = argparse.ArgumentParser(description="A fake model hub for tests; the top of this file says everything.")
    add = parser.add_argument
    add("root", metavar="ROOT", help="folder of repositories: ROOT/org/name/…")
    add("--port", type=int, default=0, help="0 (default): any free one")
    add("--port-file", metavar="FILE", help="write the port here (the second server's on a second line)")
    add("--log", metavar="FILE", help="write the requests here as JSON lines")
    add("--cdn", action="store_true", help="serve LFS files from a second server on another port")
    add("--cdn-host", default="127.0.0.1", help="the host name written into redirects to it, such as localhost")
    add("--resolve-cache", action="store_true", help="redirect small files too")
    add("--lfs-threshold", type=int, default=10_000_000, metavar="BYTES")
    add("--page-size", type=int, default=1000, metavar="N", help="entries a page of the tree")
    add("--token", help="the one token that may read gated and private repositories")
    add("--token-without-access", metavar="TOKEN", help="a valid token of somebody who may not read them")
    add("--gated", action="append", default=[], metavar="ORG/NAME")
    add("--private", action="append", default=[], metavar="ORG/NAME")
    add("--tag", action="append", default=[], metavar="ORG/NAME=TAG", help="one more name for main's commit")
    add("--alias", action="append", default=[], metavar="OLD=NEW", help="a renamed repository: 307 to the new name")
    add("--missing-repo-status", type=int, choices=(401, 404), default=404)
    add("--fault", action="append", default=[], metavar="QUERY", help="'fault=cut&path=model.onnx&after=1000'")
    add("--cert", help="PEM; serve https")
    add("--key", help="PEM")
    add("--until-eof", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    if not os.path.isdir(options.root):
        parser.error(f"no such folder: {options.root}")
    return parser, options


def main():
    parser, options = parse_arguments()
    try:
        hub = Hub(options)
    except (ValueError, KeyError) as error:
        parser.error(f"{error}")
    servers = [start_server(hub, "hub", options.port, options)]
    scheme = "https" if options.cert else "http"
    if options.cdn:
        servers.append(start_server(hub, "cdn", 0, options))
        hub.cdn_base = f"{scheme}://{options.cdn_host}:{servers[1].server_port}"
    if options.port_file:
        with open(options.port_file + ".part", "w") as stream:
            stream.writelines(f"{server.server_port}\n" for server in servers)
        os.replace(options.port_file + ".part", options.port_file)
    print(f"HF_ENDPOINT={scheme}://127.0.0.1:{servers[0].server_port}", flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: hub.stopping.set())
    if options.until_eof:
        def wait_for_eof():
            # The raw descriptor: a thread inside sys.stdin.buffer when Python ends aborts the process.
            while os.read(0, CHUNK):
                pass
            hub.stopping.set()
        threading.Thread(target=wait_for_eof, daemon=True).start()
    hub.stopping.wait()
    time.sleep(0.05)  # the answer to /__control?stop is still under way


if __name__ == "__main__":
    main()
