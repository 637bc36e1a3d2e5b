# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guarded channels of gRPC, synchronous and asyncio, against a real server."""

from __future__ import annotations

import pickle

import grpc
import pytest
from trifuse import (
    CircuitBreakerOpenError,
    RefusedError,
    registry,
)
from trifuse.classify import classify
from trifuse.contrib.grpc import guard_of

pytestmark = pytest.mark.end_to_end
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


@pytest.mark.parametrize("kind", KINDS)
def test_calls_of_all_kinds_pass_and_count(client, kind, kit):
    one = client()
    answer = one.run(b"OK", kind)
    assert answer == ([b"first", b"done"] if kind.endswith("stream") else b"done")
    kit.eventually(one.guard, (1, 0, 0, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_opens_the_circuit_and_the_next_is_not_made(client, service, kind, kit):
    one = client(consecutive_failures=1)
    with pytest.raises(grpc.RpcError) as caught:
        one.run(b"UNAVAILABLE", kind)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert not isinstance(caught.value, RefusedError)
    kit.eventually(one.guard, (0, 1, 0, 0))
    calls = service.calls
    with pytest.raises(CircuitBreakerOpenError) as caught:
        one.run(b"OK", kind)
    refused = caught.value
    assert isinstance(refused, grpc.RpcError)
    assert refused.code() is grpc.StatusCode.UNAVAILABLE
    assert refused.details() == str(refused)
    assert service.calls == calls
    assert 29 < refused.retry_after <= 30
    assert classify(refused).kind == "refused"
    assert type(pickle.loads(pickle.dumps(refused))) is CircuitBreakerOpenError


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("UNAVAILABLE", (0, 1, 0, 0)), ("INTERNAL", (0, 1, 0, 0)), ("UNKNOWN", (0, 1, 0, 0)),
        ("RESOURCE_EXHAUSTED", (0, 1, 0, 0)), ("ABORTED", (0, 1, 0, 0)), ("DATA_LOSS", (0, 1, 0, 0)),
        ("DEADLINE_EXCEEDED", (0, 1, 1, 0)), ("INVALID_ARGUMENT", (0, 0, 0, 1)), ("NOT_FOUND", (0, 0, 0, 1)),
        ("PERMISSION_DENIED", (0, 0, 0, 1)), ("UNAUTHENTICATED", (0, 0, 0, 1)), ("UNIMPLEMENTED", (0, 0, 0, 1)),
        ("FAILED_PRECONDITION", (0, 0, 0, 1)), ("OUT_OF_RANGE", (0, 0, 0, 1)), ("CANCELLED", (0, 0, 0, 1)),
        ("ALREADY_EXISTS", (0, 0, 0, 1)),
    ],
)  # fmt: skip
def test_a_status_counts_as_what_it_means(client, code, wanted, kit):
    one = client()
    for kind in ("unary_unary", "unary_stream"):
        one.guard.hosts.breakers._breakers.clear()
        with pytest.raises(grpc.RpcError):
            one.run(code.encode(), kind)
        kit.eventually(one.guard, wanted)


def test_each_method_has_a_breaker_of_its_own_unless_told_otherwise(channel, service, kit):
    for scope, keys in [
        ("method", [f"{service.target}/test.Service/{kind}" for kind in KINDS]),
        ("service", [f"{service.target}/test.Service"]),
        ("target", [service.target]),
    ]:
        one = channel(scope=scope, name=scope)
        for kind in KINDS:
            kit.call(one, b"OK", kind)
        assert list(guard_of(one).hosts.breakers) == keys
        assert f"{scope}[{keys[0]}]" in registry
    assert guard_of(one).describe()["scope"] == "target"


def test_only_what_is_called_idempotent_is_called_again(client, service, kit):
    one = client(retry={"delay": 0.001}, idempotent=["/test.Service/unary_unary"])
    service.script = ["UNAVAILABLE", "INTERNAL"]
    assert one.run(b"OK") == b"done"
    assert service.calls == 3
    assert kit.counts(one.guard) == (1, 2, 0, 0)
    service.script, service.calls = ["UNAVAILABLE"], 0
    with pytest.raises(grpc.RpcError):
        one.run(b"OK", "stream_unary")
    assert service.calls == 1
    other = client(retry={"delay": 0.001})
    service.script, service.calls = ["UNAVAILABLE"], 0
    with pytest.raises(grpc.RpcError):
        other.run(b"OK")
    assert service.calls == 1


def test_a_mistake_is_not_made_again(client, service):
    one = client(retry={"delay": 0.001}, idempotent=True)
    with pytest.raises(grpc.RpcError):
        one.run(b"INVALID_ARGUMENT")
    assert service.calls == 1


def test_a_pushback_says_when_to_call_again(client, service):
    one = client(retry={"delay": 0.001}, idempotent=lambda method: method.endswith("unary_unary"))
    service.script, service.trailers = ["UNAVAILABLE"], (("grpc-retry-pushback-ms", "200"),)
    assert one.run(b"OK") == b"done"
    first, second = service.at
    assert 0.2 <= second - first < 0.5


@pytest.mark.parametrize("told", ["-1", "never", ""])
def test_a_pushback_that_says_no_ends_the_retries(client, service, told):
    one = client(retry={"delay": 0.001}, idempotent=True)
    service.trailers = (("grpc-retry-pushback-ms", told),)
    with pytest.raises(grpc.RpcError):
        one.run(b"UNAVAILABLE")
    assert service.calls == 1
