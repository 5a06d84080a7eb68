"""Models in the cache, and the arithmetic around an ONNX model for those who run one themselves.

What computes with arrays needs numpy, which the package does not install.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Union

from rag_factory import _native

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_Path = Union[str, "os.PathLike[str]"]


def require_numpy() -> Any:
    """The module numpy; ImportError with the remedy where it is not there."""
    try:
        import numpy
    except ImportError:
        raise ImportError("arrays need numpy: pip install numpy") from None
    return numpy


# ---- Models


def download_model(
    model_name: str,
    cache_dir: Optional[_Path] = None,
    revision: Optional[str] = None,
    onnx_file: Optional[str] = None,
    progress: Optional[Callable[[int, int], object]] = None,
) -> Path:
    """Brings a model into the cache, its newest revision, without opening it. Returns its model directory."""
    options = {
        "cache_dir": None if cache_dir is None else os.fspath(cache_dir),
        "revision": revision,
        "onnx_file": onnx_file,
    }
    return Path(_native.pull(model_name, options, None, progress))


def cached_models(cache_dir: Optional[_Path] = None) -> List[Dict[str, Union[str, int, bool]]]:
    """The models in every configured and standard cache, and in `cache_dir`."""
    return _native.cached_models(None if cache_dir is None else os.fspath(cache_dir))


def model_variants(source: _Path) -> List[Dict[str, Union[str, int, bool]]]:
    """The ONNX files of a model: path, precision, bytes, the instructions that they are made for."""
    model = _native.Model(os.fspath(source), {})
    try:
        return model.variants()
    finally:
        model.close()


# ---- Arithmetic


def mean_pooling(embeddings: "NDArray[Any]", attention_mask: "NDArray[Any]") -> "NDArray[Any]":
    """[batch, tokens, dim] and [batch, tokens] -> [batch, dim]: the mean of the tokens that the mask has."""
    np = require_numpy()
    mask = np.expand_dims(attention_mask, -1)
    pooled: "NDArray[Any]" = np.sum(embeddings * mask, axis=1) / np.clip(np.sum(mask, axis=1), 1e-9, None)
    return pooled


def normalize(embeddings: "NDArray[Any]") -> "NDArray[Any]":
    """Vectors of length 1; one of zeros stays as it is."""
    np = require_numpy()
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scaled: "NDArray[Any]" = embeddings / np.clip(norms, 1e-9, None)
    return scaled


def cosine_similarity(a: "ArrayLike", b: "ArrayLike") -> float:
    """The cosine of the angle between two vectors."""
    np = require_numpy()
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))
