# SPDX-License-Identifier: MIT OR Apache-2.0
"""Several policies in a named order: guards within guards, and nothing between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from trifuse._errors import ConfigurationError
from trifuse._locks import Lock
from trifuse._policy import Policy, nest

if TYPE_CHECKING:
    import os
    from types import EllipsisType, TracebackType

    from trifuse._pipeline_blocks import Blocks
    from trifuse._registry import CircuitBreakerRegistry

P = ParamSpec("P")
R = TypeVar("R")
_MOST_CALLED = 64
_changing = Lock()


class Pipeline(Policy):
    """Policies in the order as written, the outermost first.

    ``Pipeline("search", Retry(), CircuitBreaker("search"), Timeout(2))`` asks the breaker before
    each attempt and gives each attempt 2 seconds. The recommended order is fallback, retry, circuit
    breaker, throttle, rate limit, bulkhead or adaptive limit, hedge, timeout; any other works as it
    reads. A pipeline is a policy and may be part of another one; a policy may be part of several.

    It is a decorator for what all its parts can guard, has :meth:`call`, and is a context manager
    where every part is one (``with`` or ``async with``). Its parts are found by place, by kind
    (``pipeline["retry"]``; the second of a kind is ``"retry_2"``) or by their name.

    Args:
        name: what it guards, such as ``"search"``; parts without a name take it.
        policies: the parts, the outermost first.

    Raises:
        ConfigurationError: for what is no policy.
    """

    __slots__ = ("_blocks", "_called", "policies")
    kind = "pipeline"
    policies: tuple[Policy, ...]
    _blocks: Blocks | None

    def __init__(self, name: str, /, *policies: Policy) -> None:
        """Take the name and the parts."""
        if not isinstance(name, str) or not name:
            raise ConfigurationError("name", name, "a text that is not empty")
        if not policies:
            raise ConfigurationError("policies", policies, "at least one policy")
        for place, policy in enumerate(policies):
            if not isinstance(policy, Policy):
                raise ConfigurationError(f"policies[{place}]", policy, "a policy, such as Retry()")
            policy._adopt(name)
        self.name = name
        self.policies = policies
        self._blocks = None
        self._called: dict[Any, Any] = {}

    @classmethod
    def profile(
        cls, profile: str, /, name: str | None = None, *,
        registry: CircuitBreakerRegistry | EllipsisType | None = ..., **changes: Any,
    ) -> Pipeline:  # fmt: skip
        """Make the pipeline of a service profile: ``"critical"``, ``"normal"`` or ``"batch"``.

        Retries, a circuit breaker with the time limit of one attempt, and a rate limit. ``changes``
        are as in :meth:`from_dict`, such as ``retry={"max_retries": 1}`` or ``rate_limit=False``.
        Without a name it has the profile's, and its breaker is in no registry.
        """
        from trifuse._pipeline_config import build

        home = None if name is None and registry is ... else registry
        return build({"profile": profile, **changes}, name or profile, registry=home)

    @classmethod
    def from_dict(
        cls,
        data: Mapping[str, Any],
        /,
        name: str | None = None,
        *,
        registry: CircuitBreakerRegistry | EllipsisType | None = ...,
    ) -> Pipeline:
        """Make a pipeline of a dictionary: a table of settings for each kind of policy.

        ``{"name": "search", "retry": {"max_retries": 2}, "timeout": 2}``: the parts in the order
        as written, or as ``"order"`` lists them; ``"profile"`` to begin with; True for a policy
        with its defaults, False for none. Raises ConfigurationError, which names the field by its
        path, for what is not known or not allowed.
        """
        from trifuse._pipeline_config import build

        return build(data, name, registry=registry)

    @classmethod
    def from_toml(
        cls, source: str | os.PathLike[str], /, table: str = "", name: str | None = None, *,
        registry: CircuitBreakerRegistry | EllipsisType | None = ...,
    ) -> Pipeline:  # fmt: skip
        """Make a pipeline of a TOML file or text, or of a ``table`` in it, as :meth:`from_dict`.

        A path object, or a text that ends in ``.toml``, names a file. ``table`` is a dotted path,
        and its last part the pipeline's name unless one is given.
        """
        from trifuse._pipeline_sources import read_toml

        data, found = read_toml(source, table)
        return cls.from_dict(data, name or data.get("name") or found, registry=registry)

    @classmethod
    def from_env(
        cls, name: str, /, data: Mapping[str, Any] | None = None, *,
        environ: Mapping[str, str] | None = None,
        registry: CircuitBreakerRegistry | EllipsisType | None = ...,
    ) -> Pipeline:  # fmt: skip
        """Make a pipeline of environment variables ``TRIFUSE_<NAME>_<FIELD>``, laid over ``data``.

        ``TRIFUSE_SEARCH_RETRY_MAX_RETRIES=2``, ``TRIFUSE_SEARCH_RATE_LIMIT_RATE=500/minute``,
        ``TRIFUSE_SEARCH_PROFILE=normal``, ``TRIFUSE_SEARCH_TIMEOUT=off``. What only the environment
        names stands in the recommended order. Raises ConfigurationError, which names the variable.
        """
        from trifuse._pipeline_config import build
        from trifuse._pipeline_sources import read_environment

        told: dict[str, str] = {}
        merged = read_environment(name, {} if data is None else data, environ, told)
        return build(merged, name, registry=registry, told=told)

    def to_dict(self) -> dict[str, Any]:
        """Give what :meth:`from_dict` makes the like of: plain data, without functions."""
        from trifuse._pipeline_config import dump

        return dump(self)

    def reconfigure(self, changes: Mapping[str, Any] | None = None, /, **by_policy: Any) -> None:
        """Change settings of the parts while calls run: all of them, or none.

        ``pipeline.reconfigure(retry={"max_retries": 1}, rate_limit={"rate": "100/second"})``, or
        the same as a dictionary. What the parts have counted stays, and so do calls in flight.
        Raises ConfigurationError, which names the field by its path, and then nothing is taken.
        """
        from trifuse._pipeline_config import plan_changes

        with _changing:
            plan = plan_changes(self, {**(changes or {}), **by_policy})
            taken: list[tuple[Policy, dict[str, Any]]] = []
            try:
                for policy, fields, path in plan:
                    taken.append((policy, {n: v for n, v in policy._settings().items() if n in fields}))
                    with path:
                        policy.reconfigure(**fields)
            except BaseException:
                for policy, before in reversed(taken[:-1]):
                    policy.reconfigure(**before)
                raise

    def describe(self) -> dict[str, Any]:
        """Give the name and the parts in their order, each with its numbers; ``print()`` it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "policies": [policy.describe() for policy in self.policies],
        }

    def snapshot(self) -> dict[str, Any]:
        """Take a picture of every part that counts something, by its key."""
        pairs = ((key, getattr(policy, "snapshot", None)) for key, policy in self.items())
        return {key: take() for key, take in pairs if take is not None}

    def items(self) -> list[tuple[str, Policy]]:
        """Give the parts with their keys: the kind, and from the second of a kind on ``kind_2``."""
        seen: dict[str, int] = {}
        keyed = []
        for policy in self.policies:
            seen[policy.kind] = number = seen.get(policy.kind, 0) + 1
            keyed.append((policy.kind if number == 1 else f"{policy.kind}_{number}", policy))
        return keyed

    def __getitem__(self, key: int | str) -> Policy:
        """Give a part by place, key or name; the outermost, where several have that name."""
        if isinstance(key, int):
            return self.policies[key]
        keyed = self.items()
        found = [p for k, p in keyed if k == key] or [p for p in self.policies if p.name == key]
        if not found:
            raise KeyError(f"{key!r}; pipeline {self.name!r} has {', '.join(k for k, _ in keyed)}")
        return found[0]

    def __iter__(self) -> Iterator[Policy]:
        """Iterate over the parts, the outermost first."""
        return iter(self.policies)

    def __len__(self) -> int:
        """Give the number of parts."""
        return len(self.policies)

    def __repr__(self) -> str:
        """Show the name and the parts."""
        return f"{type(self).__name__}({', '.join([repr(self.name), *map(repr, self.policies)])})"

    def __str__(self) -> str:
        """Show the order and the numbers, a line for each part."""
        keyed = self.items()
        lines = [f"{self.name}: {' > '.join(key for key, _ in keyed)}"]
        for key, policy in keyed:
            name = "" if policy.name == self.name else f"{policy.name!r} "
            told = ((field, _shown(value)) for field, value in policy._numbers().items())
            numbers = ", ".join(f"{field}={text}" for field, text in told if text)
            lines.append(f"  {key:15} {name}{numbers}".rstrip())
        return "\n".join(lines)

    def _settings(self) -> dict[str, Any]:
        return {key: policy._settings() for key, policy in self.items()}

    def _checked(self, changes: Mapping[str, Any]) -> None:
        from trifuse._pipeline_config import plan_changes

        plan_changes(self, changes)

    def _guard(self, fn: Any) -> Any:
        return self._guard_within(fn, fn)

    def _guard_within(self, fn: Any, original: Any) -> Any:
        return nest(self.policies, fn, original)

    def call(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function of any kind through all parts: ``await`` it if you would without."""
        guarded = self._called.get(fn) if type(fn) is FunctionType else None
        result: R = (guarded or self._guard_called(fn))(*args, **kwargs)
        return result

    def _guard_called(self, fn: Any) -> Any:
        """Guard a function for call(); keep that, if it keeps nothing else alive."""
        guarded = super()._guard_called(fn)
        if type(fn) is FunctionType and not (fn.__closure__ or fn.__defaults__ or fn.__kwdefaults__):
            if len(self._called) >= _MOST_CALLED:
                self._called.clear()
            self._called[fn] = guarded
        return guarded

    def __enter__(self) -> Self:
        """Admit a block of code through all parts. Raises UnsupportedError if one has no blocks."""
        self._own_blocks().enter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Tell all parts how the block ended, the innermost first."""
        return self._own_blocks().exit(kind, error, trace)

    async def __aenter__(self) -> Self:
        """As ``with``, with time limits and waiting."""
        await self._own_blocks().enter_async(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """As ``with``."""
        return await self._own_blocks().exit_async(kind, error, trace)

    def _own_blocks(self) -> Blocks:
        blocks = self._blocks
        if blocks is None:
            from trifuse._pipeline_blocks import Blocks

            with _changing:
                if self._blocks is None:
                    self._blocks = Blocks()
                blocks = self._blocks
        return blocks


def _shown(value: Any) -> str:
    """Give the text of a number; nothing for what is switched off."""
    if isinstance(value, Mapping):
        return (
            "/".join(_shown(part) for part in value.values()) + "s"
            if "permits" in value
            else str(dict(value))
        )
    if isinstance(value, float):
        return f"{value:g}" if value else ""
    return "" if value is None or value is False else str(value)
