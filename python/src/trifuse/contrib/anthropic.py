# SPDX-License-Identifier: MIT OR Apache-2.0
"""Anthropic's clients under guard: ``client = protect(AsyncAnthropic(), tpm=90_000, rpm=500)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from trifuse.contrib._protect.clients import protected, protection_of
from trifuse.contrib._protect.operations import API, LLM, Operation, Provider
from trifuse.contrib._protect.settings import ProtectSettings

if TYPE_CHECKING:
    from anthropic._base_client import AsyncAPIClient, SyncAPIClient

    from trifuse.contrib._protect.protection import Protection

__all__ = ["describe", "protect", "protection"]
C = TypeVar("C", bound="SyncAPIClient | AsyncAPIClient")

_ID = r"/[^/]+"
_OPERATIONS = (
    Operation(
        "messages", "post", "/v1/messages", LLM, "ANTHROPIC_MESSAGES",
        (
            "messages.create", "messages.parse", "messages.stream",
            "beta.messages.create", "beta.messages.parse", "beta.messages.stream", "beta.messages.tool_runner",
        ),
    ),
    Operation(
        "messages.count_tokens", "post", "/v1/messages/count_tokens", API, "",
        ("messages.count_tokens", "beta.messages.count_tokens"),
    ),
    Operation(
        "models", "get", f"/v1/models({_ID})?", API, "",
        ("models.list", "models.retrieve", "beta.models.list", "beta.models.retrieve"),
    ),
)  # fmt: skip
_PROVIDER = Provider("anthropic", "anthropic", _OPERATIONS)


def protect(client: C, /, **settings: Unpack[ProtectSettings]) -> C:
    """Give a guarded copy of a client: of the same type, with the same methods and connection pool.

    ``client = protect(AsyncAnthropic(), fallback="Sorry, please try again.", tpm=90_000, rpm=500)``.
    The client itself stays as it is; the copy's own retries are off, because ours are made.

    Args:
        client: an ``Anthropic`` or ``AsyncAnthropic``, or the client of a cloud, such as
            ``AsyncAnthropicBedrock`` or ``AnthropicVertex``.
        settings: see ``docs/llm.md``, which has them all in a table.

    Raises:
        ConfigurationError: for a setting that is not allowed, and for a synchronous client whose
            requests cannot be ended from outside.
        UnsupportedError: for a version of the SDK that lacks what the guards hold on to.
    """
    given: dict[str, Any] = dict(settings)
    return protected(client, _PROVIDER, given)


def protection(client: SyncAPIClient | AsyncAPIClient) -> Protection:
    """Give what guards a protected client and its copies. Raises ConfigurationError for any other."""
    return protection_of(client)


def describe(client: SyncAPIClient | AsyncAPIClient) -> dict[str, Any]:
    """Give what of a protected client is guarded, by what, and what passes through, as plain data.

    Raises ConfigurationError for a client that is not protected.
    """
    return protection_of(client).describe(client)
