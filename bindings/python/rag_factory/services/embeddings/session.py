"""What providers have in common whose vectors the C library brings."""

import os
import threading
import weakref
from abc import abstractmethod
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, Optional, Union, cast

from rag_factory import _native
from rag_factory.services.embeddings.base import EmbeddingProvider, in_thread
from rag_factory.services.utils import onnx_utils

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

__all__ = ["Progress", "SessionEmbedding"]

Progress = Callable[[int, int], object]


class SessionEmbedding(EmbeddingProvider):
    """A provider with a session of the C library, which outlives a fork and is thread-safe.

    `session` and `model_name` are set by who derives from it, after `_begin()`.
    """

    session: _native.Model
    model_name: str

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._is_stale = False
        _providers.add(self)

    @abstractmethod
    def _open_session(self) -> _native.Model:
        """A session; asked for once more in a process that a fork left with an unusable one."""

    def _current(self) -> _native.Model:
        """The session; opened again where a fork made it unusable."""
        if self._is_stale:
            with self._lock:
                if self._is_stale:
                    self.session = self._open_session()
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
        """What exactly is applied: file, precision, modules, pooling, prompts, limits, revision; of a model that a server
        computes: source, provider, URL ("kernels"), dimension, limit."""
        return self._current().info()

    def stats(self) -> Dict[str, int]:
        """Texts, tokens, texts cut, and time since the model was opened; kept vectors; requests and retries; the memory
        of this process."""
        return self._current().stats()

    def close(self) -> None:
        """Releases the model, with its memory or connections."""
        if hasattr(self, "session"):
            self.session.close()

    # ---- Embedding

    def embed_documents(self, texts: Iterable[str], progress: Optional[Progress] = None) -> List[List[float]]:
        """The vectors of documents, in their order, with the model's prompt for documents.

        progress(done, total) counts texts; returning False cancels.
        """
        items = checked_texts(texts)
        if not items:
            return []
        return cast(List[List[float]], self._embed(items, "document", progress).tolist())

    def embed_query(self, text: str) -> List[float]:
        """The vector of a query, with the model's prompt for queries."""
        return cast(List[List[float]], self._embed([text], "query", None).tolist())[0]

    def embed_documents_buffer(self, texts: Iterable[str], progress: Optional[Progress] = None) -> "memoryview[float]":
        """As embed_documents(): float32 of shape (texts, dimension), for whatever reads the buffer protocol."""
        return self._embed(checked_texts(texts), "document", progress)

    def embed_documents_array(
        self, texts: Iterable[str], progress: Optional[Progress] = None
    ) -> "NDArray[numpy.float32]":
        """As embed_documents(): a numpy array of shape (texts, dimension), made without a copy."""
        np = onnx_utils.require_numpy()
        items = checked_texts(texts)
        array: "NDArray[numpy.float32]" = np.frombuffer(self._vectors(items, "document", progress), dtype=np.float32)
        return array.reshape(len(items), len(array) // len(items) if items else self.dimension)

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
        if not texts:
            return data.cast("f")
        return data.cast("f", [len(texts), len(data) // 4 // len(texts)])

    def _vectors(self, texts: List[str], role: str, progress: Optional[Progress]) -> bytearray:
        """float32 row by row."""
        return self._current().embed(texts, role, None, None, progress)

    # ---- Other processes

    def _is_lost_by_fork(self, session: _native.Model) -> bool:
        """Whether the child of a fork cannot use the session."""
        return True

    def _after_fork(self) -> None:
        """In the child: threads of the parent are gone, and with them what they had locked or were needed for."""
        self._lock = threading.Lock()
        session = getattr(self, "session", None)
        if session is not None and not session.closed and self._is_lost_by_fork(session):
            session.abandon()
            self._is_stale = True


_providers: "weakref.WeakSet[SessionEmbedding]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for provider in list(_providers):
        provider._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def checked_texts(texts: Iterable[str]) -> List[str]:
    """A list of them; TypeError for what is given by mistake: one text, or a tensor."""
    if isinstance(texts, (str, bytes)):
        raise TypeError("texts is one {}: give a list of them, or use embed_query()".format(type(texts).__name__))
    if type(texts).__module__.split(".")[0] == "torch":
        raise TypeError(
            "texts is a torch tensor: this package has no torch and tokenizes by itself; give the texts as a list of str"
        )
    return texts if isinstance(texts, list) else list(texts)
