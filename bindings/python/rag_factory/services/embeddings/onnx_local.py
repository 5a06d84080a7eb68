"""Embeddings that are computed here, on ONNX Runtime."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Union

from rag_factory import _native
from rag_factory.errors import RagFactoryError
from rag_factory.services.embeddings.session import Progress, SessionEmbedding
from rag_factory.services.utils import onnx_utils
from rag_factory.services.utils.logs import log_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)
_log = log_to(logger)

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

_TORCH_FILES = (".pt", ".pth", ".ckpt")


class ONNXLocalEmbedding(SessionEmbedding):
    """A model that runs on this machine's processor.

    The vectors are those of sentence-transformers. A text's vector has the same bits alone, in any batch, in any order,
    with any number of threads. Several threads may use one provider; the GIL is released while it computes. After
    os.fork() the child may use it too.

    Args:
        model_name: "org/name[@revision]" on the hub, or a model directory. Taken from the cache when it is there,
            else downloaded. Weights without an ONNX file are made into one, once, without PyTorch.
        model_path: an .onnx file, its tokenizer beside it or one folder above, or a model directory. `model_name` is
            then what to call it.
        cache_dir: where models are downloaded to. None: HF_HUB_CACHE, HF_HOME, else
            ~/.cache/rag_factory/onnx_models.
        fallback: the model that stands in where the one asked for cannot be opened; a warning names both, and
            `model_name` and `replaces` tell. None: no fallback.
        threads: 0 for one on each processor that this process may use.
        max_tokens: limit of a text in tokens. 0: the model's own. Never above it.
        pooling: "mean", "cls", "max", "last", "mean-sqrt-len" or "weighted-mean". None: what the model declares.
        normalize: whether vectors have length 1. None: what the model declares.
        truncate: which end of a text over the limit is cut, "right" or "left"; "error" raises instead.
        long_text: "cut", or "mean": nothing is cut, a long text gets the mean of its windows' vectors.
        precision: "auto" (the fastest that keeps a cosine of 0.99999 with the reference), "fp32", "int16" or
            "int8" (near-lossless: 0.999 or more, 0.9997 on average).
        dimensions: only the first so many numbers of a vector, for models trained so. 0: what the model declares.
        revision: branch, tag or commit on the hub.
        onnx_file: which ONNX file of the model directory.
        offline: open no socket. Also on with HF_HUB_OFFLINE=1.
        prompts: prompts by name, besides the model's own or in their place; "query" and "document" are put in front of
            queries and documents.
        vector_cache: the file that vectors are kept in, to be found again by any process; made where it is not there.
        vector_cache_mb: the most MiB that it takes; vectors that were used least make room. 0: 1024.
        vector_memory_mb: the most MiB that vectors kept in memory take. 0: 32 with vector_cache, none without.
        vector_cache_fp16: vectors are kept in half the bytes, and given rounded to that.
        progress: called with (bytes, of bytes) while a model is downloaded; returning False cancels.
        **session_options: ONNX Runtime's: intra_op_num_threads, inter_op_num_threads, enable_cpu_mem_arena,
            enable_mem_pattern, execution_mode, graph_optimization_level, providers.

    Raises:
        RagFactoryError (a ValueError): the model cannot be had or used; the message says why and what to do.
    """

    def __init__(
        self,
        model_name: str = DEFAULT_MODEL,
        model_path: Optional[Union[str, "os.PathLike[str]"]] = None,
        cache_dir: Optional[Union[str, "os.PathLike[str]"]] = None,
        *,
        fallback: Optional[str] = DEFAULT_MODEL,
        threads: int = 0,
        max_tokens: int = 0,
        pooling: Optional[str] = None,
        normalize: Optional[bool] = None,
        truncate: str = "right",
        long_text: str = "cut",
        precision: str = "auto",
        dimensions: int = 0,
        revision: Optional[str] = None,
        onnx_file: Optional[str] = None,
        offline: bool = False,
        prompts: Optional[Mapping[str, str]] = None,
        vector_cache: Optional[Union[str, "os.PathLike[str]"]] = None,
        vector_cache_mb: int = 0,
        vector_memory_mb: int = 0,
        vector_cache_fp16: bool = False,
        progress: Optional[Progress] = None,
        **session_options: Any,
    ) -> None:
        super().__init__()
        self.model_name = model_name
        if model_path is not None and model_name == DEFAULT_MODEL:
            self.model_name = _checked_path(model_path)
        self.cache_dir = Path(_native.default_cache_dir(None if cache_dir is None else os.fspath(cache_dir)))
        self._progress = progress
        self._options: Dict[str, Any] = {
            "cache_dir": None if cache_dir is None else os.fspath(cache_dir),
            "fallback": fallback,
            "threads": threads,
            "max_tokens": max_tokens,
            "pooling": pooling,
            "normalize": normalize,
            "truncate": truncate,
            "long_text": long_text,
            "precision": precision,
            "dimensions": dimensions,
            "revision": revision,
            "onnx_file": onnx_file,
            "offline": offline,
            "prompts": None if prompts is None else ["{}={}".format(*pair) for pair in prompts.items()],
            "vector_cache": None if vector_cache is None else os.fspath(vector_cache),
            "vector_cache_mb": vector_cache_mb,
            "vector_memory_mb": vector_memory_mb,
            "vector_cache_fp16": vector_cache_fp16,
            "session_options": [_session_option(name, value) for name, value in session_options.items()],
        }
        self._begin()
        if model_path is not None:
            self.model_path = self._open(_checked_path(model_path))
        else:
            self.model_path = self._download_model(_checked_name(model_name))

    def _download_model(self, model_name: str) -> Path:
        """Opens the model of that name, after a download where it is in no cache; returns its file."""
        return self._open(model_name)

    def _open(self, source: str) -> Path:
        self._source = source
        self.session = _native.Model(source, self._options, _log, self._progress)
        info = self.session.info()
        if info["replaces"]:
            self.model_name = str(info["source"])
        return Path(str(info["onnx_file"] or info["weights_file"]))

    def _open_session(self) -> _native.Model:
        return _native.Model(self._source, self._options, _log)

    # ---- Memory

    def warm_up(self) -> None:
        """Makes the first call as fast as the later ones: for a service, before it takes requests."""
        self._current().warm_up()

    def trim(self) -> None:
        """Gives memory back to the system, for a process that waits long for the next text."""
        self._current().trim()

    # ---- For those who run the ONNX file themselves

    def _mean_pooling(self, embeddings: "NDArray[Any]", attention_mask: "NDArray[Any]") -> "NDArray[Any]":
        return onnx_utils.mean_pooling(embeddings, attention_mask)

    def _normalize(self, embeddings: "NDArray[Any]") -> "NDArray[Any]":
        return onnx_utils.normalize(embeddings)

    # ---- Other processes

    def __getstate__(self) -> Dict[str, Any]:
        return {"model_name": self.model_name, "cache_dir": self.cache_dir, "model_path": self.model_path,
                "source": self._source, "options": self._options}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.model_name = state["model_name"]
        self.cache_dir = state["cache_dir"]
        self._options = state["options"]
        self._progress = None
        self._begin()
        self.model_path = self._open(state["source"])

    def _is_lost_by_fork(self, session: _native.Model) -> bool:
        return bool(session.busy or self._options["session_options"])


# ---- Arguments


def _session_option(name: str, value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "{}={}".format(name, ",".join(str(item) for item in value))
    if isinstance(value, bool):
        return "{}={}".format(name, int(value))
    return "{}={}".format(name, getattr(value, "name", value))  # the name, of onnxruntime's own enumerations


def _checked_name(model_name: object) -> str:
    if isinstance(model_name, os.PathLike):
        return os.fsdecode(model_name)
    if isinstance(model_name, str):
        return model_name
    raise TypeError(
        "model_name is a {}.{}: give a name such as '{}' or the folder that the model was saved to; models in memory, "
        "such as torch's, cannot be run".format(type(model_name).__module__, type(model_name).__name__, DEFAULT_MODEL)
    )


def _checked_path(model_path: object) -> str:
    path = _checked_name(model_path)
    is_torch = path.endswith(_TORCH_FILES)
    if path.endswith(".bin") and not os.path.isfile(os.path.join(os.path.dirname(path), "config.json")):
        is_torch = True
    if is_torch:
        raise RagFactoryError(
            "{}: is a file of PyTorch's, not an ONNX model, and there is no torch here to load it. Save the model with "
            "save_pretrained() and give that folder as model_path (config.json, the tokenizer and model.safetensors or "
            "pytorch_model.bin): it is made into ONNX, once, without torch".format(path)
        )
    return path
