# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a deployment calls: a function as it is, or the main call of a client that does not retry by itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from trifuse._errors import ConfigurationError
from trifuse._kinds import is_generator_function, underlying
from trifuse._waiting import gives_awaitables

_CALLS = (("chat", "completions", "create"), ("messages", "create"))
_ALLOWED = "a function, a method of a client, or a client of openai or anthropic"


def call_of(call: Any, client: Any) -> Callable[..., Any]:
    """Give the function that answers. Raises ConfigurationError."""
    given = call if client is None else client
    if isinstance(given, type) or (call is not None and client is not None):
        raise ConfigurationError("call", call, f"{_ALLOWED}; either call or client")
    for path in _CALLS:
        if _walk(given, path) is not None:
            found: Callable[..., Any] = _walk(_without_retries(given), path)
            return found
    if not callable(given):
        raise ConfigurationError("call" if client is None else "client", given, _ALLOWED)
    function: Callable[..., Any] = given
    return function


def _without_retries(client: Any) -> Any:
    """Give a copy of a client that leaves retries to the pool; the client itself where it makes none."""
    copy = getattr(client, "with_options", None)
    retries = getattr(client, "max_retries", 0)
    return copy(max_retries=0) if callable(copy) and retries else client


def _walk(holder: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        holder = getattr(holder, name, None)
        if holder is None:
            return None
    return holder if callable(holder) else None


def form_of(call: Callable[..., Any]) -> str:
    """Tell the kind of a function, as far as looking at it tells."""
    kind = underlying(call)
    if inspect.isasyncgenfunction(kind):
        return "asynchronous generator function"
    if is_generator_function(kind):
        return "generator function"
    return "coroutine function" if gives_awaitables(call) or gives_awaitables(kind) else "function"
