"""The console scripts: the program that the wheel brings, in the place of this process."""

import os
import subprocess
import sys
from typing import List, NoReturn

_NAME = "rag-factory.exe" if os.name == "nt" else "rag-factory"
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", _NAME)


def run(arguments: List[str]) -> NoReturn:
    """Becomes `rag-factory ARGUMENTS`."""
    if os.name == "nt":
        sys.exit(subprocess.call([PROGRAM] + arguments))
    os.execv(PROGRAM, [_NAME] + arguments)


def run_command(command: str) -> NoReturn:
    """Becomes `rag-factory COMMAND` with the arguments of this process."""
    run([command] + sys.argv[1:])


def main() -> NoReturn:
    """rag-factory"""
    run(sys.argv[1:])
