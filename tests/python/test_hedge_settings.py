# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves HEDGE-04 from Python.
import asyncio

import pytest
from trifuse import ConfigurationError, Fallback, Hedge, Pipeline, Retry, hedge, testing


def test_what_is_not_awaited_is_refused():
    def generator():
        yield

    async def async_generator():
        yield

    for fn in (generator, async_generator):
        with pytest.raises(ConfigurationError, match="hedge cannot guard"):
            hedge(fn)
    with pytest.raises(ConfigurationError, match="not awaited"):
        hedge(lambda: 1)()


def test_a_plain_function_is_run_once_at_most_and_then_refused_unseen():
    ran = []
    call = Pipeline("search", Retry(), Fallback("instead"), Hedge())(lambda: ran.append(1))
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="not awaited"):
            call()
    assert ran == [1]
    with testing.disabled():
        assert call() is None
    assert ran == [1, 1]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"after": "95"}, "after"),
        ({"after": "p0"}, "after"),
        ({"after": "p100"}, "after"),
        ({"after": "pnan"}, "after"),
        ({"after": "fast"}, "after"),
        ({"after": 0}, "after"),
        ({"after": None}, "after"),
        ({"share": 1.1}, "share"),
        ({"share": float("nan")}, "share"),
        ({"max_saved": 0}, "max_saved"),
        ({"window": 0}, "window"),
        ({"window": "x"}, "window"),
        ({"name": 3}, "name"),
    ],
)
def test_a_bad_setting_is_refused_by_name(settings, field):
    with pytest.raises(ConfigurationError) as caught:
        Hedge(**settings)
    assert caught.value.field == field


def test_it_describes_itself_and_is_reconfigured_as_a_whole():
    policy = Hedge(name="n")
    assert policy.describe() == {
        "kind": "hedge", "name": "n", "after": "p95", "share": 0.05, "max_saved": 10, "window": 60.0,
    }  # fmt: skip
    policy.latency.record(1)
    policy.reconfigure(after="p50")
    assert policy.latency.snapshot().count == 1
    policy.reconfigure(share=0.5, window=30)
    assert (policy.describe()["share"], policy.latency.snapshot().count) == (0.5, 0)
    with pytest.raises(ConfigurationError):
        policy.reconfigure(after=2, share=7)
    with pytest.raises(ConfigurationError, match="x=1"):
        policy.reconfigure(x=1)
    assert policy.describe()["after"] == "p50"
    assert hedge(after=2, share=0.1)(asyncio.sleep).policy.describe()["after"] == 2.0
