"""Every snippet and command of the documents about Python, in order, as a reader would try them."""

import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT

DOCUMENTS = ["docs/python.md", "docs/migration.md", "docs/tuning.md", "bindings/python/README.md", "README.md"]
BUILDING = ("pip install", "python -m build", "auditwheel")  # what tests/python/run itself does


def blocks(document, language):
    return re.findall(r"^```" + language + r"\n(.*?)^```", (ROOT / document).read_text(), re.M | re.S)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_snippets(document, tmp_path):
    snippets = blocks(document, "python")
    assert snippets
    script = tmp_path / "snippets.py"
    script.write_text("\n".join(snippets))
    subprocess.run([sys.executable, str(script)], check=True, cwd=str(tmp_path))


def test_commands(tmp_path):
    lines = [line for block in blocks("docs/python.md", "sh") for line in block.splitlines()]
    run = [line for line in lines if not line.startswith(BUILDING)]
    assert len(run) >= 2 and len(lines) > len(run)
    env = dict(os.environ, PATH=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
    subprocess.run(["bash", "-euc", "\n".join(run)], check=True, cwd=str(tmp_path), env=env)
