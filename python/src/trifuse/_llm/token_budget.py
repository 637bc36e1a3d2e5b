# SPDX-License-Identifier: MIT OR Apache-2.0
"""The token budget: requests and tokens a minute, taken together before a call and settled after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from trifuse._core import lib
from trifuse._durations import Duration, seconds
from trifuse._errors import ConfigurationError
from trifuse._listeners import log
from trifuse._llm import token_budget_guards as guards
from trifuse._llm.token_budget_buckets import FIELDS, Buckets, Refusal, make_bucket
from trifuse._llm.token_budget_errors import TokenBudgetError
from trifuse._llm.token_budget_grant import TokenGrant
from trifuse._llm.token_budget_learning import Learning
from trifuse._llm.token_budget_queue import BudgetQueue, error_of
from trifuse._llm.token_budget_streams import current
from trifuse._llm.token_budget_values import (
    DEFAULT_QUEUE,
    Counts,
    Settings,
    TokenBudgetSnapshot,
    check,
    owed,
    read_estimate,
    there,
)
from trifuse._llm.tokens import DEFAULT_OUTPUT_TOKENS, estimate_call, tells_output
from trifuse._llm.usage import Usage, usage_of
from trifuse._policy import Policy, checked_name
from trifuse._structs import wait_ns
from trifuse._waiting import ThreadWaiter, Waiter, deadline_ns, now_ns, task_waiter, wait, wait_async

__all__ = ["TokenBudget", "TokenBudgetError", "TokenBudgetSnapshot", "TokenGrant"]
W = TypeVar("W", bound=Waiter)
Estimator = Callable[..., "int | Usage"]
Reader = Callable[[Any], "int | Usage | None"]
_bypass = lib.trifuse_py_bypass


class TokenBudget(Policy):
    """Keeps calls of a model within requests and tokens a minute.

    Before a call a request and its estimated tokens are taken from all limits, or from none; afterwards the
    tokens are settled to the usage that the response tells, in both directions. Who finds too little
    waits in order for at most ``max_wait``, or is refused at once.

    Args:
        name: what it is called in refusals; by default that of the function it decorates.
        rpm: requests a minute; ``"auto"``: as the server's headers say, no limit until then.
        tpm: tokens a minute, input and output together; or ``"auto"``.
        rpd: requests a day.
        tpd: tokens a day.
        max_wait: how long a call may wait for its turn, in seconds or as timedelta; never past a deadline.
        max_queue: how many may wait.
        burst: how much of a minute's worth may come at once, more than 0 to 1. No call can have more
            tokens than ``burst * tpm``.
        estimate: a function of the call's arguments that gives its tokens, a :class:`Usage` or a number;
            by default :func:`estimate_call`.
        usage: a function of the result, or of each item of a stream, that gives the tokens used (a
            :class:`Usage` or a number) or None; by default :func:`usage_of`.
        default_output_tokens: what a call without ``max_tokens`` is taken to give.

    It is a decorator for functions of any kind and has :meth:`reserve` and :meth:`areserve`. Everything may be
    used from any number of threads and tasks (asyncio, trio).

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("_buckets", "_counts", "_estimate", "_learning", "_queue", "_said", "_usage")
    kind = "token_budget"
    settings = frozenset({*FIELDS, "max_wait", "max_queue", "burst", "default_output_tokens"})

    def __init__(
        self,
        name: str | None = None,
        *,
        rpm: int | str | None = None,
        tpm: int | str | None = None,
        rpd: int | None = None,
        tpd: int | None = None,
        max_wait: Duration | None = 0,
        max_queue: int = DEFAULT_QUEUE,
        burst: float = 1.0,
        estimate: Estimator | None = None,
        usage: Reader | None = None,
        default_output_tokens: int = DEFAULT_OUTPUT_TOKENS,
    ) -> None:
        """Begin full."""
        longest = wait_ns("max_wait", max_wait)
        said = Settings(rpm, tpm, rpd, tpd, burst, longest, max_queue, default_output_tokens)
        check(said)
        for field, function in (("estimate", estimate), ("usage", usage)):
            if function is not None and not callable(function):
                raise ConfigurationError(field, function, "a function, or None")
        self.name = checked_name(name)
        self._estimate, self._usage = estimate, usage
        self._said = said
        made = (make_bucket(field, n, burst) for field, n in said.limits().items())
        self._buckets = Buckets(self.name, tuple(made))
        self._counts = Counts()
        self._queue = BudgetQueue(self._buckets, self._counts)
        self._learning = Learning(self)

    def reserve(self, tokens: int | Usage, *, max_wait: Duration | None = None) -> TokenGrant:
        """Take a request and so many tokens, blocking the thread for at most ``max_wait`` (by default its own).

        Raises TokenBudgetError (a RateLimitedError) where they are not there in time; OverCapacityError for
        more than there can ever be.
        """
        n, told = read_estimate(tokens)
        if _bypass():
            return TokenGrant(self, n, told, open_=False)
        begun = self._begin(n, self._longest(max_wait), ThreadWaiter)
        if begun is not None:
            wait(self._queue, begun)
        return self._granted(n, told)

    async def areserve(self, tokens: int | Usage, *, max_wait: Duration | None = None) -> TokenGrant:
        """Take a request and so many tokens; the task waits. As :meth:`reserve`; cancelled, it takes nothing."""
        n, told = read_estimate(tokens)
        if _bypass():
            return TokenGrant(self, n, told, open_=False)
        begun = self._begin(n, self._longest(max_wait), task_waiter)
        if begun is not None:
            await wait_async(self._queue, begun)
        return self._granted(n, told)

    def learn(self, headers: Mapping[str, Any]) -> None:
        """Take what the headers of a response say of the limits.

        Where the server says that fewer are left than are here, because others use the key too, so many are
        left here too; more are never taken over. ``"auto"`` limits are set. Garbage is passed over. Within a
        guarded call they are held against what was left when that call was granted, however long it took.
        """
        grant = current.get()
        self._learning.learn(headers, grant if grant is not None and grant._budget is self else None)

    def pause(self, duration: Duration) -> None:
        """Grant nothing for so long; a pause that ends later stands. Raises ConfigurationError for no duration."""
        self._learning.pause(wait_ns("duration", duration))

    def estimate(self, *args: Any, **kwargs: Any) -> Usage:
        """Estimate a call with these arguments, as the budget would."""
        tokens, told = self._estimated(args, kwargs)
        return told or Usage(tokens, 0)

    def snapshot(self) -> TokenBudgetSnapshot:
        """Take a picture: what is there, who waits, totals."""
        with self._queue._lock:
            now, counts = now_ns(), self._counts
            levels = self._buckets.levels(now)
            requests = [level for field, level in levels.items() if field.startswith("r")]
            tokens = [level for field, level in levels.items() if field.startswith("t")]
            limits = {bucket.field: self._learning.limit_of(bucket) for bucket in self._buckets.all}
            return TokenBudgetSnapshot(
                self.name, there(requests), there(tokens), owed(requests), owed(tokens), limits,
                seconds(max(0, self._buckets.paused_ns - now)), len(self._queue.waiters), counts.in_flight,
                counts.reserved, counts.granted, counts.tokens, counts.refused,
                counts.refunded, counts.owed, counts.learned, counts.settled, counts.estimated, counts.used,
            )  # fmt: skip

    def reconfigure(self, *args: Any, **changes: Any) -> None:
        """Change settings, given by keyword; what was taken stays taken, and who waits goes on waiting.

        Raises ConfigurationError, and then nothing is taken.
        """
        if args:
            raise TypeError("settings are given by keyword")
        said = self._changed(changes)
        with self._queue._lock:
            self._learning.adopt_settings(self._said, said)
            self._said = said
            self._queue.stir()

    def _settings(self) -> dict[str, Any]:
        said = self._said._asdict()
        said["max_wait"] = seconds(said.pop("max_wait_ns"))
        return {field: value for field, value in said.items() if value is not None}

    def _checked(self, changes: Mapping[str, Any]) -> None:
        self._changed(changes)

    def _changed(self, changes: Mapping[str, Any]) -> Settings:
        given = dict(changes)
        for field, value in given.items():
            if field not in self.settings:
                raise ConfigurationError(field, value, f"one of {', '.join(sorted(self.settings))}")
        if "max_wait" in given:
            given["max_wait_ns"] = wait_ns("max_wait", given.pop("max_wait"))
        said = self._said._replace(**given)
        check(said)
        for field, n in said.limits().items():
            make_bucket(field, n, said.burst)  # whatever the core refuses is refused before anything changes
        return said

    def _adopt(self, name: str) -> None:
        super()._adopt(name)
        self._buckets.name = self.name

    def _longest(self, max_wait: Duration | None) -> int:
        return self._said.max_wait_ns if max_wait is None else wait_ns("max_wait", max_wait)

    def _begin(self, tokens: int, longest: int, make: Callable[[int, int], W]) -> W | None:
        """Take at once (None), join the queue, or raise what refuses."""
        queue = self._queue
        with queue._lock:
            refusal = queue.ask(tokens, take=True)
            if refusal is None and not queue.waiters:
                return None
            refusal = refusal or Refusal(0, "max_queue", tokens, 0)
            ready = now_ns() + refusal.wait_ns
            end = deadline_ns(longest)
            full = len(queue.waiters) >= self._said.max_queue
            if not longest or ready > end or full:
                self._counts.refused += 1
                raise error_of(
                    self.name, refusal._replace(field="max_queue") if longest and full else refusal
                )
            waiter = make(tokens, end)
            queue.join(waiter, ready)
            return waiter

    def _granted(self, tokens: int, told: Usage | None) -> TokenGrant:
        grant = TokenGrant(self, tokens, told)
        counts = self._counts
        with self._queue._lock:
            counts.granted += 1
            counts.tokens += tokens
            counts.in_flight += 1
            counts.reserved += tokens
            self._learning.mark(grant)
        return grant

    def _close(self, grant: TokenGrant, used: int, requests_back: int, *, known: bool) -> None:
        """Settle a grant, once."""
        queue, counts, tokens = self._queue, self._counts, grant.tokens
        with queue._lock:
            if not grant._open or not self._learning.is_ours(grant):
                return
            grant._open = False
            now = now_ns()
            counts.in_flight -= 1
            counts.reserved -= tokens
            if known:
                counts.settled += 1
                counts.estimated += tokens
                counts.used += used
            if used < tokens or requests_back:
                counts.refunded += max(0, tokens - used)
                self._buckets.put_back(max(0, tokens - used), requests_back, now)
            if used > tokens:
                counts.owed += used - tokens
                self._buckets.owe(used - tokens, now)
            if used != tokens or requests_back:
                queue.stir()

    def _learn_error(self, error: BaseException, grant: TokenGrant) -> None:
        self._learning.learn_error(error, grant)

    def _estimated(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[int, Usage | None]:
        """Estimate a call: by the user's function, or by the rule where there is none or it fails."""
        if self._estimate is not None:
            try:
                return read_estimate(self._estimate(*args, **kwargs))
            except Exception as error:  # noqa: BLE001 - an estimate must not stop a call
                log().warning("token budget %r: estimate raised %s", self.name, type(error).__qualname__)
        told = estimate_call(args, kwargs, self._said.default_output_tokens)
        most = self._buckets.capacity
        if most is not None and told.total > most > told.input_tokens and not tells_output(kwargs):
            told = Usage(told.input_tokens, most - told.input_tokens)  # a guess makes no call impossible
        return told.total, told

    def _used(self, result: Any) -> Usage | int | None:
        """Give what a result or an item tells of its usage."""
        if self._usage is None:
            return usage_of(result)
        try:
            used = self._usage(result)
            if used is not None:
                read_estimate(used)
        except Exception as error:  # noqa: BLE001 - nothing is told
            log().warning("token budget %r: usage raised %s", self.name, type(error).__qualname__)
            return None
        return used

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_function(self, fn)

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_coroutine_function(self, fn)

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_generator_function(self, fn)

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guards.guard_async_generator_function(self, fn)
