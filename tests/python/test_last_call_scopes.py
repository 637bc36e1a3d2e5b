# SPDX-License-Identifier: MIT OR Apache-2.0
# What scopes (those of caches) see of fallbacks within them, and what model pools note.
import asyncio
import contextvars
import threading

import pytest
from trifuse import Fallback, Retry, testing
from trifuse._fallback import Scope, scope
from trifuse._last_call import LastCall, adopt, last_call, note_deployment, scoped
from trifuse.classify import Kind


@pytest.fixture(autouse=True)
def _own_context():
    """Each test begins where nothing was called yet."""
    from trifuse._fallback import NOTHING, seen

    token = seen.set(NOTHING)
    yield
    seen.reset(token)


def failing(*args):
    raise TimeoutError("secret")


def real(*args):
    return "real"


class TestScopes:
    """What a cache sees: whether a fallback answered anywhere within its call."""

    def test_a_fallback_within_is_seen_and_one_beside_is_not(self):
        policy = Fallback("spare", name="f")
        policy.call(failing)
        with scoped(Scope()) as outer:
            with scoped(Scope()) as first:
                policy.call(real)
            with scoped(Scope()) as second:
                policy.call(failing)
        assert first.degraded is None
        assert second.degraded is outer.degraded is not None
        assert second.degraded.name == "f"
        assert scope.get() is None

    def test_what_ran_in_tasks_of_the_call_is_seen_too(self, run):
        policy = Fallback("spare", name="f")

        async def late():
            await asyncio.sleep(1)
            raise TimeoutError

        async def main():
            with scoped(Scope()) as seen:
                await asyncio.gather(policy.call(late), asyncio.sleep(2))
            assert seen.degraded is not None
            with scoped(Scope()) as other:
                await asyncio.sleep(1)
            assert other.degraded is None

        run(main())

    def test_and_in_threads_that_have_its_context(self):
        with scoped(Scope()) as seen:
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(Fallback("x").call, failing))
            thread.start()
            thread.join()
        assert seen.degraded is not None

    def test_a_fallback_in_an_attempt_that_was_given_up_counts_too(self):
        attempts = []

        def work():
            attempts.append(1)
            Fallback("spare").call(failing if len(attempts) == 1 else real)
            if len(attempts) == 1:
                raise OSError
            return "real"

        with testing.no_waiting(), scoped(Scope()) as seen:
            Retry()(work)()
        assert len(attempts) == 2
        assert seen.degraded is not None

    def test_what_another_task_saw_can_be_taken_over(self):
        with scoped(Scope()) as first:
            Fallback("spare", name="f").call(failing)
        Fallback("x", name="other").call(real)
        with scoped(Scope()) as second:
            adopt(first.degraded)
            adopt(None)
        assert second.degraded is first.degraded
        assert last_call().name == "f"


class TestDeployments:
    """What a pool notes."""

    def test_the_deployment_is_told_and_stays_visible_through_an_outer_guard(self):
        class Pool:
            name = "pool"

        pool = Pool()

        def call():
            note_deployment(pool, "b")
            return "real"

        call()
        assert last_call() == LastCall("pool", 0, None, degraded=False, kind=None, deployment="b")
        for _ in range(2):
            Fallback("x", name="outer").call(call)
            assert last_call() == LastCall("outer", 0, None, degraded=False, kind=None, deployment="b")
        Fallback("x", name="outer").call(real)
        assert last_call().deployment is None

    def test_one_that_is_no_real_answer_counts_as_degraded(self):
        class Pool:
            name = "pool"

        with scoped(Scope()) as seen:
            note_deployment(Pool(), "small", degraded=True, level=2, kind=Kind.overloaded)
        assert seen.degraded.deployment == "small"
        assert last_call() == ("pool", 2, "small", True, Kind.overloaded, "small")
