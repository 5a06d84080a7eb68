"""Embeddings of OpenAI's API, and of the many servers that speak it."""

import os
from typing import Optional, Union

from rag_factory.services.embeddings.remote import RemoteEmbedding, common_options

DEFAULT_OPENAI_MODEL = "text-embedding-3-small"


class OpenAIEmbedding(RemoteEmbedding):
    """A model of OpenAI's, or of any server with the same API.

    Args:
        model_name: as the server names it.
        api_key: None: OPENAI_API_KEY. Never logged nor shown.
        base_url: the server, such as "http://localhost:8000/v1". None: OPENAI_BASE_URL, else OpenAI's own.
        dimensions: shorter vectors, for models that have them; also saves the request that learns the length of the
            vectors of a model that is not known.
        organization, project: None: OPENAI_ORG_ID, OPENAI_PROJECT_ID.
        user: for whom the texts are embedded.
        normalize: True scales vectors to length 1 here, for servers that do not.
        tokenizer: the path of a tokenizer, such as cl100k_base.tiktoken, to count tokens with. Without one they are
            estimated, and a text that is too long is the server's to refuse.
        max_tokens: limit of a text in tokens, which needs the tokenizer.
        truncate: which end of a text over the limit is cut, "right" or "left"; "error" raises instead.
        timeout: longest time for a request in seconds. 0: 120.
        max_retries: how often a request that failed is made again. None: 5.
        max_requests: requests at once. 0: 4.
        batch_size: texts in a request. 0: as many as the API takes, 2,048.
        fallback: the source of a model that stands in where this one cannot be opened.
        offline: open no socket, which is an error here. Also on with HF_HUB_OFFLINE=1.

    Raises:
        RagFactoryError (a ValueError): there is no key, or the server says no; the message has its words.
    """

    _prefix = "openai:"

    def __init__(
        self,
        model_name: str = DEFAULT_OPENAI_MODEL,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        dimensions: int = 0,
        organization: Optional[str] = None,
        project: Optional[str] = None,
        user: Optional[str] = None,
        normalize: Optional[bool] = None,
        tokenizer: Optional[Union[str, "os.PathLike[str]"]] = None,
        max_tokens: int = 0,
        truncate: str = "right",
        timeout: int = 0,
        max_retries: Optional[int] = None,
        max_requests: int = 0,
        batch_size: int = 0,
        fallback: Optional[str] = None,
        offline: bool = False,
    ) -> None:
        options = common_options(
            api_key=api_key, base_url=base_url, dimensions=dimensions, normalize=normalize, max_tokens=max_tokens,
            truncate=truncate, timeout=timeout, max_retries=max_retries, max_requests=max_requests,
            batch_size=batch_size, fallback=fallback, offline=offline,
        )
        options.update(
            organization=organization, project=project, api_user=user,
            count_with=None if tokenizer is None else os.fspath(tokenizer),
        )
        super().__init__(model_name, options)
