# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves RETRY-WRAP-04: streams begin again only before their first item.
import anyio
import pytest
from trifuse import ConfigurationError, Retry, retry, testing


@pytest.fixture(autouse=True)
def slept():
    with testing.no_waiting() as slept:
        yield slept


@pytest.fixture(params=["decorated", "called", "returned", "returned called"])
def retried(request):
    """Make a retried generator function: by kind, or by what a plain function returns."""

    def make(fn, **settings):
        policy = Retry(**settings)
        returning = (lambda *a: fn(*a)) if request.param.startswith("returned") else fn
        if request.param.endswith("called"):
            return policy, lambda *args: policy.call(returning, *args)
        return policy, policy(returning)

    return make


class Source:
    """A generator that fails so many times before its first item, and perhaps after it."""

    def __init__(self, before=0, *, after=False):
        self.calls, self.before, self.after, self.closed = 0, before, after, 0

    def items(self):
        self.calls += 1
        try:
            if self.calls <= self.before:
                raise OSError(self.calls)
            sent = yield "first"
            try:
                sent = yield sent
            except KeyError as thrown:
                yield f"caught {thrown}"
            if self.after:
                raise OSError("late")
        finally:
            self.closed += 1
        return "end"

    async def async_items(self):
        await anyio.sleep(0)
        items = self.items()
        try:
            sent = None
            while True:
                try:
                    sent = yield items.send(sent)
                except KeyError as thrown:
                    sent = yield items.throw(thrown)
        except StopIteration:
            return
        finally:
            items.close()


def test_it_begins_again_until_there_is_an_item(retried, slept):
    source = Source(2)
    policy, items = retried(source.items)
    assert list(items()) == ["first", None]
    assert (source.calls, len(slept)) == (3, 2)
    assert policy.snapshot()[:5] == (1, 1, 0, 1, 2)


def test_after_the_first_item_an_error_passes_and_no_item_comes_twice(retried, slept):
    source = Source(1, after=True)
    _, items = retried(source.items)
    got = []
    with pytest.raises(OSError, match="late"):
        for item in items():
            got.append(item)
    assert (got, source.calls) == (["first", None], 2)


def test_nothing_is_called_before_the_first_item_is_asked_for(retried):
    source = Source()
    _, items = retried(source.items)
    items()
    assert source.calls == 0


def test_what_is_sent_and_thrown_reaches_the_generator(retried):
    _, items = retried(Source(1).items)
    stream = items()
    assert (next(stream), stream.send("sent")) == ("first", "sent")
    assert stream.throw(KeyError("k")) == "caught 'k'"
    with pytest.raises(StopIteration) as end:
        next(stream)
    assert end.value.value == "end"


def test_closing_it_early_closes_the_generator(retried):
    source = Source()
    _, items = retried(source.items)
    stream = items()
    next(stream)
    stream.close()
    assert source.closed == 1


def test_a_stream_without_items_is_a_success(retried):
    policy, items = retried(lambda: (x for x in ()))
    assert list(items()) == []
    assert policy.snapshot().successes == 1


def test_when_all_attempts_fail_the_last_error_is_raised(retried):
    policy, items = retried(Source(99).items)
    with pytest.raises(OSError, match="4"):
        next(items())
    assert policy.snapshot().failures == 1


def test_results_of_streams_cannot_be_judged():
    def items():
        yield 1

    async def async_items():
        yield 1

    for fn in (items, async_items):
        with pytest.raises(ConfigurationError, match="retry_if"):
            retry(retry_if=bool)(fn)


def test_a_consumer_outside_of_the_retry_may_retry():
    @retry
    def items():
        yield 1

    inner_calls = []

    @retry
    def failing():
        inner_calls.append(1)
        raise OSError

    for _ in items():
        with pytest.raises(OSError):
            failing()
    assert len(inner_calls) == 4


@pytest.mark.anyio
class TestAsync:
    async def test_it_begins_again_until_there_is_an_item(self, retried, slept):
        source = Source(2)
        policy, items = retried(source.async_items)
        assert [item async for item in items()] == ["first", None]
        assert (source.calls, len(slept)) == (3, 2)
        assert policy.snapshot()[:5] == (1, 1, 0, 1, 2)

    async def test_after_the_first_item_an_error_passes(self, retried):
        source = Source(1, after=True)
        _, items = retried(source.async_items)
        got = []
        with pytest.raises(OSError, match="late"):
            async for item in items():
                got.append(item)
        assert (got, source.calls) == (["first", None], 2)

    async def test_what_is_sent_and_thrown_reaches_the_generator(self, retried):
        source = Source(1)
        _, items = retried(source.async_items)
        stream = items()
        assert await anext(stream) == "first"
        assert await stream.asend("sent") == "sent"
        assert await stream.athrow(KeyError("k")) == "caught 'k'"
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        assert source.closed == 2

    async def test_closing_it_early_closes_the_generator(self, retried):
        source = Source()
        _, items = retried(source.async_items)
        stream = items()
        await anext(stream)
        await stream.aclose()
        assert source.closed == 1

    async def test_a_cancellation_between_attempts_passes(self, retried):
        source = Source(99)
        policy, items = retried(source.async_items)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anext(items())
        assert scope.cancelled_caught
        assert policy.snapshot().calls == 0
