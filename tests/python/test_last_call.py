# SPDX-License-Identifier: MIT OR Apache-2.0
# What answered the last call: nested guards, tasks, threads, streams.
import threading

import anyio
import pytest
from trifuse import CircuitBreaker, Fallback, last_fallback, testing
from trifuse._last_call import LastCall, last_call
from trifuse.classify import Kind


@pytest.fixture(autouse=True)
def _own_context():
    """Each test begins where nothing was called yet."""
    from trifuse._fallback import NOTHING, seen

    token = seen.set(NOTHING)
    yield
    seen.reset(token)


def failing(*args):
    raise TimeoutError("secret")


def real(*args):
    return "real"


def test_before_the_first_call_there_is_none():
    assert last_call() is None


def test_a_call_that_answers_by_itself_is_level_0():
    Fallback("x", name="mine").call(real)
    assert last_call() == LastCall("mine", 0, None, degraded=False, kind=None)
    CircuitBreaker("breaker", fallback_value=1).call(real)
    assert last_call() == LastCall("breaker", 0, None, degraded=False, kind=None)


def test_the_answer_of_a_fallback_tells_level_name_and_kind_of_error():
    Fallback(failing, "x", name="mine").call(failing)
    assert last_call() == LastCall("mine", 2, "fallback_value", degraded=True, kind=Kind.timeout)
    assert last_fallback.get() == ("mine", 2, "fallback_value")


def test_guards_without_a_fallback_change_nothing():
    Fallback("x", name="mine").call(failing)
    CircuitBreaker("plain").call(real)
    assert last_call().level == 1


def test_a_call_that_raises_changes_nothing():
    Fallback("x", name="mine").call(failing)
    with pytest.raises(TimeoutError):
        Fallback("x", name="other", on=KeyError).call(failing)
    assert last_call().name == "mine"


def test_a_degraded_answer_inside_stays_visible_outside():
    inner = Fallback("spare", name="inner")
    outer = Fallback("never", name="outer")
    assert outer.call(lambda: inner.call(failing)) == "spare"
    assert last_call() == LastCall("inner", 1, "fallback_value", degraded=True, kind=Kind.timeout)
    assert last_fallback.get().name == "inner"


def test_also_when_a_real_answer_inside_came_after_it():
    inner, other, outer = (Fallback("spare", name=name) for name in ("inner", "other", "outer"))

    def work():
        inner.call(failing)
        assert last_call().degraded
        other.call(real)
        assert last_call() == LastCall("other", 0, None, degraded=False, kind=None)
        assert last_fallback.get() is None

    for _ in range(2):
        outer.call(work)
        assert last_call().name == "inner"
        assert last_fallback.get().name == "inner"


def test_but_not_one_of_an_earlier_call():
    inner, outer = Fallback("spare", name="inner"), Fallback("spare", name="outer")
    inner.call(failing)
    for _ in range(3):
        outer.call(real)
        assert last_call() == LastCall("outer", 0, None, degraded=False, kind=None)
        assert last_fallback.get() is None
    outer.call(lambda: inner.call(real))
    assert last_call().name == "outer"
    outer.call(lambda: inner.call(failing))
    assert last_call().name == "inner"


def test_the_outer_fallback_is_told_where_it_answered():
    inner, outer = Fallback("spare", name="inner"), Fallback("outer's", name="outer")

    def work():
        inner.call(failing)
        raise OSError

    assert outer.call(work) == "outer's"
    assert last_call().name == "outer"


def test_breakers_in_a_pipeline_do_not_hide_what_is_inside(breaker_of):
    breaker = breaker_of(fallback=lambda: "inner")
    breaker.trip()
    assert Fallback("never", name="outer").call(breaker(real)) == "inner"
    assert (last_call().name, last_call().kind) == (breaker.name, Kind.refused)


def test_each_thread_has_its_own():
    Fallback("x", name="mine").call(failing)
    seen = []

    def work():
        seen.append(last_call())
        Fallback("x", name="thread's").call(real)
        seen.append(last_call().name)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None, "thread's"]
    assert last_call().name == "mine"


def test_generators_tell_with_their_first_item():
    @Fallback(["spare"], name="stream")
    def items(error):
        if error:
            raise error
        yield 1
        yield 2

    stream = items(None)
    next(stream)
    assert last_call() == LastCall("stream", 0, None, degraded=False, kind=None)
    stream = items(OSError())
    assert next(stream) == "spare"
    assert last_call().level == 1
    assert list(items(None)) == [1, 2]
    assert not last_call().degraded


@pytest.mark.parametrize("empty", [True, False])
def test_so_do_those_of_breakers(breaker_of, empty):
    breaker = breaker_of(fallback=lambda: ["spare"])

    @breaker
    def items():
        if not empty:
            yield 1

    breaker.trip()
    assert list(items()) == ["spare"]
    assert last_call().degraded
    breaker.reset()
    next(items(), None)
    assert last_call() == LastCall(breaker.name, 0, None, degraded=False, kind=None)


def test_switched_off_nothing_is_noted():
    with testing.disabled(), pytest.raises(TimeoutError):
        Fallback("x").call(failing)
    assert last_call() is None


@pytest.mark.anyio
class TestAwaited:
    async def test_each_task_has_its_own(self):
        @Fallback("spare", name="task")
        async def work(number):
            await anyio.sleep(number % 3)
            if number % 2:
                raise TimeoutError
            return number

        told = {}

        async def task(number):
            await work(number)
            told[number] = last_call().degraded

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(task, number)
        assert told == {number: bool(number % 2) for number in range(10)}
        assert last_call() is None

    async def test_a_degraded_answer_inside_stays_visible_outside(self, breaker_of):
        inner = breaker_of(fallback=lambda: "spare", fallback_on=TimeoutError)

        @Fallback("never", name="outer")
        async def work():
            result = await inner.call(self.late)
            await Fallback("never", name="other").call(self.fine)
            return result

        assert await work() == "spare"
        assert last_call().name == inner.name
        await inner.call(self.fine)
        assert last_call() == LastCall(inner.name, 0, None, degraded=False, kind=None)

    async def late(self):
        raise TimeoutError

    async def fine(self):
        await anyio.sleep(0.1)

    async def test_asynchronous_streams_tell_with_their_first_item(self, breaker_of):
        breaker = breaker_of(fallback=lambda error: ["spare"], fallback_on=TimeoutError)

        async def items(error=None):
            if error:
                raise error
            yield 1
            yield 2

        for guard in (breaker, Fallback(["spare"])):
            stream = guard(items)(TimeoutError())
            assert await anext(stream) == "spare"
            assert last_call().level == 1
            await stream.aclose()
            stream = guard(items)()
            assert await anext(stream) == 1
            assert last_call().level == 0
            await stream.aclose()

    async def test_a_cancelled_call_changes_nothing(self):
        await Fallback("x", name="mine").call(self.fine)
        with anyio.move_on_after(1):
            await Fallback("x", name="cancelled").call(anyio.sleep, 10)
        assert last_call().name == "mine"
