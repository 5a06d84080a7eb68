"""Compares the ONNX builder with torch: python onnx_build.py BUILD_ONNX [MODEL_DIRECTORY…]

BUILD_ONNX is the program of build_onnx.c. For each model directory, and for random models of many configurations:
last_hidden_state against transformers' (absolute difference, cosine of token vectors), with padding too; the same bits
for a text alone and in batches of texts as long, for every optimization level and thread count. Ends with 1 when
something is beyond the limits.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BertConfig, BertForMaskedLM, BertModel

MAX_DIFFERENCE, MIN_COSINE = 2e-5, 0.999999
failures = 0


def session(path, threads=1, level="ORT_ENABLE_ALL"):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(model, ids, mask=None, types=None):
    ids = np.asarray(ids, np.int64)
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids) if mask is None else mask,
            "token_type_ids": np.zeros_like(ids) if types is None else types}
    return model.run(None, feed)[0]


def reference(model, ids, mask=None, types=None):
    ids = torch.tensor(np.asarray(ids, np.int64))
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids) if mask is None else torch.tensor(mask),
                     token_type_ids=None if types is None else torch.tensor(types)).last_hidden_state.numpy()


def distance(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    cosine = (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return np.abs(a - b).max(), cosine.min()


def check_numbers(ours, torch_model, config, random):
    """The worst of texts of several lengths, type ids, and a padded batch."""
    worst, cosine = 0.0, 1.0
    most = config.max_position_embeddings
    for n in sorted({1, 2, 3, 14, 97, 189, 256, most}):
        if n > most:
            continue
        ids = random.integers(0, config.vocab_size, (2, n))
        types = random.integers(0, config.type_vocab_size, (2, n))
        pairs = [(run(ours, ids), reference(torch_model, ids)),
                 (run(ours, ids, None, types), reference(torch_model, ids, None, types))]
        mask = np.ones_like(ids)
        mask[1, (n + 1) // 2:] = 0
        keep = mask[1].astype(bool)
        if not keep.all():
            padded = run(ours, ids, mask), reference(torch_model, ids, mask)
            pairs += [(padded[0][0], padded[1][0]), (padded[0][1][keep], padded[1][1][keep])]
        for a, b in pairs:
            d, c = distance(a, b)
            worst, cosine = max(worst, d), min(cosine, c)
    return worst, cosine


def check_bits(path, config, random):
    """How many texts have other bits in a batch, or under other settings, than alone."""
    sessions = [session(path), session(path, 2)]
    changed = 0
    for n in (1, 2, 3, 5, 8, 13, 14, 31, 64, 97, 189, 256):
        if n > config.max_position_embeddings:
            continue
        texts = random.integers(0, config.vocab_size, (17, n))
        alone = [run(sessions[0], texts[i:i + 1])[0] for i in range(17)]
        for model in sessions:
            for size in (1, 2, 3, 5, 16, 17):
                for first in range(0, 17 - size + 1, max(1, size // 2)):
                    batch = run(model, texts[first:first + size])
                    changed += sum(batch[k].tobytes() != alone[first + k].tobytes() for k in range(size))
    return changed


def check(name, directory, program, torch_model, random, bits):
    global failures
    with tempfile.TemporaryDirectory() as out:
        path = os.path.join(out, "model.onnx")
        subprocess.run([program, os.path.join(directory, "config.json"), directory, path], check=True,
                       stdout=subprocess.DEVNULL)
        onnx.checker.check_model(path)
        config = torch_model.config
        worst, cosine = check_numbers(session(path), torch_model, config, random)
        plain = check_numbers(session(path, 1, "ORT_DISABLE_ALL"), torch_model, config, random)
        changed = check_bits(path, config, random) if bits else 0
    worst, cosine = max(worst, plain[0]), min(cosine, plain[1])
    good = worst <= MAX_DIFFERENCE and cosine >= MIN_COSINE and changed == 0
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {name:28} difference {worst:.1e}  1 - cosine {1 - cosine:.1e}"
          + (f"  other bits {changed}" if bits else ""), flush=True)


def random_model(kind, **changes):
    settings = dict(vocab_size=211, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
                    max_position_embeddings=300, type_vocab_size=2, initializer_range=0.2)
    settings.update(changes)
    # Larger scores than that make torch itself stray from fp64 by more than the limit.
    settings["initializer_range"] *= (48 / settings["hidden_size"]) ** 0.5
    torch.manual_seed(7)
    model = kind(BertConfig(**settings)).eval()
    with torch.no_grad():  # biases and norms that matter
        for name, weight in model.named_parameters():
            if weight.dim() == 1:
                weight.add_(torch.randn_like(weight) * 0.2)
    return model


def rename_norms(weights):
    return {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
            for k, v in weights.items()}


def add_prefix(prefix):
    return lambda weights: {prefix + k: v for k, v in weights.items()}


def cast(dtype):
    return lambda weights: {k: v.to(dtype) for k, v in weights.items()}


def check_random(name, program, random, kind=BertModel, change=None, shard=None, bits=False, **settings):
    with tempfile.TemporaryDirectory() as directory:
        model = random_model(kind, **settings)
        if change is not None and change.__qualname__.startswith("cast"):
            rounded = {k: v.to(change({"x": v})["x"].dtype).to(torch.float32) for k, v in model.state_dict().items()}
            model.load_state_dict(rounded)
        model.save_pretrained(directory, **({"max_shard_size": shard} if shard else {}))
        path = os.path.join(directory, "model.safetensors")
        if change is not None:
            save_file({k: v.contiguous() for k, v in change(load_file(path)).items()}, path)
        check(name, directory, program, model.bert if kind is BertForMaskedLM else model, random, bits)


ACTIVATIONS = ["gelu", "gelu_10", "gelu_fast", "gelu_new", "gelu_python", "gelu_pytorch_tanh", "gelu_python_tanh",
               "gelu_accurate", "hardswish", "laplace", "leaky_relu", "linear", "mish", "quick_gelu", "relu", "relu2",
               "relu6", "sigmoid", "silu", "swish", "tanh"]


def main():
    program, directories = sys.argv[1], sys.argv[2:]
    random = np.random.default_rng(1)
    for directory in directories:
        model = AutoModel.from_pretrained(directory, dtype=torch.float32).eval()
        check(os.path.basename(os.path.normpath(directory)), directory, program, model, random, True)
    for activation in ACTIVATIONS:
        check_random(activation, program, random, hidden_act=activation, bits=True)
    for heads, hidden in ((1, 48), (3, 48), (12, 48), (5, 20), (2, 64), (7, 7), (16, 256), (2, 130)):
        check_random(f"{heads} heads of {hidden // heads}", program, random, num_attention_heads=heads,
                     hidden_size=hidden, intermediate_size=37, bits=True)
    check_random("one layer", program, random, num_hidden_layers=1)
    check_random("nine layers", program, random, num_hidden_layers=9, initializer_range=0.1)
    check_random("one type", program, random, type_vocab_size=1)
    check_random("five types", program, random, type_vocab_size=5)
    check_random("layer_norm_eps 1e-3", program, random, layer_norm_eps=1e-3)
    check_random("512 positions", program, random, max_position_embeddings=512)
    check_random("masked language model", program, random, kind=BertForMaskedLM)
    check_random("model. in front", program, random, change=add_prefix("model."))
    check_random("gamma and beta", program, random, change=rename_norms)
    check_random("fp16", program, random, change=cast(torch.float16))
    check_random("bf16", program, random, change=cast(torch.bfloat16))
    check_random("fp64", program, random, change=cast(torch.float64))
    check_random("shards", program, random, shard="40KB")
    print("all within the limits" if failures == 0 else f"{failures} beyond the limits")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
