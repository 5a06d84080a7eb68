#!/usr/bin/env python3
"""A model of BERT's architecture as GGUF, in fp32: what llama.cpp's own converter writes for it.

    to_gguf.py MODEL_DIRECTORY OUT.gguf

Needs gguf, numpy and safetensors.
"""
import json
import pathlib
import sys

import gguf
from safetensors.numpy import load_file

POOLINGS = {"pooling_mode_mean_tokens": gguf.PoolingType.MEAN, "pooling_mode_cls_token": gguf.PoolingType.CLS}


def pooling_of(folder):
    path = folder / "1_Pooling/config.json"
    config = json.loads(path.read_text()) if path.exists() else {"pooling_mode_mean_tokens": True}
    return next(kind for name, kind in POOLINGS.items() if config.get(name))


def add_tokenizer(writer, folder):
    vocab = json.loads((folder / "tokenizer.json").read_text())
    special = {token["content"] for token in vocab["added_tokens"]}
    tokens = [token for token, _ in sorted(vocab["model"]["vocab"].items(), key=lambda item: item[1])]
    # A piece inside of a word stands as it is, one that begins a word behind a mark.
    shown = [t if t in special else t[2:] if t.startswith("##") else "\u2581" + t for t in tokens]
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(shown)
    writer.add_token_types([gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL for t in tokens])
    for name, add in (("[UNK]", writer.add_unk_token_id), ("[SEP]", writer.add_sep_token_id), ("[PAD]", writer.add_pad_token_id),
                      ("[MASK]", writer.add_mask_token_id), ("[CLS]", writer.add_bos_token_id)):
        add(tokens.index(name))
    writer.add_eos_token_id(tokens.index("[SEP]"))


def write(folder, out):
    """folder: a model directory, a path; out: the file to write."""
    config = json.loads((folder / "config.json").read_text())
    n_layers = config["num_hidden_layers"]
    writer = gguf.GGUFWriter(str(out), "bert")
    writer.add_name(folder.name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(n_layers)
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(pooling_of(folder))
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    add_tokenizer(writer, folder)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, n_layers)
    for name, tensor in load_file(folder / "model.safetensors").items():
        name = name.removeprefix("bert.")
        if name == "embeddings.position_ids" or name.startswith("pooler."):
            continue
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), tensor.astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]), sys.argv[2])
