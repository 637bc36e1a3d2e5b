# SPDX-License-Identifier: MIT OR Apache-2.0
# Several policies in one: what it is to look at and to hold. Proves PIPE-01, PIPE-03, PIPE-04.
import gc
import inspect
import json
import weakref

import pytest
from trifuse import (
    AdaptiveLimit,
    Bulkhead,
    BulkheadFullError,
    CircuitBreaker,
    ConfigurationError,
    Fallback,
    Pipeline,
    RateLimit,
    RefusedError,
    Retry,
    Throttle,
    Timeout,
    UnsupportedError,
    per,
    testing,
)

pytestmark = pytest.mark.usefixtures("clock")


class Failing:
    """A function that fails for some calls, then works; counts its calls."""

    def __init__(self, times=10**6, error=OSError):
        self.calls, self.times, self.error = 0, times, error

    def __call__(self, result="done"):
        self.calls += 1
        if self.calls <= self.times:
            raise self.error(f"call {self.calls}")
        return result


def breaker(failures=2, **fields):
    settings = {"consecutive_failures": failures, "failure_rate_threshold": 1.0, "open_duration": 10}
    return CircuitBreaker("search", registry=None, **{**settings, **fields})


def retry(**fields):
    return Retry(**{"max_retries": 3, "delay": 0.1, "jitter": "none", **fields})


def test_it_is_a_list_of_its_parts():
    parts = (retry(), breaker(), Timeout(2))
    pipeline = Pipeline("search", *parts)
    assert tuple(pipeline) == pipeline.policies == parts
    assert len(pipeline) == 3
    assert (pipeline[0], pipeline[-1], pipeline["circuit_breaker"]) == (parts[0], parts[2], parts[1])
    assert parts[0] in pipeline
    assert [key for key, _ in pipeline.items()] == ["retry", "circuit_breaker", "timeout"]


def test_parts_are_found_by_kind_number_and_name():
    parts = (Timeout(10), retry(name="mine"), Timeout(2))
    pipeline = Pipeline("search", *parts)
    assert (pipeline["timeout"], pipeline["timeout_2"], pipeline["mine"]) == (parts[0], parts[2], parts[1])
    assert pipeline["search"] is parts[0]
    with pytest.raises(KeyError, match="timeout_3"):
        pipeline["timeout_3"]
    with pytest.raises(IndexError):
        pipeline[3]


def test_parts_without_a_name_take_the_pipelines():
    pipeline = Pipeline("search", Timeout(10), Timeout(2, name="attempt"), Bulkhead(3))
    assert [policy.name for policy in pipeline] == ["search", "attempt", "search"]


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ((), "policies"),
        ((Retry,), "policies[0]"),
        ((Timeout(1), 3), "policies[1]"),
        ((print,), "policies[0]"),
    ],
)
def test_what_is_no_policy_is_refused_by_its_place(parts, field):
    with pytest.raises(ConfigurationError) as caught:
        Pipeline("search", *parts)
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_pipeline_has_a_name(name):
    with pytest.raises(ConfigurationError) as caught:
        Pipeline(name, Timeout(1))
    assert caught.value.field == "name"


def test_refusals_say_which_policy_refused_its_name_and_when_to_try_again():
    guard, limit, places = breaker(), RateLimit(per(1, seconds=60)), Bulkhead(1)
    pipeline = Pipeline("search", guard, limit, places)
    seen = {}

    def refused():
        with pytest.raises(RefusedError) as caught:
            pipeline.call(print)
        seen[caught.value.policy] = (caught.value.name, caught.value.retry_after)

    with places:
        refused()
        refused()
    guard.trip(retry_after=10)
    refused()
    assert seen == {
        "bulkhead": ("search", None), "rate_limit": ("search", 60.0), "circuit_breaker": ("search", 10.0),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["function", "coroutine", "returning", "generator", "async generator"])
def test_it_decorates_functions_of_every_kind(kind, of_each_kind, outcome):
    places, limit = Bulkhead(2), RateLimit(per(10, seconds=60))
    parts = [Fallback([7]), retry(), breaker(), Throttle(), limit, places, AdaptiveLimit("aimd"), Timeout(2)]
    pipeline = Pipeline("search", *parts)
    fn = of_each_kind(lambda x, *, y: (x, y, places.in_flight))[kind]
    assert outcome(pipeline(fn), 1, y=2) == (1, 2, 1)
    assert outcome(pipeline.call, fn, 1, y=2) == (1, 2, 1)
    assert (places.in_flight, limit.available()) == (0, 8)


@pytest.mark.parametrize("kind", ["generator", "async generator"])
def test_a_stream_that_fails_after_an_item_gives_no_item_twice(kind, of_each_kind, run):
    begun, places = [], Bulkhead(2)

    def generator():
        begun.append(places.in_flight)
        yield 1
        raise OSError("broken off")

    async def async_generator():
        for item in generator():
            yield item

    pipeline = Pipeline("search", retry(), places)
    got = []

    async def consume():
        async for item in pipeline(async_generator)():
            got.append(item)

    with pytest.raises(OSError, match="broken off"):
        if kind == "generator":
            got.extend(pipeline(generator)())
        else:
            run(consume())
    assert begun == [1]
    assert places.in_flight == 0
    assert kind == "generator" or got == [1]


def test_closing_a_stream_early_gives_everything_back():
    places, guard = Bulkhead(2), breaker()

    @Pipeline("search", guard, places)
    def items():
        yield 1
        yield 2

    stream = items()
    assert (next(stream), places.in_flight) == (1, 1)
    stream.close()
    assert (places.in_flight, guard.snapshot().ignored) == (0, 1)


def test_a_decorated_function_has_its_pipeline_and_looks_as_before():
    pipeline = Pipeline("search", retry(), Timeout(2))

    @pipeline
    def find(question: str) -> str:
        """Find it."""
        return question

    assert find.policy is pipeline
    assert (find.__name__, find.__doc__) == ("find", "Find it.")
    assert find("it") == "it"


def test_rag_every_service_of_a_request_has_its_own_pipeline():
    embed, store, answer = (Pipeline(name, Fallback(None), breaker()) for name in ("embed", "store", "llm"))
    embed["circuit_breaker"].trip()

    def request():
        vector = embed.call(lambda: [1.0])
        found = store.call(lambda: ["a document"]) if vector else []
        return answer.call(lambda: f"from {len(found)}")

    assert request() == "from 0"
    embed["circuit_breaker"].reset()
    assert request() == "from 1"
    assert [p["circuit_breaker"].snapshot().calls for p in (embed, store, answer)] == [1, 1, 2]


def test_with_enters_every_part_and_leaves_all_of_them():
    guard, limit, places = breaker(), RateLimit(per(10, seconds=60)), Bulkhead(2)
    pipeline = Pipeline("search", guard, limit, places)
    with pipeline as entered, pipeline:
        assert entered is pipeline
        assert (places.in_flight, limit.available()) == (2, 8)
    assert (places.in_flight, guard.snapshot().successes) == (0, 2)
    with pytest.raises(OSError, match="mine"), pipeline:
        raise OSError("mine")
    assert (places.in_flight, guard.snapshot().failures) == (0, 1)


def test_with_leaves_what_it_entered_when_a_part_refuses():
    guard, places, full = breaker(), Bulkhead(2), Bulkhead(1)
    with full, pytest.raises(BulkheadFullError), Pipeline("search", guard, places, full):
        pytest.fail("it was refused")
    assert (places.in_flight, guard.snapshot().ignored) == (0, 1)


@pytest.mark.parametrize("part", [Retry(), Fallback(1), Pipeline("inner", Retry())], ids=lambda p: p.kind)
def test_with_is_refused_where_a_part_has_no_meaning_for_a_block(part):
    places = Bulkhead(2)
    with pytest.raises(UnsupportedError, match="decorator or by call"), Pipeline("search", places, part):
        pytest.fail("it has no meaning")
    assert places.in_flight == 0


def test_leaving_a_block_that_was_not_entered_is_a_mistake():
    with pytest.raises(RuntimeError, match="not entered"):
        Pipeline("search", Bulkhead(1)).__exit__(None, None, None)


def test_it_describes_the_order_and_the_numbers():
    pipeline = Pipeline("search", retry(max_retries=2), breaker(), Timeout(2, name="attempt"))
    told = pipeline.describe()
    assert json.loads(json.dumps(told)) == told
    assert (told["kind"], told["name"]) == ("pipeline", "search")
    assert [part["kind"] for part in told["policies"]] == ["retry", "circuit_breaker", "timeout"]
    assert told["policies"][0]["max_retries"] == 2
    lines = str(pipeline).splitlines()
    assert lines[0] == "search: retry > circuit_breaker > timeout"
    assert "max_retries=2" in lines[1]
    assert "consecutive_failures=2" in lines[2]
    assert lines[3] == "  timeout         'attempt' seconds=2"
    assert repr(pipeline).startswith("Pipeline('search', Retry(")


def test_the_lines_leave_out_what_is_switched_off():
    pipeline = Pipeline("search", RateLimit(per(500, seconds=60)), Pipeline("inner", Timeout(1.5)))
    assert str(pipeline).splitlines()[1] == "  rate_limit      rate=500/60s, algorithm=token_bucket"
    assert "'inner' timeout={'seconds': 1.5" in str(pipeline)


def test_a_snapshot_has_every_part_that_counts():
    pipeline = Pipeline("search", Fallback(1), breaker(), Bulkhead(2))
    pipeline.call(abs, -1)
    pictures = pipeline.snapshot()
    assert pictures["circuit_breaker"].successes == 1
    assert "bulkhead" in pictures


def test_calling_keeps_no_function_alive_that_holds_something():
    pipeline = Pipeline("search", Timeout(2), Bulkhead(3))

    def once():
        service = Failing(0)
        assert pipeline.call(lambda: service("kept")) == "kept"
        return weakref.ref(service)

    gone = once()
    gc.collect()
    assert gone() is None
    for _ in range(200):
        assert pipeline.call(lambda: 3) == 3
    assert len(pipeline._called) <= 64


@pytest.mark.skipif(not hasattr(inspect, "markcoroutinefunction"), reason="new in Python 3.12")
def test_a_function_that_is_marked_as_a_coroutine_function_is_awaited(run):
    async def work():
        return "awaited"

    pipeline = Pipeline("search", Bulkhead(1), breaker(), Timeout(2))
    marked = inspect.markcoroutinefunction(lambda: work())
    assert run(pipeline(marked)()) == run(pipeline.call(marked)) == "awaited"


def test_switched_off_a_pipeline_lets_every_call_through():
    pipeline = Pipeline("search", RateLimit(per(1, seconds=60)), Bulkhead(1), breaker(), retry())
    work = Failing()
    with testing.disabled():
        for number in range(1, 4):
            with pytest.raises(OSError, match=f"call {number}"):
                pipeline.call(work)
