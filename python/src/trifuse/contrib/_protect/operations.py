# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an SDK's requests are: which operation a method and path mean, and which group guards it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

LLM = "llm"
EMBEDDINGS = "embeddings"
API = "api"
"""Groups: those of one group share a breaker."""


class Operation(NamedTuple):
    """One operation of an API.

    Attributes:
        name: as the SDK calls the resource, such as ``"chat.completions"``.
        method: of HTTP, in lower case.
        path: a regular expression of the whole path, without the query.
        group: which guard it belongs to.
        format: the name of its stream format in ``trifuse._llm.formats``; "" where it has no streams.
        calls: the methods of the client that make it.
    """

    name: str
    method: str
    path: str
    group: str
    format: str
    calls: tuple[str, ...]


class Provider(NamedTuple):
    """What is known of an SDK."""

    name: str
    module: str
    operations: tuple[Operation, ...]

    def find(self, method: str, url: str, base: str = "/") -> Operation | None:
        """Give the operation of a request; None for what is not known.

        ``url`` may be a whole one, as that of a next page; ``base`` is the path that it begins with.
        """
        path = urlsplit(url).path
        if "://" in url and path.startswith(base):
            path = "/" + path[len(base) :].lstrip("/")
        path = "/" + path.strip("/")
        for operation in self.operations:
            if operation.method == method and re.fullmatch(operation.path, path):
                return operation
        return None


def body_of(options: Any) -> dict[str, Any]:
    """Give what the caller asked for, by the names of the API; what was left out is not in it."""
    body = getattr(options, "json_data", None)
    if not isinstance(body, dict):
        return {}
    return {key: value for key, value in body.items() if isinstance(key, str) and not _left_out(value)}


def _left_out(value: object) -> bool:
    return type(value).__name__ in {"Omit", "NotGiven"}
