# SPDX-License-Identifier: MIT OR Apache-2.0
"""A server that speaks OpenAI's and Anthropic's APIs and fails as told, for tests.

Needs ``trifuse[chaos]``.
"""

from __future__ import annotations

from trifuse.contrib._need import need

need("h11", "chaos")

from trifuse.testing.chaos._headers import RateLimits, rate_limits  # noqa: E402
from trifuse.testing.chaos._making import (  # noqa: E402
    answer,
    broken_json,
    content_filter,
    context_length,
    disconnect,
    drip,
    empty,
    end,
    error_event,
    hang,
    html,
    overloaded,
    quota,
    raw,
    reset,
    status,
    stream,
    times,
    truncate,
    unauthorized,
)
from trifuse.testing.chaos._requests import Request  # noqa: E402
from trifuse.testing.chaos._script import StepLike  # noqa: E402
from trifuse.testing.chaos._server import ChaosServer  # noqa: E402
from trifuse.testing.chaos._steps import Step  # noqa: E402
from trifuse.testing.chaos._values import pause, reasoning, refusal, tool_call  # noqa: E402

__all__ = [
    "ChaosServer",
    "RateLimits",
    "Request",
    "Step",
    "StepLike",
    "answer",
    "broken_json",
    "content_filter",
    "context_length",
    "disconnect",
    "drip",
    "empty",
    "end",
    "error_event",
    "hang",
    "html",
    "overloaded",
    "pause",
    "quota",
    "rate_limits",
    "raw",
    "reasoning",
    "refusal",
    "reset",
    "status",
    "stream",
    "times",
    "tool_call",
    "truncate",
    "unauthorized",
]
