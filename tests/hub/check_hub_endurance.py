#!/usr/bin/env python3
"""Checks what must hold however a download is cut, killed or raced, by hub_fetch against fake_hub.py.

    check_hub_endurance.py PROGRAM [TEST…]        TEST as unittest has it, such as Kills.test_kill

Every run takes a sample; with RF_HUB_WHOLE=1 it is all of it: a cut at each percent by a new process, 200 kills. The
moments are drawn from a seed, RF_HUB_SEED, that is told. Python's standard library only.
"""
import hashlib
import json
import os
import random
import shutil
import sys
import time

from hub_case import FILES, FOLDER, ONNX, REPO, Case, Result, main

WHOLE = os.environ.get("RF_HUB_WHOLE") == "1"
SEED = int(os.environ.get("RF_HUB_SEED", "20261127"))


def tell(text):
    print(text, file=sys.stderr, flush=True)


class Cuts(Case):
    def test_one_process(self):
        """One download that is cut at every percent of its length: each attempt goes on where the last one ended."""
        data = random.Random(SEED).randbytes(7_000_000)  # a percent is more than what counts as getting on
        self.write(REPO, {"onnx/model.onnx": data})
        self.start("--cdn")
        cuts = [len(data) * percent // 100 for percent in range(100)]
        for after in cuts:
            self.fault("cut", path="model.onnx", after=after)
        result = self.fetched()
        self.assertEqual(self.files(result)["onnx/model.onnx"], data)
        parts = [(entry["headers"].get("range"), entry["bytes"]) for entry in self.log("cdn")]
        ends = [*cuts, len(data)]
        self.assertEqual(sum(n for _, n in parts), len(data), "no byte was sent twice")
        self.assertEqual(parts, [(f"bytes={begin}-" if begin else None, end - begin)
                                 for begin, end in zip([0, *ends], ends)])
        tell(f"cut at {len(cuts)} places, one process: the right hash, {len(data)} bytes sent for {len(data)}")

    def test_another_process(self):
        """Each process finds what the last one had when it was cut off for good."""
        self.start("--cdn")
        blob = self.cache / FOLDER / "blobs" / hashlib.sha256(ONNX).hexdigest()
        partial = blob.with_name(blob.name + ".incomplete")
        self.fetched()
        percents = range(0, 101, 1 if WHOLE else 20)
        for percent in percents:
            cut = len(ONNX) * percent // 100
            for link in (self.cache / FOLDER).glob("snapshots/*/onnx/model.onnx"):
                link.unlink()
            blob.unlink()
            partial.write_bytes(ONNX[:cut])
            self.control("log=clear")
            self.assert_sound(self.fetched())
            self.assertEqual(sum(entry["bytes"] for entry in self.log("cdn")), len(ONNX) - cut, percent)
            self.assertEqual(hashlib.sha256(blob.read_bytes()).hexdigest(), blob.name)
            self.assertFalse(partial.exists())
        tell(f"cut at {len(percents)} places, a new process each: the right hash, and only what was missing is sent")


class Processes(Case):
    N = 8

    def test_all_at_once(self):
        """One download of each file, and no error."""
        self.start("--cdn")
        self.fault("slow", path="model.onnx", rate=600_000, times=-1)
        processes = [self.spawn("resolve", REPO, "--cache-dir", self.cache) for _ in range(self.N)]
        outputs = [process.communicate(timeout=120) for process in processes]
        self.assertEqual([process.returncode for process in processes], [0] * self.N, outputs)
        for out, err in outputs:
            self.assertNotIn("warning", err)
            self.assert_sound(Result(0, out, err))
        self.assertEqual(len({out for out, _ in outputs}), 1)
        sent = [entry["path"] for entry in self.log("resolve") if entry["method"] == "GET"]
        self.assertEqual(len(sent), len(set(sent)), "a file was asked for twice")
        self.assertEqual([entry["bytes"] for entry in self.log("cdn")], [len(ONNX)])
        self.assertFalse([name for name in self.blobs() if name.endswith(".incomplete")])
        tell(f"{self.N} processes at once: one download of each of {len(sent)} files, no error")


class Kills(Case):
    def wipe(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def look(self):
        """Nothing broken is there under a name that somebody would use. Whether the model is complete."""
        for name in self.blobs():
            if not name.endswith(".incomplete"):
                data = (self.cache / FOLDER / "blobs" / name).read_bytes()
                self.assertIn(name, (hashlib.sha256(data).hexdigest(),
                                     hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()))
        for tree in (self.cache / FOLDER).glob("trees/*.json"):
            self.assertEqual(set(json.loads(tree.read_text())["files"]), set(FILES))
        result = self.fetch(REPO, "--offline")
        if result.code == 0:
            self.assertNotIn("warning", result.err)
            self.assert_sound(result)
            return True
        self.assertFalse((self.cache / FOLDER / "refs/main").exists(), "the ref is written last")
        self.assertRegex(result.message, "is in no cache|only partly in the cache")
        return False

    def time_of_a_download(self):
        times = []
        for _ in range(3):
            self.wipe()
            begun = time.monotonic()
            self.assert_sound(self.fetched())
            times.append(time.monotonic() - begun)
        self.wipe()
        return sorted(times)[1]

    def test_kill(self):
        """kill -9 at random moments of a download, each going on with what the last one left."""
        kills, choice = 200 if WHOLE else 20, random.Random(SEED)
        self.start("--cdn")
        self.fault("slow", path="model.onnx", rate=2_000_000, times=-1)
        took = self.time_of_a_download()
        killed = ended = complete = resumed = 0
        while killed < kills:
            resumed += any((self.cache / FOLDER / "blobs").glob("*.incomplete"))
            process = self.spawn("resolve", REPO, "--cache-dir", self.cache)
            time.sleep(choice.random() * took)
            process.kill()
            process.communicate()
            killed += process.returncode == -9
            ended += process.returncode != -9
            self.assertLess(ended, 10 * kills)
            if self.look():
                complete += 1
                self.wipe()
        self.assert_sound(self.fetched())
        tell(f"seed {SEED}: {killed} kills within {took:.2f} s, {resumed} downloads that had something to go on with, "
             f"{complete} models complete afterwards, none broken")
        self.assertGreater(resumed, kills // 10)

    def test_kill_one_of_two(self):
        """The other one, which may wait for its lock, goes on and ends well."""
        rounds, choice = 40 if WHOLE else 5, random.Random(SEED + 1)
        self.start("--cdn")
        self.fault("slow", path="model.onnx", rate=2_000_000, times=-1)
        took = self.time_of_a_download()
        for _ in range(rounds):
            self.wipe()
            first, second = (self.spawn("resolve", REPO, "--cache-dir", self.cache) for _ in range(2))
            time.sleep(choice.random() * took)
            first.kill()
            first.communicate()
            out, err = second.communicate(timeout=60)
            self.assertEqual(second.returncode, 0, err)
            self.assert_sound(Result(0, out, err))
            self.assertTrue(self.look())
        tell(f"one of two processes killed, {rounds} times: the other one ended well")


if __name__ == "__main__":
    main()
