#!/usr/bin/env python3
"""Checks the hub folder from outside: which files are wanted, where they are looked for, and model directories that are in
no cache, by hub_fetch against fake_hub.py.

    check_hub_cache.py PROGRAM [TEST…]        TEST as unittest has it, such as Choice.test_revisions

Python's standard library only, and strace.
"""
import hashlib
import json
import os
import pathlib
import random
import shutil

from hub_case import FILES, FOLDER, MODULES, ONNX, REPO, WANTED, Case, main


class Choice(Case):
    """Which files, at which revision."""

    def set(self, *paths, **more):
        shutil.rmtree(self.root)
        self.write(REPO, {**{path: FILES[path] for path in FILES if not path.endswith((".onnx", ".safetensors", ".bin"))},
                          **{path: path.encode() * 100 for path in paths}, **more})

    def test_named_onnx_file(self):
        self.start()
        for name in ("model_quantized.onnx", "onnx/model_quantized.onnx"):
            shutil.rmtree(self.cache, ignore_errors=True)
            result = self.fetched(REPO, "--onnx-file", name)
            self.assertTrue(result.values["onnx_file"].endswith("onnx/model_quantized.onnx"))
            self.assertNotIn("onnx/model.onnx", self.files(result))
        message = self.refused(REPO, "--onnx-file", "model_O4.onnx").message
        self.assertIn("no ONNX file 'model_O4.onnx' (found: onnx/model.onnx, onnx/model_quantized.onnx)", message)

    def test_cached_file_does_not_hide_the_named_one(self):
        self.start()
        self.fetched()
        result = self.fetched(REPO, "--onnx-file", "model_quantized.onnx")
        self.assertIn("onnx/model_quantized.onnx", self.files(result))

    def test_places(self):
        self.set("model.onnx", "model.safetensors")
        self.start()
        result = self.fetched()
        self.assertTrue(result.values["onnx_file"].endswith("/model.onnx"))
        self.assertNotIn("model.safetensors", self.files(result))

    def test_quantized_only(self):
        self.set("onnx/model_quantized.onnx", "onnx/model_int8.onnx", "tf_model.h5")
        self.start()
        message = self.refused().message
        self.assertIn("onnx/model_int8.onnx, onnx/model_quantized.onnx", message)
        self.assertIn("--onnx-file", message)
        self.assertEqual(list(self.cache.glob("*/blobs/*")), [])

    def test_weights_only(self):
        self.set("model.safetensors", "onnx/model_quantized.onnx", "pytorch_model.bin")
        self.start()
        result = self.fetched()
        self.assertEqual(result.values["onnx_file"], "")
        self.assertTrue(result.values["weights_file"].endswith("/model.safetensors"))
        self.assertNotIn("pytorch_model.bin", self.files(result))
        self.assertIn("onnx/model_quantized.onnx", self.refused(REPO, "--onnx-only").message)

    def test_weights_in_the_cache_do(self):
        """What another tool brought is used, although the repository also has an ONNX file."""
        self.set("model.safetensors")
        self.start()
        commit = self.fetched().values["revision"]
        tree = self.cache / FOLDER / "trees" / f"{commit}.json"
        listing = json.loads(tree.read_text())
        listing["files"]["onnx/model.onnx"] = {"size": 5, "blob_id": "1" * 40}
        tree.write_text(json.dumps(listing))
        result = self.fetched()
        self.assertTrue(result.values["weights_file"].endswith("/model.safetensors"))

    def test_onnx_beside_cached_weights_when_asked(self):
        self.start()
        for path in ("onnx/model.onnx", "onnx/model_quantized.onnx"):
            (self.root / REPO / path).rename(self.scratch / path.replace("/", "_"))
        self.fetched()
        shutil.rmtree(self.root)
        self.write(REPO, FILES)
        self.assertEqual(self.fetched().values["onnx_file"], "")
        self.assertTrue(self.fetched(REPO, "--onnx-only", "--update").values["onnx_file"].endswith("onnx/model.onnx"))

    def test_shards(self):
        shards = [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
        self.set("model.safetensors.index.json", *shards)
        self.start()
        result = self.fetched()
        self.assertTrue(result.values["weights_file"].endswith("/model.safetensors.index.json"))
        self.assertLessEqual(set(shards), set(self.files(result)))

    def test_external_data(self):
        self.set("onnx/model.onnx", "onnx/model.onnx_data", "onnx/model.onnx_data_1", "onnx/model_fp16.onnx_data")
        self.start()
        got = self.files(self.fetched())
        self.assertLessEqual({"onnx/model.onnx", "onnx/model.onnx_data", "onnx/model.onnx_data_1"}, set(got))
        self.assertNotIn("onnx/model_fp16.onnx_data", got)

    def test_nothing_usable(self):
        self.set("flax_model.msgpack", "tf_model.h5")
        self.start()
        message = self.refused().message
        self.assertIn("found: flax_model.msgpack, tf_model.h5", message)
        self.assertIn("Please ensure the model has an ONNX version available, or convert it", message)

    def test_module_folders(self):
        modules = MODULES + [{"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"},
                             {"idx": 4, "name": "4", "path": "../../evil", "type": "x"}]
        self.set("onnx/model.onnx", "3_Dense/config.json", "3_Dense/model.safetensors", "3_Dense/pytorch_model.bin",
                 "4_Other/config.json", **{"modules.json": json.dumps(modules).encode()})
        self.start()
        got = self.files(self.fetched())
        self.assertLessEqual({"3_Dense/config.json", "3_Dense/model.safetensors"}, set(got))
        self.assertFalse({"3_Dense/pytorch_model.bin", "4_Other/config.json"} & set(got))

    def test_modules_that_make_no_sense(self):
        """For the pipeline to refuse."""
        for text in (b"{", b"{}", b"[1]", b'[{"path": 3}]', b"\xff"):
            self.set("onnx/model.onnx", **{"modules.json": text})
            hub = self.start()
            self.fetched(REPO, "--update")
            self.stop(hub)

    def test_revisions(self):
        self.write(REPO + "@v2", {**FILES, "README.md": b"version 2"})
        self.write(REPO + "@refs%2Fpr%2F1", {**FILES, "README.md": b"change 1"})
        self.start("--tag", f"{REPO}=v1")
        main = self.fetched()
        self.assertEqual(self.fetched(f"{REPO}@v1").values["directory"], main.values["directory"])
        self.assertEqual(self.files(self.fetched(REPO, "--revision", "v2"))["README.md"], b"version 2")
        change = self.fetched(f"{REPO}@refs/pr/1")
        self.assertEqual(self.files(change)["README.md"], b"change 1")
        self.assertEqual((self.cache / FOLDER / "refs/refs/pr/1").read_text(), change.values["revision"])
        self.assertEqual(self.fetched(REPO, "--revision", main.values["revision"]).values, main.values)
        short = self.fetched(REPO, "--revision", main.values["revision"][:8])
        self.assertEqual(short.values, main.values)
        result = self.fetch(f"{REPO}@v1", "--revision", "v2")
        self.assertEqual(result.status, "invalid argument")
        for bad in ("a..b", "-x", "a b", "../../x", "a//b", "x" * 300):
            self.assertEqual(self.fetch(REPO, "--revision", bad).status, "invalid argument", bad)

    def test_the_commit_that_is_there_is_completed(self):
        self.start()
        first = self.fetched()
        (self.cache / FOLDER / "snapshots" / first.values["revision"] / "tokenizer.json").unlink()
        old = self.root / REPO
        shutil.copytree(old, self.root / (REPO + "@old"))
        self.write(REPO, {"README.md": b"new"})
        self.assertEqual(self.fetched().values, first.values)
        self.assert_sound(first)

    def test_commit_that_is_gone(self):
        self.start()
        first = self.fetched()
        (self.cache / FOLDER / "snapshots" / first.values["revision"] / "tokenizer.json").unlink()
        self.write(REPO, {"README.md": b"new"})
        second = self.fetched()
        self.assertNotEqual(first.values["revision"], second.values["revision"])
        self.assertIn("the hub no longer has commit", second.err)

    def test_update(self):
        hub = self.start()
        first = self.fetched()
        self.write(REPO, {"README.md": b"new"})
        self.assertEqual(self.fetched().values, first.values)
        self.control("log=clear")
        second = self.fetched(REPO, "--update")
        self.assertEqual(self.files(second)["README.md"], b"new")
        self.assertEqual(self.file_log(), [])
        self.stop(hub)
        third = self.fetched(REPO, "--update")
        self.assertEqual(third.values, second.values)
        self.assertIn("warning: cannot ask for a newer version", third.err)


class Caches(Case):
    """Where models are looked for and where they go."""

    def folder(self, *arguments, **env):
        result = self.run_program("folder", *arguments, env=env)
        self.assertEqual(result.code, 0, result.err)
        return result.out.strip()

    def test_where_new_models_go(self):
        self.assertEqual(self.folder(), f"{self.home}/.cache/rag_factory/onnx_models")
        self.assertEqual(self.folder(XDG_CACHE_HOME="/x"), f"{self.home}/.cache/rag_factory/onnx_models")
        self.assertEqual(self.folder(HF_HOME="/h"), "/h/hub")
        self.assertEqual(self.folder(HF_HOME="/h", HUGGINGFACE_HUB_CACHE="/u/"), "/u")
        self.assertEqual(self.folder(HF_HOME="/h", HUGGINGFACE_HUB_CACHE="/u", HF_HUB_CACHE="~/c"), f"{self.home}/c")
        self.assertEqual(self.folder("--cache-dir", "/d", HF_HUB_CACHE="/c"), "/d")
        self.assertEqual(self.folder(HF_HOME=f"{self.home}/.cache/huggingface"), f"{self.home}/.cache/huggingface/hub")

    def test_used_where_it_lies(self):
        self.start()
        self.fetched()
        dead = {"HF_ENDPOINT": "http://127.0.0.1:9"}
        places = {
            self.scratch / "a": {"HF_HUB_CACHE": self.scratch / "a"},
            self.scratch / "b": {"HUGGINGFACE_HUB_CACHE": self.scratch / "b", "HF_HUB_CACHE": self.scratch / "none"},
            self.scratch / "c/hub": {"HF_HOME": self.scratch / "c"},
            self.scratch / "d/huggingface/hub": {"XDG_CACHE_HOME": self.scratch / "d"},
            self.home / ".cache/huggingface/hub": {"HF_HOME": self.scratch / "none"},
            self.home / ".cache/rag_factory/onnx_models": {},
        }
        for place, env in places.items():
            with self.subTest(place=place):
                place.mkdir(parents=True)
                shutil.move(self.cache / FOLDER, place / FOLDER)
                result = self.run_program("resolve", REPO, env={**env, **dead})
                self.assertEqual(result.code, 0, result.err)
                self.assertEqual(result.values["cache_dir"], str(place / FOLDER / ".rag_factory"))
                result = self.run_program("resolve", REPO, "--cache-dir", self.scratch / "empty", env={**env, **dead})
                self.assertEqual(result.code, 0, result.err)
                shutil.move(place / FOLDER, self.cache / FOLDER)

    def test_completed_where_it_lies(self):
        self.start()
        self.fetched()
        place = self.home / ".cache/huggingface/hub"
        place.mkdir(parents=True)
        shutil.move(self.cache / FOLDER, place / FOLDER)
        next((place / FOLDER).glob("snapshots/*/tokenizer.json")).unlink()
        result = self.run_program("resolve", REPO)
        self.assertIn(str(place), result.values["directory"])
        next((place / FOLDER).glob("snapshots/*/tokenizer.json")).unlink()
        self.assertIn(str(self.cache), self.fetched().values["directory"], "an explicit --cache-dir is meant")

    def forget_tree(self):
        shutil.rmtree(self.cache / FOLDER / "trees")

    def test_cache_of_older_tools(self):
        """Without a listing, what may be missing is asked once, and remembered."""
        hub = self.start()
        self.fetched()
        self.forget_tree()
        self.control("log=clear")
        self.fetched()
        self.assertEqual(len(self.log()), 0, "everything that matters is there")
        link = next((self.cache / FOLDER).glob("snapshots/*/sentence_bert_config.json"))
        link.resolve().unlink()
        link.unlink()
        self.assert_sound(self.fetched())
        self.assertEqual([entry["path"].split("/")[-1] for entry in self.log()],
                         [self.fetched().values["revision"], "sentence_bert_config.json"])
        self.stop(hub)
        self.fetched()

    def test_files_that_the_repository_lacks(self):
        for path in ("config_sentence_transformers.json", "modules.json", "1_Pooling/config.json"):
            (self.root / REPO / path).unlink()
        self.start()
        commit = self.fetched().values["revision"]
        self.forget_tree()
        offline = {"HF_HUB_OFFLINE": "1"}
        result = self.fetched(env=offline)
        self.assertRegex(result.err, "warning: .*used without modules.json, config_sentence_transformers.json")
        result = self.fetched(env={"HF_ENDPOINT": "http://127.0.0.1:9"})
        self.assertIn("warning: ", result.err)
        for path in ("modules.json", "config_sentence_transformers.json"):
            mark = self.cache / FOLDER / ".no_exist" / commit / path
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        result = self.fetched(env=offline)
        self.assertNotIn("warning: ", result.err)
        shutil.rmtree(self.cache / FOLDER / ".no_exist")
        self.control("log=clear")
        self.assertNotIn("warning: ", self.fetched().err)
        self.assertNotIn("warning: ", self.fetched(env=offline).err)
        self.assertEqual(len(self.log()), 1)

    def test_weights_shards_without_listing(self):
        shards = {f"model-0000{n}-of-00002.safetensors": b"x" * 100 for n in (1, 2)}
        for path in ("onnx/model.onnx", "onnx/model_quantized.onnx", "model.safetensors"):
            (self.root / REPO / path).unlink()
        self.write(REPO, {"model.safetensors.index.json": b"{}", **shards})
        self.start()
        self.fetched()
        self.forget_tree()
        self.fetched(env={"HF_HUB_OFFLINE": "1"})
        next((self.cache / FOLDER).glob("snapshots/*/model-00002-of-00002.safetensors")).unlink()
        self.assertIn("only partly in the cache", self.refused(env={"HF_HUB_OFFLINE": "1"}).message)

    def test_list(self):
        self.start()
        self.write("other/thing", FILES)
        main = self.fetched().values
        self.fetched("other/thing")
        next((self.cache / "models--other--thing").glob("snapshots/*/onnx/model.onnx")).unlink()
        (self.cache / "models--org--begun/blobs").mkdir(parents=True)
        (self.cache / "models--org--begun/blobs/abc.incomplete").write_bytes(b"12345")
        (self.cache / "datasets--org--data/blobs").mkdir(parents=True)
        (self.cache / "models--file").write_text("")
        (self.home / ".cache/huggingface").mkdir(parents=True)
        (self.home / ".cache/huggingface/hub").symlink_to(self.cache)
        lines = [line.split("\t") for line in self.run_program("list", "--cache-dir", self.cache).out.splitlines()]
        size = str(sum(len(FILES[path]) for path in WANTED))
        self.assertEqual(lines[1], [REPO, main["revision"], "main", size, "complete", main["directory"]])
        self.assertEqual(lines[0], ["org/begun", "", "", "5", "incomplete", str(self.cache / "models--org--begun")])
        self.assertEqual((lines[2][0], lines[2][4]), ("other/thing", "incomplete"))
        self.assertEqual(len(lines), 3)

    def test_read_only_cache(self):
        self.start()
        self.fetched()
        self.home.chmod(0o777)
        dead = {"HF_ENDPOINT": "http://127.0.0.1:9"}
        (self.scratch / "xdg/huggingface").mkdir(parents=True)
        (self.scratch / "xdg/huggingface/hub").symlink_to(self.cache)
        with self.read_only(self.cache) as who:
            result = self.fetched(env=dead, **who)
            self.assertEqual(result.values["directory"].split("/")[-3], FOLDER)
            result = self.run_program("resolve", REPO, env={**dead, "HF_HUB_CACHE": self.cache}, **who)
            self.assertEqual(result.code, 0, result.err)
            result = self.run_program("resolve", REPO, env={**dead, "XDG_CACHE_HOME": self.scratch / "xdg"}, **who)
            self.assertIn("/xdg/huggingface/hub/", result.values["directory"])
            self.assertEqual(result.values["cache_dir"],
                             f"{self.home}/.cache/rag_factory/onnx_models/{FOLDER}/.rag_factory")
        next((self.cache / FOLDER).glob("snapshots/*/tokenizer.json")).unlink()
        with self.read_only(self.cache) as who:
            result = self.refused(**who)
            self.assertIn("permission denied", result.message)
            self.assertIn("--cache-dir", result.message)
            result = self.run_program("resolve", REPO, env={"XDG_CACHE_HOME": self.scratch / "none"}, **who)
            self.assertIn(str(self.home), result.values["directory"])

    def test_cache_is_a_file(self):
        self.start()
        self.cache.write_text("")
        self.assertIn("something that is no folder is there", self.refused().message)

    def test_disk_fills_up(self):
        self.start()
        whole = hashlib.sha256(ONNX).hexdigest()
        partial = self.cache / FOLDER / "blobs" / f"{whole}.incomplete"
        result, _ = self.strace(["-P", partial, "-e", "trace=write", "-e", "inject=write:error=ENOSPC:when=4+"],
                                "resolve", REPO, "--cache-dir", self.cache)
        self.assertEqual(result.code, 1, result.err)
        self.assertIn("Could not download ONNX model 'org/model': no space left on the disk of", result.message)
        have = partial.stat().st_size
        self.assertTrue(0 < have < len(ONNX), have)
        self.assertEqual(partial.read_bytes(), ONNX[:have])
        self.control("log=clear")
        self.assert_sound(self.fetched())
        self.assertEqual(sum(entry["bytes"] for entry in self.file_log()), len(ONNX) - have)

    NO_LINKS = ["-e", "trace=symlink,symlinkat", "-e", "inject=symlink,symlinkat:error=EPERM"]

    def test_no_symbolic_links(self):
        """A file system such as exFAT: the files lie in the snapshot, once, and everything goes on as with links."""
        self.start("--cdn")
        result, trace = self.strace(self.NO_LINKS, "resolve", REPO, "--cache-dir", self.cache)
        self.assertIn("(INJECTED)", trace)
        self.assertEqual(result.code, 0, result.err)
        self.assert_sound(result)
        self.assertEqual(self.blobs(), [])
        self.assertFalse([path for path in self.cache.rglob("*") if path.is_symlink()])
        self.control("log=clear")
        self.assertEqual(self.fetched().values, result.values)
        self.assertEqual(self.fetched(REPO, "--update").values, result.values)
        self.assertEqual(self.file_log(), [])
        self.assertEqual(self.run_program("verify", "--cache-dir", self.cache).out.count("whole\t"), len(WANTED))
        # A damaged one is found, and brought again.
        onnx = self.path(result, "onnx/model.onnx")
        onnx.write_bytes(ONNX[:-1] + b"x")
        found = self.run_program("verify", "--cache-dir", self.cache, "--remove").out
        self.assertIn(f"bad format\tremoved\t{onnx}\thas the sha256", found)
        again, _ = self.strace(self.NO_LINKS, "repair", REPO, "--cache-dir", self.cache)
        self.assertEqual(again.out, "1\n", again.err)
        self.assert_sound(result)
        # Another commit with the same files has its own copies of what is not new there.
        self.write(REPO, {"README.md": b"new"})
        newer, _ = self.strace(self.NO_LINKS, "resolve", REPO, "--cache-dir", self.cache, "--update")
        self.assertEqual(self.files(newer)["README.md"], b"new")
        self.assert_sound(result)
        freed = int(self.run_program("remove", REPO, "--cache-dir", self.cache).out)
        self.assertGreater(freed, 2 * len(ONNX))

    def test_no_locks(self):
        """A network file system that has none: told, with a remedy, instead of two processes in one file."""
        self.start()
        result, _ = self.strace(["-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"], "resolve", REPO,
                                "--cache-dir", self.cache)
        self.assertIn("cannot be locked: the file system has no locks to give: choose a folder on a local disk",
                      result.message)

    def test_long_paths(self):
        """Far above the 260 characters that some programs stop at; above what the system can do it says so."""
        deep = pathlib.Path(*(["folder-with-a-long-name-" + "x" * 100] * 9))
        long_file = "/".join(["d" * 120] * 2) + "/config.json"
        modules = MODULES + [{"idx": 3, "name": "3", "path": long_file.rsplit("/", 1)[0],
                              "type": "sentence_transformers.models.Dense"}]
        self.write(REPO, {"modules.json": json.dumps(modules).encode(), long_file: b"{}"})
        self.start("--cdn")
        self.cache = self.scratch / deep
        result = self.fetched()
        self.assertEqual(self.files(result)[long_file], b"{}")
        self.assertGreater(len(result.values["onnx_file"]), 1000)
        self.assertEqual(self.fetched(env={"HF_HUB_OFFLINE": "1"}).values, result.values)
        self.cache = self.scratch / pathlib.Path(*(["y" * 200] * 25))
        self.assertIn("the name is too long", self.refused().message)


class Managed(Case):
    """What verify, repair and remove do."""

    def verify(self, *arguments):
        result = self.run_program("verify", *arguments, "--cache-dir", self.cache)
        self.assertEqual(result.code, 0, result.err)
        return [line.split("\t") for line in result.out.splitlines()]

    def damaged(self, *arguments):
        return sorted(line for line in self.verify(*arguments) if line[0] != "whole")

    def repaired(self, *arguments, **keys):
        result = self.run_program("repair", *arguments, "--cache-dir", self.cache, **keys)
        self.assertEqual(result.code, 0, result.err)
        return int(result.out)

    def test_every_corrupt_byte_is_found(self):
        """One byte in each file, at a place of its own, and what is too short or gone; each is named, and all come back."""
        self.start("--cdn")
        result = self.fetched()
        self.assertEqual(len(self.verify(REPO)), len(set(FILES[path] for path in WANTED)))
        self.assertEqual(self.damaged(), [])
        choice = random.Random(7)
        for path in WANTED:
            blob = self.path(result, path).resolve()
            data = bytearray(blob.read_bytes())
            data[choice.randrange(len(data))] ^= 1 << choice.randrange(8)
            blob.write_bytes(data)
            found = self.damaged(REPO)
            kind = "sha256" if len(blob.name) == 64 else "git hash"
            self.assertEqual([line[:3] for line in found], [["bad format", "kept", str(blob)]], path)
            self.assertRegex(found[0][3], f"^has the {kind} [0-9a-f]+, expected {blob.name}$")
            blob.write_bytes(FILES[path])
        self.assertEqual(self.damaged(), [])
        for path in WANTED:
            blob = self.path(result, path).resolve()
            blob.write_bytes(blob.read_bytes()[:-1])
        self.assertEqual(len(self.damaged("--remove")), len(WANTED))
        self.assertEqual(len(self.damaged()), len(WANTED), "now they are missing")
        self.assertEqual({line[0] for line in self.damaged()}, {"not found"})
        self.control("log=clear")
        self.assertEqual(self.repaired(), len(WANTED))
        self.assertEqual(self.damaged(), [])
        self.assert_sound(result)
        self.assertEqual(self.repaired(), 0)

    def test_repair_brings_what_was_there(self):
        """Of every revision the files that it had, and nothing else: no newer commit, no file that nobody asked for."""
        self.write(REPO + "@old", {**FILES, "README.md": b"old"})
        self.start("--cdn")
        old = self.fetched(f"{REPO}@old", "--onnx-file", "model_quantized.onnx")
        main = self.fetched()
        before = {values: self.files(values) for values in (old, main)}
        blobs = self.blobs()
        for name in blobs:
            (self.cache / FOLDER / "blobs" / name).unlink()
        result = self.run_program("repair", REPO, "--cache-dir", self.cache, "--offline")
        self.assertEqual(result.status, "not found")
        self.assertIn("it is offline", result.message)
        self.repaired(REPO)
        self.assertEqual({values: self.files(values) for values in (old, main)}, before)
        self.assertEqual(self.blobs(), blobs)

    def test_repair_without_a_listing(self):
        """In a cache that an older tool made, of which only the links are known."""
        self.start("--cdn")
        result = self.fetched()
        shutil.rmtree(self.cache / FOLDER / "trees")
        for path in ("onnx/model.onnx", "config.json"):
            self.path(result, path).resolve().unlink()
        self.assertEqual([line[0] for line in self.damaged()], ["not found"] * 2)
        self.assertEqual(self.repaired(REPO), 2)
        self.assert_sound(result)

    def test_repair_of_a_commit_that_is_gone(self):
        self.start()
        result = self.fetched()
        self.path(result, "README.md").resolve().unlink()
        self.write(REPO, {"README.md": b"new"})
        result = self.run_program("repair", REPO, "--cache-dir", self.cache)
        self.assertEqual(result.status, "not found")
        self.assertIn("no revision", result.message)

    def test_remove(self):
        self.start()
        self.fetched()
        self.write("other/thing", FILES)
        self.fetched("other/thing")
        derived = self.cache / FOLDER / ".rag_factory/made.onnx"
        derived.parent.mkdir()
        derived.write_bytes(b"x" * 1000)
        freed = int(self.run_program("remove", REPO, "--cache-dir", self.cache).out)
        self.assertGreaterEqual(freed, sum(len(FILES[path]) for path in WANTED) + 1000)
        self.assertFalse((self.cache / FOLDER).exists() or (self.cache / ".locks" / FOLDER).exists())
        self.assertEqual(self.run_program("remove", REPO, "--cache-dir", self.cache).status, "not found")
        self.assertEqual(len(self.verify("other/thing")), len(set(FILES[path] for path in WANTED)))


class Offline(Case):
    def test_nothing_there(self):
        self.start()
        for env in ({"HF_HUB_OFFLINE": "1"}, {"HF_HUB_OFFLINE": "true"}, {"TRANSFORMERS_OFFLINE": "YES"}):
            message = self.refused(env=env).message
            self.assertIn("revision 'main' is in no cache", message)
            self.assertIn(str(self.cache), message)
            self.assertIn(".cache/huggingface/hub", message)
        self.refused(REPO, "--offline")
        self.assertEqual(self.log(), [])
        self.assertEqual(self.run_program("check", "--offline").status, "network error")
        self.fetched(env={"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"})

    def test_partly_there(self):
        self.start()
        self.fetched()
        next((self.cache / FOLDER).glob("snapshots/*/onnx/model.onnx")).unlink()
        self.assertIn("only partly in the cache", self.refused(REPO, "--offline").message)

    def test_no_socket(self):
        self.start()
        self.fetched()
        for arguments in (("resolve", REPO, "--offline"), ("resolve", REPO), ("resolve", "org/none", "--offline"),
                          ("check", "--offline"), ("verify",), ("list",), ("repair", REPO, "--offline")):
            result, text = self.strace(["-e", "trace=network"], *arguments, "--cache-dir", self.cache)
            self.assertIn(result.code, (0, 1))
            self.assertNotRegex(text, r"\b(socket|connect|sendto)\(", arguments)
        # The same look at a download sees its sockets.
        shutil.rmtree(self.cache)
        _, text = self.strace(["-e", "trace=network"], "resolve", REPO, "--cache-dir", self.cache)
        self.assertRegex(text, r"\bconnect\(")

    def test_check(self):
        self.start()
        self.assertEqual(self.run_program("check").out.strip().rstrip("/"), self.url)
        self.fault("html", path="whoami")
        self.assertIn("answers with a web page", self.run_program("check").message)
        self.assertIn("cannot connect", self.run_program("check", env={"HF_ENDPOINT": "http://127.0.0.1:9"}).message)


class Local(Case):
    def resolve(self, path, *arguments, **keys):
        return self.run_program("resolve", path, *arguments, **keys)

    def test_directory(self):
        folder = self.root / REPO
        result = self.resolve(folder)
        self.assertEqual(result.values, {"directory": str(folder), "onnx_file": str(folder / "onnx/model.onnx"),
                                         "weights_file": "", "revision": "",
                                         "cache_dir": f"{self.home}/.cache/rag_factory/onnx_models/.rag_factory"})
        result = self.resolve(f"{folder}///", "--cache-dir", self.cache)
        self.assertEqual((result.values["directory"], result.values["cache_dir"]),
                         (str(folder), str(self.cache / ".rag_factory")))
        result = self.resolve(folder, "--onnx-file", "model_quantized.onnx")
        self.assertEqual(result.values["onnx_file"], str(folder / "onnx/model_quantized.onnx"))
        self.assertIn("no ONNX file 'x.onnx'", self.resolve(folder, "--onnx-file", "x.onnx").message)
        (folder / "onnx/model.onnx").unlink()
        result = self.resolve(folder)
        self.assertEqual((result.values["onnx_file"], result.values["weights_file"]),
                         ("", str(folder / "model.safetensors")))
        (folder / "model.safetensors").unlink()
        self.assertEqual(self.resolve(folder).values["weights_file"], str(folder / "pytorch_model.bin"))
        (folder / "pytorch_model.bin").unlink()
        result = self.resolve(folder)
        self.assertEqual(result.status, "not found")
        self.assertIn("onnx/model_quantized.onnx", result.message)
        self.assertIn("--onnx-file", result.message)

    def test_files(self):
        folder = self.root / REPO
        result = self.resolve(folder / "onnx/model_quantized.onnx")
        self.assertEqual((result.values["directory"], result.values["onnx_file"]),
                         (str(folder), str(folder / "onnx/model_quantized.onnx")))
        result = self.resolve(folder / "model.safetensors")
        self.assertEqual((result.values["directory"], result.values["weights_file"], result.values["onnx_file"]),
                         (str(folder), str(folder / "model.safetensors"), ""))
        flat = self.write("flat", {"some.onnx": b"x", "vocab.txt": b"x"})
        self.assertEqual(self.resolve(flat / "some.onnx").values["directory"], str(flat))
        result = self.resolve(folder / "model.safetensors", "--onnx-file", "x.onnx")
        self.assertEqual(result.status, "invalid argument")
        self.assertEqual(self.resolve(folder / "pytorch_model.bin").values["weights_file"], str(folder / "pytorch_model.bin"))
        self.assertIn("is no model", self.resolve(folder / "tokenizer.json").message)
        self.assertIn("no revision 'v1'", self.resolve(folder, "--revision", "v1").message)

    def test_path_wins_over_name(self):
        shutil.copytree(self.root / REPO, self.scratch / REPO)
        self.assertEqual(self.resolve(REPO).values["directory"], REPO)

    def test_snapshot_by_its_path(self):
        self.start()
        found = self.fetched().values
        self.assertEqual(self.resolve(found["directory"]).values["revision"], found["revision"])

    def test_nothing_there(self):
        for path in ("./none", "/none/at/all", "a/b/c", "none.onnx", "x/none.safetensors", "~/none", "none/"):
            result = self.resolve(path)
            self.assertEqual(result.status, "not found", path)
            self.assertIn(path + ": no such file or directory", result.message)
        for name in ("org/na me", "a" * 100, "org/x--y", "org/.x", "x.git", "ü", "org/"):
            self.assertIn(self.resolve(name).status, ("invalid argument", "not found"), name)
        self.assertIn("not by a URL", self.resolve("https://hub.example/org/model").message)
        self.assertIn("is empty", self.resolve("").message)

    def test_folders_without_a_model(self):
        empty = self.scratch / "empty"
        empty.mkdir()
        self.assertIn(f"{empty}: is empty; expected a model directory", self.resolve(empty).message)
        (empty / "notes.txt").write_text("x")
        self.assertIn("(found: nothing)", self.resolve(empty).message)
        (empty / "tf_model.h5").write_text("x")
        self.assertIn("(found: tf_model.h5)", self.resolve(empty).message)

    def test_pointer(self):
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 + b"\nsize 90405214\n"
        for path in ("onnx/model.onnx", "tokenizer.json", "vocab.txt"):
            shutil.rmtree(self.root)
            folder = self.write(REPO, {**FILES, path: pointer})
            result = self.resolve(folder)
            self.assertEqual(result.status, "bad format")
            self.assertIn(f"{folder / path}: is a git-lfs pointer, not the file: run 'git lfs pull' in "
                          f"{(folder / path).parent}", result.message)
        self.write(REPO, {"tokenizer.json": b"{}", "vocab.txt": b"", "model.safetensors": pointer})
        self.assertEqual(self.resolve(folder / "model.safetensors").status, "bad format")

    def test_no_permission(self):
        folder = self.root / REPO
        with self.read_only(self.home) as who:
            folder.chmod(0o700 if who else 0)
            self.addCleanup(folder.chmod, 0o755)
            self.assertIn("permission denied", self.resolve(folder, **who).message)
            self.assertIn("permission denied", self.resolve(folder / "onnx/model.onnx", **who).message)


if __name__ == "__main__":
    main()
