# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an integration says when its library is not installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def need(module: str, extra: str) -> Any:
    """Import a library, or raise ImportError that says what to install."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the library is there, and broken
        raise ImportError(
            f"trifuse needs {module!r} for this: pip install 'trifuse[{extra}]'", name=error.name
        ) from error
