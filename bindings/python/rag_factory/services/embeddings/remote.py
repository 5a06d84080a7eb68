"""Embeddings that a server computes."""

import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Tuple, Union, cast

from rag_factory import _native
from rag_factory.services.embeddings.base import EmbeddingProvider, in_thread
from rag_factory.services.embeddings.onnx_local import Progress, _checked_texts
from rag_factory.services.utils import onnx_utils
from rag_factory.services.utils.logs import log_to

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)
_log = log_to(logger)

_NO_RETRIES = 2**32 - 1


class RemoteEmbedding(EmbeddingProvider):
    """What OpenAIEmbedding and CohereEmbedding have in common.

    Texts go out in as few requests as the provider's limits allow, several at once; what fails for a reason that passes
    is tried again as the server asks. After an error the same call may be made again: it asks for the vectors that did
    not arrive, and pays for nothing twice.
    """

    _prefix = ""

    def __init__(self, model_name: str, options: Dict[str, Any]) -> None:
        super().__init__()
        self.session: _native.Model
        self.model_name = model_name
        self._options = options
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._is_stale = False
        self._unfinished: Optional[Tuple[Tuple[str, ...], str, bytearray, bytearray]] = None
        _providers.add(self)
        self.session = self._open()
        info = self.session.info()
        if info["replaces"]:
            self.model_name = str(info["source"])

    def _open(self) -> _native.Model:
        return _native.Model(self._prefix + self.model_name, self._options, _log)

    def _current(self) -> _native.Model:
        """The session; opened again in a process that a fork made, which must not use its parent's connections."""
        if self._is_stale:
            with self._lock:
                if self._is_stale:
                    self.session = self._open()
                    self._is_stale = False
        return self.session

    # ---- What it is

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._current().dim

    @property
    def embedding_dim(self) -> int:
        """Length of a vector."""
        return self.dimension

    @property
    def replaces(self) -> str:
        """The model that was asked for and could not be opened, where the fallback stands in for it; else ""."""
        return str(self.info["replaces"])

    @property
    def info(self) -> Dict[str, Union[str, int, bool]]:
        """What is known: source, provider, URL ("kernels"), dimension, limit."""
        return self._current().info()

    def stats(self) -> Dict[str, int]:
        """Texts, tokens as the server counted them, requests, retries, and time since the model was opened."""
        return self._current().stats()

    def close(self) -> None:
        """Closes the connections."""
        if hasattr(self, "session"):
            self.session.close()

    # ---- Embedding

    def embed_documents(self, texts: Iterable[str], progress: Optional[Progress] = None) -> List[List[float]]:
        """The vectors of documents, in their order.

        progress(done, total) counts texts; returning False cancels.
        """
        items = _checked_texts(texts)
        if not items:
            return []
        return cast(List[List[float]], self._embed(items, "document", progress).tolist())

    def embed_query(self, text: str) -> List[float]:
        """The vector of a query."""
        return cast(List[List[float]], self._embed([text], "query", None).tolist())[0]

    def embed_documents_buffer(self, texts: Iterable[str], progress: Optional[Progress] = None) -> "memoryview[float]":
        """As embed_documents(): float32 of shape (texts, dimension), for whatever reads the buffer protocol."""
        return self._embed(_checked_texts(texts), "document", progress)

    def embed_documents_array(
        self, texts: Iterable[str], progress: Optional[Progress] = None
    ) -> "NDArray[numpy.float32]":
        """As embed_documents(): a numpy array of shape (texts, dimension), made without a copy."""
        np = onnx_utils.require_numpy()
        items = _checked_texts(texts)
        array: "NDArray[numpy.float32]" = np.frombuffer(self._vectors(items, "document", progress), dtype=np.float32)
        return array.reshape(len(items), self.dimension)

    async def aembed_documents(
        self, texts: Iterable[str], progress: Optional[Progress] = None
    ) -> List[List[float]]:
        """embed_documents() in a thread of the running loop's executor."""
        return await in_thread(self.embed_documents, texts, progress)

    async def aembed_documents_array(
        self, texts: Iterable[str], progress: Optional[Progress] = None
    ) -> "NDArray[numpy.float32]":
        """embed_documents_array() in a thread of the running loop's executor."""
        return await in_thread(self.embed_documents_array, texts, progress)

    def _embed(self, texts: List[str], role: str, progress: Optional[Progress]) -> "memoryview[float]":
        data = memoryview(self._vectors(texts, role, progress))
        return data.cast("f", [len(texts), len(data) // 4 // len(texts)]) if texts else data.cast("f")

    def _vectors(self, texts: List[str], role: str, progress: Optional[Progress]) -> bytearray:
        """float32 row by row; after a failure what arrived is kept for a call with the same texts."""
        session = self._current()
        with self._lock:
            unfinished, self._unfinished = self._unfinished, None
        if unfinished is not None and unfinished[0] == tuple(texts) and unfinished[1] == role:
            out, done = unfinished[2:]
        else:
            out, done = bytearray(len(texts) * session.dim * 4), bytearray(len(texts))
        try:
            session.embed(texts, role, None, None, progress, out, done)
        except BaseException:
            if any(done):
                with self._lock:
                    self._unfinished = (tuple(texts), role, out, done)
            raise
        return out

    # ---- Other processes

    def __getstate__(self) -> Dict[str, Any]:
        return {"model_name": self.model_name, "options": self._options}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.model_name = state["model_name"]
        self._options = state["options"]
        self._start()

    def _after_fork(self) -> None:
        """In the child: threads of the parent are gone, and its connections are still the parent's."""
        self._lock = threading.Lock()
        session = getattr(self, "session", None)
        if session is not None and not session.closed:
            session.abandon()
            self._is_stale = True


_providers: "weakref.WeakSet[RemoteEmbedding]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for provider in list(_providers):
        provider._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def common_options(
    *,
    api_key: Optional[str],
    base_url: Optional[str],
    dimensions: int,
    normalize: Optional[bool],
    max_tokens: int,
    truncate: str,
    timeout: int,
    max_retries: Optional[int],
    max_requests: int,
    batch_size: int,
    fallback: Optional[str],
    offline: bool
) -> Dict[str, Any]:
    """What every provider's keywords are to the library."""
    return {
        "api_key": api_key,
        "base_url": base_url,
        "dimensions": dimensions,
        "normalize": True if normalize else None,
        "max_tokens": max_tokens,
        "truncate": truncate,
        "timeout_s": timeout,
        "max_retries": _NO_RETRIES if max_retries == 0 else max_retries,
        "max_requests": max_requests,
        "max_batch": batch_size,
        "fallback": fallback,
        "offline": offline,
    }
