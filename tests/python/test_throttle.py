# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves THROTTLE-01, THROTTLE-02, THROTTLE-04, THROTTLE-05, THROTTLE-06: in Python.
import pickle

import anyio
import pytest
from trifuse import BulkheadFullError, ConfigurationError, Throttle, ThrottledError, testing, throttle


def test_while_the_backend_takes_calls_on_all_are_made(clock):
    limit = Throttle(seed=1)
    for _ in range(1000):
        limit(lambda: 1)()
    picture = limit.snapshot()
    assert (picture.requests, picture.accepts, picture.probability) == (1000, 1000, 0)
    assert (picture.admitted, picture.refused, picture.accepted) == (1000, 0, 1000)


def test_a_backend_that_refuses_everything_gets_ever_fewer_calls(clock):
    limit, made = Throttle(seed=1, name="t"), []

    @limit
    def call():
        made.append(1)
        raise OSError("busy")

    refused = 0
    for _ in range(1000):
        with pytest.raises((ThrottledError, OSError)) as caught:
            call()
        if caught.type is ThrottledError:
            refused += 1
            said = caught.value
    assert (said.name, said.policy, said.retry_after) == ("t", "throttle", None)
    assert len(made) + refused == 1000
    assert len(made) < 30
    picture = limit.snapshot()
    assert picture.probability == pytest.approx(1000 / 1001)
    assert (picture.admitted, picture.refused, picture.accepted) == (len(made), refused, 0)
    clock.advance(31)
    assert limit.snapshot().probability == 0


def test_equal_seeds_draw_equally(clock):
    def drawn(seed):
        limit = Throttle(seed=seed)
        return [limit.try_acquire() for _ in range(60)]

    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)


def counted(limit, fn, *args):
    before = limit.snapshot().accepted
    try:
        limit(fn)(*args)
    except BaseException:  # what it is, is not the question
        pass
    return limit.snapshot().accepted - before


def raises(error):
    raise error


@pytest.mark.parametrize(
    ("error", "fields", "accepts"),
    [
        (OSError(), {}, 0),
        (TimeoutError(), {}, 0),
        (KeyboardInterrupt(), {}, 1),
        (BulkheadFullError("inner"), {}, 1),
        (OSError(), {"overload_on": TimeoutError}, 1),
        (TimeoutError(), {"overload_on": (TimeoutError, KeyError)}, 0),
        (ValueError("503"), {"overload_on": lambda error: "503" in str(error)}, 0),
        (ValueError("404"), {"overload_on": lambda error: "503" in str(error)}, 1),
    ],
)
def test_which_errors_say_that_the_backend_did_not_take_a_call_on(clock, error, fields, accepts):
    assert counted(Throttle(**fields), raises, error) == accepts


def test_a_result_can_say_so_too(clock):
    for status, accepts in ((503, 0), (200, 1)):
        limit = Throttle(overload_if=lambda found: found == 503)
        assert counted(limit, lambda found=status: found) == accepts


def test_blocks_and_streams_count_at_their_end(clock):
    limit = Throttle()
    with limit:
        assert limit.snapshot().accepted == 0
    with pytest.raises(OSError, match="x"), limit:
        raise OSError("x")
    assert limit.snapshot().accepted == 1

    @limit
    def items():
        yield 1
        yield 2

    assert list(items()) == [1, 2]
    assert limit.snapshot().accepted == 2
    stream = items()
    next(stream)
    stream.close()
    assert limit.snapshot().accepted == 3
    assert list(limit(lambda: (i for i in range(2)))()) == [0, 1]
    assert limit.snapshot().accepted == 4


@pytest.mark.anyio
@pytest.mark.parametrize("returned", [False, True])
async def test_awaited_calls_and_streams_count_at_their_end(returned):
    limit = Throttle()

    async def work(error=None):
        await anyio.sleep(1)
        if error is not None:
            raise error
        return 5

    async def items():
        yield 1
        yield 2

    call = limit((lambda *args: work(*args)) if returned else work)
    stream = limit((lambda: items()) if returned else items)
    assert await call() == 5
    assert limit.snapshot().accepted == 1
    with pytest.raises(OSError, match="x"):
        await call(OSError("x"))
    assert limit.snapshot().accepted == 1
    with anyio.move_on_after(0.5):
        await call()
    assert limit.snapshot().accepted == 2
    assert [item async for item in stream()] == [1, 2]
    assert limit.snapshot().accepted == 3
    closed = stream()
    await anext(closed)
    await closed.aclose()
    assert limit.snapshot().accepted == 4
    async with limit:
        pass
    assert limit.snapshot()[4:] == (6, 0, 5)


@pytest.mark.anyio
async def test_a_refused_stream_begins_nothing():
    limit, begun = Throttle(seed=1), []
    for _ in range(1000):
        limit.try_acquire()

    @limit
    async def items():
        begun.append(1)
        yield 1

    refused = 0
    for _ in range(50):
        stream = items()
        try:
            await anext(stream)
        except ThrottledError:
            refused += 1
        await stream.aclose()
    assert refused
    assert len(begun) == 50 - refused


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"k": 0.5}, "k"),
        ({"k": "2"}, "k"),
        ({"k": float("inf")}, "k"),
        ({"window_duration": 0}, "window_duration"),
        ({"window_buckets": 65}, "window_buckets"),
        ({"overload_on": 5}, "overload_on"),
        ({"overload_if": 5}, "overload_if"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_bad_setting_is_refused_by_name_with_what_is_allowed(fields, name):
    with pytest.raises(ConfigurationError) as caught:
        Throttle(**fields)
    assert (caught.value.field, caught.value.value) == (name, fields[name])
    assert caught.value.allowed.removeprefix("a whole number, ")


def test_it_describes_itself_and_makes_another_of_its_kind():
    limit = Throttle(k=3, window_duration=60, seed=7, name="t")
    settings = {"k": 3.0, "window_duration": 60.0, "window_buckets": 10, "seed": 7}
    assert limit.describe() == {"kind": "throttle", "name": "t", **settings}
    assert Throttle(**limit._settings()).describe() == {**limit.describe(), "name": ""}
    with pytest.raises(ConfigurationError):
        limit.reconfigure(k=2)


def test_the_refusal_can_be_pickled():
    error = ThrottledError("t")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.reason) == (str(error), "throttled")


def test_switched_off_all_calls_pass_and_nothing_is_counted():
    @throttle(seed=1)
    def call():
        return 1

    limit = call.policy
    while limit.try_acquire():
        pass
    before = limit.snapshot()
    with testing.disabled():
        assert [call() for _ in range(100)] == [1] * 100
    assert limit.snapshot()[4:] == before[4:]
