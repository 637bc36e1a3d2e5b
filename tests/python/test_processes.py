# SPDX-License-Identifier: MIT OR Apache-2.0
import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.end_to_end


def python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_with_a_copy_of_its_own():
    out = python("""
        import os, threading
        import trifuse
        from trifuse import CircuitBreaker, circuit_breaker

        breaker = CircuitBreaker("forked", consecutive_failures=1)
        breaker.call(int)
        held = trifuse.registry._lock
        held.__enter__()                    # as another thread might hold it at the fork
        pid = os.fork()
        if pid == 0:
            CircuitBreaker("made in the child").call(int)
            breaker.call(int)
            assert breaker.snapshot().successes == 2
            breaker.trip()
            os._exit(0)
        held.__exit__(None, None, None)
        assert os.waitpid(pid, 0)[1] == 0
        assert breaker.state == "closed"
        assert breaker.snapshot().successes == 1
        assert "made in the child" not in trifuse.registry
        print("ok")
    """)
    assert out == "ok\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_calls_in_flight_at_a_fork_end_well_in_both_processes():
    out = python("""
        import os
        from trifuse import circuit_breaker

        @circuit_breaker("keyed", key=lambda k: k, max_keys=1)
        def forking(key):
            pid = os.fork()
            if pid:
                assert os.waitpid(pid, 0)[1] == 0
            return pid

        pid = forking("a")
        breakers = forking.circuit_breakers
        assert breakers["a"].snapshot().successes == 1
        if pid == 0:
            os._exit(0)
        print("ok")
    """)
    assert out == "ok\n"


def test_importing_trifuse_imports_no_event_loop_and_no_logging():
    out = python("""
        import sys
        import trifuse
        heavy = {"asyncio", "logging", "inspect", "trio", "anyio", "concurrent.futures", "email"}
        print(sorted(heavy & set(sys.modules)))
    """)
    assert out == "[]\n"


def test_a_spawned_process_finds_its_breaker_by_name(tmp_path):
    (tmp_path / "shop.py").write_text(
        textwrap.dedent("""
            from trifuse import circuit_breaker

            @circuit_breaker("payments")
            def pay(x):
                return x + 1

            def name_of(breaker):
                return breaker.name
        """)
    )
    out = python(
        """
        import multiprocessing, shop

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.apply(shop.pay, (1,)), pool.apply(shop.name_of, (shop.pay.circuit_breaker,)))
        """,
        PYTHONPATH=str(tmp_path),
    )
    assert out == "2 payments\n"


def test_nothing_is_said_or_left_behind_at_exit():
    out = python("""
        import threading, trifuse
        b = trifuse.CircuitBreaker("ending", thread=True)
        b.call(int)
        def hang():
            threading.Event().wait()
        threading.Thread(target=lambda: b.call(hang), daemon=True).start()
    """)
    assert out == ""
