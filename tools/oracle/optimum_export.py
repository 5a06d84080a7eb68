"""The networks of tests/golden/matrix-* exported once more, by optimum: onnx/model_optimum.onnx beside the file of matrix.py.

    optimum_export.py --optimum PYTHON [NAME…]

PYTHON has optimum[onnx] (and the transformers that it asks for). The network of a directory is made anew from its config.json and
matrix.py's seed, exported by optimum's main_export with the task feature-extraction, and kept as optimum writes it. Tokenizer, modules
and what is expected are those that are there. t5 is left out: optimum exports its decoder too.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
import transformers

import matrix
from architectures import scatter

EXPORT = """import sys
from optimum.exporters.onnx import main_export
main_export(sys.argv[1], sys.argv[2], task="feature-extraction", library_name="transformers", do_validation=False)
"""


def export(name, python):
    golden = matrix.GOLDEN / f"matrix-{name}"
    with tempfile.TemporaryDirectory() as scratch:
        network, exported = pathlib.Path(scratch) / "network", pathlib.Path(scratch) / "exported"
        config = transformers.AutoConfig.from_pretrained(golden)
        torch.manual_seed(1)
        model = getattr(transformers, matrix.CASES[name][0] + "Model")._from_config(config, attn_implementation="eager").eval()
        scatter(model, sum(map(ord, name)))
        model.save_pretrained(network)
        for file in golden.glob("*token*"):
            shutil.copy(file, network)
        run = subprocess.run([python, "-c", EXPORT, network, exported], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode:
            sys.exit(f"{name}: {run.stdout[-500:]}")
        shutil.copy(exported / "model.onnx", golden / "onnx/model_optimum.onnx")
    print(f"matrix-{name}: {(golden / 'onnx/model_optimum.onnx').stat().st_size // 1024} kB", flush=True)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", metavar="NAME")
    p.add_argument("--optimum", required=True, metavar="PYTHON")
    args = p.parse_args()
    for each in args.names or [n for n in matrix.CASES if n != "t5"]:
        export(each, args.optimum)
