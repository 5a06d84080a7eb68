"""Portable graphs of every architecture, as test_architectures leaves them: onnx's checker, and onnx's own evaluator for the numbers.

    check_onnx.py FOLDER            FOLDER holds portable-NAME/model.onnx, NAME one of tests/golden/architectures

No operator may be of another domain. The evaluator is plain numpy, so what it gives does not depend on ONNX Runtime.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden/architectures"
TOLERANCE = 2e-5


class GatherElements(OpRun):
    """onnx's own, np.choose(), takes at most 64 rows."""

    def _run(self, data, indices, axis=0):
        return (np.take_along_axis(data, indices, axis=axis),)


def evaluator(model):
    return ReferenceEvaluator(model, new_ops=[GatherElements])


def domains(graph):
    for node in graph.node:
        yield node.domain
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from domains(attribute.g)


def check(file, golden):
    onnx.checker.check_model(str(file), full_check=True)
    model = onnx.load(str(file))
    assert [o.domain for o in model.opset_import] == [""], "imports another domain"
    assert set(domains(model.graph)) == {""}, "has operators of another domain"
    session, expected, row = evaluator(model), np.load(golden / "expected.npy"), 0
    for ids in json.loads((golden / "ids.json").read_text())["ids"]:
        ids = np.array([ids], np.int64)
        feed = {i.name: np.ones_like(ids) if i.name == "attention_mask" else ids if i.name == "input_ids" else np.zeros_like(ids) for i in model.graph.input}
        got = session.run(None, feed)[0][0]
        worst = np.abs(got - expected[row:row + len(got)]).max()
        assert worst <= TOLERANCE, f"{ids.shape[1]} tokens: {worst:.2g} away"
        row += len(got)
    assert row == len(expected)


def check_padding(file):
    """A text among longer ones, padded: its own states are those that it has alone."""
    model = onnx.load(str(file))
    session = evaluator(model)
    ids = np.array([[7, 9, 11, 6, 8, 10, 12], [7, 9, 11, 6, 0, 0, 0]], np.int64)
    mask = np.array([[1] * 7, [1] * 4 + [0] * 3], np.int64)
    run = lambda ids, mask: session.run(None, {i.name: {"input_ids": ids, "attention_mask": mask}.get(i.name, np.zeros_like(ids)) for i in model.graph.input})[0]
    worst = np.abs(run(ids, mask)[1, :4] - run(ids[:1, :4], mask[:1, :4])[0]).max()
    assert worst <= TOLERANCE, f"padded: {worst:.2g} away"


def main():
    passed = failed = 0
    for golden in sorted(GOLDEN.iterdir()):
        file = pathlib.Path(sys.argv[1]) / f"portable-{golden.name}" / "model.onnx"
        try:
            check(file, golden)
            check_padding(file)
            passed += 1
        except Exception as e:
            print(f"{golden.name}: {type(e).__name__}: {e}")
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
