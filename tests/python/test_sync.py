# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves WRAP-SYNC-01, WRAP-SYNC-02, WRAP-CLASS-01, WRAP-PERMIT-01, ERR-03.
import threading

import pytest
from trifuse import CircuitBreaker, RequestTimeoutError, circuit_breaker


@pytest.fixture(params=["decorated", "called", "rich", "rich called", "options"])
def guarded(request, breaker_of):
    """Make (breaker, guarded function) in each of the ways a synchronous call can go."""

    def make(fn, **fields):
        if request.param.startswith("rich"):
            fields.setdefault("failure_if", lambda result: False)
        if request.param == "options":
            fields.setdefault("ignore", (ZeroDivisionError,))
        breaker = breaker_of(**fields)
        if request.param.endswith("called"):
            return breaker, lambda *a, **k: breaker.call(fn, *a, **k)
        return breaker, breaker(fn)

    return make


def test_a_success_is_counted_once(guarded):
    breaker, call = guarded(lambda x, y=0: x + y)
    assert call(1, y=2) == 3
    picture = breaker.snapshot()
    assert (picture.calls, picture.successes, picture.window_total) == (1, 1, 1)


def test_the_calls_own_error_passes_through_unchanged(guarded):
    error = OSError("mine")

    def failing():
        raise error

    breaker, call = guarded(failing)
    with pytest.raises(OSError, match="mine") as caught:
        call()
    assert caught.value is error
    assert error.__cause__ is error.__context__ is None
    assert breaker.snapshot().failures == 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_is_ignored(guarded, kind):
    def stop():
        raise kind

    breaker, call = guarded(stop)
    with pytest.raises(kind):
        call()
    picture = breaker.snapshot()
    assert (picture.ignored, picture.calls) == (1, 0)


def test_a_call_that_took_too_long_is_a_timeout_and_its_result_is_returned(guarded, clock):
    def slow():
        clock.advance(5.000_000_001)
        return "late"

    breaker, call = guarded(slow)
    assert call() == "late"
    assert breaker.snapshot().timeouts == 1


def test_a_call_that_took_exactly_the_timeout_is_a_success(guarded, clock):
    breaker, call = guarded(lambda: clock.advance(5))
    call()
    assert breaker.snapshot().successes == 1


def test_a_failure_that_took_too_long_is_a_timeout(guarded, clock):
    def slow():
        clock.advance(6)
        raise OSError("slow")

    breaker, call = guarded(slow)
    with pytest.raises(OSError, match="slow"):
        call()
    assert breaker.snapshot().timeouts == 1


def test_a_timeout_error_of_the_call_counts_as_a_timeout(guarded):
    def timing_out():
        raise TimeoutError

    breaker, call = guarded(timing_out)
    with pytest.raises(TimeoutError):
        call()
    assert (breaker.snapshot().timeouts, breaker.snapshot().failures) == (1, 1)


def test_without_a_request_timeout_no_call_is_too_long(guarded, clock):
    breaker, call = guarded(lambda: clock.advance(1e6), request_timeout=None)
    call()
    assert breaker.snapshot().successes == 1


def test_a_guarded_call_may_call_itself(guarded, clock):
    def recursive(depth):
        clock.advance(1)
        return 0 if depth == 0 else 1 + call(depth - 1)

    breaker, call = guarded(recursive, request_timeout=3.5)
    assert call(4) == 4
    picture = breaker.snapshot()
    assert (picture.calls, picture.timeouts) == (5, 2)


def test_a_reconfigured_timeout_holds_from_the_next_call_on(guarded, clock):
    breaker, call = guarded(lambda: clock.advance(4))
    call()
    breaker.reconfigure(request_timeout=3)
    call()
    assert breaker.snapshot().timeouts == 1


def test_errors_are_classified_by_type(breaker_of):
    @breaker_of(failure_on=(OSError, ValueError), ignore=FileNotFoundError)
    def raising(error):
        raise error

    for error in (OSError(), FileNotFoundError(), KeyError(), ValueError()):
        with pytest.raises(type(error)):
            raising(error)
    picture = raising.circuit_breaker.snapshot()
    assert (picture.failures, picture.ignored) == (2, 2)


def test_errors_are_classified_by_predicate(breaker_of):
    breaker = breaker_of(failure_on=lambda e: e.args == (503,), ignore=lambda e: e.args == (400,))

    def raising(*args):
        raise OSError(*args)

    for status in (503, 400, 404):
        with pytest.raises(OSError):
            breaker.call(raising, status)
    picture = breaker.snapshot()
    assert (picture.failures, picture.ignored) == (1, 2)


def test_a_predicate_that_raises_hides_no_error(breaker_of, caplog):
    breaker = breaker_of(ignore=lambda e: e.no_such_attribute)
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    assert breaker.snapshot().failures == 1
    assert "predicate" in caplog.text


def test_a_result_can_be_a_failure(breaker_of):
    breaker = breaker_of(failure_if=lambda status: status >= 500)
    assert [breaker.call(int, status) for status in (200, 500, 404)] == [200, 500, 404]
    assert breaker.snapshot().failures == 1


def test_a_result_predicate_that_raises_is_harmless(breaker_of, caplog):
    breaker = breaker_of(failure_if=lambda r: r.status_code)
    assert breaker.call(int, 3) == 3
    assert breaker.snapshot().successes == 1
    assert "failure_if" in caplog.text


@pytest.mark.end_to_end
def test_in_a_thread_the_caller_gets_the_timeout_in_time_and_the_late_result_changes_nothing():
    go_on, ended = threading.Event(), threading.Event()

    @circuit_breaker("threaded", thread=True, request_timeout=0.05)
    def hanging():
        go_on.wait(10)
        ended.set()
        return "late"

    with pytest.raises(RequestTimeoutError) as caught:
        hanging()
    assert caught.value.setting == "request_timeout"
    go_on.set()
    assert ended.wait(10)
    picture = hanging.circuit_breaker.snapshot()
    assert (picture.calls, picture.timeouts, picture.successes) == (1, 1, 0)


def test_in_a_thread_results_errors_and_context_come_through(breaker_of):
    import contextvars

    variable = contextvars.ContextVar("variable")
    variable.set("seen")
    breaker = breaker_of(thread=True)
    assert breaker.call(variable.get) == "seen"
    assert breaker.call(threading.current_thread) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    picture = breaker.snapshot()
    assert (picture.successes, picture.failures) == (2, 1)


def test_a_failure_in_a_thread_falls_back(breaker_of):
    breaker = breaker_of(thread=True, fallback_value="instead", fallback_on=ZeroDivisionError)
    assert breaker.call(lambda: 1 / 0) == "instead"


def test_a_breaker_in_a_garbage_cycle_with_its_calls_is_collected_safely():
    import gc

    def opened_stream():
        breaker = CircuitBreaker("cycle", registry=None)

        class Holder:
            def __del__(self):
                breaker.call(int)

        def items():
            yield holder

        holder = Holder()
        stream = breaker(items)()
        next(stream)
        holder.me = (holder, stream, breaker, breaker(items))

    for _ in range(50):
        opened_stream()
        gc.collect()
