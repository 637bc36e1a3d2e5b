# SPDX-License-Identifier: MIT OR Apache-2.0
"""OpenAI's clients under guard: ``client = protect(AsyncOpenAI(), tpm=90_000, rpm=500)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from trifuse.contrib._protect.clients import protected, protection_of
from trifuse.contrib._protect.operations import API, EMBEDDINGS, LLM, Operation, Provider
from trifuse.contrib._protect.settings import ProtectSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

    from trifuse.contrib._protect.protection import Protection

__all__ = ["describe", "protect", "protection"]
C = TypeVar("C", bound="OpenAI | AsyncOpenAI")

_ID = r"/[^/]+"
_OPERATIONS = (
    Operation(
        "chat.completions", "post", "/chat/completions", LLM, "OPENAI_CHAT",
        (
            "chat.completions.create", "chat.completions.parse", "chat.completions.stream",
            "beta.chat.completions.parse", "beta.chat.completions.stream",
        ),
    ),
    Operation(
        "responses", "post", "/responses", LLM, "OPENAI_RESPONSES",
        ("responses.create", "responses.parse", "responses.stream"),
    ),
    Operation("completions", "post", "/completions", LLM, "OPENAI_CHAT", ("completions.create",)),
    Operation("embeddings", "post", "/embeddings", EMBEDDINGS, "", ("embeddings.create",)),
    Operation("moderations", "post", "/moderations", API, "", ("moderations.create",)),
    Operation("models", "get", f"/models({_ID})?", API, "", ("models.list", "models.retrieve")),
    Operation(
        "chat.completions.stored", "get", f"/chat/completions({_ID}(/messages)?)?", API, "",
        ("chat.completions.list", "chat.completions.retrieve", "chat.completions.messages.list"),
    ),
    Operation(
        "responses.stored", "get", f"/responses{_ID}(/input_items)?", API, "OPENAI_RESPONSES",
        ("responses.retrieve", "responses.input_items.list"),
    ),
    Operation("responses.cancel", "post", f"/responses{_ID}/cancel", API, "", ("responses.cancel",)),
    Operation(
        "responses.input_tokens", "post", "/responses/input_tokens", API, "", ("responses.input_tokens.count",)
    ),
)  # fmt: skip
_PROVIDER = Provider("openai", "openai", _OPERATIONS)


def protect(client: C, /, **settings: Unpack[ProtectSettings]) -> C:
    """Give a guarded copy of a client: of the same type, with the same methods and connection pool.

    ``client = protect(AsyncOpenAI(), fallback="Sorry, please try again.", tpm=90_000, rpm=500)``.
    The client itself stays as it is; the copy's own retries are off, because ours are made.

    Args:
        client: an ``OpenAI`` or ``AsyncOpenAI``, or of a class made of them, such as ``AzureOpenAI``.
        settings: see ``docs/llm.md``, which has them all in a table.

    Raises:
        ConfigurationError: for a setting that is not allowed, and for a synchronous client whose
            requests cannot be ended from outside.
        UnsupportedError: for a version of the SDK that lacks what the guards hold on to.
    """
    given: dict[str, Any] = dict(settings)
    return protected(client, _PROVIDER, given)


def protection(client: OpenAI | AsyncOpenAI) -> Protection:
    """Give what guards a protected client and its copies. Raises ConfigurationError for any other."""
    return protection_of(client)


def describe(client: OpenAI | AsyncOpenAI) -> dict[str, Any]:
    """Give what of a protected client is guarded, by what, and what passes through, as plain data.

    Raises ConfigurationError for a client that is not protected.
    """
    return protection_of(client).describe(client)
