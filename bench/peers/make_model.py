"""Makes a peer's own form of a model: make_model.py FORM MODEL_DIRECTORY FOLDER [TEXTS]. Run in the peer's environment.

The model directory has weights, and onnx/model.onnx. TEXTS, for the form that is calibrated, are a file of bench_texts.
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tools/remote_servers")]
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
    import to_gguf
    to_gguf.write(model, folder / "model.gguf")


if __name__ == "__main__":
    form, source, target, *texts = sys.argv[1:]
    {"openvino": openvino, "st_onnx": st_onnx, "openvino_int8": openvino_int8, "ctranslate2": ctranslate2, "gguf": gguf}[form](pathlib.Path(source), pathlib.Path(target), *texts)
