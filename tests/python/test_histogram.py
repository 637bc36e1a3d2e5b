# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves LATENCY-01, LATENCY-02, LATENCY-04, LATENCY-05, LATENCY-06, LATENCY-08 from Python.
import copy
import random
import threading
from datetime import timedelta

import pytest
from trifuse import ConfigurationError, LatencyHistogram

pytestmark = pytest.mark.usefixtures("clock")


def test_empty_it_has_no_value():
    histogram = LatencyHistogram()
    assert histogram.quantile(0.5) is None
    assert histogram.snapshot() == (0, 0.0, None, None, None, None, None, 0)


def test_quantiles_are_within_five_percent():
    histogram, draws = LatencyHistogram(), random.Random(7)
    values = sorted(draws.lognormvariate(-3, 2) for _ in range(2000))
    for value in values:
        histogram.record(value)
    for q in (0, 0.01, 0.5, 0.95, 0.99, 1):
        exact = values[max(0, -(-int(q * 2000) // 1) - 1)]
        assert histogram.quantile(q) == pytest.approx(exact, rel=0.05)
    picture = histogram.snapshot()
    assert (picture.count, picture.total) == (2000, 2000)
    assert picture.sum == pytest.approx(sum(values), rel=0.05)
    assert picture.min == pytest.approx(values[0], rel=0.05)
    assert picture.max == pytest.approx(values[-1], rel=0.05)
    assert picture.p95 == histogram.quantile(0.95)


def test_durations_are_seconds_or_timedelta():
    histogram = LatencyHistogram()
    histogram.record(timedelta(seconds=2))
    histogram.record(2)
    assert histogram.quantile(1) == pytest.approx(2, rel=0.05)


def test_sliding_it_forgets(clock):
    histogram = LatencyHistogram(sliding=60)
    histogram.record(1)
    clock.advance(29)
    assert histogram.snapshot().count == 1
    clock.advance(61)
    assert histogram.snapshot()[0] == 0
    assert histogram.snapshot().total == 1


def test_a_merge_adds_and_leaves_the_other_as_it_is():
    one, other = LatencyHistogram(), LatencyHistogram(sliding=timedelta(seconds=60))
    one.record(1)
    other.record(5)
    one.merge(other)
    assert (one.snapshot().count, other.snapshot().count) == (2, 1)
    assert one.quantile(1) == pytest.approx(5, rel=0.05)
    for bad in (one, None, 3):
        with pytest.raises(ConfigurationError, match="other"):
            one.merge(bad)


def test_threads_lose_nothing():
    histogram = LatencyHistogram()

    def work():
        for number in range(1000):
            histogram.record(number / 1000)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert histogram.snapshot().count == 4000


@pytest.mark.parametrize("bad", [-1, float("nan"), "x", None, True])
def test_what_is_no_duration_is_refused(bad):
    with pytest.raises(ConfigurationError, match="duration"):
        LatencyHistogram().record(bad)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), 10**400, "x", None, True])
def test_a_quantile_outside_of_0_to_1_is_refused(bad):
    with pytest.raises(ConfigurationError, match="q="):
        LatencyHistogram().quantile(bad)


def test_a_bad_setting_is_refused_by_name():
    for bad in (-1, 1e-9, "x", float("nan")):
        with pytest.raises(ConfigurationError, match="sliding"):
            LatencyHistogram(bad)


def test_it_shows_itself_and_is_never_copied():
    histogram = LatencyHistogram(60)
    assert repr(histogram) == "<LatencyHistogram(sliding=60.0) of 0>"
    assert repr(LatencyHistogram()) == "<LatencyHistogram() of 0>"
    assert copy.copy(histogram) is histogram is copy.deepcopy(histogram)
