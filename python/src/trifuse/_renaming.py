# SPDX-License-Identifier: MIT OR Apache-2.0
"""Settings that are handed on to a policy which has another name for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trifuse._errors import ConfigurationError


@contextmanager
def given_as(field: str, value: Any, *names: str) -> Iterator[None]:
    """Let a ConfigurationError about one of ``names`` be about the setting that the caller gave."""
    try:
        yield
    except ConfigurationError as error:
        if error.field not in names:
            raise
        refused = ConfigurationError(field, value, error.allowed)
    else:
        return
    raise refused
