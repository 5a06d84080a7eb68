"""examples/python: each runs as it stands, without network but for the hub on this machine."""

import subprocess
import sys

import pytest

from conftest import ROOT


def run(name, *arguments):
    return subprocess.run([sys.executable, str(ROOT / "examples/python" / name)] + [str(a) for a in arguments],
                          stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout.splitlines()


def test_sqlite():
    lines = run("rag_sqlite.py", "Who made the first phone?")
    assert lines[1].startswith("- Bell invented the telephone in 1876.")


def test_faiss(tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("Bread needs flour.\nAnd water.\n\nBell invented the telephone.\n\n" + "A long tale. " * 100)
    first = run("rag_faiss.py", notes, "Who made the first phone?")
    assert first[0].endswith("Bell invented the telephone.")
    assert (tmp_path / "notes.faiss").is_file()
    assert run("rag_faiss.py", notes, "Who made the first phone?") == first


def test_pandas():
    lines = run("duplicates_pandas.py")
    pairs = {line.split()[0]: line.split()[-2] for line in lines[1:]}
    assert pairs["101"] == "103" and pairs["103"] == "101" and pairs["102"] == "104"


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "examples/python").glob("*.py")))
def test_every_example_is_run_here(name):
    assert '"{}"'.format(name) in (ROOT / "tests/python/test_examples.py").read_text()
