"""What is settled once: the file and the variables that the program reads as well (docs/configuration.md)."""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Union

from rag_factory import _native
from rag_factory.services.embeddings.base import EmbeddingProvider
from rag_factory.services.embeddings.cohere import CohereEmbedding
from rag_factory.services.embeddings.onnx_local import ONNXLocalEmbedding
from rag_factory.services.embeddings.openai import OpenAIEmbedding

# Of remote models: keywords that are called otherwise than the library's options, and options that are for local ones.
_KEYWORDS = {"timeout_s": "timeout", "max_batch": "batch_size", "count_with": "tokenizer", "api_user": "user"}
_LOCAL = ("cache_dir", "threads")


class ConfigurationValue(NamedTuple):
    """A value, and where it comes from: "FILE:LINE", a variable, or "default"."""

    value: str
    origin: str


class Configuration:
    """A file in YAML, and RAG_FACTORY_* variables over it: models by name, with their options.

    Args:
        file: None for the one that RAG_FACTORY_CONFIG names, else rag_factory/config.yaml in the user's folder for
            configuration, which need not exist.

    Raises:
        RagFactoryError (a ValueError): the file or a variable is wrong; the message names file, line and key.
    """

    def __init__(self, file: Optional[Union[str, "os.PathLike[str]"]] = None) -> None:
        self._given = None if file is None else os.fspath(file)
        self.file = str(self._read(None)["file"])

    def _read(self, model: Optional[str]) -> Dict[str, Any]:
        return _native.config(self._given, model)

    @property
    def models(self) -> List[str]:
        """The names of the models that the file has."""
        begin, end = "models.", ".source"
        keys = [v["key"] for v in self._read(None)["values"] if v["allowed"] == "a text"]  # of maps it is another
        return [key[len(begin):-len(end)] for key in keys if key.startswith(begin) and key.endswith(end)]

    def values(self, model: Optional[str] = None) -> Dict[str, ConfigurationValue]:
        """What holds for a model: the name of one of `models`, a source, or None for the default; by key."""
        return {v["key"]: ConfigurationValue(v["value"], v["origin"]) for v in self._read(model)["values"]}

    def embedding(self, model: Optional[str] = None, **keywords: Any) -> EmbeddingProvider:
        """Opens a model with what is settled for it. Keywords, those of its provider's class, go over that."""
        found = self._read(model)
        options: Dict[str, Any] = dict(found["options"])
        provider, _, name = found["source"].partition(":")
        if provider in ("openai", "cohere"):
            remote = {_KEYWORDS.get(key, key): value for key, value in options.items() if key not in _LOCAL}
            remote.update(keywords)
            return OpenAIEmbedding(name, **remote) if provider == "openai" else CohereEmbedding(name, **remote)
        if "prompts" in options:
            options["prompts"] = dict(pair.split("=", 1) for pair in options["prompts"])
        options.update(pair.split("=", 1) for pair in options.pop("session_options", []))
        options.setdefault("fallback", None)
        options.update(keywords)
        return ONNXLocalEmbedding(found["source"], **options)
