# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which SQL statements only read, as far as their text tells; in doubt one writes, and its errors are raised."""

from __future__ import annotations

import re
from typing import Any

_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_QUOTES = re.compile(r"['\"$]")
_FIRST = re.compile(r"[\s(]*([a-z]+)")
_CHANGES = re.compile(
    r"\b(insert|update|delete|merge|truncate|into|create|drop|alter|call|do|copy|lock|nextval|setval)\b"
    r"|\bfor\s+(no\s+key\s+)?(update|share|key\s+share)\b|pg_(try_)?advisory|;\s*\S"
    r"|\b(pg_notify|pg_(cancel|terminate)_backend|set_config|dblink_exec|lo_(create|unlink|import|put)\w*)\b"
)
_READS = {"select", "with", "table", "values", "show"}


def reads(query: Any) -> bool:
    """Tell whether a statement only reads: a text, bytes, or what psycopg composes."""
    text = _text(query)
    if text is None:
        return False
    text = text.lower()
    bare = _COMMENTS.sub(" ", text)
    # What looks like a comment may stand in quotes, and what follows it be a statement.
    doubtful = text if bare != text and _QUOTES.search(text) else bare
    first = _FIRST.match(bare)
    return first is not None and first[1] in _READS and _CHANGES.search(doubtful) is None


def _text(query: Any) -> str | None:
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode("utf-8", "replace")
    try:
        composed = query.as_string(None)
    except Exception:  # noqa: BLE001 - one that needs its connection, or none of psycopg's
        return None
    return composed if isinstance(composed, str) else None
