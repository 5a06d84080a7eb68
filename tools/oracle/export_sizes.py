"""Encoders that are not of BERT's kind, at the size of small models that people use, as optimum exports them, for bench/conversion/optimized.

    export_sizes.py TARGET TOKENIZER_DIRECTORY [NAME…]      in an environment with optimum[onnx] and torch

Random weights, six layers of 384, the tokenizer given (all-MiniLM-L6-v2's); TARGET/NAME is a model directory with onnx/model.onnx.
"""
import pathlib
import shutil
import sys
import tempfile

import torch
import transformers
from optimum.exporters.onnx import main_export

SIZE = dict(vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
MODELS = {
    "mpnet": ("MPNet", dict(SIZE, max_position_embeddings=514)),
    "modernbert": ("ModernBert", dict(SIZE, num_attention_heads=6, intermediate_size=576, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1,
                                      sep_token_id=2)),
    "deberta-v2": ("DebertaV2", dict(SIZE, relative_attention=True, position_buckets=256, norm_rel_ebd="layer_norm", share_att_key=True, type_vocab_size=0,
                                     pos_att_type=["p2c", "c2p"], position_biased_input=False, max_relative_positions=-1)),
    "qwen3": ("Qwen3", dict(SIZE, num_attention_heads=6, num_key_value_heads=2, head_dim=64, intermediate_size=1024)),
    "gemma3": ("Gemma3Text", dict(SIZE, num_attention_heads=6, num_key_value_heads=2, head_dim=64, intermediate_size=1024, sliding_window=128)),
}


def export(name, target, tokenizer):
    kind, options = MODELS[name]
    torch.manual_seed(1)
    config = getattr(transformers, kind + "Config")(**options)
    config.architectures = [kind + "Model"]
    model = getattr(transformers, kind + "Model")(config).eval()
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(tokenizer / file, scratch)
            shutil.copy(tokenizer / file, target)
        shutil.copy(pathlib.Path(scratch) / "config.json", target)
        main_export(scratch, f"{scratch}/out", task="feature-extraction", library_name="transformers", do_validation=False)
        for file in pathlib.Path(scratch, "out").glob("model.onnx*"):
            shutil.copy(file, target / "onnx")


if __name__ == "__main__":
    for each in sys.argv[3:] or MODELS:
        export(each, pathlib.Path(sys.argv[1]) / each, pathlib.Path(sys.argv[2]))
        print(each, flush=True)
