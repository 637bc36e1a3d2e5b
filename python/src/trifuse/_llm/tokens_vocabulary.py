# SPDX-License-Identifier: MIT OR Apache-2.0
"""tiktoken's vocabularies, where it is installed and they lie in its cache; nothing is ever downloaded.

tiktoken itself fetches a vocabulary that is missing or damaged. So its own description of an encoding is
run with a loader that reads the cache, checks what it finds, and gives up.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

from trifuse._locks import Lock
from trifuse._waiting import in_task

__all__ = ["preload", "vocabulary_of"]

_DEFAULT = "o200k_base"
# Whose models tiktoken has vocabularies for.
_PREFIXES = (
    "gpt-",
    "chatgpt-",
    "o1",
    "o3",
    "o4",
    "text-embedding-",
    "text-davinci",
    "ft:",
    "davinci",
    "babbage",
)
_loading = Lock()
_known: dict[str, Any] = {}


class _MissingError(Exception):
    """A vocabulary is not in the cache."""


def preload(model: str | None = None) -> bool:
    """Load the vocabulary of a model (by default of OpenAI's newer ones) if it is at hand; tell whether it was.

    It takes some tenths of a second and the network never: without tiktoken, or without the vocabulary
    in its cache, estimates go by the rule. Call it before the event loop runs, or in a thread.
    """
    return _load(_encoding_name(model or "gpt-4o") or _DEFAULT) is not None


def vocabulary_of(model: str | None) -> Any:
    """Give the vocabulary of a model; None where there is none, or loading it would hold up an event loop."""
    if model is None or not model.startswith(_PREFIXES):
        return None
    if "tiktoken" not in sys.modules and in_task():
        return None
    name = _encoding_name(model)
    if name is None:
        return None
    if name in _known:
        return _known[name]
    return None if in_task() else _load(name)


def _encoding_name(model: str) -> str | None:
    try:
        from tiktoken.model import encoding_name_for_model

        return str(encoding_name_for_model(model))
    except ImportError:
        return None
    except KeyError:
        return _DEFAULT


def _load(name: str) -> Any:
    with _loading:
        if name not in _known:
            _known[name] = _found(name)
        return _known[name]


def _found(name: str) -> Any:
    try:
        from tiktoken import Encoding, registry
        from tiktoken_ext.openai_public import ENCODING_CONSTRUCTORS

        loaded = registry.ENCODINGS.get(name)
        if loaded is not None:
            return loaded
        describe = ENCODING_CONSTRUCTORS[name]
        offline = {
            **describe.__globals__,
            "load_tiktoken_bpe": _ranks,
            "data_gym_to_mergeable_bpe_ranks": _missing,
        }
        return Encoding(**FunctionType(describe.__code__, offline)())
    except Exception:  # noqa: BLE001 - no tiktoken, another one, no vocabulary, a damaged one: the rule it is
        return None


def _missing(*_: Any, **__: Any) -> Any:
    raise _MissingError


def _ranks(source: str, expected_hash: str | None = None) -> dict[bytes, int]:
    """Read a vocabulary from tiktoken's cache."""
    import base64
    import hashlib
    import tempfile

    directory = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if directory is None:
        directory = str(Path(tempfile.gettempdir()) / "data-gym-cache")
    if not directory:
        raise _MissingError
    key = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    data = (Path(directory) / key).read_bytes()
    if expected_hash is None or hashlib.sha256(data).hexdigest() != expected_hash:
        raise _MissingError
    pairs = (line.split() for line in data.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}
