# SPDX-License-Identifier: MIT OR Apache-2.0
# Limits across a fork, and what many of them cost.
import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.end_to_end


def python(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_without_those_who_waited_and_held_places_in_the_parent():
    out = python("""
        import os, threading
        from trifuse import AdaptiveLimit, Bulkhead, RateLimit, per

        limit = RateLimit(per(10, seconds=0.5), wait=60)
        limit.acquire(10)
        window = RateLimit(per(1, seconds=2), wait=60, algorithm="sliding_log")
        window.acquire()
        places, adaptive = Bulkhead(1, max_queue=5), AdaptiveLimit("vegas", limit=1)
        held, leave = threading.Event(), threading.Event()

        def hold():
            with places, adaptive:
                held.set()
                leave.wait()

        def later():
            with places:
                pass

        threads = [threading.Thread(target=work) for work in (hold, later, window.acquire)]
        threads += [threading.Thread(target=limit.acquire, args=(5,)) for _ in range(2)]
        for thread in threads:
            thread.start()
            if thread is threads[0]:
                held.wait()
        def waiting():
            return [policy.snapshot().waiting for policy in (places, window, limit)]
        while waiting() != [1, 1, 2]:
            pass
        pid = os.fork()
        if pid == 0:
            assert waiting() == [0, 0, 0], waiting()
            assert places.in_flight == adaptive.in_flight == 0
            assert limit.debt == 0
            with places, adaptive:
                assert places.in_flight == adaptive.in_flight == 1
            limit.acquire()
            window.acquire()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        leave.set()
        for thread in threads:
            thread.join()
        assert waiting() == [0, 0, 0]
        assert places.in_flight == adaptive.in_flight == 0
        print("ok")
    """)
    assert out == "ok\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("make", ["Bulkhead(2, max_queue=5)", "AdaptiveLimit('vegas', limit=2)"])
@pytest.mark.parametrize(
    "way", ["place", "block", "async block", "function", "raising", "coroutine", "generator", "returned"]
)
def test_a_place_of_the_parent_that_is_given_back_in_a_forked_child_frees_none_of_the_childs(make, way):
    out = python(f"""
        import asyncio, os
        from trifuse import AdaptiveLimit, Bulkhead
        limit, way = {make}, {way!r}

        def forking():
            global pid, own
            pid = os.fork()
            if pid == 0:
                assert limit.in_flight == 0
                own = [limit.acquire() for _ in range(2)]
                with_and_without = limit.try_acquire()
                assert with_and_without is None
            else:
                assert limit.in_flight == 1

        def raising():
            forking()
            raise OSError

        async def coroutine():
            forking()

        async def block():
            async with limit:
                forking()

        def generator():
            yield 1
            forking()

        if way == "place":
            held = limit.acquire()
            forking()
            held.release()
        elif way == "block":
            with limit:
                forking()
        elif way == "async block":
            asyncio.run(block())
        elif way == "function":
            limit(forking)()
        elif way == "raising":
            try:
                limit(raising)()
            except OSError:
                pass
        elif way == "coroutine":
            asyncio.run(limit(coroutine)())
        elif way == "generator":
            list(limit(generator)())
        else:
            asyncio.run(limit(lambda: coroutine())())
        if pid:
            assert os.waitpid(pid, 0)[1] == 0
            assert limit.in_flight == 0
            assert limit.snapshot()[6:9] == (1, 0, 1), limit.snapshot()
        else:
            try:
                assert limit.in_flight == 2
                for place in own:
                    place.release()
                assert limit.in_flight == 0
                fn = limit(lambda: limit.in_flight)
                assert [fn(), fn(), fn()] == [1, 1, 1]
                with limit:
                    with limit:
                        assert limit.in_flight == 2
                    assert limit.in_flight == 1
                assert limit.in_flight == 0
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print("ok")
    """)
    assert out == "ok\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_reservation_of_the_parent_is_cancelled_by_the_parent_only():
    out = python("""
        import os
        from trifuse import RateLimit, per

        limit = RateLimit(per(10, seconds=3600), capacity=10)
        reserved = limit.reserve(4)
        pid = os.fork()
        if pid == 0:
            assert limit.available() == 6
            os._exit(reserved.cancel() + limit.available() - 6)
        assert os.waitpid(pid, 0)[1] == 0
        print(reserved.cancel(), limit.available())
    """)
    assert out == "4 10\n"


def test_a_hundred_thousand_keyed_limits_are_cheap():
    out = python("""
        import gc, os
        from trifuse import KeyedRateLimits, per

        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        limits = KeyedRateLimits(per(100, seconds=60), max_keys=100_000)
        keys = [f"user-{number}" for number in range(100_000)]
        gc.collect()
        before = resident()
        for key in keys:
            limits.pick(key).try_acquire()
        print((resident() - before) / len(limits))
    """)
    assert float(out) < 1024
    print(f"{float(out):.0f} bytes a key")


def test_a_program_that_has_no_limits_does_not_import_them():
    out = python("""
        import sys, trifuse
        print(sorted(name for name in sys.modules if name.startswith(("trifuse._rate", "trifuse._place"))))
    """)
    assert out == "[]\n"
