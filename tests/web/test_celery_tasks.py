# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guarded tasks of Celery: eager, called, by a worker of this process, and by a prefork worker."""

from __future__ import annotations

import itertools
import logging
import time

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Ignore, MaxRetriesExceededError, Reject, Retry, SoftTimeLimitExceeded
from trifuse import (
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerOpenError,
    ConfigurationError,
    ForcedOpenError,
    Pipeline,
    RateLimit,
    RateLimitedError,
    RefusedError,
    per,
    registry,
)
from trifuse.contrib.celery import GuardedTask

pytestmark = pytest.mark.end_to_end
_names = itertools.count()
WAITS = {"refused_min": 0.05, "refused_max": 0.3}


@pytest.fixture(scope="module")
def app():
    app = Celery("app", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.update(
        task_default_queue="guarded", worker_hijack_root_logger=False,
        broker_transport_options={"polling_interval": 0.01},
    )  # fmt: skip
    yield app
    app.close()


@pytest.fixture(scope="module")
def _worker(app):
    """Run a worker in this process; it takes tasks one at a time, and sets up logging for itself."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    with start_worker(
        app, pool="solo", perform_ping_check=False, shutdown_timeout=5, loglevel="ERROR"
    ) as one:
        yield one
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def worker(_worker):
    """Let the worker know of the tasks that were added."""
    return _worker.consumer.update_strategies


def guarded(app, fn, **options):
    fn.__name__ = "work"  # Celery writes it into code of its own
    return app.task(base=GuardedTask, name=f"task-{next(_names)}", **options)(fn)


def counts(task):
    seen = task.policy.snapshot()
    return seen.successes, seen.failures, seen.timeouts, seen.ignored


def test_a_task_that_is_refused_is_put_back_until_the_circuit_closes_again(app, worker):
    runs, failing = [], [True]

    def send(address):
        runs.append(time.monotonic())
        if failing.pop() if failing else False:
            raise OSError("away")
        return f"sent to {address}"

    options = {"consecutive_failures": 1, "open_duration": 0.5}
    task = guarded(app, send, breaker="mail", breaker_options=options, max_retries=0, **WAITS)
    worker()
    first = task.delay("a")
    with pytest.raises(OSError, match="away"):
        first.get(interval=0.01, timeout=5)
    later = [task.delay(address) for address in "bc"]
    assert [one.get(interval=0.01, timeout=10) for one in later] == ["sent to b", "sent to c"]
    assert len(runs) == 3
    assert runs[1] - runs[0] >= 0.5
    assert registry["mail"].state == "closed"
    assert 2 <= registry["mail"].snapshot().refused_open <= 12  # each time it waits as long as it is told


def test_what_is_put_back_keeps_its_arguments_retries_and_headers(app, worker):
    seen = []

    def work(self, *args, **kwargs):
        seen.append(
            (
                args,
                kwargs,
                self.request.retries,
                self.request.trifuse_refused,
                self.request.headers.get("mine"),
            )
        )

    breaker = CircuitBreaker("steered", initial_state="forced_open")
    task = guarded(app, work, bind=True, breaker=breaker, refused_unknown=0.05, **WAITS)
    worker()
    answer = task.apply_async((1, "b"), {"c": [2]}, retries=2, headers={"mine": "kept"})
    deadline = time.monotonic() + 10
    while breaker.snapshot().refused_forced_open < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert answer.state == "RETRY"
    assert isinstance(answer.result, ForcedOpenError)
    breaker.reset()
    answer.get(interval=0.01, timeout=10)
    ((args, kwargs, retries, refused, mine),) = seen
    assert (args, kwargs, retries, mine) == ((1, "b"), {"c": [2]}, 2, "kept")
    assert refused >= 3


def test_a_task_is_put_back_no_more_often_than_told(app, worker):
    breaker = CircuitBreaker("isolated", initial_state="forced_open")
    task = guarded(app, lambda: None, breaker=breaker, refused_retries=2, refused_unknown=0.05, **WAITS)
    worker()
    with pytest.raises(ForcedOpenError):
        task.delay().get(interval=0.01, timeout=10)
    assert breaker.snapshot().refused_forced_open == 3


def test_a_task_that_is_called_or_eager_gets_the_refusal(app):
    task = guarded(app, lambda: 1, breaker_options={"initial_state": "forced_open"})
    with pytest.raises(ForcedOpenError):
        task()
    assert isinstance(task.apply().result, ForcedOpenError)
    task.policy.reset()
    assert task() == task.apply().get() == 1
    assert counts(task) == (2, 0, 0, 0)


def test_a_refusal_from_within_the_body_is_the_tasks_own_error(app, worker):
    inner = CircuitBreaker("inner", initial_state="forced_open")
    runs = []

    def work():
        runs.append(1)
        inner.call(int)

    task = guarded(app, work, **WAITS)
    worker()
    with pytest.raises(ForcedOpenError):
        task.delay().get(interval=0.01, timeout=5)
    assert len(runs) == 1
    assert counts(task) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (OSError("away"), (0, 1, 0, 0)),
        (SoftTimeLimitExceeded(), (0, 1, 1, 0)),
        (Ignore(), (0, 0, 0, 1)),
        (Reject("no"), (0, 0, 0, 1)),
        (Retry(when=3), (0, 0, 0, 1)),
        (Retry(exc=OSError("away")), (0, 1, 0, 0)),
        (Retry(exc=SoftTimeLimitExceeded()), (0, 1, 1, 0)),
        (KeyboardInterrupt(), (0, 0, 0, 1)),
    ],
    ids=lambda value: repr(value) if isinstance(value, BaseException) else "",
)
def test_an_exception_counts_as_what_it_means(app, error, wanted):
    def work():
        raise error

    task = guarded(app, work)
    with pytest.raises(type(error)) as caught:
        task()
    assert caught.value is error
    assert counts(task) == wanted


def test_tasks_that_retry_by_themselves_count_what_failed_and_end_as_they_would(app, worker):
    runs = []

    def work(self):
        runs.append(self.request.retries)
        raise OSError("away")

    options = {
        "autoretry_for": (OSError,),
        "max_retries": 2,
        "retry_backoff": False,
        "default_retry_delay": 0,
    }
    task = guarded(app, work, bind=True, **options)
    worker()
    with pytest.raises((OSError, MaxRetriesExceededError)):
        task.delay().get(interval=0.01, timeout=10)
    assert runs == [0, 1, 2]
    assert counts(task) == (0, 3, 0, 0)


def test_a_long_run_is_no_timeout_unless_told_so(app):
    task = guarded(app, lambda: time.sleep(0.02))
    task()
    assert task.policy.config.request_timeout == 0
    strict = guarded(app, lambda: time.sleep(0.02), breaker_options={"request_timeout": 0.01})
    strict()
    assert (counts(task), counts(strict)) == ((1, 0, 0, 0), (0, 1, 1, 0))


def test_a_rate_limit_puts_back_what_comes_too_soon(app, worker):
    at = []
    limit = RateLimit(per(1, seconds=0.5), capacity=1)
    task = guarded(app, lambda: at.append(time.monotonic()), breaker=limit, refused_min=0.01, refused_max=5)
    worker()
    for answer in [task.delay() for _ in range(3)]:
        answer.get(interval=0.01, timeout=10)
    assert at[1] - at[0] >= 0.5
    assert at[2] - at[1] >= 0.4
    assert limit.name == task.name


@pytest.mark.parametrize(
    "error", [Ignore(), Reject("no"), Retry(when=3)], ids=lambda value: type(value).__name__
)
def test_celerys_own_exceptions_pass_through_a_pipeline_and_are_no_outcome(app, error):
    breaker = CircuitBreaker("inside")

    def work():
        raise error

    task = guarded(app, work, breaker=Pipeline("all", breaker, Bulkhead(1)))
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            task()
        assert caught.value is error
    assert breaker.snapshot().ignored == 2


def test_a_run_that_cannot_be_put_back_is_rejected(app, monkeypatch):
    task = guarded(app, lambda: 1, breaker_options={"initial_state": "forced_open"})

    def broken(*_, **__):
        raise ConnectionError("no broker")

    monkeypatch.setattr("celery.canvas.Signature.apply_async", broken)
    monkeypatch.setattr(GuardedTask, "_may_come_back", lambda _: True)
    with pytest.raises(Reject) as caught:
        task()
    assert isinstance(caught.value.reason, ConnectionError)
    assert caught.value.requeue is False


def test_the_wait_is_what_the_refusal_tells_within_bounds(app):
    task = guarded(app, lambda: 1, refused_min=2, refused_max=20, refused_unknown=7)
    for told, least, most in [(5, 5, 5.5), (0, 2, 2.2), (None, 7, 7.7), (1000, 20, 20), (19.5, 19.5, 20)]:
        waits = {task._wait(CircuitBreakerOpenError("x", told)) for _ in range(50)}
        assert least <= min(waits) <= max(waits) <= most
        assert len(waits) > 1 or least == most


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("refused_min", -1), ("refused_max", 0.5), ("refused_unknown", "soon"), ("refused_retries", -1),
        ("refused_retries", True), ("breaker", 3), ("breaker_options", {"failure_rate_threshold": 3}),
        ("breaker_options", 5),
    ],
)  # fmt: skip
def test_a_bad_setting_is_named_when_the_application_takes_the_task_on(app, field, value):
    with pytest.raises(ConfigurationError) as caught:
        guarded(app, lambda: 1, **{field: value}).delay  # noqa: B018 - tasks are bound when first used
    assert caught.value.field == ("failure_rate_threshold" if isinstance(value, dict) else field)


def test_tasks_may_share_a_breaker(app):
    breaker = CircuitBreaker("shared", consecutive_failures=2)
    tasks = [guarded(app, lambda: 1 / 0, breaker=breaker) for _ in range(2)]
    for task in tasks:
        with pytest.raises(ZeroDivisionError):
            task()
    with pytest.raises(CircuitBreakerOpenError):
        tasks[0]()
    with pytest.raises(RefusedError):
        tasks[1].apply(throw=True)
    with pytest.raises(RateLimitedError):
        limited = guarded(app, lambda: 1, breaker=RateLimit(1))
        limited(), limited()
