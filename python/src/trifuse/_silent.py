# SPDX-License-Identifier: MIT OR Apache-2.0
"""Errors that say nothing but their class, which is most of them: they need no further look."""

from __future__ import annotations

NAMES = frozenset(
    {
        "body", "code", "details", "error_code", "headers", "http_status", "provider_error_code",
        "provider_error_type", "response", "retry_after", "retry_after_s", "status", "status_code",
        "trailing_metadata", "type",
    }
)  # fmt: skip
"""The attributes from which status, codes and times are read."""

_DYNAMIC = ("__getattr__", "__getattribute__")
_MOST_CLASSES = 1_024
_silent: dict[type, bool] = {}


def is_silent(error: BaseException) -> bool:
    """Tell whether neither an error nor its class has any attribute of these names."""
    cls = type(error)
    found = _silent.get(cls)
    if found is None:
        found = _defines_none(cls)
        if len(_silent) >= _MOST_CLASSES:
            _silent.clear()
        _silent[cls] = found
    return found and (not error.__dict__ or NAMES.isdisjoint(error.__dict__))


def _defines_none(cls: type) -> bool:
    bases = cls.__mro__[: cls.__mro__.index(BaseException)]
    return not any(
        not NAMES.isdisjoint(vars(base)) or any(name in vars(base) for name in _DYNAMIC) for base in bases
    )
