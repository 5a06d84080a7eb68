"""Model directories of many architectures, saved by sentence-transformers and exported to ONNX by torch, and what sentence-transformers
says of them: tests/golden/matrix-*.

    matrix.py [NAME…]

Random weights; tokenizers of every kind, made here and small. Each directory holds what a hub would (without the weights, which are
in onnx/model.onnx) and texts.json, expected*.npy as in modules-*. The file is checked against torch before it is kept.
"""
import json
import shutil
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

import edges
import modules
import tiny
from architectures import scatter

GOLDEN = tiny.GOLDEN
LIMIT = 40
TEXTS = tiny.sentences()[:12]


def corpus():
    return [t for t in edges.texts() if t] + tiny.sentences()


def template(tokenizer, single, specials):
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=None, special_tokens=[(s, tokenizer.token_to_id(s)) for s in specials])
    return tokenizer


def bert_like():
    return tiny.tokenizer(tiny.vocabulary()), {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def byte_bpe(single="<s> $A </s>", specials=("<s>", "</s>")):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=320, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
                                                        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return template(t, single, specials), {"pad_token": "<pad>", "eos_token": "</s>"}


def unigram(single="<s> $A </s>", specials=("<s>", "</s>")):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    t.pre_tokenizer, t.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    latin = [text for text in corpus() if max(map(ord, text), default=0) < 0x250]      # every character has to have a place
    t.train_from_iterator(latin, trainers.UnigramTrainer(vocab_size=300, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], unk_token="<unk>",
                                                            show_progress=False))
    return template(t, single, specials), {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}


def last_of(make):
    return lambda: make("$A </s>", ("</s>",))


BASE = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24, max_position_embeddings=48)
FAR = dict(BASE, max_position_embeddings=50, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1)
DECODER = dict(BASE, num_key_value_heads=1, max_position_embeddings=64, pad_token_id=1, bos_token_id=0, eos_token_id=2)
PROMPTS = {"query": "query: ", "document": "passage: "}


def pool(*modes, width=16, **how):
    return Pooling(width, list(modes), **how)


# name: (class, settings, tokenizer, modules after the transformer, settings of SentenceTransformer)
CASES = {
    "bert": ("Bert", BASE, bert_like, lambda: [pool("mean"), Normalize()], {}),
    "distilbert": ("DistilBert", dict(dim=16, n_layers=1, n_heads=2, hidden_dim=24, max_position_embeddings=48), bert_like,
                   lambda: [pool("cls"), Normalize()], {}),
    "electra": ("Electra", dict(BASE, embedding_size=12), bert_like, lambda: [pool("max")], {}),
    "mpnet": ("MPNet", FAR, bert_like, lambda: [pool("mean"), Normalize()], {}),
    "roberta": ("Roberta", FAR, byte_bpe, lambda: [pool("cls"), Normalize()], {"prompts": PROMPTS}),
    "camembert": ("Camembert", FAR, unigram, lambda: [pool("weightedmean")], {}),
    "xlm-roberta": ("XLMRoberta", FAR, unigram, lambda: [pool("mean"), Normalize()], {"prompts": PROMPTS}),
    "albert": ("Albert", dict(BASE, embedding_size=8), unigram, lambda: [pool("mean_sqrt_len_tokens")], {}),
    "deberta-v2": ("DebertaV2", dict(BASE, relative_attention=True, position_buckets=8, pos_att_type=["p2c", "c2p"], share_att_key=True,
                                     position_biased_input=False, norm_rel_ebd="layer_norm", max_relative_positions=-1), unigram,
                   lambda: [pool("cls", "mean"), Normalize()], {}),
    "modernbert": ("ModernBert", dict(BASE, num_hidden_layers=2, local_attention=8, pad_token_id=1, bos_token_id=0, eos_token_id=2, cls_token_id=0,
                                      sep_token_id=2), byte_bpe, lambda: [pool("mean"), Normalize()], {"truncate_dim": 12}),
    "t5": ("T5Encoder", dict(d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2), last_of(unigram),
           lambda: [pool("mean"), modules.dense(16, 12, 80, bias=False, activation_function=torch.nn.Identity()), Normalize()], {}),
    "qwen2": ("Qwen2", DECODER, last_of(byte_bpe), lambda: [pool("lasttoken"), Normalize()], {"prompts": {"query": "Query: "}}),
    "qwen3": ("Qwen3", dict(DECODER, head_dim=8), last_of(byte_bpe), lambda: [pool("lasttoken"), Normalize()],
              {"prompts": {"query": "Instruct: find it\nQuery:", "document": ""}}),
    "gemma3": ("Gemma3Text", dict(DECODER, num_hidden_layers=2, head_dim=8, sliding_window=8, layer_types=["sliding_attention", "full_attention"],
                                  use_bidirectional_attention=True), unigram,
               lambda: [pool("mean"), modules.dense(16, 24, 90, bias=False, activation_function=torch.nn.Identity()),
                        modules.dense(24, 16, 92, bias=False, activation_function=torch.nn.Identity()), Normalize()],
               {"prompts": {"query": "task: search result | query: ", "document": "title: none | text: "}}),
    "mistral": ("Mistral", dict(DECODER, sliding_window=8), last_of(byte_bpe), lambda: [pool("lasttoken"), Normalize()], {}),
}


class Encoder(torch.nn.Module):
    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *tensors):
        return self.model(**dict(zip(self.names, tensors))).last_hidden_state


def strip(path):
    """Without notes of the exporter: where in Python a node comes from."""
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for thing in [*model.graph.value_info, *model.graph.initializer, *model.graph.input, *model.graph.output, *model.functions, model.graph, model]:
        if hasattr(thing, "metadata_props"):
            del thing.metadata_props[:]
    del model.graph.value_info[:]
    for old in path.parent.iterdir():
        old.unlink()
    onnx.save(model, path)


def export(model, names, path, vocab):
    path.parent.mkdir(exist_ok=True)
    ids = torch.randint(4, vocab, (2, 7))
    feed = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=LIMIT)
    torch.onnx.export(Encoder(model, names), tuple(feed[n] for n in names), str(path), input_names=names, output_names=["last_hidden_state"],
                      dynamic_shapes=(tuple({0: batch, 1: length} for _ in names),), dynamo=True, external_data=False, verbose=False, optimize=True)
    strip(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0
    for shape in ((1, 1), (1, 2), (3, 5), (1, LIMIT), (2, 17)):
        ids = torch.randint(4, vocab, shape)
        feed = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
        theirs = session.run(None, {n: feed[n].numpy() for n in names})[0]
        with torch.no_grad():
            worst = max(worst, np.abs(theirs - Encoder(model, names)(*[feed[n] for n in names]).numpy()).max())
    assert worst < 1e-4, worst
    return float(worst)


def build(name):
    kind, settings, make_tokenizer, after, how = CASES[name]
    target = GOLDEN / f"matrix-{name}"
    shutil.rmtree(target, ignore_errors=True)
    raw, specials = make_tokenizer()
    vocab = raw.get_vocab_size() + 1        # transformers gives some tokenizers a token of its own
    side = "left" if any(k in kind for k in ("Qwen", "Mistral")) else "right"
    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if kind in ("Bert", "Electra", "Albert", "DebertaV2") else [])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=LIMIT, padding_side=side, model_input_names=names, **specials)
    prefix = "T5" if kind == "T5Encoder" else kind
    config = getattr(transformers, prefix + "Config")(**{"vocab_size": vocab, **settings})
    torch.manual_seed(1)
    model = getattr(transformers, kind + "Model")._from_config(config, attn_implementation="eager").eval()
    scatter(model, sum(map(ord, name)))
    base = target / "base"
    model.save_pretrained(base)
    wrapped.save_pretrained(base)
    st = SentenceTransformer(modules=[Transformer(str(base), model_kwargs={"dtype": torch.float32, "attn_implementation": "eager"}), *after()],
                             device="cpu", **how)
    st.save(str(target), create_model_card=False)
    shutil.rmtree(base)
    st = SentenceTransformer(str(target), device="cpu", model_kwargs={"attn_implementation": "eager"})
    vectors = {"expected": modules.encode(st, TEXTS, "encode")}
    if how.get("prompts"):
        vectors |= {f"expected_{k}": modules.encode(st, TEXTS, f"encode_{k}") for k in ("query", "document")}
    worst = export(st[0].auto_model.eval(), names, target / "onnx/model.onnx", vocab)
    (target / "model.safetensors").unlink()
    text = json.loads((target / "tokenizer.json").read_text("utf-8"))
    (target / "tokenizer.json").write_text(json.dumps(text, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    modules.write_expected(target, f"{kind} exported by torch {torch.__version__.split('+')[0]}; {[type(m).__name__ for m in st]}", TEXTS, vectors)
    print(f"  against torch: {worst:.1e}")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    failed = []
    for name in sys.argv[1:] or CASES:
        try:
            build(name)
        except Exception as e:
            shutil.rmtree(GOLDEN / f"matrix-{name}", ignore_errors=True)
            failed.append(name)
            print(f"matrix-{name}: {type(e).__name__}: {str(e)[:300]}")
    sys.exit(f"failed: {failed}" if failed else 0)
