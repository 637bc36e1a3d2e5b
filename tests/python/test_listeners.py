# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves WRAP-LISTEN-01.
import asyncio
import logging
import pickle

import anyio
import pytest
from trifuse import CircuitBreaker, CircuitBreakerRegistry, State


def fail(breaker, times=2):
    def failing():
        raise OSError("secret argument")

    for _ in range(times):
        with pytest.raises(OSError, match="secret"):
            breaker.call(failing)


def test_transitions_are_told_with_cause_and_counts(breaker_of, clock):
    told = []
    breaker = breaker_of(on_transition=told.append)
    breaker.call(int)
    fail(breaker)
    clock.advance(10)
    breaker.call(int)
    assert [(t.from_state, t.to_state, t.cause) for t in told] == [
        ("closed", "open", "consecutive_failures"),
        ("open", "half_open", "wait_over"),
        ("half_open", "closed", "probes_succeeded"),
    ]
    first, _, last = told
    assert (first.window_total, first.window_failed, first.open_for) == (3, 2, 10.0)
    assert first.failure_rate == pytest.approx(2 / 3)
    assert (last.probe_successes, last.open_for) == (1, None)
    assert [t.generation for t in told] == [2, 3, 4]
    assert pickle.loads(pickle.dumps(first)) == first


def test_control_calls_are_told_too(breaker_of):
    told = []
    breaker = breaker_of(on_transition=told.append)
    for act in (breaker.force_open, breaker.disable, breaker.metrics_only, breaker.trip,
                breaker.reset, breaker.reset, breaker.close, breaker.trip):  # fmt: skip
        act()
    assert [(t.to_state, t.cause) for t in told] == [
        ("forced_open", "forced"),
        ("disabled", "forced"),
        ("metrics_only", "forced"),
        ("closed", "reset"),
        ("closed", "reset"),
        ("open", "tripped"),
    ]


def test_refusals_are_told(breaker_of):
    told = []
    breaker = breaker_of(on_refused=told.append)
    breaker.force_open()
    with pytest.raises(Exception, match="forced open"):
        breaker.call(int)
    assert [(r.name, r.reason, r.retry_after) for r in told] == [(breaker.name, "forced_open", None)]


def test_every_call_is_told_once_with_outcome_and_duration(breaker_of, clock):
    told = []
    breaker = breaker_of(consecutive_failures=0, failure_if=lambda r: r == "bad")

    @breaker.on_call
    def listener(call):
        told.append(call)

    breaker.call(lambda: clock.advance(2))
    breaker.call(lambda: clock.advance(6))
    fail(breaker, 1)
    with pytest.raises(KeyboardInterrupt):
        breaker.call(interrupt)
    breaker.call(lambda: "bad")
    breaker.force_open()
    with pytest.raises(Exception, match="forced"):
        breaker.call(int)
    assert [(c.outcome, c.duration) for c in told] == [
        ("success", 2.0),
        ("timeout", 6.0),
        ("failure", 0.0),
        ("ignored", 0.0),
        ("failure", 0.0),
        ("refused", 0.0),
    ]
    assert isinstance(told[2].error, OSError)


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("way", ["lean", "rich", "generator", "with"])
def test_every_way_to_call_is_told_once(breaker_of, way):
    told = []
    breaker = breaker_of(on_call=told.append, **({"fallback_value": 1} if way == "rich" else {}))
    if way == "generator":
        list(breaker(lambda: (i for i in range(3)))())
    elif way == "with":
        with breaker:
            pass
    else:
        breaker(lambda: 1)()
    assert [c.outcome for c in told] == ["success"]


def test_listeners_of_calls_come_and_go_while_it_is_used(breaker_of):
    told = []
    breaker = breaker_of()
    breaker.call(int)
    breaker.on_call(told.append)
    breaker.on_call(told.append)
    breaker.call(int)
    breaker.off(told.append)
    breaker.call(int)
    assert len(told) == 1
    assert breaker.snapshot().successes == 3


def test_a_listener_that_raises_is_logged_and_harmless(breaker_of, caplog):
    def raising(event):
        raise RuntimeError("listener")

    told = []
    breaker = breaker_of(on_transition=raising, on_refused=raising, on_call=raising)
    breaker.on_transition(told.append)
    fail(breaker)
    with pytest.raises(Exception, match="is open"):
        breaker.call(int)
    assert len(told) == 1
    assert caplog.text.count("a listener of circuit breaker") == 5


def test_a_listener_may_call_the_breaker(breaker_of):
    def closing(transition):
        if transition.to_state is State.OPEN:
            breaker.reset()
            breaker.call(int)

    breaker = breaker_of(on_transition=closing)
    fail(breaker)
    assert breaker.state is State.CLOSED


def test_the_listeners_of_a_registry_hear_of_all_its_breakers():
    transitions, refusals, calls = [], [], []
    mine = CircuitBreakerRegistry(on_transition=transitions.append, on_refused=refusals.append)
    one, two = mine.breaker("one"), mine.breaker("two")
    mine.on_call(calls.append)
    one.call(int)
    two.force_open()
    with pytest.raises(Exception, match="forced"):
        two.call(int)
    assert [t.name for t in transitions] == ["two"]
    assert [r.name for r in refusals] == ["two"]
    assert [c.name for c in calls] == ["one", "two"]
    mine.off(calls.append)
    one.call(int)
    assert len(calls) == 2


@pytest.mark.anyio
async def test_asynchronous_listeners_run_beside_the_call(breaker_of, caplog):
    heard = []

    async def slow(event):
        await anyio.sleep(1)
        heard.append(event.to_state)

    async def raising(event):
        raise RuntimeError

    breaker = breaker_of(on_transition=slow)
    breaker.on_transition(raising)
    breaker.trip()
    assert heard == []
    await anyio.sleep(2)
    assert heard == ["open"]
    assert caplog.text.count("a listener of circuit breaker") == 1


def test_an_asynchronous_listener_is_run_to_its_end_without_a_loop(breaker_of):
    heard = []

    async def listener(event):
        await asyncio.sleep(0)
        heard.append(event.cause)

    breaker_of(on_transition=listener).trip()
    assert heard == ["tripped"]


def test_the_log_tells_of_transitions_and_never_of_arguments(caplog):
    breaker = CircuitBreaker("logged", consecutive_failures=2)
    with caplog.at_level(logging.DEBUG, "trifuse"):
        fail(breaker)
        with pytest.raises(Exception, match="is open"):
            breaker.call(print, "secret argument")
        breaker.reset()
    assert [(r.levelname, r.name) for r in caplog.records] == [
        ("WARNING", "trifuse"),
        ("DEBUG", "trifuse"),
        ("INFO", "trifuse"),
    ]
    assert "'logged': closed -> open (consecutive_failures; 2 of 2 failed)" in caplog.text
    assert "secret" not in caplog.text


def test_shadow_mode_tells_that_it_would_have_opened(breaker_of, caplog):
    told = []
    breaker = breaker_of(initial_state="metrics_only", on_transition=told.append)
    fail(breaker, 4)
    assert [(t.from_state, t.to_state, t.cause) for t in told] == [
        ("metrics_only", "metrics_only", "consecutive_failures")
    ]
    assert "would have opened" in caplog.text


def test_what_is_no_listener_is_refused(breaker_of):
    with pytest.raises(TypeError, match="on_call"):
        breaker_of(on_call=3)
