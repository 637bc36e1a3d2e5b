# SPDX-License-Identifier: MIT OR Apache-2.0
import asyncio
import functools
import inspect
import typing

import pytest
from trifuse import ConfigurationError, circuit_breaker


def test_a_bare_decorator_names_the_breaker_after_the_function():
    @circuit_breaker
    def bare():
        return 1

    assert bare() == 1
    assert bare.circuit_breaker.name == f"{__name__}.{bare.__qualname__}"


def test_what_the_function_is_stays_visible():
    @circuit_breaker
    def documented(a: int, *, b: str = "x") -> float:
        """Say something."""

    @circuit_breaker
    def bare(a, b=1):
        pass

    assert str(inspect.signature(documented)) == "(a: int, *, b: str = 'x') -> float"
    assert typing.get_type_hints(documented) == {"a": int, "b": str, "return": float}
    assert documented.__doc__ == "Say something."
    assert documented.__module__ == __name__
    assert str(inspect.signature(bare)) == "(a, b=1)"
    assert (bare.__name__, bare.__doc__, bare.__annotations__) == ("bare", None, {})


def test_attributes_of_the_function_are_kept():
    def tagged():
        pass

    tagged.tag = 3
    assert circuit_breaker(tagged).tag == 3


def test_methods_share_one_breaker_per_class():
    class Client:
        @circuit_breaker
        def method(self, x):
            return self, x

        @circuit_breaker
        @classmethod
        def of_class(cls, x):
            return cls, x

        @classmethod
        @circuit_breaker
        def of_class_below(cls, x):
            return cls, x

        @circuit_breaker("static")
        @staticmethod
        def static(x):
            return x

        @circuit_breaker
        async def asynchronous(self, x):
            return self, x

    one, two = Client(), Client()
    assert one.method(1) == (one, 1)
    assert two.method(2) == (two, 2)
    assert Client.method.circuit_breaker.snapshot().successes == 2
    assert Client.method.circuit_breaker.name.endswith("Client.method")
    assert Client.of_class(3) == one.of_class(3) == (Client, 3)
    assert Client.of_class_below(3) == (Client, 3)
    assert Client.static(4) == one.static(4) == 4
    assert asyncio.run(one.asynchronous(5)) == (one, 5)


def test_callable_objects_and_partials_are_guarded_by_what_they_run():
    class Service:
        def __call__(self, x):
            return x

    class AsyncService:
        async def __call__(self, x):
            return x

    async def later(x, y):
        return x + y

    assert circuit_breaker(Service())(3) == 3
    assert circuit_breaker(Service()).circuit_breaker.name.endswith("Service")
    guarded = circuit_breaker("async service")(AsyncService())
    assert inspect.iscoroutinefunction(guarded)
    assert asyncio.run(guarded(4)) == 4
    partial = circuit_breaker(functools.partial(later, 1))
    assert inspect.iscoroutinefunction(partial)
    assert partial.circuit_breaker.name.endswith("later")
    assert asyncio.run(partial(2)) == 3


def test_builtins_and_bound_methods_are_guarded():
    assert circuit_breaker("len")(len)("abc") == 3
    assert circuit_breaker("join")(",".join)("ab") == "a,b"


def test_an_old_style_coroutine_is_guarded_until_awaited(run):
    import types

    @types.coroutine
    def old():
        yield from asyncio.sleep(1).__await__()
        return 3

    guarded = circuit_breaker("old")(old)

    async def main():
        assert await guarded() == 3

    run(main())
    assert guarded.circuit_breaker.snapshot().successes == 1


async def _coroutine():
    pass


def _generator():
    yield


@pytest.mark.parametrize(
    ("what", "advice"),
    [
        (3.5, "callable"),
        (dict, "use call"),
        (property(len), "under the property"),
        (functools.cached_property(len), "under the property"),
        (functools.partialmethod(len), "made of"),
        (_generator(), "not what it returned"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_guarded_is_refused_and_told_what_to_do(what, advice):
    with pytest.raises(ConfigurationError, match=advice) as caught:
        circuit_breaker(what)
    assert caught.value.field == "function"


def test_a_coroutine_that_has_begun_is_refused(breaker_of):
    coroutine = _coroutine()
    for refuse in (circuit_breaker, breaker_of(), breaker_of().call):
        with pytest.raises(ConfigurationError, match="not what it returned"):
            refuse(coroutine)
    coroutine.close()


def test_a_thread_is_for_synchronous_functions_only(breaker_of):
    for fn in (_coroutine, _generator):
        with pytest.raises(ConfigurationError, match="thread"):
            breaker_of(thread=True)(fn)


def test_a_class_may_be_called_under_guard(breaker_of):
    assert breaker_of().call(dict, a=1) == {"a": 1}
