"""Embeddings that a server computes."""

import logging
from typing import Any, Dict, List, Optional, Tuple

from rag_factory import _native
from rag_factory.services.embeddings.session import Progress, SessionEmbedding
from rag_factory.services.utils.logs import log_to

logger = logging.getLogger(__name__)
_log = log_to(logger)

_NO_RETRIES = 2**32 - 1


class RemoteEmbedding(SessionEmbedding):
    """What OpenAIEmbedding and CohereEmbedding have in common.

    Texts go out in as few requests as the provider's limits allow, several at once; what fails for a reason that passes
    is tried again as the server asks. After an error the same call may be made again: it asks for the vectors that did
    not arrive, and pays for nothing twice.
    """

    _prefix = ""

    def __init__(self, model_name: str, options: Dict[str, Any]) -> None:
        super().__init__()
        self.model_name = model_name
        self._options = options
        self._start()

    def _start(self) -> None:
        self._begin()
        self._unfinished: Optional[Tuple[Tuple[str, ...], str, bytearray, bytearray]] = None
        self.session = self._open_session()
        info = self.session.info()
        if info["replaces"]:
            self.model_name = str(info["source"])

    def _open_session(self) -> _native.Model:
        return _native.Model(self._prefix + self.model_name, self._options, _log)

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
