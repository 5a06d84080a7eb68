"""A model with tasks, as jina-embeddings-v3 has them, exported to ONNX with the input task_id: tests/golden/matrix-tasks.

The network is a small XLM-R with random weights and, for each task, a matrix of low rank that is added to the words' vectors and to
the states behind the last layer. Files and names are those of jinaai/jina-embeddings-v3: modules.json names custom_st.Transformer,
which takes a task; config.json lists the tasks (lora_adaptations) and names code of its own (auto_map); prompts have the tasks' names.
What is expected of task NAME is encode(texts, task=NAME, prompt_name=NAME).
"""
import json
import shutil
import warnings

import numpy as np
import onnxruntime
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

import matrix
import modules
from architectures import scatter

TASKS = ["retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"]
PROMPTS = {"retrieval.query": "Represent the query for retrieving evidence documents: ",
           "retrieval.passage": "Represent the document for retrieval: ", "separation": "", "classification": "", "text-matching": ""}
TARGET = matrix.GOLDEN / "matrix-tasks"
LIMIT = 120         # tokens: room for a text behind a prompt


class Network(torch.nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base, width = base, base.config.hidden_size
        self.narrow = torch.nn.Parameter(modules.noise(2, len(TASKS), width, 4, seed=21))
        self.wide = torch.nn.Parameter(0.5 * modules.noise(2, len(TASKS), 4, width, seed=22))

    def adapt(self, x, task, place):
        return x + x @ self.narrow[place, task] @ self.wide[place, task]

    def forward(self, input_ids, attention_mask, task_id):
        words = self.adapt(self.base.embeddings.word_embeddings(input_ids), task_id, 0)
        return self.adapt(self.base(inputs_embeds=words, attention_mask=attention_mask).last_hidden_state, task_id, 1)


class TaskTransformer(Transformer):
    """What custom_st.Transformer does: a task chooses the adapter."""

    def forward(self, features, task=None, **kwargs):
        task_id = torch.tensor(TASKS.index(task))
        features["token_embeddings"] = self.network(features["input_ids"], features["attention_mask"], task_id)
        return features


def export(network, path, vocab):
    path.parent.mkdir(exist_ok=True)
    names = ["input_ids", "attention_mask", "task_id"]
    ids = torch.randint(4, vocab, (2, 7))
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=LIMIT)
    torch.onnx.export(network, (ids, torch.ones_like(ids), torch.tensor(1)), str(path), input_names=names, output_names=["last_hidden_state"],
                      dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}, None), dynamo=True, external_data=False, verbose=False)
    matrix.strip(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for task in range(len(TASKS)):
        for shape in ((1, 1), (3, 5), (1, LIMIT)):
            ids = torch.randint(4, vocab, shape)
            feed = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "task_id": torch.tensor(task)}
            theirs = session.run(None, {n: v.numpy() for n, v in feed.items()})[0]
            with torch.no_grad():
                assert np.abs(theirs - network(**feed).numpy()).max() < 1e-4


def main():
    shutil.rmtree(TARGET, ignore_errors=True)
    raw, specials = matrix.unigram()
    vocab = raw.get_vocab_size() + 1
    base = TARGET / "base"
    torch.manual_seed(1)
    network = XLMRobertaModel._from_config(XLMRobertaConfig(**{**matrix.FAR, "max_position_embeddings": LIMIT + 2, "vocab_size": vocab}), attn_implementation="eager").eval()
    scatter(network, 77)
    network.save_pretrained(base)
    PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=LIMIT, model_input_names=["input_ids", "attention_mask"],
                            **specials).save_pretrained(base)
    first = TaskTransformer(str(base), model_kwargs={"dtype": torch.float32, "attn_implementation": "eager"})
    first.network = Network(first.model.eval()).eval()
    st = SentenceTransformer(modules=[first, Pooling(16, ["mean"]), Normalize()], device="cpu", prompts=PROMPTS)
    st.module_kwargs = {"0": ["task"]}
    vectors = {"expected" if t == "text-matching" else "expected_" + t.replace(".", "_"): modules.encode(st, matrix.TEXTS, "encode", task=t, prompt_name=t)
               for t in TASKS}
    export(first.network, TARGET / "onnx/model.onnx", vocab)
    st.save(str(TARGET), create_model_card=False)
    shutil.rmtree(base)
    (TARGET / "model.safetensors").unlink()
    config = json.loads((TARGET / "config.json").read_text())
    config |= dict(lora_adaptations=TASKS, task_instructions=PROMPTS, position_embedding_type="rotary",
                   auto_map={"AutoModel": "jinaai/xlm-roberta-flash-implementation--modeling_lora.XLMRobertaLoRA"})
    (TARGET / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    steps = json.loads((TARGET / "modules.json").read_text())
    steps[0] |= {"type": "custom_st.Transformer", "kwargs": ["task"]}
    (TARGET / "modules.json").write_text(json.dumps(steps, indent=1) + "\n")
    around = json.loads((TARGET / "config_sentence_transformers.json").read_text())
    around["prompts"] = PROMPTS
    (TARGET / "config_sentence_transformers.json").write_text(json.dumps(around, indent=1) + "\n")
    text = json.loads((TARGET / "tokenizer.json").read_text("utf-8"))
    (TARGET / "tokenizer.json").write_text(json.dumps(text, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    modules.write_expected(TARGET, f"XLM-R with tasks exported by torch {torch.__version__.split('+')[0]}", matrix.TEXTS, vectors)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
