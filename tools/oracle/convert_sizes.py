#!/usr/bin/env python3
"""Models of every architecture at a real size, with random weights, saved by transformers, converted by rag-factory and held against torch.

    tools/oracle/convert_sizes.py PROGRAM TOKENIZER_DIRECTORY [--states] [NAME…] > table.md

Each has the layers and widths of a model that people use and the vocabulary of the tokenizer given (all-MiniLM-L6-v2's). Twelve
texts; their vectors by torch in fp32 (mean of the hidden states, scaled to length 1) are what `rag-factory validate` compares with:
the file converted from model.safetensors, from pytorch_model.bin, in the portable form, and the forward pass in plain C. The last
column is the cosine of the two texts that are closest to each other, which shows that the model tells texts apart.

--states compares every number of the hidden states instead, run by ONNX Runtime from Python: the largest difference from torch's,
beside what torch's in fp32 differs from its own in double, the largest number that it gives, and whether the .bin gives the same
tensors as the safetensors.
"""
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
from tokenizers import Tokenizer
from transformers import AutoModel

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
}
# only where it is named: 2.4 GB of weights, which is more than an ONNX file itself can hold
LARGE = {"qwen3-0.6b": ("Qwen3", dict(vocab_size=151936, hidden_size=1024, num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=8,
                                      head_dim=128, intermediate_size=3072))}
EVERY = {**MODELS, **LARGE}
TEXTS = ["", "hello", "The cat sits on the mat.", "How do I return a parcel that arrived broken?", "Water boils at 100 degrees at sea level. " * 3,
         "Le train de nuit part à vingt-deux heures.", "for (i = 0; i < n; i++) sum += x[i];", "1 2 3 4 5 6 7 8 9 10", "Katze, Hund, Maus. " * 9,
         "猫坐在垫子上。", "ERROR 42: the parameter is incorrect", "To make bread, mix flour with warm water, salt and yeast and knead it. " * 4]


def scatter(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator) * 0.04
            p.copy_(p + noise if p.dim() == 1 and "norm" in name.lower() else noise)


def make(kind, options, folder, tokenizer, seed):
    """The model's folders; its parameters, the cosine of the closest two texts, and for each text ids and hidden states."""
    config = getattr(transformers, kind + "Config")(**options)
    config.architectures = [kind + "Model"]
    model = AutoModel.from_config(config, attn_implementation="eager").eval().float()
    scatter(model, seed)
    model.save_pretrained(folder / "safetensors", safe_serialization=True)
    (folder / "bin").mkdir()
    torch.save(model.state_dict(), folder / "bin/pytorch_model.bin")
    shutil.copy(folder / "safetensors/config.json", folder / "bin/config.json")
    for name in ("safetensors", "bin"):
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(tokenizer / file, folder / name / file)
    reader = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    reader.no_padding()
    reader.no_truncation()
    encoder = model.get_encoder() if kind in ("T5", "MT5") else model
    vectors, states = [], []
    with torch.no_grad():
        for text in TEXTS:
            ids = reader.encode(text).ids
            state = encoder(torch.tensor([ids])).last_hidden_state[0]
            states.append((ids, state.numpy()))
            vectors.append((state.mean(0) / state.mean(0).norm()).numpy())
    vectors = np.stack(vectors).astype(np.float32)
    np.save(folder / "expected.npy", vectors)
    (folder / "texts").write_bytes(b"".join(t.encode() + b"\0" for t in TEXTS))
    closest = (vectors @ vectors.T - 2 * np.eye(len(vectors))).max()
    return sum(p.numel() for p in encoder.parameters()), closest, states


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


def difference(file, states):
    """The largest difference of a hidden state from torch's, and the largest number of torch's."""
    import onnxruntime
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    worst = largest = 0
    for ids, expected in states:
        ids = np.array([ids], np.int64)
        values = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        found = session.run(["last_hidden_state"], {i.name: values[i.name] for i in session.get_inputs()})[0][0]
        worst = max(worst, np.abs(found - expected).max())
        largest = max(largest, np.abs(expected).max())
    return worst, largest


def in_double(model, states):
    """The largest difference of torch's hidden states from those that it computes in double."""
    model = AutoModel.from_pretrained(model, attn_implementation="eager").eval().double()
    encoder = model.get_encoder() if model.config.model_type in ("t5", "mt5") else model
    with torch.no_grad():
        return max(np.abs(encoder(torch.tensor([ids])).last_hidden_state[0].numpy() - state).max() for ids, state in states)


def compare_states(program, name, tokenizer):
    folder = pathlib.Path(tempfile.mkdtemp())
    parameters, _, states = make(*EVERY[name], folder, tokenizer, list(EVERY).index(name))
    for form in FORMS:
        convert(program, folder, *form)
    same = filecmp.cmp(folder / "default/model.onnx.data", folder / "from-bin/model.onnx.data", shallow=False)
    (default, largest), (portable, _) = [difference(folder / form / "model.onnx", states) for form in ("default", "portable")]
    from_bin = "the same tensors" if same else f"{difference(folder / 'from-bin/model.onnx', states)[0]:.1e}"
    own = in_double(folder / "safetensors", states)
    print(f"| {name} | {parameters / 1e6:.0f} M | {default:.1e} | {portable:.1e} | {from_bin} | {own:.1e} | {largest:.1f} |", flush=True)
    shutil.rmtree(folder)


def measure(program, name, tokenizer):
    folder = pathlib.Path(tempfile.mkdtemp())
    parameters, closest, _ = make(*EVERY[name], folder, tokenizer, list(EVERY).index(name))
    row, seconds = [], 0
    for made, source, more in FORMS:
        begin = time.monotonic()
        convert(program, folder, made, source, more)
        seconds = seconds or time.monotonic() - begin
        row.append(lowest(program, folder, made, "--against", folder / "expected.npy"))
    row.append(lowest(program, folder, "default", "--against", folder / "safetensors"))
    print(f"| {name} | {parameters / 1e6:.0f} M | {seconds:.1f} | {' | '.join(row)} | {closest:.2f} |", flush=True)
    shutil.rmtree(folder)


def main():
    program, tokenizer, names = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), sys.argv[3:]
    of_states = "--states" in names
    names = [name for name in names if name != "--states"] or list(MODELS)
    if of_states:
        print("| model_type | parameters | from safetensors | portable | from .bin | torch's own, from double | largest number |\n"
              "|---|---|---|---|---|---|---|", flush=True)
    else:
        print("| model_type | parameters | seconds to convert | from safetensors | from .bin | portable | against plain C | closest two texts |\n"
              "|---|---|---|---|---|---|---|---|", flush=True)
    for name in names:
        (compare_states if of_states else measure)(program, name, tokenizer)


if __name__ == "__main__":
    main()
