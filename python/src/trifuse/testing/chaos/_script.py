# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which step a request gets: scripts for all, for a path, for a model."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from trifuse._errors import ConfigurationError
from trifuse.testing.chaos._requests import Request
from trifuse.testing.chaos._steps import Step

StepLike = Step | Callable[[Request], Step | Awaitable[Step]]
"""A step, or a function that is given the request and gives a step, or awaits one."""

_Lane = tuple[str | None, str | None]


class Script:
    """Steps in order, then a default; those of a path or model before those of all."""

    def __init__(self, default: StepLike) -> None:
        """Take what is done when the steps are used up."""
        self._lock = threading.Lock()
        self._steps: dict[_Lane, deque[StepLike]] = {}
        self._defaults: dict[_Lane, StepLike] = {(None, None): default}

    def put(
        self, steps: tuple[Any, ...], path: str | None, model: str | None, default: StepLike | None
    ) -> None:
        """Replace the steps of a lane, and its default if one is given."""
        checked = [step_of(step) for step in steps]
        lane = (_named("path", path), _named("model", model))
        with self._lock:
            self._steps[lane] = deque(checked)
            if default is not None:
                self._defaults[lane] = step_of(default, "default")

    def clear(self, default: StepLike) -> None:
        """Forget all lanes."""
        with self._lock:
            self._steps.clear()
            self._defaults = {(None, None): default}

    @property
    def default(self) -> StepLike:
        """What is done with requests that no script has a step for."""
        return self._defaults[None, None]

    @default.setter
    def default(self, step: StepLike) -> None:
        self._defaults[None, None] = step_of(step, "default")

    @property
    def remaining(self) -> int:
        """How many steps no request has had yet."""
        with self._lock:
            return sum(map(len, self._steps.values()))

    def next(self, request: Request) -> tuple[StepLike, bool]:
        """Give the step of a request, and whether a lane of its path had it."""
        with self._lock:
            for lane in sorted(self._lanes(), key=_generality):
                if _matches(lane, request):
                    if steps := self._steps.get(lane):
                        return steps.popleft(), lane[0] is not None
                    if lane in self._defaults:
                        return self._defaults[lane], lane[0] is not None
        raise AssertionError("the lane of all requests has a default")

    def _lanes(self) -> set[_Lane]:
        return {*self._steps, *self._defaults}


def step_of(step: Any, name: str = "steps") -> StepLike:
    """Check a step."""
    if not isinstance(step, Step) and (not callable(step) or isinstance(step, type)):
        raise ConfigurationError(name, step, "a step such as status(500), or a function that gives one")
    return step


def _named(name: str, value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigurationError(name, value, "a str, or None for all")
    return value


def _generality(lane: _Lane) -> tuple[bool, bool]:
    return lane[0] is None, lane[1] is None


def _matches(lane: _Lane, request: Request) -> bool:
    path, model = lane
    if model is not None and request.model != model:
        return False
    return path is None or request.path == path or request.path.endswith("/" + path.strip("/"))
