"""Tiny ONNX files for the engine's tests: tests/golden/onnx/NAME.onnx.

Each looks ids up in a table of 50 rows, table[i][d] = i + d / 8, so that a test knows what comes out. What is odd about a
file is its name. Needs PyPI `onnx` (requirements.txt).
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TABLE = np.arange(50, dtype=np.float32)[:, None] + np.arange(8, dtype=np.float32) / 8


def model(inputs=("input_ids",), id_type=TensorProto.INT64, axes=("batch", "sequence"), output="last_hidden_state",
          output_type=TensorProto.FLOAT, pooled=False, more_outputs=(), dims=8, table=TABLE, opset=17, ir=8,
          float_ids=False, task=None):
    id_type = TensorProto.FLOAT if float_ids else id_type
    nodes = []
    ids = "input_ids"
    if float_ids:
        nodes.append(helper.make_node("Cast", ["input_ids"], ["ids"], to=TensorProto.INT64))
        ids = "ids"
    source = inputs[0] if "input_ids" not in inputs else ids
    nodes.append(helper.make_node("Gather", ["table", source], ["looked_up"]))
    last = "looked_up"
    if "attention_mask" in inputs:
        nodes += [helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
                  helper.make_node("Unsqueeze", ["mask", "axis"], ["mask3"]),
                  helper.make_node("Mul", [last, "mask3"], ["masked"])]
        last = "masked"
    for k, name in enumerate(n for n in inputs if n in ("token_type_ids", "position_ids")):
        nodes += [helper.make_node("Cast", [name], [f"float{k}"], to=TensorProto.FLOAT),
                  helper.make_node("Unsqueeze", [f"float{k}", "axis"], [f"wide{k}"]),
                  helper.make_node("Add", [last, f"wide{k}"], [f"sum{k}"])]
        last = f"sum{k}"
    if task is not None:
        nodes += [helper.make_node("Cast", ["task_id"], ["task"], to=TensorProto.FLOAT),
                  helper.make_node("Reshape", ["task", "column"], ["task3"]),
                  helper.make_node("Add", [last, "task3"], ["for_task"])]
        last = "for_task"
    if pooled:
        nodes.append(helper.make_node("ReduceMean", [last], ["pooled"], axes=[1], keepdims=0))
        last = "pooled"
    nodes.append(helper.make_node("Cast", [last], [output], to=output_type))
    shape = ["batch", dims] if pooled else ["batch", "sequence", dims]
    outputs = [helper.make_tensor_value_info(output, output_type, shape)]
    for name, rank in more_outputs:
        nodes.append(helper.make_node("ReduceMax", ["looked_up"], [name], axes=[1], keepdims=0) if rank == 2
                     else helper.make_node("Identity", ["looked_up"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT,
                                                     ["batch", 8] if rank == 2 else ["batch", "sequence", 8]))
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info(n, id_type, list(axes)) for n in inputs] +
        ([] if task is None else [helper.make_tensor_value_info("task_id", id_type, task)]), outputs,
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([2], np.int64), "axis")] +
        ([] if task is None else [numpy_helper.from_array(np.array([-1, 1, 1], np.int64), "column")]))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir,
                             producer_name="rag_factory tests")


MODELS = {
    "plain": dict(inputs=("input_ids", "attention_mask", "token_type_ids")),
    "ids-only": dict(),
    "int32": dict(inputs=("input_ids", "attention_mask"), id_type=TensorProto.INT32),
    "positions": dict(inputs=("input_ids", "position_ids")),
    "fp16": dict(output_type=TensorProto.FLOAT16),
    "pooled": dict(output="sentence_embedding", pooled=True),
    "open-dim": dict(dims="hidden"),
    "unnamed-output": dict(output="output_0"),
    "unnamed-two": dict(output="output_0", more_outputs=[("882", 2)]),
    "ambiguous": dict(output="a", more_outputs=[("b", 3)]),
    "sentence-and-tokens": dict(output="sentence_embedding", pooled=True, more_outputs=[("token_embeddings", 3)]),
    "logits": dict(output="logits", pooled=True),
    "no-input-ids": dict(inputs=("pixel_values",)),
    "task": dict(task=[]),
    "task-one": dict(task=[1], id_type=TensorProto.INT32),
    "task-each": dict(task=["batch"]),
    "task-two": dict(task=[2]),
    "unknown-input": dict(inputs=("input_ids", "pixel_mask")),
    "float-ids": dict(float_ids=True),
    "fixed-batch": dict(axes=(1, "sequence")),
    "int-output": dict(output_type=TensorProto.INT64),
    "future-opset": dict(opset=99),
    "future-ir": dict(ir=99),
}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, options in MODELS.items():
        (folder / f"{name}.onnx").write_bytes(model(**options).SerializeToString())
    # 1,000 rows: large enough to be left in the file (external_weights.c), or to lie beside it from the start.
    rows = np.arange(1000, dtype=np.float32)[:, None] + np.arange(8, dtype=np.float32) / 8
    (folder / "large.onnx").write_bytes(model(table=rows).SerializeToString())
    onnx.save_model(model(table=rows), str(folder / "external.onnx"), save_as_external_data=True,
                    all_tensors_to_one_file=True, location="external.onnx_data", size_threshold=1024)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/onnx"))
