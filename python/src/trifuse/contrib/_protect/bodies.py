# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bodies of requests that may have to be sent more than once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def sendable(options: Any, client: Any) -> Any:
    """Give options that every attempt can be made of, as the SDK's own retries would be.

    Iterators in the body become lists, attempts share their idempotency key, and the SDK makes none
    of its own.
    """
    changes: dict[str, Any] = {"max_retries": 0}
    if isinstance(options.json_data, dict):
        changes["json_data"] = _listed(options.json_data)
    if options.idempotency_key is None and options.method.lower() != "get":
        changes["idempotency_key"] = client._idempotency_key()
    return options.model_copy(update=changes)


def _listed(value: Any) -> Any:
    """Give a value with its iterators made lists; the value itself where there are none."""
    if isinstance(value, dict):
        made = {key: _listed(part) for key, part in value.items()}
        return made if any(made[key] is not value[key] for key in value) else value
    if isinstance(value, (list, tuple)):
        parts = [_listed(part) for part in value]
        return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    if isinstance(value, Iterator) and not hasattr(value, "read"):
        return [_listed(part) for part in value]
    return value


def once_only(options: Any) -> bool:
    """Tell whether a request has a body that is used up when it was sent, such as an open file."""
    if getattr(options, "files", None):
        return True
    content = getattr(options, "content", None)
    return content is not None and not isinstance(content, (bytes, bytearray))
