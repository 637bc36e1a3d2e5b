# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves CONC-BULK-01, CONC-BULK-02, CONC-BULK-03, CONC-TOTAL-01, WRAP-STREAM-01, WRAP-PERMIT-01: in threads.
import pickle
import threading

import pytest
from trifuse import Bulkhead, BulkheadFullError, ConfigurationError, TrifuseError, bulkhead, testing


def test_one_more_than_the_limit_is_refused_and_a_release_makes_room():
    limit = Bulkhead(2, name="two")
    first, second = limit.try_acquire(), limit.try_acquire()
    assert first
    assert second
    assert limit.try_acquire() is None
    with pytest.raises(BulkheadFullError) as caught:
        limit.acquire()
    assert (caught.value.name, caught.value.policy, caught.value.retry_after) == ("two", "bulkhead", None)
    first.release()
    assert limit.in_flight == 1
    assert limit.try_acquire()


def test_a_place_is_released_once():
    limit = Bulkhead(2)
    limit.try_acquire()
    place = limit.try_acquire()
    place.release()
    with pytest.raises(TrifuseError, match="released already"):
        place.release()
    assert limit.snapshot().released == 2  # the first was forgotten, and came back


def test_a_forgotten_place_comes_back():
    limit = Bulkhead(1)
    place = limit.acquire()
    del place
    assert limit.in_flight == 0


def test_a_decorated_function_holds_a_place_while_it_runs_and_passes_its_error_on():
    @bulkhead(3, name="d")
    def work(x, *, fail=False):
        seen.append(work.policy.in_flight)
        if fail:
            raise error
        return x

    seen, error = [], OSError("mine")
    assert work(4) == 4
    with pytest.raises(OSError, match="mine") as caught:
        work(4, fail=True)
    assert caught.value is error
    assert seen == [1, 1]
    assert work.policy.in_flight == 0


def test_a_full_bulkhead_makes_no_call():
    limit = Bulkhead(1)
    calls = []
    with limit, pytest.raises(BulkheadFullError):
        limit(calls.append)(1)
    assert calls == []
    assert limit(calls.append)(2) is None
    assert calls == [2]


def test_blocks_nest():
    limit = Bulkhead(2)
    with limit as same, limit:
        assert same is limit
        assert limit.in_flight == 2
    assert limit.in_flight == 0


def test_leaving_a_block_that_was_not_entered_is_a_mistake():
    with pytest.raises(TrifuseError, match="not taken"):
        Bulkhead(1, name="b").__exit__(None, None, None)


def test_a_stream_holds_its_place_from_the_first_item_to_the_end():
    @bulkhead(1)
    def items():
        yield 1
        yield 2

    limit = items.policy
    stream = items()
    assert limit.in_flight == 0
    assert next(stream) == 1
    assert limit.in_flight == 1
    with pytest.raises(BulkheadFullError):
        next(items())
    assert list(stream) == [2]
    assert limit.in_flight == 0
    closed = items()
    next(closed)
    closed.close()
    assert limit.in_flight == 0


def test_a_generator_that_a_function_gives_holds_the_place_too():
    limit = Bulkhead(1)
    stream = limit(lambda: (i for i in range(2)))()
    assert limit.in_flight == 1
    assert list(stream) == [0, 1]
    assert limit.in_flight == 0
    limit(lambda: (i for i in range(2)))()
    assert limit.in_flight == 0  # dropped before its first item


def test_a_new_limit_counts_at_once_and_throws_nobody_out():
    limit = Bulkhead(3)
    places = [limit.acquire() for _ in range(3)]
    limit.set_limit(1)
    assert limit.in_flight == 3
    places.pop().release()
    places.pop().release()
    assert limit.try_acquire() is None
    limit.set_limit(2)
    assert limit.try_acquire()


def waiting_thread(limit, order, number, **how):
    def run():
        try:
            place = limit.acquire(**how)
        except BulkheadFullError:
            order.append((number, "refused"))
        else:
            order.append(number)
            place.release()

    before = limit.snapshot().waiting
    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive() and limit.snapshot().waiting == before:
        pass
    return thread


def test_waiting_threads_are_served_in_the_order_of_their_coming():
    # Proves CONC-QUEUE-01.
    limit, order = Bulkhead(1, max_queue=10), []
    place = limit.acquire()
    threads = [waiting_thread(limit, order, number) for number in range(5)]
    assert limit.snapshot().waiting == 5
    assert limit.try_acquire() is None
    place.release()
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    assert limit.in_flight == 0


def test_no_more_wait_than_the_queue_holds():
    limit, order = Bulkhead(1, max_queue=1), []
    place = limit.acquire()
    thread = waiting_thread(limit, order, 1)
    with pytest.raises(BulkheadFullError):
        limit.acquire()
    assert limit.snapshot().refused == 1
    place.release()
    thread.join()


def test_a_wait_ends_when_the_virtual_clock_passes_its_end():
    with testing.virtual_clock() as clock:
        limit, order = Bulkhead(1, max_queue=1, max_wait=60), []
        place = limit.acquire()
        thread = waiting_thread(limit, order, 1)
        clock.advance(59)
        assert thread.is_alive()
        assert limit.snapshot().waiting == 1
        clock.advance(1)
        thread.join()
        assert order == [(1, "refused")]
        assert limit.snapshot().refused == 1
        place.release()
        assert limit.in_flight == 0


def test_growing_the_limit_lets_waiters_in():
    limit, order = Bulkhead(1, max_queue=5), []
    place = limit.acquire()
    threads = [waiting_thread(limit, order, number) for number in range(2)]
    limit.set_limit(2)
    for thread in threads:
        thread.join()
    assert order == [0, 1]
    place.release()


def test_many_threads_are_never_more_than_the_limit_and_lose_no_place():
    limit, lock = Bulkhead(3, max_queue=1000), threading.Lock()
    inside, most, done = [0], [0], [0]

    @limit
    def work():
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with lock:
            inside[0] -= 1
            done[0] += 1

    def run():
        for _ in range(300):
            work()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    picture = limit.snapshot()
    assert done == [2400]
    assert most[0] <= 3
    assert (picture.in_flight, picture.waiting, picture.admitted, picture.released) == (0, 0, 2400, 2400)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": 2_000_000}, "limit"),
        ({"limit": -1}, "limit"),
        ({"max_queue": -1}, "max_queue"),
        ({"max_queue": 1, "max_wait": -1}, "max_wait"),
        ({"max_wait": 1}, "max_wait"),
        ({"name": 5}, "name"),
    ],
)
def test_a_bad_setting_is_refused_by_name_with_what_is_allowed(fields, names):
    with pytest.raises(ConfigurationError) as caught:
        Bulkhead(**fields)
    assert (caught.value.field, caught.value.value) == (names, fields[names])
    assert caught.value.allowed


def test_a_refused_change_takes_nothing():
    limit = Bulkhead(2, max_queue=3, max_wait=1)
    for changes in ({"limit": 0}, {"limit": 5, "max_queue": -1}, {"limit": 5, "color": 1}):
        with pytest.raises(ConfigurationError):
            limit.reconfigure(**changes)
    assert limit.describe() == {
        "kind": "bulkhead", "name": "", "limit": 2, "max_queue": 3, "max_wait": 1.0,
    }  # fmt: skip
    limit.reconfigure(limit=5, max_wait=None)
    assert limit.describe() == {"kind": "bulkhead", "name": "", "limit": 5, "max_queue": 3}


def test_the_settings_make_another_of_the_kind():
    limit = Bulkhead(2, max_queue=3, max_wait=1.5, name="b")
    again = Bulkhead(name="b", **limit._settings())
    assert again.describe() == limit.describe()
    assert repr(limit) == "Bulkhead('b', limit=2, max_queue=3, max_wait=1.5)"


def test_the_refusal_can_be_pickled_and_says_what_to_do():
    with pytest.raises(BulkheadFullError) as caught, Bulkhead(1, name="b") as limit:
        limit.acquire()
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.name, again.policy, str(again)) == ("b", "bulkhead", str(caught.value))
    assert "bulkhead 'b' is full" in str(again)


def test_switched_off_nothing_is_limited_and_nothing_is_counted():
    limit = Bulkhead(1)
    with testing.disabled():
        places = [limit.acquire() for _ in range(3)]
        assert [limit(lambda: 5)() for _ in range(3)] == [5, 5, 5]
        with limit, limit:
            pass
    for place in places:
        place.release()
    assert limit.snapshot().admitted == 0
    place = limit.acquire()
    with testing.disabled():
        place.release()
    assert limit.in_flight == 0
