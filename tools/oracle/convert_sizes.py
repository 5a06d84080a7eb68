#!/usr/bin/env python3
"""Models of every architecture at a real size, with random weights, saved by transformers, converted by rag-factory and held against torch.

    tools/oracle/convert_sizes.py PROGRAM TOKENIZER_DIRECTORY [--states] [NAME…] > table.md

Each has the layers and widths of a model that people use and the vocabulary of the tokenizer given (all-MiniLM-L6-v2's). Twelve
texts; their vectors by torch in fp32 (mean of the hidden states, scaled to length 1) are what `rag-factory validate` compares with:
the file converted from model.safetensors, from pytorch_model.bin, in the portable form, and the forward pass in plain C. The last
column is the cosine of the two texts that are closest to each other, which shows that the model tells texts apart.

--states compares every number of the hidden states instead, of these texts and one of 500 tokens, run by ONNX Runtime from Python,
with what torch computes in double (all of it: transformers itself goes back to fp32 for norms and softmax; cosines and sines of
positions stay fp32, which is how transformers defines them) and in fp32. Each cell is the largest difference and, behind it, the root
of the mean square. "not prepacked" is the default form where ONNX Runtime does not lay out matrices anew as it opens the file, whose
products are less exact. The last columns: the largest number of a state, and whether the
.bin gives the same tensors as the safetensors.
"""
import contextlib
import filecmp
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoModel

import architectures

VOCAB = 30522
BERT = dict(vocab_size=VOCAB, hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072, max_position_embeddings=512)
ROBERTA = dict(BERT, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)
MODELS = {
    "bert": ("Bert", BERT),
    "roberta": ("Roberta", ROBERTA),
    "xlm-roberta": ("XLMRoberta", ROBERTA),
    "camembert": ("Camembert", ROBERTA),
    "electra": ("Electra", dict(BERT, hidden_size=256, num_attention_heads=4, intermediate_size=1024, embedding_size=128)),
    "distilbert": ("DistilBert", dict(vocab_size=VOCAB, dim=768, n_layers=6, n_heads=12, hidden_dim=3072)),
    "mpnet": ("MPNet", dict(BERT, max_position_embeddings=514)),
    "albert": ("Albert", dict(BERT, embedding_size=128)),
    "modernbert": ("ModernBert", dict(vocab_size=VOCAB, hidden_size=768, num_hidden_layers=22, num_attention_heads=12, intermediate_size=1152,
                                      pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)),
    "nomic_bert": ("NomicBert", BERT),
    "gte": ("Gte", BERT),
    "qwen2": ("Qwen2", dict(vocab_size=VOCAB, hidden_size=896, num_hidden_layers=12, num_attention_heads=14, num_key_value_heads=2, intermediate_size=4864)),
    "qwen3": ("Qwen3", dict(vocab_size=VOCAB, hidden_size=1024, num_hidden_layers=12, num_attention_heads=16, num_key_value_heads=8, head_dim=128,
                            intermediate_size=3072)),
    "gemma3_text": ("Gemma3Text", dict(vocab_size=VOCAB, hidden_size=768, num_hidden_layers=12, num_attention_heads=3, num_key_value_heads=1, head_dim=256,
                                       intermediate_size=1152, sliding_window=512, use_bidirectional_attention=True)),
    "t5": ("T5", dict(vocab_size=VOCAB, d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12)),
    "mt5": ("MT5", dict(vocab_size=VOCAB, d_model=512, d_kv=64, d_ff=1024, num_layers=8, num_heads=6)),
    "deberta-v2": ("DebertaV2", dict(BERT, relative_attention=True, position_buckets=256, norm_rel_ebd="layer_norm", share_att_key=True,
                                     pos_att_type=["p2c", "c2p"], position_biased_input=False, max_relative_positions=-1, layer_norm_eps=1e-7,
                                     type_vocab_size=0)),
    "jina": ("JinaBert", dict(vocab=VOCAB, hidden=768, layers=12, heads=12, inner=3072)),
}
# only where it is named: 2.4 GB of weights, which is more than an ONNX file itself can hold
LARGE = {"qwen3-0.6b": ("Qwen3", dict(vocab_size=151936, hidden_size=1024, num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=8,
                                      head_dim=128, intermediate_size=3072))}
EVERY = {**MODELS, **LARGE}
TEXTS = ["", "hello", "The cat sits on the mat.", "How do I return a parcel that arrived broken?", "Water boils at 100 degrees at sea level. " * 3,
         "Le train de nuit part à vingt-deux heures.", "for (i = 0; i < n; i++) sum += x[i];", "1 2 3 4 5 6 7 8 9 10", "Katze, Hund, Maus. " * 9,
         "猫坐在垫子上。", "ERROR 42: the parameter is incorrect", "To make bread, mix flour with warm water, salt and yeast and knead it. " * 4]


SPREAD = 0.04  # of random weights: twice what transformers gives new models, so that a wrong norm or position is seen


def scatter(model, seed, spread):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator) * spread
            p.copy_(p + noise if p.dim() == 1 and "norm" in name.lower() else noise)


def make_network(kind, options, folder, seed, spread=SPREAD):
    """An encoder with random weights, saved as safetensors."""
    if kind == "JinaBert":    # whose code is on the hub alone
        model = architectures.JinaBert(**options).eval()
        scatter(model, seed, spread)
        save_file(model.state_dict(), folder / "model.safetensors", {"format": "pt"})
        architectures.write_jina_config(folder, **options)
        return model, model
    config = getattr(transformers, kind + "Config")(**options)
    config.architectures = [kind + "Model"]
    model = AutoModel.from_config(config, attn_implementation="eager").eval().float()
    scatter(model, seed, spread)
    model.save_pretrained(folder, safe_serialization=True)
    return model, model.get_encoder() if kind in ("T5", "MT5") else model


def states_of(encoder, ids):
    out = encoder(torch.tensor([ids]))
    return getattr(out, "last_hidden_state", out)[0].numpy()


def make(kind, options, folder, tokenizer, seed):
    """The model's folders; its encoder, the cosine of the closest two texts, and for each text ids and hidden states."""
    (folder / "safetensors").mkdir()
    model, encoder = make_network(kind, options, folder / "safetensors", seed)
    (folder / "bin").mkdir()
    torch.save(model.state_dict(), folder / "bin/pytorch_model.bin")
    shutil.copy(folder / "safetensors/config.json", folder / "bin/config.json")
    for name in ("safetensors", "bin"):
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(tokenizer / file, folder / name / file)
    reader = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    reader.no_padding()
    reader.no_truncation()
    states = []
    with torch.no_grad():
        for text in TEXTS:
            ids = reader.encode(text).ids
            states.append((ids, states_of(encoder, ids)))
    vectors = np.stack([state.mean(0) / np.linalg.norm(state.mean(0)) for _, state in states]).astype(np.float32)
    np.save(folder / "expected.npy", vectors)
    (folder / "texts").write_bytes(b"".join(t.encode() + b"\0" for t in TEXTS))
    closest = (vectors @ vectors.T - 2 * np.eye(len(vectors))).max()
    return encoder, closest, states


def count(encoder):
    return f"{sum(p.numel() for p in encoder.parameters()) / 1e6:.0f} M"


def lowest(program, folder, model, *more):
    out = subprocess.run([program, "validate", "-m", folder / model, "-i", folder / "texts", "-0", "--format", "json", "--threshold", "0.99999", *more],
                         capture_output=True, text=True)
    if not out.stdout:
        sys.exit(out.stderr)
    found = json.loads(out.stdout)
    return f"{found['min']:.7f}" + ("" if found["passed"] else " FAILED")


FORMS = (("default", "safetensors", ()), ("from-bin", "bin", ()), ("portable", "safetensors", ("--portable",)))


def convert(program, folder, made, source, more):
    subprocess.run([program, "convert", "-m", folder / source, "-o", folder, "--name", made, "--no-validate", "-q", *more], check=True,
                   stdout=subprocess.DEVNULL)


def run(file, texts, prepacks=True):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    if not prepacks:
        options.add_session_config_entry("session.disable_prepacking", "1")
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    found = []
    for ids in texts:
        ids = np.array([ids], np.int64)
        values = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        found.append(session.run(["last_hidden_state"], {i.name: values[i.name] for i in session.get_inputs()})[0][0])
    return found


@contextlib.contextmanager
def all_in_double(encoder):
    """Has the encoder compute in double even where its code says fp32, but for the angles of rotations."""
    single, to_single = torch.float32, torch.Tensor.float

    def as_defined(forward):
        def call(*args, **more):
            torch.float32, torch.Tensor.float = single, to_single
            try:
                return forward(*args, **more)
            finally:
                torch.float32, torch.Tensor.float = torch.float64, torch.Tensor.double
        return call

    encoder.double()
    for module in encoder.modules():
        if type(module).__name__.endswith("RotaryEmbedding"):
            module.forward = as_defined(module.forward)
    torch.float32, torch.Tensor.float = torch.float64, torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.Tensor.float = single, to_single


def difference(found, expected):
    gaps = np.concatenate([(a.astype(np.float64) - b).ravel() for a, b in zip(found, expected)])
    return f"{np.abs(gaps).max():.1e} {np.sqrt((gaps ** 2).mean()):.1e}"


def compare_states(program, name, tokenizer):
    folder = pathlib.Path(tempfile.mkdtemp())
    encoder, _, states = make(*EVERY[name], folder, tokenizer, list(EVERY).index(name))
    for form in FORMS:
        convert(program, folder, *form)
    same = filecmp.cmp(folder / "default/model.onnx.data", folder / "from-bin/model.onnx.data", shallow=False)
    texts = [ids for ids, _ in states] + [np.random.default_rng(0).integers(1000, VOCAB, 500).tolist()]
    with torch.no_grad():
        single = [states_of(encoder, ids) for ids in texts]
        with all_in_double(encoder):
            double = [states_of(encoder, ids) for ids in texts]
    assert double[0].dtype == np.float64
    default, portable = (run(folder / form / "model.onnx", texts) for form in ("default", "portable"))
    plain = run(folder / "default/model.onnx", texts, prepacks=False)
    from_bin = "the same tensors" if same else difference(run(folder / "from-bin/model.onnx", texts), double)
    cells = [difference(*pair) for pair in ((single, double), (default, double), (plain, double), (portable, double), (default, single), (portable, single))]
    print(f"| {name} | {count(encoder)} | {' | '.join(cells)} | {max(np.abs(s).max() for s in single):.1f} | {from_bin} |", flush=True)
    shutil.rmtree(folder)


def measure(program, name, tokenizer):
    folder = pathlib.Path(tempfile.mkdtemp())
    encoder, closest, _ = make(*EVERY[name], folder, tokenizer, list(EVERY).index(name))
    row, seconds = [], 0
    for made, source, more in FORMS:
        begin = time.monotonic()
        convert(program, folder, made, source, more)
        seconds = seconds or time.monotonic() - begin
        row.append(lowest(program, folder, made, "--against", folder / "expected.npy"))
    row.append(lowest(program, folder, "default", "--against", folder / "safetensors"))
    print(f"| {name} | {count(encoder)} | {seconds:.1f} | {' | '.join(row)} | {closest:.2f} |", flush=True)
    shutil.rmtree(folder)


def main():
    program, tokenizer, names = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), sys.argv[3:]
    of_states = "--states" in names
    names = [name for name in names if name != "--states"] or list(MODELS)
    if of_states:
        print("| model_type | parameters | torch fp32 from double | default from double | not prepacked | portable from double | default from torch fp32 | "
              "portable from torch fp32 | largest number | .bin |\n|---|---|---|---|---|---|---|---|---|---|", flush=True)
    else:
        print("| model_type | parameters | seconds to convert | from safetensors | from .bin | portable | against plain C | closest two texts |\n"
              "|---|---|---|---|---|---|---|---|", flush=True)
    for name in names:
        (compare_states if of_states else measure)(program, name, tokenizer)


if __name__ == "__main__":
    main()
