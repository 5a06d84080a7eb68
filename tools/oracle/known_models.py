"""The models that people use most, as small models of exactly their shape: what sentence-transformers says of each, and ours.

    known_models.py [--program build/release/programs/rag-factory/rag-factory] [--keep DIR] [NAME…]
    known_models.py --table          prints the table of docs/models.md from tests/golden/known-models.json

The hub is not needed. For each model of MODELS a directory is written as its repository has it: config.json with its options (the
sizes are small, the weights random), the tokenizer of its class over a small vocabulary, modules.json, pooling, Dense, prompts and
limit in the form in which they were published. sentence-transformers and the program open the same files; what is compared is encode,
encode_query, encode_document and every prompt by name, each text alone and all in a batch, in fp32 and as the program does it
without being asked (auto). What came out is tests/golden/known-models.json; some of the models are
kept in tests/golden/known. Shapes are those of the models' cards and of public copies
of their files; those marked `code` need code of the hub's in the reference, in whose place a twin computes here.
"""
import argparse
import base64
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "tests/golden/known-models.json"
GOLDEN = ROOT / "tests/golden/known"
# kept for the tests: forms of files that no other golden model has
KEPT = ["LaBSE", "nomic-embed-text-v1.5"]
LIKENESS = 0.99999

# ---- The models -------------------------------------------------------------------------------------------------------

E5 = {"query": "query: ", "passage": "passage: "}
BGE_EN = {"query": "Represent this sentence for searching relevant passages: "}
BGE_ZH = {"query": "为这个句子生成表示以用于检索相关文章："}
ARCTIC = {"query": "Represent this sentence for searching relevant passages: "}
NOMIC = {"query": "search_query: ", "document": "search_document: "}
QWEN3 = {"query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:", "document": ""}
GEMMA = {"query": "task: search result | query: ", "document": "title: none | text: ", "Clustering": "task: clustering | query: ",
         "STS": "task: sentence similarity | query: "}
STELLA = {"s2p_query": "Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: ",
          "s2s_query": "Instruct: Retrieve semantically similar text.\nQuery: "}
GTE_QWEN = {"query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "}


def model(name, family, dim, limit, pooling="mean", normalize=True, prompts=None, dense=None, note="", **options):
    """dense: (out of so many, bias, activation) or a list of those; options: those of config.json that differ from the family's."""
    return dict(name=name, family=family, dim=dim, limit=limit, pooling=pooling, normalize=normalize, prompts=prompts or {},
                dense=dense or [], note=note, options=options)


TANH, IDENTITY = "torch.nn.modules.activation.Tanh", "torch.nn.modules.linear.Identity"
MODELS = [
    model("sentence-transformers/all-MiniLM-L6-v2", "bert", 384, 256),
    model("sentence-transformers/all-MiniLM-L12-v2", "bert", 384, 128),
    model("sentence-transformers/all-mpnet-base-v2", "mpnet", 768, 384),
    model("sentence-transformers/all-distilroberta-v1", "roberta", 768, 512),
    model("sentence-transformers/paraphrase-MiniLM-L6-v2", "bert", 384, 128, normalize=False),
    model("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", "bert-xlmr", 384, 128, normalize=False),
    model("sentence-transformers/paraphrase-multilingual-mpnet-base-v2", "xlm-roberta", 768, 128, normalize=False),
    model("sentence-transformers/multi-qa-MiniLM-L6-cos-v1", "bert", 384, 512),
    model("sentence-transformers/multi-qa-mpnet-base-dot-v1", "mpnet", 768, 512, "cls", False),
    model("sentence-transformers/msmarco-distilbert-base-tas-b", "distilbert", 768, 512, "cls", False),
    model("sentence-transformers/distiluse-base-multilingual-cased-v2", "distilbert-cased", 512, 128, normalize=False,
          dense=[(512, True, TANH)]),
    model("sentence-transformers/LaBSE", "bert-cased", 768, 256, "cls", dense=[(768, True, TANH)]),
    model("sentence-transformers/sentence-t5-base", "t5", 768, 256, dense=[(768, False, IDENTITY)]),
    model("sentence-transformers/gtr-t5-base", "t5", 768, 512, dense=[(768, False, IDENTITY)]),
    model("sentence-transformers/static-retrieval-mrl-en-v1", "static", 1024, None),
    model("sentence-transformers/static-similarity-mrl-multilingual-v1", "static", 1024, None),
    model("BAAI/bge-small-en-v1.5", "bert", 384, 512, "cls", prompts=BGE_EN),
    model("BAAI/bge-base-en-v1.5", "bert", 768, 512, "cls", prompts=BGE_EN),
    model("BAAI/bge-large-en-v1.5", "bert", 1024, 512, "cls", prompts=BGE_EN),
    model("BAAI/bge-small-zh-v1.5", "bert", 512, 512, "cls", prompts=BGE_ZH),
    model("BAAI/bge-large-zh-v1.5", "bert", 1024, 512, "cls", prompts=BGE_ZH),
    model("BAAI/bge-m3", "xlm-roberta", 1024, 8192, "cls", max_position_embeddings=8194),
    model("intfloat/e5-small-v2", "bert", 384, 512, prompts=E5),
    model("intfloat/e5-base-v2", "bert", 768, 512, prompts=E5),
    model("intfloat/e5-large-v2", "bert", 1024, 512, prompts=E5),
    model("intfloat/multilingual-e5-small", "bert-xlmr", 384, 512, prompts=E5),
    model("intfloat/multilingual-e5-base", "xlm-roberta", 768, 512, prompts=E5),
    model("intfloat/multilingual-e5-large-instruct", "xlm-roberta", 1024, 512),
    model("thenlper/gte-base", "bert", 768, 512),
    model("Alibaba-NLP/gte-base-en-v1.5", "new", 768, 8192, "cls", False, rope_theta=500000, type_vocab_size=0),
    model("Alibaba-NLP/gte-large-en-v1.5", "new", 1024, 8192, "cls", False, rope_theta=160000, type_vocab_size=2),
    model("Alibaba-NLP/gte-multilingual-base", "new-xlmr", 768, 8192, "cls", rope_theta=20000, type_vocab_size=1,
          rope_scaling={"factor": 8.0, "type": "ntk"}),
    model("Alibaba-NLP/gte-modernbert-base", "modernbert", 768, 8192, "cls", False),
    model("Alibaba-NLP/gte-Qwen2-1.5B-instruct", "qwen2", 1536, 32768, "lasttoken", prompts=GTE_QWEN, is_causal=False),
    model("nomic-ai/nomic-embed-text-v1", "nomic", 768, 8192),
    model("nomic-ai/nomic-embed-text-v1.5", "nomic", 768, 8192, normalize=False, prompts=NOMIC),
    model("nomic-ai/nomic-embed-text-v2-moe", "nomic-moe", 768, 512),
    model("nomic-ai/modernbert-embed-base", "modernbert", 768, 8192, prompts=NOMIC),
    model("jinaai/jina-embeddings-v2-small-en", "jina", 512, 8192, normalize=False),
    model("jinaai/jina-embeddings-v2-base-en", "jina", 768, 8192, normalize=False),
    model("mixedbread-ai/mxbai-embed-large-v1", "bert", 1024, 512, "cls", False, prompts=BGE_EN),
    model("mixedbread-ai/mxbai-embed-xsmall-v1", "bert", 384, 4096, normalize=False, max_position_embeddings=4096),
    model("WhereIsAI/UAE-Large-V1", "bert", 1024, 512, "cls", False),
    model("Snowflake/snowflake-arctic-embed-s", "bert", 384, 512, "cls", prompts=ARCTIC),
    model("Snowflake/snowflake-arctic-embed-m-v1.5", "bert", 768, 512, "cls", prompts=ARCTIC),
    model("Snowflake/snowflake-arctic-embed-m-long", "nomic", 768, 2048, "cls", prompts=ARCTIC),
    model("Snowflake/snowflake-arctic-embed-m-v2.0", "gte-xlmr", 768, 8192, "cls", prompts={"query": "query: "}),
    model("Snowflake/snowflake-arctic-embed-l-v2.0", "xlm-roberta", 1024, 8192, "cls", prompts={"query": "query: "},
          max_position_embeddings=8194),
    model("Qwen/Qwen3-Embedding-0.6B", "qwen3", 1024, 32768, "lasttoken", prompts=QWEN3),
    model("google/embeddinggemma-300m", "gemma3", 768, 2048, prompts=GEMMA, dense=[(3072, False, IDENTITY), (768, False, IDENTITY)]),
    model("ibm-granite/granite-embedding-30m-english", "roberta", 384, 512, "cls"),
    model("ibm-granite/granite-embedding-107m-multilingual", "xlm-roberta", 384, 512, "cls"),
    model("ibm-granite/granite-embedding-english-r2", "modernbert", 768, 8192, "cls"),
    model("dunzhang/stella_en_400M_v5", "new", 1024, 512, normalize=False, prompts=STELLA, dense=[(1024, True, IDENTITY)], rope_theta=160000,
          type_vocab_size=2),
    model("minishlab/potion-base-8M", "model2vec", 256, None),
    model("minishlab/potion-retrieval-32M", "model2vec", 512, None),
    model("minishlab/potion-multilingual-128M", "model2vec-xlmr", 256, None),
    model("shibing624/text2vec-base-chinese", "bert", 768, 256, normalize=False),
    model("moka-ai/m3e-base", "bert", 768, 512, normalize=False),
    model("jhgan/ko-sroberta-multitask", "roberta-wordpiece", 768, 128, normalize=False),
    model("dangvantuan/sentence-camembert-large", "camembert", 1024, 512, normalize=False),
    model("cointegrated/rubert-tiny2", "bert-cased", 312, 2048, "cls", False, max_position_embeddings=2048),
    model("intfloat/e5-mistral-7b-instruct", "mistral", 4096, 4096, "lasttoken", prompts={
        "web_search_query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "}),
]

# ---- Tokenizers: the class that the repository names, over a small vocabulary ----------------------------------------------

LENGTH = 700        # tokens, about, of the longest text


def texts():
    import tiny
    short = [t for t in tiny.sentences() if t and "\0" not in t][:20]
    return short + [" ".join(f"{w} {i % 10}" for i, w in zip(range(LENGTH // 2), tiny.WORDS * 9) if not w.startswith("##"))]


def charsmap():
    """The normalization of sentencepiece's nmt_nfkc."""
    first = json.loads((ROOT / "tests/golden/normalizers/t5.jsonl").open().readline())
    return base64.b64decode(re.search('"precompiled_charsmap": "([^"]+)"', json.dumps(first))[1])


def pieces():
    import matrix
    model = json.loads(matrix.unigram()[0].to_str())["model"]
    special = {"<s>", "<pad>", "</s>", "<unk>"}
    return [(p, s) for p, s in model["vocab"] if p not in special]


def merges(alphabet=True):
    import matrix
    model = json.loads(matrix.byte_bpe()[0].to_str())["model"]
    return {p: i for p, i in model["vocab"].items()}, [tuple(m) for m in model["merges"]]


def bert_tokenizer(limit, cased=False):
    import tiny
    from transformers import BertTokenizer
    return BertTokenizer(vocab={p: i for i, p in enumerate(tiny.vocabulary())}, do_lower_case=not cased, model_max_length=limit)


def mpnet_tokenizer(limit):
    import tiny
    from transformers import MPNetTokenizer
    words = [w for w in tiny.vocabulary() if w not in tiny.SPECIAL]
    return MPNetTokenizer(vocab={p: i for i, p in enumerate(["<s>", "<pad>", "</s>", "[UNK]", *words, "<mask>"])}, model_max_length=limit)


def roberta_tokenizer(limit):
    from transformers import RobertaTokenizer
    vocabulary, rules = merges()
    return RobertaTokenizer(vocab={**vocabulary, "<mask>": len(vocabulary)}, merges=rules, model_max_length=limit)


def xlmr_tokenizer(limit):
    from transformers import XLMRobertaTokenizer
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces(), ("<mask>", 0.0)]
    return XLMRobertaTokenizer(vocab=vocabulary, _spm_precompiled_charsmap=charsmap(), model_max_length=limit)


def camembert_tokenizer(limit):
    from transformers import CamembertTokenizer
    vocabulary = [("<s>NOTUSED", 0.0), ("<pad>", 0.0), ("</s>NOTUSED", 0.0), ("<unk>", 0.0), ("<unk>NOTUSED", -100), ("<s>", 0.0),
                  ("</s>", 0.0), *pieces(), ("<mask>", 0.0)]
    return CamembertTokenizer(vocab=vocabulary, _spm_precompiled_charsmap=charsmap(), model_max_length=limit)


def t5_tokenizer(limit):
    from transformers import T5Tokenizer
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces(), *[(f"<extra_id_{i}>", 0.0) for i in range(99, -1, -1)]]
    return T5Tokenizer(vocab=vocabulary, _spm_precompiled_charsmap=charsmap(), model_max_length=limit)


def end_with(tokenizer, text):
    """As Qwen3-Embedding's tokenizer.json: one token behind the text."""
    from tokenizers import processors
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {text}", pair=None, special_tokens=[(text, tokenizer.convert_tokens_to_ids(text))])
    return tokenizer


def qwen_tokenizer(limit):
    from transformers import Qwen2Tokenizer
    vocabulary, rules = merges()
    vocabulary = {p: i for p, i in vocabulary.items()} | {"<|endoftext|>": len(vocabulary)}
    return end_with(Qwen2Tokenizer(vocab=vocabulary, merges=rules, model_max_length=limit, padding_side="left"), "<|endoftext|>")


def spaces_bpe(specials, alphabet_of_bytes=True):
    """sentencepiece's BPE with bytes for what it does not know, as Gemma and Llama have it."""
    import matrix
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    t.normalizer = normalizers.Replace(" ", "▁")
    t.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    latin = [text for text in matrix.corpus() if max(map(ord, text), default=0) < 0x250]
    t.train_from_iterator(latin, trainers.BpeTrainer(vocab_size=600, show_progress=False, special_tokens=[
        *specials, *[f"<0x{i:02X}>" for i in range(256)]]))
    model = json.loads(t.to_str())["model"]
    return model["vocab"], [tuple(m) for m in model["merges"]]


def gemma_tokenizer(limit):
    from transformers import GemmaTokenizer
    vocabulary, rules = spaces_bpe(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"])
    return GemmaTokenizer(vocab=vocabulary, merges=rules, model_max_length=limit, add_bos_token=True, add_eos_token=True)


def llama_tokenizer(limit):
    from transformers import LlamaTokenizer
    vocabulary, rules = spaces_bpe(["<unk>", "<s>", "</s>"])
    return LlamaTokenizer(vocab=vocabulary, merges=rules, model_max_length=limit, add_bos_token=True, add_eos_token=True, pad_token="</s>",
                          padding_side="left")


def modernbert_tokenizer(limit):
    import matrix
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast
    t = Tokenizer(models.BPE())
    t.normalizer, t.pre_tokenizer, t.decoder = normalizers.NFC(), pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.train_from_iterator(matrix.corpus(), trainers.BpeTrainer(vocab_size=320, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"],
                                                               show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    matrix.template(t, "[CLS] $A [SEP]", ("[CLS]", "[SEP]"))
    return PreTrainedTokenizerFast(tokenizer_object=t, model_max_length=limit, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
                                   pad_token="[PAD]", mask_token="[MASK]", model_input_names=["input_ids", "attention_mask"])


# ---- Architectures: transformers' class, the options of config.json that all models of the family share, small sizes ------------

SIZE = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40)
FAR = dict(SIZE, max_position_embeddings=514, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1, layer_norm_eps=1e-5)
DECODER = dict(SIZE, num_key_value_heads=2, max_position_embeddings=32768)
DISTIL = dict(dim=24, n_layers=2, n_heads=4, hidden_dim=40, max_position_embeddings=512)
BERT = dict(SIZE, max_position_embeddings=512)
NTK = {"factor": 2.0, "type": "ntk"}


def cased(limit):
    return bert_tokenizer(limit, cased=True)


WORDPIECE, CASED, XLMR = ("WordPiece", bert_tokenizer), ("WordPiece, cased", cased), ("Unigram (XLM-R)", xlmr_tokenizer)
BYTES = ("byte-level BPE", roberta_tokenizer)
# family: (model_type, class, options, tokenizer)
FAMILIES = {
    "bert": ("bert", "Bert", BERT, WORDPIECE),
    "bert-cased": ("bert", "Bert", BERT, CASED),
    "bert-xlmr": ("bert", "Bert", BERT, XLMR),
    "mpnet": ("mpnet", "MPNet", FAR, ("WordPiece", mpnet_tokenizer)),
    "roberta": ("roberta", "Roberta", FAR, BYTES),
    "roberta-wordpiece": ("roberta", "Roberta", FAR, WORDPIECE),
    "xlm-roberta": ("xlm-roberta", "XLMRoberta", FAR, XLMR),
    "camembert": ("camembert", "Camembert", FAR, ("Unigram", camembert_tokenizer)),
    "distilbert": ("distilbert", "DistilBert", DISTIL, WORDPIECE),
    "distilbert-cased": ("distilbert", "DistilBert", DISTIL, CASED),
    "t5": ("t5", "T5Encoder", dict(d_model=24, d_kv=6, d_ff=40, num_layers=2, num_heads=4), ("Unigram (T5)", t5_tokenizer)),
    "new": ("new", "Gte", dict(SIZE, max_position_embeddings=8192, rope_scaling=NTK), WORDPIECE),
    "new-xlmr": ("new", "Gte", dict(SIZE, max_position_embeddings=8192), XLMR),
    "gte-xlmr": ("gte", "Gte", dict(SIZE, max_position_embeddings=8192, type_vocab_size=1), XLMR),
    "modernbert": ("modernbert", "ModernBert", dict(SIZE, num_hidden_layers=4, max_position_embeddings=8192, pad_token_id=3, cls_token_id=1,
                                                    sep_token_id=2, bos_token_id=1, eos_token_id=2), ("byte-level BPE", modernbert_tokenizer)),
    "nomic": ("nomic_bert", "NomicBert", dict(SIZE, max_position_embeddings=8192), WORDPIECE),
    "nomic-moe": ("nomic_bert", "NomicBert", dict(SIZE, max_position_embeddings=2048), XLMR),
    "jina": ("bert, alibi", "JinaBert", dict(SIZE, max_position_embeddings=8192), WORDPIECE),
    "qwen2": ("qwen2", "Qwen2", DECODER, ("byte-level BPE", qwen_tokenizer)),
    "qwen3": ("qwen3", "Qwen3", dict(DECODER, head_dim=8, rope_theta=1000000.0), ("byte-level BPE", qwen_tokenizer)),
    "mistral": ("mistral", "Mistral", dict(DECODER, sliding_window=4096), ("BPE with bytes", llama_tokenizer)),
    "gemma3": ("gemma3_text", "Gemma3Text", dict(DECODER, num_hidden_layers=6, num_key_value_heads=1, head_dim=8, sliding_window=512,
                                                 max_position_embeddings=2048, use_bidirectional_attention=True, query_pre_attn_scalar=8,
                                                 ), ("BPE with bytes", gemma_tokenizer)),
    "static": ("", "StaticEmbedding", {}, WORDPIECE),
    "model2vec": ("model2vec", "StaticModel", {}, WORDPIECE),
    "model2vec-xlmr": ("model2vec", "StaticModel", {}, XLMR),
}
STATIC = ("StaticEmbedding", "StaticModel")


def scatter(network, seed):
    import architectures
    architectures.scatter(network, seed)


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")


def patch(path, **values):
    write(path, {k: v for k, v in {**json.loads(path.read_text("utf-8")), **values}.items() if v is not ...})


def ntk(network, theta, scaling):
    """new-impl's NTKScalingRotaryEmbedding, which transformers' GteModel does not have."""
    import torch
    width, factor = network.config.hidden_size // network.config.num_attention_heads, scaling["factor"]
    network.rotary_emb.inv_freq.copy_(1.0 / ((theta * factor) ** (torch.arange(0, width, 2).float() / width)) / factor ** (2 / width))


def publish(family, spec, folder):
    """config.json as the repositories with code of their own have it, where transformers writes another."""
    config = folder / "config.json"
    if family.startswith("new"):
        patch(config, model_type="new", architectures=["NewModel"], auto_map={"AutoModel": "Alibaba-NLP/new-impl--modeling.NewModel"},
              rope_parameters=..., layer_norm_type="layer_norm", logn_attention_scale=False, pack_qkv=True, position_embedding_type="rope",
              unpad_inputs=False, use_memory_efficient_attention=False, **dict(FAMILIES[family][2], **spec["options"]))
    elif family.startswith("nomic"):
        now = json.loads(config.read_text())
        write(config, dict(
            architectures=["NomicBertModel"], model_type="nomic_bert", activation_function="swiglu", layer_norm_epsilon=1e-12,
            auto_map={"AutoModel": "nomic-ai/nomic-bert-2048--modeling_hf_nomic_bert.NomicBertModel"}, mlp_fc1_bias=False, mlp_fc2_bias=False,
            n_embd=now["hidden_size"], n_head=now["num_attention_heads"], n_inner=now["intermediate_size"], n_layer=now["num_hidden_layers"],
            n_positions=now["max_position_embeddings"], pad_vocab_size_multiple=64, parallel_block=False, prenorm=False, qkv_proj_bias=False,
            rotary_emb_base=1000, rotary_emb_fraction=1.0, rotary_emb_interleaved=False, rotary_emb_scale_base=None,
            rotary_scaling_factor=None, type_vocab_size=2, use_rms_norm=False, vocab_size=now["vocab_size"]))
        if family == "nomic-moe":
            patch(config, moe_every_n_layers=2, num_experts=8, moe_top_k=2, activation_function="gelu", qkv_proj_bias=True, mlp_fc1_bias=True,
                  mlp_fc2_bias=True, rotary_emb_base=10000, layer_norm_epsilon=1e-5, type_vocab_size=1)


def network_of(family, spec, tokenizer, folder):
    """Writes config.json and weights; returns what is to be done with the reference before it computes, or None."""
    import architectures
    import torch
    import transformers
    _, kind, options, _ = FAMILIES[family]
    options = {**options, **spec["options"], "vocab_size": len(tokenizer)}
    seed = sum(map(ord, spec["name"]))
    if kind == "JinaBert":
        torch.manual_seed(seed)
        twin = architectures.JinaBert(vocab=len(tokenizer)).eval()
        scatter(twin, seed)
        from safetensors.torch import save_file
        save_file(twin.state_dict(), folder / "model.safetensors", {"format": "pt"})
        write(folder / "config.json", dict(
            model_type="bert", architectures=["JinaBertForMaskedLM"], position_embedding_type="alibi", feed_forward_type="geglu", hidden_act="gelu",
            hidden_size=24, num_hidden_layers=2, num_attention_heads=6, intermediate_size=20, type_vocab_size=2, layer_norm_eps=1e-12,
            max_position_embeddings=8192, vocab_size=len(tokenizer), emb_pooler="mean", attn_implementation=None,
            auto_map={"AutoModel": "jinaai/jina-bert-implementation--modeling_bert.JinaBertModel"}))
        return twin
    scaling = options.pop("rope_scaling", None)
    theta = options.pop("rope_theta", None)
    if family == "nomic" or family == "nomic-moe":
        theta = 1000.0
    if theta is not None:
        options["rope_parameters"] = {"rope_type": "default", "rope_theta": float(theta)}
    config = getattr(transformers, kind.replace("T5Encoder", "T5") + "Config")(**options)
    torch.manual_seed(seed)
    network = getattr(transformers, kind + "Model")._from_config(config, attn_implementation="eager").eval()
    scatter(network, seed)
    network.save_pretrained(folder)
    return (lambda loaded: ntk(loaded, theta, scaling)) if scaling else None


def write_modules(spec, width, folder):
    """What is around the network, in the files that sentence-transformers wrote when these models were published."""
    import torch
    from safetensors.torch import save_file
    modes = {"mean": "mean_tokens", "cls": "cls_token", "lasttoken": "lasttoken"}
    steps = [("", "Transformer"), ("1_Pooling", "Pooling")]
    write(folder / "1_Pooling/config.json", {"word_embedding_dimension": width, **{
        f"pooling_mode_{m}": m == modes[spec["pooling"]] for m in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens",
                                                                    "weightedmean_tokens", "lasttoken")}, "include_prompt": True})
    for i, (out, bias, activation) in enumerate(spec["dense"]):
        out = {3072: 40}.get(out, width - 4 if "distiluse" in spec["name"] else width)
        place = f"{2 + i}_Dense"
        steps.append((place, "Dense"))
        write(folder / place / "config.json", {"in_features": width, "out_features": out, "bias": bias, "activation_function": activation})
        generator = torch.Generator().manual_seed(90 + i)
        tensors = {"linear.weight": 0.3 * torch.randn(out, width, generator=generator)}
        tensors |= {"linear.bias": 0.3 * torch.randn(out, generator=generator)} if bias else {}
        if "distiluse" in spec["name"] or "LaBSE" in spec["name"]:
            torch.save(tensors, folder / place / "pytorch_model.bin")
        else:
            save_file(tensors, folder / place / "model.safetensors")
        width = out
    if spec["normalize"]:
        steps.append((f"{len(steps)}_Normalize", "Normalize"))
    write(folder / "modules.json", [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
                                    for i, (path, kind) in enumerate(steps)])
    write(folder / "sentence_bert_config.json", {"max_seq_length": spec["limit"], "do_lower_case": False})


def write_prompts(spec, folder):
    write(folder / "config_sentence_transformers.json", {"prompts": spec["prompts"], "default_prompt_name": None, "similarity_fn_name": "cosine"})


def build_static(spec, tokenizer, folder):
    import modules
    from model2vec import StaticModel
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    rows = modules.noise(len(tokenizer), 24, seed=sum(map(ord, spec["name"])))
    if spec["family"] == "static":
        SentenceTransformer(modules=[StaticEmbedding(tokenizer._tokenizer, embedding_weights=rows)], device="cpu").save(str(folder), create_model_card=False)
    else:
        StaticModel(rows.numpy(), tokenizer._tokenizer, normalize=True).save_pretrained(folder)


class Rows:
    """A twin without padding in the place of transformers' network: each text of a batch by itself."""

    def __new__(cls, twin, config):
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        class Network(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.twin, self.config, self.dtype = twin, config, torch.float32

            def forward(self, input_ids, attention_mask, token_type_ids=None, **_):
                states = torch.zeros(*input_ids.shape, config.hidden_size)
                for i, n in enumerate(attention_mask.sum(1).tolist()):
                    states[i, :n] = self.twin(input_ids[i:i + 1, :n])[0]
                return BaseModelOutput(last_hidden_state=states)
        return Network()


def build(spec, folder):
    """folder/reference for sentence-transformers, folder/model for the program; returns the reference, opened."""
    import torch
    from sentence_transformers import SentenceTransformer
    family = spec["family"]
    reference, ours = folder / "reference", folder / "model"
    reference.mkdir(parents=True)
    _, kind, _, (_, make_tokenizer) = FAMILIES[family]
    tokenizer = make_tokenizer(spec["limit"] or 512)
    change = None
    if kind in STATIC:
        build_static(spec, tokenizer, reference)
    else:
        change = network_of(family, spec, tokenizer, reference)
        write_modules(spec, 24, reference)
        write_prompts(spec, reference)
        tokenizer.save_pretrained(reference)
    shutil.copytree(reference, ours)
    publish(family, spec, ours)
    if kind == "JinaBert":
        patch(reference / "config.json", position_embedding_type="absolute")
    st = SentenceTransformer(str(reference), device="cpu", **({} if kind in STATIC else {"model_kwargs": {
        "attn_implementation": "eager", "dtype": torch.float32}}))
    with torch.no_grad():
        if kind == "JinaBert":
            st[0].model = Rows(change, st[0].model.config)
        elif change is not None:
            change(st[0].model)
    return st


# ---- Comparing ----------------------------------------------------------------------------------------------------------

def ours_say(program, folder, chosen, options):
    import numpy as np
    with tempfile.NamedTemporaryFile() as source:
        source.write(b"\0".join(t.encode() for t in chosen))
        source.flush()
        out = subprocess.run([program, "embed", "-m", folder, "-i", source.name, "--null", "--format", "f32", "-q", "--offline", *options],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if out.returncode:
        raise RuntimeError(out.stderr.decode().strip())
    return np.frombuffer(out.stdout, "<f4").reshape(len(chosen), -1)


def worst_cosine(a, b, lengths=True):
    """The least over all texts; lengths count too, where they are not 1 and it is wanted. Two zeros (a static model, a text of spaces) are alike."""
    import numpy as np
    a, b = a.astype(np.float64), b.astype(np.float64)
    assert a.shape == b.shape, (a.shape, b.shape)
    longer = np.maximum(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    if not lengths:
        longer = np.sqrt(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return float(np.min(np.where(longer > 0, (a * b).sum(1) / np.where(longer > 0, longer, 1) ** 2, 1)))


def info(program, folder):
    out = subprocess.run([program, "models", "info", "-m", folder, "--offline", "--format", "json"], check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)


def compare(program, spec, folder):
    """What is found, as known-models.json has it."""
    import numpy as np
    family, chosen = spec["family"], texts()
    model_type, _, _, (tokenizer, _) = FAMILIES[family]
    found = {"name": spec["name"], "model_type": model_type, "tokenizer": tokenizer, "dim": spec["dim"], "limit": spec["limit"],
             "prompts": list(spec["prompts"])}
    st = build(spec, folder)
    ours = str(folder / "model")
    calls = {"encode": ({}, []), "encode_query": ({}, ["--query"]), "encode_document": ({}, ["--document"])}
    calls |= {f"prompt {p}": ({"prompt_name": p}, ["--prompt", p]) for p in spec["prompts"]}
    try:
        about = info(program, ours)
    except subprocess.CalledProcessError:
        about = None
    if about is None:
        out = subprocess.run([program, "models", "info", "-m", ours, "--offline"], stderr=subprocess.PIPE)
        return found | {"refused": out.stderr.decode().strip().replace(ours, "…").removeprefix("rag-factory: ")}
    found |= {"modules": about["modules"], "from": "weights", "cosine": {}}
    golden = GOLDEN / spec["name"].split("/")[1] if spec["name"].split("/")[1] in KEPT else None
    kept = {}
    if spec["limit"]:
        assert about["max_tokens"] == st.max_seq_length == spec["limit"], (about["max_tokens"], st.max_seq_length)
    for name, (how, options) in calls.items():
        method = getattr(st, name if name.startswith("encode") else "encode")
        if name == "encode" or spec["prompts"]:      # without prompts the three are one
            alone = np.concatenate([np.asarray(method([t], show_progress_bar=False, **how)) for t in chosen]).astype(np.float32)
            batch = np.asarray(method(chosen, batch_size=8, show_progress_bar=False, **how)).astype(np.float32)
        vectors = ours_say(program, ours, chosen, ["--precision", "fp32", *options])
        kept[name.replace("encode", "expected").replace("prompt ", "expected_")] = alone
        for i in (0, len(chosen) - 1) if name == "encode" else ():
            assert (ours_say(program, ours, [chosen[i]], ["--precision", "fp32", *options])[0] == vectors[i]).all(), "not the same bits alone"
        found["cosine"][name] = round(min(worst_cosine(vectors, alone), worst_cosine(vectors, batch)), 7)
    default = ours_say(program, ours, chosen, [])
    found["auto"] = {"precision": about["precision"], "cosine": round(worst_cosine(
        default, ours_say(program, ours, chosen, ["--precision", "fp32"]), lengths=False), 7)}
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    if golden:
        keep(folder / "model", golden, spec, chosen, kept)
    found["texts"], found["alike"] = len(chosen), round(float(np.mean((unit @ unit.T)[np.triu_indices(len(chosen), 1)])), 3)
    return found


def keep(folder, golden, spec, chosen, vectors):
    """One of the few that tests/integration/test_small_models looks at."""
    import modules
    shutil.rmtree(golden, ignore_errors=True)
    shutil.copytree(folder, golden)
    text = json.loads((golden / "tokenizer.json").read_text("utf-8"))
    (golden / "tokenizer.json").write_text(json.dumps(text, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    modules.write_expected(golden, f"a small model of the shape of {spec['name']}", chosen, {
        k: v for k, v in vectors.items() if k in ("expected", "expected_query", "expected_document")})


def compare_tasks(program):
    """jina-embeddings-v3: code of its own in the reference, so a graph with tasks as tasks.py makes it."""
    import numpy as np
    target = ROOT / "tests/golden/matrix-tasks"
    folder = str(target)
    chosen = json.loads((target / "texts.json").read_text("utf-8"))["texts"]
    tasks, cosine = json.loads((target / "config.json").read_text("utf-8"))["lora_adaptations"], {}
    for task in tasks:
        expected = np.load(target / ("expected.npy" if task == "text-matching" else f"expected_{task.replace('.', '_')}.npy"))
        cosine[f"prompt {task}"] = round(worst_cosine(ours_say(program, folder, chosen, ["--prompt", task]), expected), 7)
    return {"name": "jinaai/jina-embeddings-v3", "model_type": "xlm-roberta, code of its own", "tokenizer": XLMR[0], "dim": 1024, "limit": 8192,
            "prompts": tasks, "modules": info(program, folder)["modules"], "from": "ONNX file, `task_id`", "cosine": cosine, "texts": len(chosen)}


# ---- The table of docs/models.md -------------------------------------------------------------------------------------------

# models whose own files are compared with sentence-transformers' vectors (tests/integration/test_real_models.c)
REAL = {"sentence-transformers/all-MiniLM-L6-v2": "2,000", "BAAI/bge-small-en-v1.5": "300", "intfloat/e5-small-v2": "300"}


def short_modules(found):
    """Without what the small size of the model says."""
    text = re.sub(r"Dense\(\d+ -> \d+(?:, )?([^)]*)\)", lambda m: f"Dense({m[1]})" if m[1] else "Dense", found["modules"])
    return text.removeprefix("Transformer, ").replace("Pooling(", "").replace(")", "", 1) if text.startswith("Transformer") else text


def row(found):
    cells = [found["name"], found["model_type"] or "–", found["tokenizer"], str(found["dim"]), str(found["limit"] or "none")]
    prompts = ", ".join(found["prompts"])
    if "refused" in found:
        return cells + ["", prompts, "refused", found["refused"].split("; supported")[0].removeprefix("…/config.json: ")]
    worst = min(found["cosine"].values())
    checked = f"{worst:.7f}"
    if "auto" in found and found["auto"]["precision"] != "fp32":
        checked += f"; {found['auto']['precision']} {found['auto']['cosine']:.7f}"
    if found["name"] in REAL:
        checked += f"; its own files, {REAL[found['name']]} texts"
    return cells + [short_modules(found), prompts, found["from"], checked]


def table(results):
    head = ["model", "model_type", "tokenizer", "dim", "limit", "pooling, modules", "prompts", "opens from", "checked: worst cosine"]
    lines = [head, ["---"] * len(head), *map(row, results)]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def merge(results):
    """The file, with these in the place of what it said of the same models, in the order of MODELS."""
    old = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []
    found = {r["name"]: r for r in old} | {r["name"]: r for r in results}
    order = [m["name"] for m in MODELS]
    order.insert(order.index("jinaai/jina-embeddings-v2-base-en") + 1, "jinaai/jina-embeddings-v3")
    RESULTS.write_text("[\n" + ",\n".join(json.dumps(found[n], ensure_ascii=False) for n in order if n in found) + "\n]\n", "utf-8")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", metavar="NAME")
    p.add_argument("--program", default=str(ROOT / "build/release/programs/rag-factory/rag-factory"))
    p.add_argument("--keep", type=pathlib.Path, help="a folder for the directories that are made")
    p.add_argument("--table", action="store_true")
    args = p.parse_args()
    if args.table:
        return print(table(json.loads(RESULTS.read_text("utf-8"))), end="")
    import torch
    torch.set_num_threads(1)
    results, failed = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for spec in MODELS:
            if args.names and not any(n in spec["name"] for n in args.names):
                continue
            folder = (args.keep or pathlib.Path(scratch)) / spec["name"].replace("/", "_")
            shutil.rmtree(folder, ignore_errors=True)
            try:
                results.append(compare(args.program, spec, folder))
                worst = min(results[-1].get("cosine", {"": 0}).values())
                worst = min(worst, results[-1].get("auto", {"cosine": 1})["cosine"])
                print(f"{spec['name']}: {results[-1].get('refused') or results[-1]}", flush=True)
                if "refused" not in results[-1] and not worst >= LIKENESS:
                    failed.append(spec["name"])
            except Exception as e:
                failed.append(spec["name"])
                print(f"{spec['name']}: {type(e).__name__}: {str(e)[:600]}", flush=True)
    if not args.names or any("jina-embeddings-v3" in n for n in args.names):
        results.append(compare_tasks(args.program))
    if not failed:
        merge(results)
    sys.exit(f"failed: {failed}" if failed else 0)


if __name__ == "__main__":
    main()
