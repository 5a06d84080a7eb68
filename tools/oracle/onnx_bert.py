"""Turns the ONNX file of a BERT encoder back into a sentence-transformers directory, so that torch can be the reference.

PyTorch's exporter keeps the names of biases, norms and tables, and renames each weight that it transposed for a MatMul
to onnx::MatMul_NNN. Such a weight is recognised by the named bias that is added to its product: `X.bias` -> `X.weight`.
"""
import json
import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

POOLING = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]


def weights(path):
    """{name as in transformers: tensor} of an exported BERT."""
    graph = onnx.load(path).graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    users = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    out = {name: value for name, value in constants.items() if "::" not in name and value.dtype == np.float32 and value.size > 1}
    for node in graph.node:
        weight = node.input[1] if node.op_type == "MatMul" else None
        if weight not in constants:
            continue
        add, = [user for user in users[node.output[0]] if user.op_type == "Add"]
        bias, = [name for name in add.input if name in constants and name.endswith(".bias")]
        out[bias[:-len("bias")] + "weight"] = constants[weight].T.copy()
    return {name: torch.from_numpy(np.array(value)) for name, value in out.items()}


def config(tensors, heads):
    return BertConfig(
        vocab_size=len(tensors["embeddings.word_embeddings.weight"]),
        hidden_size=tensors["embeddings.word_embeddings.weight"].shape[1],
        num_hidden_layers=1 + max(int(n.split(".")[2]) for n in tensors if n.startswith("encoder.layer.")),
        num_attention_heads=heads,
        intermediate_size=len(tensors["encoder.layer.0.intermediate.dense.weight"]),
        max_position_embeddings=len(tensors["embeddings.position_embeddings.weight"]),
        type_vocab_size=len(tensors["embeddings.token_type_embeddings.weight"]),
        layer_norm_eps=1e-12, hidden_act="gelu")


def modules(target, pooling, dim, normalize, max_seq_length, do_lower_case=False):
    """The files of sentence-transformers around a Hugging Face model."""
    steps = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] if normalize else [])
    write(target / "modules.json", [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
                                    for i, (path, kind) in enumerate(steps)])
    write(target / "1_Pooling/config.json", {"word_embedding_dimension": dim,
          **{f"pooling_mode_{mode}": mode in pooling for mode in POOLING}, "include_prompt": True})
    write(target / "sentence_bert_config.json", {"max_seq_length": max_seq_length, "do_lower_case": do_lower_case})


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def largest_difference(source, model, ids):
    session = onnxruntime.InferenceSession(str(source), providers=["CPUExecutionProvider"])
    feed = {"input_ids": np.array([ids], np.int64), "attention_mask": np.ones((1, len(ids)), np.int64),
            "token_type_ids": np.zeros((1, len(ids)), np.int64)}
    theirs = session.run(None, feed)[0]
    with torch.no_grad():
        ours = model(**{name: torch.from_numpy(value) for name, value in feed.items()}).last_hidden_state.numpy()
    return float(np.abs(ours - theirs).max())


def convert(source_dir, target, pooling, heads=12, max_seq_length=512):
    """source_dir/{model.onnx,tokenizer.json} -> a directory that SentenceTransformer opens."""
    source_dir, target = pathlib.Path(source_dir), pathlib.Path(target)
    tensors = weights(source_dir / "model.onnx")
    settings = config(tensors, heads)
    model = BertModel(settings, add_pooling_layer="pooler.dense.weight" in tensors).eval()
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert not unexpected and set(missing) <= {"embeddings.position_ids", "embeddings.token_type_ids"}, (missing, unexpected)
    for ids in ([101, 102], [101, 7592, 2088, 102], [101] + list(range(2000, 2510)) + [102]):
        difference = largest_difference(source_dir / "model.onnx", model, ids)
        print(f"{source_dir.name}: {len(ids)} tokens, torch against ONNX Runtime: largest difference {difference:.2e}")
        assert difference < 1e-5
    target.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, target / "model.safetensors", {"format": "pt"})
    write(target / "config.json", {**settings.to_diff_dict(), "architectures": ["BertModel"], "model_type": "bert"})
    shutil.copy(source_dir / "tokenizer.json", target / "tokenizer.json")
    write(target / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": max_seq_length,
          "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"})
    modules(target, [pooling], settings.hidden_size, True, max_seq_length)
    return target
