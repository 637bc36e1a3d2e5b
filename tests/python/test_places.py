# SPDX-License-Identifier: MIT OR Apache-2.0
# What is held once: places of bulkheads and adaptive limits, reservations of rate limits.
import copy
import pickle

import pytest
from trifuse import AdaptiveLimit, Bulkhead, RateLimit, per

WAYS = [copy.copy, copy.deepcopy, *(lambda held, p=p: pickle.dumps(held, p) for p in range(6))]


@pytest.mark.parametrize("limit", [Bulkhead(1, name="search"), AdaptiveLimit(limit=1, name="search")])
@pytest.mark.parametrize("way", WAYS)
def test_a_place_cannot_be_copied_so_it_is_given_back_once(limit, way):
    with limit.acquire() as place:
        with pytest.raises(TypeError, match="a place in 'search' cannot be copied or pickled"):
            way(place)
        assert limit.in_flight == 1
    assert limit.in_flight == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_reservation_cannot_be_copied_so_its_tokens_come_back_once(way, clock):
    limit = RateLimit(per(10, seconds=1), capacity=10, name="search")
    reserved = limit.reserve(4)
    with pytest.raises(TypeError, match="a reservation of 'search' cannot be copied or pickled"):
        way(reserved)
    assert (reserved.cancel(), reserved.cancel(), limit.available()) == (4, 0, 10)
