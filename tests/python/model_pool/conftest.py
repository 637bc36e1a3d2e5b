# SPDX-License-Identifier: MIT OR Apache-2.0
"""Pools of three places that do as they are told, asked in each way that a pool can be."""

import asyncio

import pytest
from trifuse import Deployment, ModelPool


class Place:
    """What a deployment calls: it gives its name, or raises what it is told."""

    def __init__(self, name):
        self.name, self.calls, self.error, self.takes, self.clock = name, 0, None, 0, None

    def __call__(self, *args, **kwargs):
        self.calls += 1
        self.kwargs = kwargs
        if self.takes:
            self.clock.advance(self.takes)
        if self.error is not None:
            raise self.error
        return self.name


@pytest.fixture
def places(clock):
    made = [Place(name) for name in "abc"]
    for place in made:
        place.clock = clock
    return made


def _pool_of(places, settings=(), **fields):
    given = dict(settings)
    deployments = [Deployment(place.name, place, **given.get(place.name, {})) for place in places]
    return ModelPool(deployments, **{"name": "pool", **fields})


@pytest.fixture
def pool_of():
    return _pool_of


@pytest.fixture
def of_kind():
    return _of_kind


@pytest.fixture
def ask_by(run):
    """Ask a pool in one way, and give its answer."""
    return lambda way, pool, args, kwargs: result_of(way, run, pool, args, kwargs)


@pytest.fixture(params=["call", "await", "for", "async for"])
def ask(request, run):
    """Ask a pool in each way; its places become functions of the kind that fits."""

    def make(pool):
        for one in pool.deployments:
            one.call = _of_kind(request.param, one.call)
            one.form = "function"
        return lambda *args, **kwargs: result_of(request.param, run, pool, args, kwargs)

    return make


def _of_kind(way, place):
    async def coroutine(*args, **kwargs):
        await asyncio.sleep(0)
        return place(*args, **kwargs)

    def generator(*args, **kwargs):
        yield place(*args, **kwargs)

    async def async_generator(*args, **kwargs):
        yield place(*args, **kwargs)

    return {"call": place, "await": coroutine, "for": generator, "async for": async_generator}[way]


def result_of(way, run, pool, args, kwargs):
    async def read():
        if way == "await":
            return await pool(*args, **kwargs)
        (item,) = [item async for item in pool.stream(*args, **kwargs)]
        return item

    if way == "call":
        return pool.call(*args, **kwargs)
    if way == "for":
        (item,) = list(pool.stream(*args, **kwargs))
        return item
    return run(read())
