"""Weights into ONNX, without PyTorch, and converted models held against their weights."""

import logging
import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Union

from rag_factory import _native, program
from rag_factory.errors import RagFactoryError
from rag_factory.services.utils.logs import log_to
from rag_factory.services.utils.onnx_utils import cosine_similarity

__all__ = ["convert_to_onnx", "cosine_similarity", "validate_conversion", "validate_onnx_model"]

logger = logging.getLogger(__name__)

_Path = Union[str, "os.PathLike[str]"]
_log = log_to(logger)


def convert_to_onnx(
    model_name: _Path,
    output_dir: _Path = "./onnx_models",
    quantize: Union[bool, str] = False,
    optimize: bool = True,
    *,
    name: str = "",
    portable: bool = False,
    precision: str = "fp32",
    validate: bool = True,
    texts: Optional[List[str]] = None,
    threshold: float = 0.99,
    cache_dir: Optional[_Path] = None,
    revision: Optional[str] = None,
    progress: Optional[Callable[[int, int], object]] = None,
) -> Path:
    """Makes a model directory with an ONNX file of a model's weights, and validates it against them.

    Args:
        model_name: a name on the hub, or a folder with weights, configuration and tokenizer.
        output_dir: the model directory is made in it, named as the model with "/" as "_".
        quantize: weights in fewer bits, for any ONNX Runtime: "int8" (near-lossless; what True means), "int8-dynamic"
            (the standard form), "int4" or "fp16".
        optimize: fused operators; they are always used, unless `portable`.
        name: another name for the model directory.
        portable: standard operators alone, for any program that reads ONNX.
        precision: "fp32", or "int16", which is for this library alone.
        validate: compare the result with the weights, computed without ONNX Runtime.
        texts: what "int8" and "int4" are fitted to, in the place of texts that the library brings.
        threshold: the least cosine that passes, for every text. Below it nothing is written and this raises.
        progress: called with (done, of): bytes downloaded, then bytes written, then texts compared.

    Returns:
        The model directory: what ONNXLocalEmbedding takes as model_path.
    """
    if not optimize:
        portable = True
    options = {
        "cache_dir": None if cache_dir is None else os.fspath(cache_dir),
        "revision": revision,
        "precision": precision,
    }
    kind = quantize if isinstance(quantize, str) else "int8" if quantize else ""
    report = _native.convert(
        os.fspath(model_name),
        os.fspath(output_dir),
        options,
        name,
        kind,
        portable=portable,
        validate=validate,
        texts=texts,
        threshold=threshold,
        log=_log,
        progress=progress,
    )
    if not report["directory"]:
        raise RagFactoryError(
            "{}: the converted model does not pass, nothing was written: {}".format(
                os.fspath(model_name), _summary(report["validation"])
            )
        )
    logger.info("Model saved to %s", report["directory"])
    return Path(report["directory"])


def validate_onnx_model(
    model: _Path,
    reference: Optional[_Path] = None,
    texts: Optional[List[str]] = None,
    threshold: float = 0.99,
    progress: Optional[Callable[[int, int], object]] = None,
) -> Dict[str, Any]:
    """Checks a model by itself, and its vectors against those of `reference` where one is given.

    The reference is computed from its weights, in plain C without ONNX Runtime, where it has some. `texts` are compared,
    else those that the library brings, of many languages and lengths.

    Returns:
        "passed", "min", "mean" and "p1" of the "cosines", "checks", "worst_text" and more.
    """
    checked = _native.Model(os.fspath(model), {})
    against = None if reference is None else _open_reference(os.fspath(reference))
    try:
        return _native.validate(checked, against, texts, threshold, progress)
    finally:
        checked.close()
        if against is not None:
            against.close()


def validate_conversion(
    original_model: _Path,
    onnx_path: _Path,
    test_text: str = "This is a test sentence.",
) -> bool:
    """Whether a converted model gives the original's vector of a text, with a cosine of 0.99 at least."""
    report = validate_onnx_model(onnx_path, original_model, [test_text])
    if report["passed"]:
        logger.info("Validation passed: %s", _summary(report))
    else:
        logger.warning("Validation failed: %s", _summary(report))
    return bool(report["passed"])


def _open_reference(source: str) -> _native.Model:
    try:
        return _native.Model(source, {"precision": "reference"})
    except RagFactoryError as error:
        if error.status not in ("unsupported", "not found"):
            raise
        return _native.Model(source, {"precision": "fp32"})


def _summary(report: Dict[str, Any]) -> str:
    failed = [check["detail"] for check in report["checks"] if not check["passed"]]
    cosines = "similarity {:.6f} at least, {:.6f} on average".format(report["min"], report["mean"])
    return "; ".join(failed + ([cosines] if report["cosines"] else []))


def main() -> None:
    """convert_model_to_onnx: the program's `convert`."""
    program.run_command("convert")


def main_validate() -> None:
    """validate_onnx_model: the program's `validate`."""
    program.run_command("validate")
