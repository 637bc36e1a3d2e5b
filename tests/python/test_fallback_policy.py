# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-09, SEED-16: a fallback as a policy of its own.
from dataclasses import dataclass

import anyio
import pytest
from trifuse import (
    CircuitBreakerOpenError,
    ConfigurationError,
    Fallback,
    RateLimitedError,
    Retry,
    UnsupportedError,
    fallback,
    last_fallback,
    testing,
)


class Service:
    """Fails with an error until it is given None."""

    def __init__(self, error=None):
        self.error, self.calls = error or OSError("mine"), 0

    def __call__(self, *args):
        self.calls += 1
        if self.error:
            raise self.error
        return "real"


def test_a_value_answers_for_a_call_that_failed_or_was_refused():
    for error in (OSError(), CircuitBreakerOpenError("x"), RateLimitedError("x", 1.0)):
        assert Fallback("spare", name="mine").call(Service(error)) == "spare"
        assert last_fallback.get() == ("mine", 1, "fallback_value")


def test_a_call_that_succeeds_is_not_answered_for():
    service = Service()
    service.error = None
    assert Fallback("spare").call(service) == "real"
    assert last_fallback.get() is None


def test_a_function_gets_the_arguments_and_the_error_if_it_wants_them():
    error = OSError()
    assert Fallback(lambda a, b=0: (a, b)).call(Service(error), 1) == (1, 0)
    assert Fallback(lambda a, *, error: (a, error)).call(Service(error), 1) == (1, error)
    assert Fallback(lambda: "bare").call(Service(error), 1) == "bare"


def test_several_levels_are_asked_in_turn():
    asked = []

    def level(name):
        def failing(*args):
            asked.append(name)
            raise KeyError(name)

        return failing

    policy = Fallback(level("cache"), level("model"), lambda *args: "rule", "never", name="mine")
    assert policy.call(Service(), 1) == "rule"
    assert asked == ["cache", "model"]
    assert last_fallback.get()[:2] == ("mine", 3)
    assert policy.describe()["levels"][-1] == "fallback_value"
    assert Fallback([level("a"), level("b")], value="last").call(Service()) == "last"


def test_when_all_fail_the_original_error_is_raised_with_theirs_attached():
    error = OSError("mine")
    asked = []

    def failing(*, error):
        asked.append(error)
        raise KeyError("k")

    with pytest.raises(OSError) as caught:
        Fallback(failing, name="f").call(Service(error))
    assert caught.value is error
    assert [type(each) for each in error.fallback_errors] == [KeyError]
    assert "all fallbacks of fallback 'f' failed too: KeyError" in error.__notes__[0]
    assert asked == [error]


@pytest.mark.parametrize(
    ("on", "error", "answered"),
    [
        (OSError, OSError(), True),
        (OSError, KeyError(), False),
        ((OSError, KeyError), KeyError(), True),
        (OSError, CircuitBreakerOpenError("x"), True),
        (lambda error: "yes" in str(error), OSError("yes"), True),
        (lambda error: "yes" in str(error), OSError("no"), False),
        (None, ConfigurationError("x", 1, "2"), False),
        (None, UnsupportedError("x", "y", "z"), False),
        (None, ValueError(), True),
    ],
)
def test_on_says_which_failures_are_answered_beside_refusals(on, error, answered):
    policy = Fallback("spare", on=on)
    if answered:
        assert policy.call(Service(error)) == "spare"
    else:
        with pytest.raises(type(error)):
            policy.call(Service(error))


def test_of_retries_that_gave_up_the_last_error_is_looked_at():
    with testing.no_waiting():
        service = Service()
        assert Fallback("spare", on=OSError)(Retry(raise_exhausted=True)(service))() == "spare"
        assert service.calls == 4


def test_what_is_no_exception_is_not_answered_for():
    with pytest.raises(KeyboardInterrupt):
        Fallback("spare").call(Service(KeyboardInterrupt()))


def test_switched_off_it_answers_for_nothing():
    with testing.disabled(), pytest.raises(OSError):
        Fallback("spare").call(Service())


def test_the_decorator_takes_values_and_functions():
    @fallback([], on=OSError)
    def search(question):
        raise OSError

    assert search("x") == []
    assert isinstance(search.policy, Fallback)
    assert fallback(value=len)(Service())() is len


def test_a_generator_is_answered_for_only_before_its_first_item():
    @fallback([7, 8])
    def items(given):
        if given:
            yield given
        raise OSError

    assert list(items(0)) == [7, 8]
    got = []
    with pytest.raises(OSError):
        for item in items(1):
            got.append(item)
    assert got == [1]
    assert list(Fallback([9]).call(lambda: items.__wrapped__(0))) == [9]
    assert last_fallback.get().level == 1


def test_what_is_sent_to_a_fallback_generator_reaches_it():
    def spare():
        sent = yield 1
        yield sent
        return "end"

    @fallback(spare)
    def items():
        raise OSError
        yield

    stream = items()
    assert (next(stream), stream.send(5)) == (1, 5)
    with pytest.raises(StopIteration) as end:
        next(stream)
    assert end.value.value == "end"


@pytest.mark.parametrize("bad", [(), ([], str), (1, 2)])
def test_no_fallback_or_one_after_a_value_is_refused(bad):
    with pytest.raises(ConfigurationError, match="fallbacks"):
        Fallback(*bad)
    with pytest.raises(ConfigurationError, match="on"):
        Fallback(1, on=3)


def test_it_describes_itself_and_its_value_can_be_changed():
    policy = Fallback(Service(), None, name="n")
    assert repr(policy) == "Fallback('n', value=None)"
    policy.reconfigure(value="new")
    assert policy.call(Service()) == "new"
    assert policy.describe()["value"] == "new"
    with pytest.raises(ConfigurationError, match="on"):
        policy.reconfigure(on=OSError)
    assert Fallback(object()).describe()["levels"] == ["fallback_value"]


@pytest.mark.anyio
class TestAwaited:
    @pytest.fixture(params=["decorated", "called", "awaitable"])
    def answered(self, request):
        def make(fn, *fallbacks, **settings):
            policy = Fallback(*fallbacks, **settings)
            if request.param == "awaitable":
                return policy(lambda *args: fn(*args))
            return policy(fn) if request.param == "decorated" else lambda *args: policy.call(fn, *args)

        return make

    async def failing(self, *args):
        await anyio.sleep(0)
        raise OSError("mine")

    async def test_a_value_or_a_function_of_either_kind_answers(self, answered):
        async def spare(x):
            await anyio.sleep(0)
            return x

        assert await answered(self.failing, "spare")() == "spare"
        assert await answered(self.failing, spare)(3) == 3
        assert await answered(self.failing, lambda x: x)(4) == 4

    async def test_a_success_is_not_answered_for(self, answered):
        async def working():
            return "real"

        last_fallback.set(("x", 1, "y"))
        assert await answered(working, "spare")() == "real"
        assert last_fallback.get() is None

    async def test_what_it_is_not_for_passes(self, answered):
        with pytest.raises(OSError, match="mine"):
            await answered(self.failing, "spare", on=KeyError)()

    async def test_when_all_fail_the_original_error_is_raised(self, answered):
        with pytest.raises(OSError, match="mine") as caught:
            await answered(self.failing, self.broken)()
        assert [type(each) for each in caught.value.fallback_errors] == [KeyError]

    async def broken(self):
        raise KeyError

    async def test_a_cancellation_passes(self, answered):
        with anyio.move_on_after(1) as scope:
            await answered(lambda: anyio.sleep(1000), "spare")()
        assert scope.cancelled_caught

    async def test_an_asynchronous_fallback_answers_where_the_call_itself_failed_too(self):
        def refusing(x):
            raise OSError

        async def spare(x):
            return x

        assert await Fallback(spare)(refusing)(5) == 5
        with pytest.raises(OSError):
            await Fallback(self.broken)(refusing)(5)

    async def test_an_async_generator_is_answered_for_only_before_its_first_item(self):
        async def spare(given):
            yield 7

        for stand_in in (spare, [7]):

            @fallback(stand_in)
            async def items(given):
                if given:
                    yield given
                raise OSError

            assert [item async for item in items(0)] == [7]
            got = []
            with pytest.raises(OSError):
                async for item in items(1):
                    got.append(item)
            assert got == [1]
            returned = Fallback(stand_in).call(lambda given: items.__wrapped__(given), 0)
            assert [item async for item in returned] == [7]


@pytest.mark.parametrize("value", [None, 5])
def test_a_value_that_has_no_items_cannot_stand_in_for_a_stream(value):
    def items():
        yield 1

    async def async_items():
        yield 1

    for fn in (items, async_items):
        with pytest.raises(ConfigurationError, match="items"):
            Fallback(value)(fn)


def test_an_error_that_cannot_be_written_to_is_raised_all_the_same():
    @dataclass(frozen=True)
    class Frozen(Exception):
        code: int

    def failing():
        raise Frozen(5)

    with pytest.raises(Frozen) as caught:
        Fallback(failing)(failing)()
    assert caught.value.code == 5
