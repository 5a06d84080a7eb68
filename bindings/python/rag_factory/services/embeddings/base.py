"""What every provider of embeddings can do."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Callable, List, Optional, Type, TypeVar

_Provider = TypeVar("_Provider", bound="EmbeddingProvider")
_Result = TypeVar("_Result")


async def in_thread(function: Callable[..., _Result], *arguments: Any) -> _Result:
    """The function's result, computed in a thread of the running loop's executor."""
    import asyncio  # takes longer to import than everything else here together

    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


class EmbeddingProvider(ABC):
    """Text in, vectors out. A provider is a context manager, and may be used by several threads at once."""

    @abstractmethod
    def embed_documents(self, texts: List[str]) -> List[List[float]]:
        """The vectors of documents, in their order."""

    @abstractmethod
    def embed_query(self, text: str) -> List[float]:
        """The vector of a query."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Length of a vector."""

    async def aembed_documents(self, texts: List[str]) -> List[List[float]]:
        """embed_documents() in a thread of the running loop's executor."""
        return await in_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> List[float]:
        """embed_query() in a thread of the running loop's executor."""
        return await in_thread(self.embed_query, text)

    def close(self) -> None:
        """Releases what the provider holds. Safe to call again; nothing else may be called after it."""

    def __enter__(self: _Provider) -> _Provider:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
