"""Small BERT models with random weights, one a directory under tests/golden/bert-tiny-*, and what sentence-transformers says of them.

Each tries another corner of config.json, of the weight file, of the tokenizer's files or of the modules. The weights are
larger than a trained model's so that a wrong activation, norm or mask is seen in the vector.
"""
import json
import pathlib
import shutil

import numpy as np
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, BertModel

import edges
import onnx_bert

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/golden"

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = """the cat sits on mat a feline is rest ##ing rug hello world Hello World how do I my pass ##word what capital of france
cafe café Café deja déjà vu naïve naive ##ve strasse straße ##ße ist ##anbul İstanbul istanbul word line one two four quick brown fox
##s ##ed ##er ##ly ##tion un ##aff ##able token ##ization embed ##ding ##é ##e ##̂ é ö ä ü ß i ı ό Ο σ ς ш и й привет мир שלום ا ##ل
中 文 測 试 日 本 語 の ##の カ ##タ 한 ##국 ก ##า 😀 ##😀 \u2581 ½ ² query passage : doc""".split()
PUNCTUATION = list("!\"#$%&'()*+,-./;<=>?@[]_{|}~…–—“”’、。")
LETTERS = list("abcdefghijklmnopqrstuvwxyzAEHILOSTWC0123456789") + ["##" + c for c in "abcdefghijklmnopqrstuvwxyz0123456789AEO"]


def vocabulary():
    return list(dict.fromkeys(SPECIAL + WORDS + PUNCTUATION + LETTERS))


def sentences():
    own = ["The cat sits on the mat.", "A feline is resting on a rug", "hello world", "Hello World", "", " ", "Café déjà vu, naïve",
           "Cafe\u0301 de\u0301ja\u0300 vu", "中文測试 mixed English日本語の", "İstanbul ISTANBUL istanbul", "straße STRASSE", "[MASK] [SEP] the [CLS]",
           "привет, мир! שלום", "word " * 60, "the quick brown fox " * 20, "unaffable tokenization embeddings", "a\u0000b\tc\nd\u200be\u00ad",
           "😀😀 한국 กา \u2581 ½ ²", "x" * 101, "query: what is the capital of france?", "Hello\u00a0World\u3000中"]
    return own + [t for t in edges.texts() if 0 < len(t) <= 40][::9]


def tokenizer(vocab, lowercase=True, strip_accents=None, chinese=True):
    ids = {piece: i for i, piece in enumerate(vocab)}
    t = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=chinese, strip_accents=strip_accents, lowercase=lowercase)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece(prefix="##")
    t.add_special_tokens(SPECIAL)
    t.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])])
    return t


def scatter(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if "LayerNorm.weight" in name:
                p.copy_(1 + 0.2 * noise)
            elif p.dim() == 1:
                p.copy_(0.1 * noise)
            elif "embeddings" in name:
                p.copy_(0.5 * noise)
            else:
                p.copy_(1.2 * noise / p.shape[1] ** 0.5)


# name: (what it is for, settings); every setting has a default in build()
CASES = {
    "mean-gelu": ("the plain case: gelu, mean, normalize", {}),
    "cls-gelu-new": ("gelu_new, cls, no normalize module", {"hidden": 16, "act": "gelu_new", "pooling": ["cls_token"], "normalize": False}),
    "max-relu": ("relu, max, type_vocab_size 1, one layer, eps 1e-5", {"hidden": 16, "act": "relu", "pooling": ["max_tokens"], "types": 1, "layers": 1, "eps": 1e-5}),
    "last-silu": ("silu, lasttoken, saved from BertForMaskedLM: names begin with bert., head and decoder weights to be ignored",
                  {"hidden": 16, "act": "silu", "pooling": ["lasttoken"], "masked_lm": True}),
    "tanh-gamma": ("tanh, odd sizes (hidden 20, 5 heads, intermediate 37, 3 layers), norms called gamma/beta, position_ids and a pooler in the file",
                   {"act": "tanh", "hidden": 20, "heads": 5, "inner": 37, "layers": 3, "gamma": True}),
    "fp16": ("float16 weights, computed in float32", {"dtype": torch.float16}),
    "bf16": ("bfloat16 weights, computed in float32", {"dtype": torch.bfloat16}),
    "max-seq-lower": ("max_seq_length 16 below the model's 48; do_lower_case of sentence_bert_config in front of a cased tokenizer",
                      {"hidden": 16, "max_seq": 16, "st_lower": True, "lowercase": False}),
    "sqrt-mean": ("mean_sqrt_len_tokens, normalize", {"pooling": ["mean_sqrt_len_tokens"], "hidden": 16}),
    "weighted-mean": ("weightedmean_tokens", {"pooling": ["weightedmean_tokens"], "hidden": 16}),
    "cls-mean-max": ("three poolings concatenated: cls, max, mean (that order)", {"pooling": ["cls_token", "mean_tokens", "max_tokens"], "hidden": 16}),
    "dense": ("a Dense module (tanh, 16 -> 12) between pooling and normalize", {"hidden": 16, "dense": 12}),
    "prompts": ("prompts query and document in config_sentence_transformers.json", {"hidden": 16, "prompts": True}),
    "prompts-excluded": ("the same, include_prompt false: the prompt's tokens are left out of the pooling", {"hidden": 16, "prompts": True, "include_prompt": False}),
    "vocab-cased": ("vocab.txt only; do_lower_case false", {"hidden": 16, "vocab_txt": True, "lowercase": False}),
    "vocab-cased-strip": ("vocab.txt only; do_lower_case false, strip_accents true", {"hidden": 16, "vocab_txt": True, "lowercase": False, "strip_accents": True}),
    "vocab-uncased-keep": ("vocab.txt only; do_lower_case true, strip_accents false, tokenize_chinese_chars false",
                           {"hidden": 16, "vocab_txt": True, "strip_accents": False, "chinese": False}),
    "vocab-default": ("vocab.txt only and no tokenizer_config.json: all defaults; no sentence_bert_config.json: the limit is the 48 positions",
                      {"hidden": 16, "vocab_txt": True, "bare": True}),
}


def build(name, about, act="gelu", hidden=24, inner=None, heads=4, layers=2, types=2, eps=1e-12, positions=48, pooling=("mean_tokens",),
          normalize=True, masked_lm=False, gamma=False, dtype=torch.float32, max_seq=48, st_lower=False, lowercase=True, strip_accents=None,
          chinese=True, vocab_txt=False, bare=False, dense=0, prompts=False, include_prompt=True):
    target = GOLDEN / f"bert-tiny-{name}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    vocab = vocabulary()
    settings = BertConfig(vocab_size=len(vocab), hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                          intermediate_size=inner or 2 * hidden, hidden_act=act, max_position_embeddings=positions, type_vocab_size=types,
                          layer_norm_eps=eps, pad_token_id=0)
    model = (BertForMaskedLM(settings) if masked_lm else BertModel(settings, add_pooling_layer=gamma)).eval()
    scatter(model, sum(map(ord, name)))
    tensors = {k: v.detach().to(dtype).contiguous().clone() for k, v in model.state_dict().items()}
    if masked_lm:
        tensors.pop("cls.predictions.decoder.weight", None)         # tied to the word embeddings
    if gamma:
        tensors = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in tensors.items()}
        tensors["embeddings.position_ids"] = torch.arange(positions).unsqueeze(0)
    save_file(tensors, target / "model.safetensors", {"format": "pt"})
    kind = "BertForMaskedLM" if masked_lm else "BertModel"
    onnx_bert.write(target / "config.json", {
        "architectures": [kind], "model_type": "bert", "hidden_act": act, "hidden_size": hidden, "intermediate_size": inner or 2 * hidden,
        "layer_norm_eps": eps, "max_position_embeddings": positions, "num_attention_heads": heads, "num_hidden_layers": layers,
        "pad_token_id": 0, "position_embedding_type": "absolute", "torch_dtype": str(dtype).split(".")[1], "type_vocab_size": types,
        "vocab_size": len(vocab)})
    if vocab_txt:
        (target / "vocab.txt").write_text("\n".join(vocab) + "\n", "utf-8")
    else:
        tokenizer(vocab, lowercase, strip_accents, chinese).save(str(target / "tokenizer.json"), pretty=False)
    if not bare:
        onnx_bert.write(target / "tokenizer_config.json", {
            "tokenizer_class": "BertTokenizer", "do_lower_case": lowercase, "strip_accents": strip_accents, "tokenize_chinese_chars": chinese,
            "model_max_length": 512, "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"})
    onnx_bert.modules(target, pooling, hidden, normalize, max_seq, st_lower)
    if bare:
        (target / "sentence_bert_config.json").unlink()
    if not include_prompt:
        config = json.loads((target / "1_Pooling/config.json").read_text())
        onnx_bert.write(target / "1_Pooling/config.json", {**config, "include_prompt": False})
    if dense:
        add_dense(target, hidden, dense)
    if prompts:
        onnx_bert.write(target / "config_sentence_transformers.json", {
            "prompts": {"query": "query: ", "document": "passage: "}, "default_prompt_name": None, "similarity_fn_name": "cosine"})
    model.load_state_dict({k: v.to(dtype).float() for k, v in model.state_dict().items()})
    expect(target, about, prompts, model.bert if masked_lm else model)


def add_dense(target, wide, narrow):
    generator = torch.Generator().manual_seed(7)
    onnx_bert.write(target / "2_Dense/config.json", {"in_features": wide, "out_features": narrow, "bias": True,
                                                     "activation_function": "torch.nn.modules.activation.Tanh"})
    save_file({"linear.weight": torch.randn(narrow, wide, generator=generator), "linear.bias": torch.randn(narrow, generator=generator)},
              target / "2_Dense/model.safetensors", {"format": "pt"})
    steps = json.loads((target / "modules.json").read_text())[:2] + [
        {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        {"idx": 3, "name": "3", "path": "3_Normalize", "type": "sentence_transformers.models.Normalize"}]
    onnx_bert.write(target / "modules.json", steps)


def check_weights(loaded, written):
    """transformers read every tensor of the file: the model it opened computes what the model in memory does."""
    ids = torch.tensor([[2, 7, 8, 9, 10, 11, 3]])
    with torch.no_grad():
        difference = (loaded(input_ids=ids).last_hidden_state - written(input_ids=ids).last_hidden_state).abs().max()
    assert difference < 1e-5, difference


def expect(target, about, prompts, written):
    model = SentenceTransformer(str(target), device="cpu", model_kwargs={"dtype": torch.float32})
    check_weights(model[0].auto_model, written)
    chosen = sentences()

    def encode(**how):
        return np.stack([model.encode([t], batch_size=1, show_progress_bar=False, **how)[0] for t in chosen]).astype("<f4")

    out = {"expected.npy": encode()}
    if prompts:
        out["expected_query.npy"], out["expected_document.npy"] = encode(prompt_name="query"), encode(prompt_name="document")
    for file, vectors in out.items():
        np.save(target / file, vectors)
    ids = [model[0].preprocess([t])["input_ids"][0].tolist() for t in chosen]
    (target / "texts.json").write_text(json.dumps({"about": about, "max_tokens": model.max_seq_length, "dim": out["expected.npy"].shape[1],
                                                   "texts": chosen, "ids": ids}, separators=(",", ":")) + "\n")
    v = out["expected.npy"]
    spread = np.corrcoef(v)[np.triu_indices(len(v), 1)]
    print(f"{target.name}: {v.shape}, limit {model.max_seq_length}, {[type(m).__name__ for m in model]}, "
          f"likeness of the vectors {spread.mean():.2f}, {sum(f.stat().st_size for f in target.rglob('*') if f.is_file()) // 1024} kB")
    plain = target / "tokenizer.json"
    if plain.exists():
        t = Tokenizer.from_file(str(plain))
        limit = model.max_seq_length
        for text, theirs in zip(chosen, ids):
            ours = t.encode(text).ids
            ours = ours if len(ours) <= limit else ours[:limit - 1] + ours[-1:]
            if ours != theirs:
                print(f"  note: not what tokenizer.json alone gives: {text!r}")
                break


if __name__ == "__main__":
    for name, (about, options) in CASES.items():
        build(name, about, **options)
