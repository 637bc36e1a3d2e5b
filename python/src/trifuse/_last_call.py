# SPDX-License-Identifier: MIT OR Apache-2.0
"""``last_call()``: what answered the last call of the running task or thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from trifuse._fallback import NOTHING, Answer, Scope, Seen, note, scope, seen

if TYPE_CHECKING:
    from trifuse.classify import Kind

__all__ = ["LastCall", "adopt", "last_call", "note_deployment", "scoped"]


class LastCall(NamedTuple):
    """What answered a call.

    Attributes:
        name: of the guard whose fallback answered, or whose call answered by itself.
        level: the place of the fallback in its chain, from 1 on; 0: the call itself answered.
        fallback: the name of the fallback; None where none answered.
        degraded: whether it is the answer of a fallback, or was made with the help of one: such an
            answer does not belong into a cache.
        kind: what kind of error led to the fallback (``trifuse.classify.Kind``); None without one.
        deployment: which deployment of a ModelPool answered; None without a pool.
    """

    name: str
    level: int
    fallback: str | None
    degraded: bool
    kind: Kind | None
    deployment: str | None = None


def last_call() -> LastCall | None:
    """Tell what answered the last call in this task or thread; None before the first.

    Calls are those of guards that have a fallback, and of model pools. Where a fallback answered
    within a guarded call and the call then answered by itself, the fallback is told. Each task and
    thread has its own: what ran in others is told there. Of a stream it is told with its first item.
    A call that raised has no answer and changes nothing.
    """
    last = seen.get()
    return None if last is NOTHING else told(last)


def told(last: Seen) -> LastCall:
    """Give the public form."""
    return LastCall(last.name, last.level, last.fallback, last.degraded, last.kind, last.deployment)


def note_deployment(
    owner: Any, deployment: str, *, degraded: bool = False, level: int = 0, kind: Kind | None = None
) -> None:
    """Note which deployment of a pool answered; the pool, ``owner``, calls it when it has an answer.

    ``degraded``: it is not one that the caller would take for the real one; it then counts as the
    answer of a fallback, also for caches.
    """
    if degraded:
        note(Answer(owner.name, level, deployment, kind, deployment))
    else:
        seen.set(Seen(owner, seen.get().last_degraded, deployment))


def adopt(answer: Answer | None) -> None:
    """Take over what another task saw of a call that both have waited for."""
    if answer is not None:
        note(answer)


@contextmanager
def scoped(inner: Scope) -> Iterator[Scope]:
    """Let a scope be the innermost for a block of code."""
    scope.set(inner)
    try:
        yield inner
    finally:
        scope.set(inner.outer)
