"""Model directories of every module and pooling, saved by sentence-transformers and model2vec themselves, and what they say of them.

One directory each under tests/golden/modules-*: a random BERT of one layer (that of bert-tiny-max-relu), or a table of
static embeddings; texts.json and expected*.npy as in bert-tiny-*. All are small: only the modules differ.
"""
import json
import pathlib
import shutil
import tempfile

import numpy as np
import torch
from model2vec import StaticModel
from safetensors.numpy import load_file as load_numpy, save_file as save_numpy
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Dropout, LayerNorm, Normalize, Pooling, StaticEmbedding, Transformer

import tiny

GOLDEN = tiny.GOLDEN
WIDTH = 16


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def bert(limit=48):
    return Transformer(str(GOLDEN / "bert-tiny-max-relu"), max_seq_length=limit, model_kwargs={"dtype": torch.float32})


def dense(wide, narrow, seed, **how):
    module = Dense(wide, narrow, **how)
    with torch.no_grad():
        for i, p in enumerate(module.parameters()):
            p.copy_(noise(*p.shape, seed=seed + i))
    return module


def layer_norm(n):
    module = LayerNorm(n)
    with torch.no_grad():
        module.norm.weight.copy_(1 + 0.3 * noise(n, seed=5))
        module.norm.bias.copy_(noise(n, seed=6))
    return module


def static(seed=3, dtype=torch.float32, truncation=None):
    vocab = tiny.vocabulary()
    tokenizer = tiny.tokenizer(vocab)
    if truncation:
        tokenizer.enable_truncation(**truncation)
    return StaticEmbedding(tokenizer, embedding_weights=noise(len(vocab), WIDTH, seed=seed).to(dtype))


def pooling(*modes, **how):
    return Pooling(WIDTH, list(modes), **how)


nn = torch.nn
PROMPTS = {"query": "query: ", "passage": "passage: ", "long": "the quick brown fox: "}

# name: modules, then settings of SentenceTransformer
CASES = {
    "pooling-all": lambda: ([bert(), pooling("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"), Normalize()], {}),
    "pooling-order": lambda: ([bert(), pooling("lasttoken", "cls", "mean")], {}),
    "dense-gelu": lambda: ([bert(), pooling("mean"), dense(16, 24, 10, activation_function=nn.GELU(), bias=False), Normalize()], {}),
    "dense-residual": lambda: ([bert(), pooling("mean"), dense(16, 16, 20, activation_function=nn.SiLU(), use_residual=True),
                                dense(16, 8, 24, activation_function=nn.Identity(), use_residual=True)], {}),
    "dense-of-two": lambda: ([bert(), pooling("mean", "max"), Normalize(), dense(32, 7, 30, activation_function=nn.Sigmoid())], {}),
    "dense-acts": lambda: ([bert(), pooling("mean")] + [dense(16, 16, 40 + 2 * i, activation_function=f) for i, f in enumerate(
        [nn.ReLU6(), nn.LeakyReLU(), nn.ELU(), nn.ReLU()])] + [dense(16, 16, 60), Normalize()], {}),
    "layer-norm": lambda: ([bert(), pooling("cls"), Dropout(0.3), layer_norm(16), Normalize()], {}),
    "prompts": lambda: ([bert(), pooling("mean", "weightedmean", include_prompt=False), Normalize()], {"prompts": PROMPTS}),
    "prompts-all": lambda: ([bert(16), pooling("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", include_prompt=False)],
                            {"prompts": PROMPTS}),
    "prompts-default": lambda: ([bert(), pooling("mean"), Normalize()],
                                {"prompts": {**PROMPTS, "document": "doc: "}, "default_prompt_name": "long"}),
    "matryoshka": lambda: ([bert(), pooling("mean"), Normalize()], {"truncate_dim": 12}),
    "static": lambda: ([static(), Normalize()], {"prompts": PROMPTS}),
    "static-dense": lambda: ([static(4), dense(16, 5, 70)], {}),
    "static-cut": lambda: ([static(5, truncation={"max_length": 6})], {}),
    "static-cut-left": lambda: ([static(5, truncation={"max_length": 6, "direction": "left"}), Normalize()], {}),
    "static-fp16": lambda: ([static(6, torch.float16)], {}),
}


def save_dense_as_bin(target):
    """As before safetensors: the Dense's weights in pytorch_model.bin alone."""
    for file in target.glob("*_Dense/model.safetensors"):
        torch.save({k: torch.from_numpy(v) for k, v in load_numpy(file).items()}, file.with_name("pytorch_model.bin"))
        file.unlink()


def encode(model, texts, how, **options):
    return np.stack([np.asarray(getattr(model, how)([t], show_progress_bar=False, **options))[0] for t in texts]).astype("<f4")


def write_expected(target, about, texts, vectors):
    for name, values in vectors.items():
        np.save(target / f"{name}.npy", values)
    (target / "texts.json").write_text(json.dumps({"about": about, "dim": int(vectors["expected"].shape[1]), "texts": texts}, separators=(",", ":")) + "\n")
    size = sum(f.stat().st_size for f in target.rglob("*") if f.is_file())
    print(f"{target.name}: {vectors['expected'].shape}, {sorted(vectors)}, {size // 1024} kB")


def build(name, make):
    target = GOLDEN / f"modules-{name}"
    shutil.rmtree(target, ignore_errors=True)
    modules, settings = make()
    SentenceTransformer(modules=modules, device="cpu", **settings).save(str(target), create_model_card=False)
    if name in ("dense-gelu", "dense-of-two"):
        save_dense_as_bin(target)
    model = SentenceTransformer(str(target), device="cpu").float()      # tables of 16 bits too: fp32 is the reference
    texts = tiny.sentences()[:24]
    vectors = {"expected": encode(model, texts, "encode"), "expected_query": encode(model, texts, "encode_query"),
               "expected_document": encode(model, texts, "encode_document")}
    if not settings.get("prompts"):
        vectors = {"expected": vectors["expected"]}
    else:
        vectors["expected_long"] = encode(model, texts, "encode", prompt_name="long")
    if name == "matryoshka":
        vectors["expected_5"] = encode(model, texts, "encode", truncate_dim=5, normalize_embeddings=True)
    write_expected(target, f"modules {[type(m).__name__ for m in model]} by sentence-transformers", texts, vectors)


def build_model2vec(name, bare, normalize, quantized, dtype=np.float32):
    """A directory of model2vec's; without modules.json (`bare`) the reference is model2vec, else sentence-transformers."""
    target = GOLDEN / f"modules-{name}"
    shutil.rmtree(target, ignore_errors=True)
    vocab = tiny.vocabulary()
    rng = np.random.default_rng(8)
    rows = 40 if quantized else len(vocab)
    extra = {"token_mapping": rng.integers(0, rows, len(vocab)), "weights": rng.random(len(vocab), np.float32)} if quantized else {}
    vectors = rng.standard_normal((rows, WIDTH)).astype(np.float32)
    vectors = (vectors * 40).round().astype(np.int8) if dtype == np.int8 else vectors.astype(dtype)
    made = StaticModel(vectors, tiny.tokenizer(vocab), normalize=normalize, max_length=20, **extra)
    made.save_pretrained(target)
    (target / "README.md").unlink(missing_ok=True)
    texts = tiny.sentences()[:24]
    if bare:
        (target / "modules.json").unlink()
        model = StaticModel.from_pretrained(target)
        expected = np.stack([model.encode([t])[0] for t in texts]).astype("<f4")
    else:
        expected = encode(SentenceTransformer(str(target), device="cpu"), texts, "encode")
    write_expected(target, f"by {'model2vec' if bare else 'sentence-transformers'}", texts, {"expected": expected})


if __name__ == "__main__":
    for name, make in CASES.items():
        build(name, make)
    build_model2vec("model2vec", False, True, False)
    build_model2vec("model2vec-quantized", False, True, True)
    build_model2vec("model2vec-bare", True, True, True)
    build_model2vec("model2vec-bare-int8", True, False, False, np.int8)
