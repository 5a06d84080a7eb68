"""Makes a peer's own form of a model: make_model.py FORM MODEL_DIRECTORY FOLDER [TEXTS]. Run in the peer's environment.

The model directory has weights, and onnx/model.onnx. TEXTS, for the form that is calibrated, are a file of bench_texts.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import bench_texts  # noqa: E402


def openvino(model, folder):
    from sentence_transformers import SentenceTransformer
    SentenceTransformer(str(model), device="cpu", backend="openvino", model_kwargs={"export": True}).save_pretrained(str(folder))


def st_onnx(model, folder):
    from sentence_transformers import SentenceTransformer
    SentenceTransformer(str(model), device="cpu", backend="onnx", model_kwargs={"export": True}).save_pretrained(str(folder))


def openvino_int8(model, folder, texts):
    """Static, as NNCF does it for transformers: 300 texts to calibrate with."""
    import nncf
    import numpy
    import openvino
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    graph = openvino.convert_model(str(model / "onnx/model.onnx"))

    def inputs(text):
        ids = numpy.array([tokenizer.encode(text.decode()).ids], numpy.int64)
        return {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
    quantized = nncf.quantize(graph, nncf.Dataset(bench_texts.read(texts)[:300], inputs), model_type=nncf.ModelType.TRANSFORMER, subset_size=300)
    openvino.save_model(quantized, str(folder / "model.xml"), compress_to_fp16=False)


def ctranslate2(model, folder):
    from ctranslate2.converters import TransformersConverter
    TransformersConverter(str(model)).convert(str(folder), force=True)


def gguf(model, folder):
    """As convert_hf_to_gguf.py of llama.cpp writes a BERT."""
    import json

    import gguf as g
    from safetensors.numpy import load_file
    config = json.loads((model / "config.json").read_text())
    tokens = (model / "vocab.txt").read_text("utf-8").split("\n")[:config["vocab_size"]]
    out = g.GGUFWriter(str(folder / "model.gguf"), "bert")
    out.add_context_length(config["max_position_embeddings"])
    out.add_embedding_length(config["hidden_size"])
    out.add_feed_forward_length(config["intermediate_size"])
    out.add_block_count(config["num_hidden_layers"])
    out.add_head_count(config["num_attention_heads"])
    out.add_layer_norm_eps(config["layer_norm_eps"])
    out.add_causal_attention(False)
    out.add_pooling_type(g.PoolingType.MEAN)
    out.add_file_type(g.LlamaFileType.ALL_F32)
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    # Words begin with U+2581, what continues one has lost its ##.
    out.add_tokenizer_model("bert")
    out.add_tokenizer_pre("default")
    out.add_token_list([t if t in special else t[2:] if t.startswith("##") else "\u2581" + t for t in tokens])
    out.add_token_types([g.TokenType.CONTROL if t in special else g.TokenType.NORMAL for t in tokens])
    out.add_token_type_count(config["type_vocab_size"])
    for name in ("pad", "unk", "cls", "sep", "mask"):
        getattr(out, f"add_{name}_token_id")(tokens.index(f"[{name.upper()}]"))
    out.add_bos_token_id(tokens.index("[CLS]"))
    out.add_eos_token_id(tokens.index("[SEP]"))
    names = g.get_tensor_name_map(g.MODEL_ARCH.BERT, config["num_hidden_layers"])
    for name, tensor in load_file(model / "model.safetensors").items():
        if name.startswith("pooler") or name.endswith("position_ids"):
            continue
        out.add_tensor(names.get_name(name, (".weight", ".bias")), tensor)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    form, source, target, *texts = sys.argv[1:]
    {"openvino": openvino, "st_onnx": st_onnx, "openvino_int8": openvino_int8, "ctranslate2": ctranslate2, "gguf": gguf}[form](pathlib.Path(source), pathlib.Path(target), *texts)
