# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a model pool tells: events and snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from trifuse._values import State


class PoolEvent(NamedTuple):
    """How one attempt of a pool's call ended.

    Attributes:
        pool: the pool's name.
        deployment: the deployment's.
        attempt: which attempt of the call it was, from 1 on.
        outcome: ``"answered"`` (a stream: its first content came), ``"refused"`` (by a breaker or limit of
            the deployment: nothing was sent), ``"failed"``, or ``"cancelled"`` (another was quicker, or
            the caller gave up).
        kind: of the error (``trifuse.classify.Kind``); None without one.
        seconds: how long it took.
        hedge: whether it was started beside a slow one.
    """

    pool: str
    deployment: str
    attempt: int
    outcome: str
    kind: str | None
    seconds: float
    hedge: bool


class DeploymentSnapshot(NamedTuple):
    """What a pool knows of a deployment.

    Attributes:
        name: its name.
        state: of its breaker.
        retry_after: seconds until it is tried again; None when it takes calls, or nobody knows.
        in_flight: attempts that run, streams that are read with them.
        answered: attempts that answered ever.
        failed: attempts that failed ever.
        refused: attempts that its breaker or a limit refused ever.
        cancelled: attempts that were given up, because another was quicker or by the caller.
        latency: the pool's quantile of the last minute's answers, in seconds; None without any.
        first_content: the same of the first content of streams.
        tokens_available: of its budget; None without one.
    """

    name: str
    state: State
    retry_after: float | None
    in_flight: int
    answered: int
    failed: int
    refused: int
    cancelled: int
    latency: float | None
    first_content: float | None
    tokens_available: int | None


class PoolSnapshot(NamedTuple):
    """What a pool has done.

    Attributes:
        name: its name.
        calls: calls ever.
        answered: calls that were answered.
        failed: calls that were not.
        failovers: attempts made because the one before had failed.
        hedges: attempts started beside a slow one.
        deployments: by name.
    """

    name: str
    calls: int
    answered: int
    failed: int
    failovers: int
    hedges: int
    deployments: dict[str, DeploymentSnapshot]
