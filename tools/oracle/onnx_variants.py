"""A small random BERT as every kind of ONNX file that repositories hold: tests/golden/onnx-variants/onnx/*.onnx, made by the tools that
make them for real models, and what sentence-transformers says of the fp32 one.

    O1 … O4           onnxruntime.transformers.optimizer, with what optimum's levels of these names ask of it
    fp16              onnxruntime.transformers.float16
    qint8, quint8     onnxruntime.quantization.quantize_dynamic, as sentence-transformers' export_dynamic_quantized_onnx_model does it
    uint8 (static)    onnxruntime.quantization.quantize_static, QDQ
    q4, q4f16, bnb4   onnxruntime.quantization.matmul_nbits_quantizer, matmul_bnb4_quantizer
    .ort              a session that saves what it optimized

Prints the least cosine of each with the reference, texts one by one, on the machine that it runs on: the bounds of
tests/integration/test_onnx_variants.c are below these.
"""
import json
import shutil
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.optimizer import optimize_model
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Transformer

import matrix
import modules
from architectures import scatter

TARGET = modules.GOLDEN / "onnx-variants"
HEADS, WIDTH, LIMIT = 2, 32, 40
NAMES = ["input_ids", "attention_mask", "token_type_ids"]
# onnxruntime level, transformer fusions, fast GELU, fp16: optimum's AutoOptimizationConfig
LEVELS = {"O1": (1, False, False, False), "O2": (2, True, False, False), "O3": (2, True, True, False), "O4": (2, True, True, True)}
# weights, per channel, reduced range: optimum's AutoQuantizationConfig
DYNAMIC = {"qint8_arm64": (QuantType.QInt8, False, False), "quint8_avx2": (QuantType.QUInt8, False, True),
           "qint8_avx512": (QuantType.QInt8, False, False), "qint8_avx512_vnni": (QuantType.QInt8, True, False)}


def export(model, path):
    """As optimum exports: by tracing, so that the optimizer finds the patterns it knows."""
    ids = torch.randint(4, 60, (2, 7))
    feed = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    torch.onnx.export(matrix.Encoder(model, NAMES), feed, str(path), input_names=NAMES, output_names=["last_hidden_state"], opset_version=17, dynamo=False,
                      dynamic_axes={n: {0: "batch", 1: "sequence"} for n in [*NAMES, "last_hidden_state"]}, do_constant_folding=True)
    matrix.strip(path)


def optimized(source, level):
    ort_level, fuse, fast, half = LEVELS[level]
    if not fuse:
        return optimize_model(str(source), model_type="bert", num_heads=HEADS, hidden_size=WIDTH, opt_level=ort_level, only_onnxruntime=True)
    options = FusionOptions("bert")
    options.enable_gelu_approximation = fast
    model = optimize_model(str(source), model_type="bert", num_heads=HEADS, hidden_size=WIDTH, opt_level=ort_level, optimization_options=options)
    if half:
        model.convert_float_to_float16(keep_io_types=False)
    return model


class Texts(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def n_bits(source, half):
    quantizer = MatMulNBitsQuantizer(onnx.load(source), block_size=16, is_symmetric=True)
    quantizer.process()
    return convert_float_to_float16(quantizer.model.model) if half else quantizer.model.model


def save(model, path):
    """Small: no names of tensors in between, no documentation."""
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.doc_string = ""
    onnx.save(model, path)


def make_all(folder, feeds):
    source = folder / "model.onnx"
    for level in LEVELS:
        save(optimized(source, level).model, folder / f"model_{level}.onnx")
    save(convert_float_to_float16(onnx.load(source), keep_io_types=False), folder / "model_fp16.onnx")
    for name, (kind, per_channel, reduce_range) in DYNAMIC.items():
        quantize_dynamic(str(source), str(folder / f"model_{name}.onnx"), weight_type=kind, per_channel=per_channel, reduce_range=reduce_range)
    quantize_static(str(source), str(folder / "model_uint8.onnx"), Texts(feeds), quant_format=QuantFormat.QDQ,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QUInt8)
    save(n_bits(source, False), folder / "model_q4.onnx")
    save(n_bits(source, True), folder / "model_q4f16.onnx")
    quantizer = MatMulBnb4Quantizer(onnx.load(source), MatMulBnb4Quantizer.NF4, 16)
    quantizer.process()
    save(quantizer.model.model, folder / "model_bnb4.onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC    # what any machine can run
    options.optimized_model_filepath = str(folder / "model.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def vectors_of(path, feeds):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    means = [session.run(None, feed)[0][0].astype(np.float32).mean(axis=0) for feed in feeds]
    return np.stack([m / np.linalg.norm(m) for m in means])


def main():
    shutil.rmtree(TARGET, ignore_errors=True)
    raw, specials = matrix.bert_like()
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=LIMIT, model_input_names=NAMES, **specials)
    config = transformers.BertConfig(vocab_size=raw.get_vocab_size() + 1, hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=HEADS,
                                     intermediate_size=48, max_position_embeddings=LIMIT)
    torch.manual_seed(1)
    model = transformers.BertModel._from_config(config, attn_implementation="eager").eval()
    scatter(model, 5)
    base = TARGET / "base"
    model.save_pretrained(base)
    wrapped.save_pretrained(base)
    st = SentenceTransformer(modules=[Transformer(str(base), model_kwargs={"dtype": torch.float32, "attn_implementation": "eager"}),
                                      matrix.pool("mean", width=WIDTH), Normalize()], device="cpu")
    st.save(str(TARGET), create_model_card=False)
    shutil.rmtree(base)
    (TARGET / "model.safetensors").unlink()
    expected = modules.encode(st, matrix.TEXTS, "encode")
    folder = TARGET / "onnx"
    folder.mkdir()
    export(st[0].auto_model.eval(), folder / "model.onnx")
    ids = [wrapped(t, truncation=True, max_length=LIMIT)["input_ids"] for t in matrix.TEXTS]
    feeds = [{"input_ids": np.array([i]), "attention_mask": np.ones((1, len(i)), np.int64), "token_type_ids": np.zeros((1, len(i)), np.int64)} for i in ids]
    make_all(folder, feeds)
    text = json.loads((TARGET / "tokenizer.json").read_text("utf-8"))
    (TARGET / "tokenizer.json").write_text(json.dumps(text, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    modules.write_expected(TARGET, f"Bert exported by torch {torch.__version__.split('+')[0]}, files by onnxruntime {onnxruntime.__version__}", matrix.TEXTS,
                           {"expected": expected})
    for path in sorted(folder.iterdir()):
        cosines = (vectors_of(path, feeds) * expected).sum(axis=1)
        print(f"  {path.name:32}{path.stat().st_size:8} bytes, least cosine {cosines.min():.6f}")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
