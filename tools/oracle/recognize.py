"""Small encoders as optimum exports them: tests/golden/recognize/*.onnx, for src/onnx/recognize.h.

    recognize.py        in an environment with optimum[onnx] and torch; not part of make, whose torch is newer than optimum's

Random weights, one layer, opset 14: norms and GELU are chains of operators there, and the scores' scale is computed by the graph.
"""
import pathlib
import tempfile

import onnx
import torch
from optimum.exporters.onnx import main_export
from transformers import (BertConfig, BertModel, BertTokenizer, DistilBertConfig, DistilBertModel, ElectraConfig, ElectraModel, RobertaConfig,
                          RobertaModel)

TARGET = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/recognize"
SIZES = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 20}
MODELS = {
    "bert": lambda: BertModel(BertConfig(**SIZES)),
    "roberta": lambda: RobertaModel(RobertaConfig(**SIZES, type_vocab_size=1)),
    "distilbert": lambda: DistilBertModel(DistilBertConfig(vocab_size=40, dim=16, n_layers=1, n_heads=2, hidden_dim=24, max_position_embeddings=20)),
    "electra": lambda: ElectraModel(ElectraConfig(**SIZES, embedding_size=16)),
}


def export(name, scratch):
    torch.manual_seed(7)
    model = MODELS[name]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(scratch)
    (scratch / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"t{i}" for i in range(35)]) + "\n")
    BertTokenizer(scratch / "vocab.txt").save_pretrained(scratch)
    main_export(str(scratch), scratch / "out", task="feature-extraction", opset=14, do_validation=False)
    model = onnx.load(scratch / "out/model.onnx")
    del model.graph.value_info[:]
    onnx.save(model, TARGET / f"{name}.onnx")


if __name__ == "__main__":
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            export(name, pathlib.Path(folder))
            print(name)
