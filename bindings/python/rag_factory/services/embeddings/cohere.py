"""Embeddings of Cohere's API."""

from typing import Optional

from rag_factory.services.embeddings.remote import RemoteEmbedding, common_options

DEFAULT_COHERE_MODEL = "embed-v4.0"


class CohereEmbedding(RemoteEmbedding):
    """A model of Cohere's. Documents and queries are sent as such (input_type).

    Args:
        model_name: as Cohere names it.
        api_key: None: CO_API_KEY, COHERE_API_KEY. Never logged nor shown.
        base_url: another server with the same API. None: CO_API_URL, else Cohere's own.
        dimensions: length of a vector, for models that have several (256, 512, 1024, 1536).
        normalize: True scales vectors to length 1 here.
        max_tokens: limit of a text in tokens; the server cuts.
        truncate: which end of a text over the limit is cut, "right" or "left"; "error" raises instead.
        timeout: longest time for a request in seconds. 0: 120.
        max_retries: how often a request that failed is made again. None: 5.
        max_requests: requests at once. 0: 4.
        batch_size: texts in a request. 0: as many as the API takes, 96.
        fallback: the source of a model that stands in where this one cannot be opened.
        offline: open no socket, which is an error here. Also on with HF_HUB_OFFLINE=1.

    Raises:
        RagFactoryError (a ValueError): there is no key, or the server says no; the message has its words.
    """

    _prefix = "cohere:"

    def __init__(
        self,
        model_name: str = DEFAULT_COHERE_MODEL,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        dimensions: int = 0,
        normalize: Optional[bool] = None,
        max_tokens: int = 0,
        truncate: str = "right",
        timeout: int = 0,
        max_retries: Optional[int] = None,
        max_requests: int = 0,
        batch_size: int = 0,
        fallback: Optional[str] = None,
        offline: bool = False,
    ) -> None:
        super().__init__(
            model_name,
            common_options(
                api_key=api_key, base_url=base_url, dimensions=dimensions, normalize=normalize,
                max_tokens=max_tokens, truncate=truncate, timeout=timeout, max_retries=max_retries,
                max_requests=max_requests, batch_size=batch_size, fallback=fallback, offline=offline,
            ),
        )
