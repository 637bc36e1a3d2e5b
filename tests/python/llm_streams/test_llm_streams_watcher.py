# SPDX-License-Identifier: MIT OR Apache-2.0
# The watcher: one thread that closes what takes too long.
import os
import threading
import time

import pytest
from trifuse._llm import watcher
from trifuse._llm.watcher import Watch, watch


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "trifuse-watcher"]


def test_it_closes_when_the_time_is_over_and_not_before():
    closed, begun = threading.Event(), time.monotonic()
    made = watch(closed.set, 0.05)
    assert closed.wait(5)
    assert time.monotonic() - begun >= 0.05
    assert made.fired
    assert made.cancel()


def test_what_is_cancelled_or_paused_is_never_closed():
    closed = []
    cancelled, paused = watch(lambda: closed.append(1), 0.02), watch(lambda: closed.append(2), 0.02)
    assert not cancelled.cancel()
    assert not paused.pause()
    cancelled.arm(0.001)  # nothing: it was given up
    later = threading.Event()
    watch(later.set, 0.1)
    assert later.wait(5)
    assert closed == []
    paused.arm(0.001)
    deadline = time.monotonic() + 5
    while not closed and time.monotonic() < deadline:
        time.sleep(0.001)
    assert closed == [2]


def test_a_deadline_can_be_moved_either_way():
    order, done = [], threading.Event()
    one, two = Watch(lambda: order.append(1)), Watch(lambda: (order.append(2), done.set()))
    one.arm(30)
    two.arm(0.2)
    two.arm(0.5)
    one.arm(0.3)
    assert done.wait(5)
    assert order == [1, 2]


def test_deadlines_fire_in_their_order():
    order, last = [], threading.Event()
    made = {
        number: watch(lambda number=number: order.append(number), 0.05 + number / 1000)
        for number in reversed(range(20))
    }
    watch(last.set, 0.2)
    assert last.wait(5)
    # As they are due: what armed them may have been held up between two.
    assert order == sorted(made, key=lambda number: made[number]._at)


def test_what_closing_raises_is_logged_and_the_others_go_on(caplog):
    closed = threading.Event()

    def fail():
        raise SystemExit("secret-free")

    watch(fail, 0.01)
    watch(closed.set, 0.02)
    assert closed.wait(5)
    assert "closing a call that took too long raised" in caplog.text


def test_ten_thousand_watches_need_one_thread_and_leave_nothing():
    begun = len(watcher._watcher)
    made = [watch(lambda: None, 1000) for _ in range(10_000)]
    assert len(threads()) == 1
    for each in made:
        assert not each.cancel()
    assert len(watcher._watcher) <= begun + 2 * watcher._FEW + 2


def test_setting_and_cancelling_for_ever_keeps_the_memory_bounded():
    begun = len(watcher._watcher)
    for _ in range(20_000):
        watch(lambda: None, 1000).cancel()
    assert len(watcher._watcher) <= begun + 2 * watcher._FEW + 2


def test_a_thread_that_is_unused_ends(monkeypatch):
    monkeypatch.setattr(watcher, "_LINGER", 0.01)
    fresh = watcher._Watcher()
    monkeypatch.setattr(watcher, "_watcher", fresh)
    closed = threading.Event()
    watch(closed.set, 0.001)
    assert closed.wait(5)
    thread = fresh._thread
    if thread is not None:
        thread.join(5)
    assert fresh._thread is None
    again = threading.Event()
    watch(again.set, 0.001)
    assert again.wait(5)


def test_many_threads_may_use_it_at_once():
    fired, lock = [], threading.Lock()

    def close():
        with lock:
            fired.append(1)

    def work():
        for number in range(200):
            made = watch(close, 0.001 if number % 4 == 0 else 1000)
            made.pause()
            made.arm(0.001 if number % 4 == 0 else 1000)
            if number % 4:
                made.cancel()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    deadline = time.monotonic() + 10
    while len(fired) < 400 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(fired) == 400


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_deadlines_of_its_own():
    closed = []
    mine = watch(lambda: closed.append(1), 1000)
    pid = os.fork()
    if pid == 0:
        own = threading.Event()
        watch(own.set, 0.01)
        fine = own.wait(5) and not mine.cancel() and len(watcher._watcher) <= 1
        os._exit(0 if fine else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert not mine.cancel()


def test_the_collector_may_cancel_within():
    """A finalizer that runs while the lock is held takes it again."""
    made = watch(lambda: None, 1000)
    with watcher._watcher.lock:
        assert not made.cancel()
