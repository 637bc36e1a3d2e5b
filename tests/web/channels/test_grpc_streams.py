# SPDX-License-Identifier: MIT OR Apache-2.0
"""Times, streams, futures and cancellation of guarded channels of gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time

import grpc
import pytest
from trifuse import (
    BulkheadFullError,
    CircuitBreakerOpenError,
    ConfigurationError,
    RefusedError,
    RequestTimeoutError,
    deadline,
    testing,
)
from trifuse.contrib.grpc import GuardInterceptor, guard_of, protect

pytestmark = pytest.mark.end_to_end
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


def test_a_stall_ends_at_the_request_timeout(client, kit):
    one = client(request_timeout=0.2)
    began = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught:
        one.run(b"HANG")
    assert time.monotonic() - began < 1
    assert isinstance(caught.value, grpc.RpcError)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert caught.value.setting == "request_timeout"
    assert kit.counts(one.guard) == (0, 1, 1, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_total_time_is_the_deadline_of_a_call_of_any_kind(client, kind, kit):
    one = client(total_timeout=0.2)
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        one.run(b"HANG", kind)
    assert 0.15 < time.monotonic() - began < 1
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    kit.eventually(one.guard, (0, 1, 1, 0))


def test_the_timeout_of_a_call_is_kept_where_it_is_shorter(client, kit):
    one = client(request_timeout=30)
    with pytest.raises(grpc.RpcError) as caught:
        one.run(b"HANG", timeout=0.1)
    assert not isinstance(caught.value, RequestTimeoutError)
    assert kit.counts(one.guard) == (0, 1, 1, 0)


def test_the_callers_deadline_is_given_to_the_call_and_is_no_failure(channel, kit):
    one = channel()
    began = time.monotonic()
    with pytest.raises(RequestTimeoutError) as caught, deadline(0.2):
        kit.call(one, b"HANG")
    assert time.monotonic() - began < 1
    assert caught.value.setting == "deadline"
    assert isinstance(caught.value, grpc.RpcError)
    assert kit.counts(guard_of(one)) == (0, 0, 0, 1)


def test_a_future_is_a_call_like_another(channel, service, kit):
    one = channel(consecutive_failures=1, bulkhead=1)
    guard = guard_of(one)
    method = one.unary_unary("/test.Service/unary_unary")
    held = method.future(b"HANG")
    full = method.future(b"OK")
    assert isinstance(full.exception(), BulkheadFullError)
    assert (full.done(), full.code()) == (True, grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(BulkheadFullError):
        full.result()
    assert held.cancel()
    kit.eventually(guard, (0, 0, 0, 2))
    assert method.future(b"OK").result() == b"done"
    kit.eventually(guard, (1, 0, 0, 2))
    failing = method.future(b"INTERNAL")
    assert failing.exception().code() is grpc.StatusCode.INTERNAL
    kit.eventually(guard, (1, 1, 0, 2))
    told = []
    refused = method.future(b"OK")
    refused.add_done_callback(told.append)
    assert told == [refused]
    assert isinstance(refused.exception(), CircuitBreakerOpenError)


def test_a_stream_that_is_cancelled_is_no_outcome_and_gives_its_place_back(channel, kit):
    one = channel(bulkhead=1)
    stream = one.unary_stream("/test.Service/unary_stream")(b"HANG")
    assert next(stream) == b"first"
    with pytest.raises(BulkheadFullError):
        next(one.unary_stream("/test.Service/unary_stream")(b"OK"))
    stream.cancel()
    kit.eventually(guard_of(one), (0, 0, 0, 2))
    assert kit.call(one, b"OK", "unary_stream") == [b"first", b"done"]


def test_a_stream_that_is_dropped_is_cancelled_and_gives_its_place_back(channel, kit):
    one = channel(bulkhead=1)
    for answer in one.unary_stream("/test.Service/unary_stream")(b"HANG"):
        assert answer == b"first"
        break
    gc.collect()
    kit.eventually(guard_of(one), (0, 0, 0, 1))
    assert kit.call(one, b"OK", "unary_stream") == [b"first", b"done"]


def test_the_ends_of_streams_that_nobody_holds_any_more_are_told(channel, kit):
    one = channel(bulkhead=10)
    stream = one.unary_stream("/test.Service/unary_stream")
    for number in range(200):
        with contextlib.suppress(grpc.RpcError):
            for _ in stream(b"OK" if number % 2 else b"UNAVAILABLE"):
                pass
    kit.eventually(guard_of(one), (100, 100, 0, 0))


def test_cancelled_tasks_give_everything_back_and_stay_cancelled(service, kit):
    one = kit.Aio(service.target, {"bulkhead": 100})

    async def main():
        async with grpc.aio.insecure_channel(service.target, interceptors=one.interceptors) as channel:
            tasks = [
                asyncio.create_task(one.call(channel, b"HANG", kind)) for kind in KINDS[:2] for _ in range(4)
            ]
            while service.calls < 8:
                await asyncio.sleep(0.005)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert all(task.cancelled() for task in tasks)
            end = time.monotonic() + 3
            while any(p.in_flight for p in one.guard.hosts.places.values()) and time.monotonic() < end:
                await asyncio.sleep(0.005)
        assert [p.in_flight for p in one.guard.hosts.places.values()] == [0, 0]
        seen = [breaker.snapshot() for breaker in one.guard.hosts.breakers.values()]
        assert [(s.successes, s.failures, s.ignored) for s in seen] == [(0, 0, 4), (0, 0, 4)]

    asyncio.run(main())


def test_a_refused_call_of_asyncio_tells_its_status_like_another(service, kit):
    one = kit.Aio(service.target, {"initial_state": "forced_open"})

    async def main():
        async with grpc.aio.insecure_channel(service.target, interceptors=one.interceptors) as channel:
            refused = channel.unary_unary("/test.Service/unary_unary")(b"OK")
            assert await refused.code() is grpc.StatusCode.UNAVAILABLE
            assert "forced open" in await refused.details()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await refused
            assert isinstance(caught.value, RefusedError)

    asyncio.run(main())


def test_the_server_that_is_away_is_a_failure(service, kit):
    plain = grpc.insecure_channel("127.0.0.1:1")
    with protect(plain, name="away", consecutive_failures=1) as one:
        with pytest.raises(grpc.RpcError) as caught:
            kit.call(one, b"OK", timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        with pytest.raises(RefusedError):
            kit.call(one, b"OK")


def test_another_interceptor_may_stand_on_either_side(service, kit):
    seen = []

    class Other(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation, details, request):
            class Details(grpc.ClientCallDetails):
                method, timeout, metadata = details.method, details.timeout, (("x", "y"),)
                credentials = wait_for_ready = compression = None

            answer = continuation(Details(), request)
            seen.append(answer.code())
            return answer

    guarding = GuardInterceptor(name="both", request_timeout=5, consecutive_failures=1)
    for order in ((Other(), guarding), (guarding, Other())):
        with grpc.intercept_channel(grpc.insecure_channel(service.target), *order) as one:
            assert kit.call(one, b"OK") == b"done"
    with grpc.intercept_channel(grpc.insecure_channel(service.target), Other(), guarding) as one:
        for _ in range(2):
            with pytest.raises(grpc.RpcError):
                kit.call(one, b"INTERNAL")
    codes = grpc.StatusCode
    assert seen == [codes.OK, codes.OK, codes.INTERNAL, codes.UNAVAILABLE]
    assert guarding.snapshot()["/test.Service/unary_unary"]["circuit_breaker"].successes == 2


def test_with_everything_switched_off_calls_pass(channel, service, kit):
    one = channel(initial_state="forced_open", idempotent=True)
    with testing.disabled():
        assert kit.call(one, b"OK") == b"done"
        assert kit.call(one, b"OK", "unary_stream") == [b"first", b"done"]
        with pytest.raises(grpc.RpcError):
            kit.call(one, b"UNAVAILABLE")
    assert service.calls == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scope", "host"),
        ("idempotent", "/a/b"),
        ("idempotent", 7),
        ("idempotent", [7]),
        ("target", 3),
        ("failure_if", bool),
        ("key", str),
        ("refusals", "raise"),
    ],
)
def test_a_bad_setting_is_named(field, value):
    with pytest.raises(ConfigurationError) as caught:
        GuardInterceptor(**{field: value})
    assert caught.value.field == field


def test_what_is_no_channel_is_refused():
    for asked in (protect, guard_of):
        with pytest.raises(ConfigurationError):
            asked(object())
