"""Models of real shapes with random weights, which take as long as trained ones. Needs nothing but Python.

    make(name, folder, tokenizer_of) writes a model directory: config.json, model.safetensors, a tokenizer, the modules.
"""
import array
import json
import pathlib
import random
import shutil
import struct

# name: (type, layers, hidden, heads, wide, words, positions, types of segments)
SHAPES = {
    "MiniLM-L6": ("bert", 6, 384, 12, 1536, 30522, 512, 2),
    "bge-small": ("bert", 12, 384, 12, 1536, 30522, 512, 2),
    "bge-base": ("bert", 12, 768, 12, 3072, 30522, 512, 2),
    "multilingual-e5-base": ("xlm-roberta", 12, 768, 12, 3072, 250002, 514, 1),
    "bge-large": ("bert", 24, 1024, 16, 4096, 30522, 512, 2),
}
BLOCK = 1 << 20     # random numbers that all tensors are cut from


def tensors(shape):
    """Names and dimensions, in the order of the file."""
    _, layers, hidden, _, wide, words, positions, types = shape
    yield "embeddings.word_embeddings.weight", (words, hidden)
    yield "embeddings.position_embeddings.weight", (positions, hidden)
    yield "embeddings.token_type_embeddings.weight", (types, hidden)
    yield from norm("embeddings.LayerNorm", hidden)
    for i in range(layers):
        at = f"encoder.layer.{i}"
        for name in ("query", "key", "value"):
            yield from linear(f"{at}.attention.self.{name}", hidden, hidden)
        yield from linear(f"{at}.attention.output.dense", hidden, hidden)
        yield from norm(f"{at}.attention.output.LayerNorm", hidden)
        yield from linear(f"{at}.intermediate.dense", wide, hidden)
        yield from linear(f"{at}.output.dense", hidden, wide)
        yield from norm(f"{at}.output.LayerNorm", hidden)


def linear(name, rows, columns):
    yield f"{name}.weight", (rows, columns)
    yield f"{name}.bias", (rows,)


def norm(name, size):
    yield f"{name}.weight", (size,)
    yield f"{name}.bias", (size,)


def count(dims):
    n = 1
    for size in dims:
        n *= size
    return n


def n_parameters(name):
    return sum(count(dims) for _, dims in tensors(SHAPES[name]))


def write_weights(path, shape):
    draw = random.Random(7)
    block = array.array("f", (draw.gauss(0, 0.02) for _ in range(BLOCK))).tobytes()
    header, at = {}, 0
    for name, dims in tensors(shape):
        size = 4 * count(dims)
        header[name] = {"dtype": "F32", "shape": dims, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name, dims in tensors(shape):
            left = 4 * count(dims)
            if name.endswith("LayerNorm.weight"):
                out.write(struct.pack("<f", 1) * count(dims))
                left = 0
            while left > 0:         # pieces from anywhere in the block: no two rows are alike
                begin = 4 * draw.randrange(BLOCK)
                piece = block[begin:begin + left]
                out.write(piece)
                left -= len(piece)


def unigram(words, n):
    """A tokenizer as XLM-R has it, of n pieces: all words, single characters, and made ones that no text has."""
    draw = random.Random(9)
    pieces = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", "▁"])
    pieces.update(dict.fromkeys("▁" + word for word in words))
    pieces.update(dict.fromkeys(c for word in words for c in word))
    while len(pieces) < n - 1:
        pieces["▁" + "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(draw.randint(6, 14))) + "ǂ"] = None
    pieces = list(pieces)[:n - 1] + ["<mask>"]
    special = [{"id": i, "content": pieces[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for i in (0, 1, 2, 3, n - 1)]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                               "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                               "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("<s>", 0), ("</s>", 2))}},
            "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            "model": {"type": "Unigram", "unk_id": 3, "byte_fallback": False, "vocab": [[piece, 0.0 if i < 4 else -10.0 - i / n] for i, piece in enumerate(pieces)]}}


def make(name, folder, bert, words):
    """`bert` is the directory of a model whose tokenizer those of BERT's kind take; words are those of the texts."""
    kind, layers, hidden, heads, wide, vocabulary, positions, types = shape = SHAPES[name]
    folder = pathlib.Path(folder)
    (folder / "1_Pooling").mkdir(parents=True)
    config = {"architectures": ["BertModel" if kind == "bert" else "XLMRobertaModel"], "model_type": kind, "hidden_act": "gelu", "hidden_size": hidden,
              "intermediate_size": wide, "num_hidden_layers": layers, "num_attention_heads": heads, "max_position_embeddings": positions,
              "type_vocab_size": types, "vocab_size": vocabulary, "pad_token_id": 0 if kind == "bert" else 1, "layer_norm_eps": 1e-12 if kind == "bert" else 1e-5,
              "position_embedding_type": "absolute", "torch_dtype": "float32"}
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    files = {"config.json": config, "sentence_bert_config.json": {"max_seq_length": 512, "do_lower_case": False},
             "modules.json": [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{module}"} for i, (path, module) in enumerate(modules)],
             "1_Pooling/config.json": {"word_embedding_dimension": hidden, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
                                       "pooling_mode_mean_sqrt_len_tokens": False}}
    if kind == "bert":
        for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
            shutil.copy(bert / file, folder / file)
    else:
        files["tokenizer.json"] = unigram(words, vocabulary)
    for path, content in files.items():
        (folder / path).write_text(json.dumps(content))
    write_weights(folder / "model.safetensors", shape)
