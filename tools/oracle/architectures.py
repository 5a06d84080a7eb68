"""Small models of every architecture with random weights under tests/golden/architectures, and what transformers says of them.

    architectures.py [NAME…]

Each directory: config.json, model.safetensors as transformers saves it, ids.json (texts as lists of ids) and expected.npy, the
hidden states of these texts one behind the other, each text computed alone in fp32.
"""
import json
import math
import pathlib
import shutil
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModel

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/architectures"
LENGTHS = (1, 2, 3, 9, 17, 30)
BERT = dict(vocab_size=48, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, max_position_embeddings=40)
ROBERTA = dict(BERT, max_position_embeddings=42, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5)
MODERN = dict(vocab_size=48, hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=12, max_position_embeddings=64,
              local_attention=8, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)
DECODER = dict(vocab_size=48, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=24,
               max_position_embeddings=64)
GEMMA = dict(DECODER, num_hidden_layers=3, head_dim=8, sliding_window=10, layer_types=["sliding_attention", "sliding_attention", "full_attention"],
             query_pre_attn_scalar=12)
T5 = dict(vocab_size=48, d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4)
DEBERTA = dict(BERT, max_position_embeddings=64, relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
               pos_att_type=["p2c", "c2p"], position_biased_input=False, max_relative_positions=-1, layer_norm_eps=1e-7)

MODELS = {
    "bert": ("Bert", BERT),
    "roberta": ("Roberta", ROBERTA),
    "roberta-padding-5": ("Roberta", dict(ROBERTA, pad_token_id=5, max_position_embeddings=46, type_vocab_size=2)),
    "xlm-roberta": ("XLMRoberta", dict(ROBERTA, hidden_act="gelu_new")),
    "camembert": ("Camembert", ROBERTA),
    "electra": ("Electra", dict(BERT, embedding_size=12)),
    "electra-as-wide": ("Electra", dict(BERT, embedding_size=16)),
    "distilbert": ("DistilBert", dict(vocab_size=48, dim=16, n_layers=2, n_heads=4, hidden_dim=24, max_position_embeddings=40)),
    "distilbert-relu": ("DistilBert", dict(vocab_size=48, dim=16, n_layers=1, n_heads=2, hidden_dim=24, max_position_embeddings=40, activation="relu")),
    "mpnet": ("MPNet", dict(BERT, max_position_embeddings=42, layer_norm_eps=1e-5)),
    "mpnet-far": ("MPNet", dict(BERT, max_position_embeddings=302, num_hidden_layers=1)),
    "albert": ("Albert", dict(BERT, embedding_size=8, num_hidden_layers=3)),
    "albert-groups": ("Albert", dict(BERT, embedding_size=8, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2, hidden_act="gelu")),
    "modernbert": ("ModernBert", dict(MODERN)),
    "modernbert-biases": ("ModernBert", dict(MODERN, norm_bias=True, attention_bias=True, mlp_bias=True, num_hidden_layers=2, local_attention=128)),
    "nomic": ("NomicBert", dict(BERT, hidden_size=24, max_position_embeddings=64)),
    "gte": ("Gte", dict(BERT, hidden_size=24, max_position_embeddings=64)),
    "gte-no-types": ("Gte", dict(BERT, hidden_size=24, num_hidden_layers=1, type_vocab_size=0, max_position_embeddings=64)),
    "qwen2": ("Qwen2", dict(DECODER)),
    "qwen2-sliding": ("Qwen2", dict(DECODER, use_sliding_window=True, sliding_window=6, max_window_layers=1)),
    "qwen3": ("Qwen3", dict(DECODER, head_dim=8)),
    "qwen3-biases": ("Qwen3", dict(DECODER, head_dim=8, attention_bias=True, num_hidden_layers=1, rope_theta=1000000.0)),
    "gemma3": ("Gemma3Text", dict(GEMMA)),
    "gemma3-both-ways": ("Gemma3Text", dict(GEMMA, use_bidirectional_attention=True)),
    "t5": ("T5", dict(T5)),
    "t5-far": ("T5", dict(T5, d_kv=6, num_layers=1, relative_attention_num_buckets=16, relative_attention_max_distance=20)),
    "mt5": ("MT5", dict(T5, feed_forward_proj="gated-gelu")),
    "deberta-v3": ("DebertaV2", dict(DEBERTA)),
    "deberta-v2": ("DebertaV2", dict(DEBERTA, share_att_key=False, norm_rel_ebd="none", pos_att_type=["c2p"], position_biased_input=True, type_vocab_size=2,
                                     embedding_size=12, num_hidden_layers=1)),
    "deberta-plain": ("DebertaV2", dict(DEBERTA, position_buckets=-1, pos_att_type=["p2c"], share_att_key=False, num_hidden_layers=1)),
    # the place in this table is the seed: append
    "new-ntk": ("Gte", dict(BERT, hidden_size=24, num_hidden_layers=1, type_vocab_size=0, max_position_embeddings=64)),
    "qwen2-both-ways": ("Qwen2", dict(DECODER, is_causal=False)),
}


def scatter(model, seed):
    """Weights larger than a fresh model's, so that a wrong norm, activation or position is seen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            is_norm = p.dim() == 1 and "norm" in name.lower() and name.endswith("weight")
            p.copy_(p + 0.3 * noise if is_norm else 0.3 * noise)    # a fresh norm's weight is 1; Gemma's, which adds 1 to it, 0


def texts(vocab_size, longest, seed):
    random = np.random.default_rng(seed)
    out = [random.integers(0, vocab_size, n).tolist() for n in LENGTHS if n <= longest]
    return out + ([random.integers(0, vocab_size, longest).tolist()] if longest > max(LENGTHS) else [])


def scale_by_ntk(model, folder, base=500000.0, factor=2.0):
    """The fixed NTK scaling of Alibaba-NLP/new-impl (NTKScalingRotaryEmbedding), which transformers' GteModel does not have, and
    config.json as the repositories with that code have it."""
    config = json.loads((folder / "config.json").read_text())
    width = config["hidden_size"] // config["num_attention_heads"]
    turns = 1.0 / ((base * factor) ** (torch.arange(0, width, 2).float() / width)) / factor ** (2 / width)
    model.rotary_emb.inv_freq.copy_(turns)
    del config["rope_parameters"]
    config |= dict(model_type="new", architectures=["NewModel"], rope_theta=base, rope_scaling={"factor": factor, "type": "ntk"},
                   position_embedding_type="rope", layer_norm_type="layer_norm", logn_attention_scale=False)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def make(name, kind, options, seed=0, longest=None):
    config = getattr(transformers, kind + "Config")(**options)
    config.architectures = [kind + "Model"]
    model = AutoModel.from_config(config, attn_implementation="eager").eval().float()
    scatter(model, seed)
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(folder, safe_serialization=True)
    for extra in set(folder.iterdir()) - {folder / "config.json", folder / "model.safetensors"}:
        extra.unlink()
    longest = longest or getattr(config, "max_position_embeddings", 64) - (2 if "Rob" in kind or "Cam" in kind or "MPNet" in kind else 0)
    if options.get("pad_token_id", 0) == 5:
        longest -= 4
    ids = texts(config.vocab_size, longest, seed)
    with torch.no_grad():
        if name == "new-ntk":
            scale_by_ntk(model, folder)
        model = model.get_encoder() if kind in ("T5", "MT5") else model
        states = [model(torch.tensor([t])).last_hidden_state[0].numpy() for t in ids]
    (folder / "ids.json").write_text(json.dumps({"ids": ids}, separators=(",", ":")) + "\n")
    np.save(folder / "expected.npy", np.concatenate(states).astype(np.float32))
    print(f"{name}: {sum(f.stat().st_size for f in folder.iterdir()) / 1e3:.0f} kB")


class JinaBert(torch.nn.Module):
    """jinaai/jina-bert-implementation, whose code is on the hub alone: written down here from its description."""

    def __init__(self, vocab=48, hidden=24, layers=2, heads=6, inner=20):
        super().__init__()
        nn = torch.nn
        self.heads, self.inner = heads, inner
        self.embeddings = nn.ModuleDict(dict(word_embeddings=nn.Embedding(vocab, hidden), token_type_embeddings=nn.Embedding(2, hidden),
                                             LayerNorm=nn.LayerNorm(hidden, eps=1e-12)))
        layer = lambda: nn.ModuleDict(dict(
            attention=nn.ModuleDict(dict(self=nn.ModuleDict({k: nn.Linear(hidden, hidden) for k in ("query", "key", "value")}),
                                         output=nn.ModuleDict(dict(dense=nn.Linear(hidden, hidden), LayerNorm=nn.LayerNorm(hidden, eps=1e-12))))),
            mlp=nn.ModuleDict(dict(gated_layers=nn.Linear(hidden, 2 * inner, bias=False), wo=nn.Linear(inner, hidden),
                                   layernorm=nn.LayerNorm(hidden, eps=1e-12)))))
        self.encoder = nn.ModuleDict(dict(layer=nn.ModuleList(layer() for _ in range(layers))))

    @staticmethod
    def slopes(n):
        def power_of_2(n):
            start = 2 ** (-(2 ** -(math.log2(n) - 3)))
            return [start * start ** i for i in range(n)]
        if math.log2(n).is_integer():
            return power_of_2(n)
        closest = 2 ** math.floor(math.log2(n))
        return power_of_2(closest) + JinaBert.slopes(2 * closest)[0::2][:n - closest]

    def forward(self, ids):
        e, n = self.embeddings, ids.shape[1]
        x = e["LayerNorm"](e["word_embeddings"](ids) + e["token_type_embeddings"](torch.zeros_like(ids)))
        distance = (torch.arange(n)[None, :] - torch.arange(n)[:, None]).abs()
        alibi = -torch.tensor(self.slopes(self.heads))[:, None, None] * distance
        split = lambda t: t.view(1, n, self.heads, -1).transpose(1, 2)
        for layer in self.encoder["layer"]:
            a, mlp = layer["attention"], layer["mlp"]
            q, k, v = (split(a["self"][name](x)) for name in ("query", "key", "value"))
            y = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]) + alibi, -1) @ v
            x = a["output"]["LayerNorm"](a["output"]["dense"](y.transpose(1, 2).reshape(1, n, -1)) + x)
            gate, up = mlp["gated_layers"](x).split(self.inner, -1)
            x = mlp["layernorm"](mlp["wo"](torch.nn.functional.gelu(gate) * up) + x)
        return x


def write_jina_config(folder, vocab=48, hidden=24, layers=2, heads=6, inner=20):
    (folder / "config.json").write_text(json.dumps(dict(
        model_type="bert", architectures=["JinaBertForMaskedLM"], position_embedding_type="alibi", feed_forward_type="geglu", hidden_act="gelu",
        vocab_size=vocab, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner, type_vocab_size=2,
        max_position_embeddings=8192, layer_norm_eps=1e-12), indent=1) + "\n")


def make_jina(name, seed):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = JinaBert().eval()
    scatter(model, seed)
    save_file(model.state_dict(), folder / "model.safetensors", {"format": "pt"})
    write_jina_config(folder)
    ids = texts(48, 64, seed)
    with torch.no_grad():
        states = [model(torch.tensor([t]))[0].numpy() for t in ids]
    (folder / "ids.json").write_text(json.dumps({"ids": ids}, separators=(",", ":")) + "\n")
    np.save(folder / "expected.npy", np.concatenate(states).astype(np.float32))


def main():
    for name in sys.argv[1:] or [*MODELS, "jina"]:
        if name == "jina":
            make_jina(name, 100)
            continue
        kind, options, *more = MODELS[name]
        make(name, kind, options, list(MODELS).index(name), *more)


if __name__ == "__main__":
    main()
