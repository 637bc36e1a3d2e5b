# SPDX-License-Identifier: MIT OR Apache-2.0
"""A naive circuit breaker, written from docs/semantics.md: integers, fractions, lists, no cleverness.

It answers in plain data: results, states, outcomes and causes are the texts of the C constants, an
event is a dict of the members of trifuse_breaker_event, or None where the caller is told nothing.
"""

from model_config import resolved, shape, whole
from model_parts import NEVER, Cusum, Permit, at_microsecond
from model_rules import Rules
from model_window import window

RECORDING = ("closed", "metrics_only")
FORCED = ("forced_open", "disabled", "metrics_only")


class Breaker(Rules):
    """The whole breaker. Every method takes the caller's now >= 1."""

    def __init__(self, config, now=1):
        self.given, self.c = whole(config), resolved(config)
        self.state = self.c["initial_state"]
        self.generation = 1
        self.since = now
        self.cause = {"open": "tripped", **dict.fromkeys(FORCED, "forced")}.get(self.state, "none")
        self.reopenings = 0
        self.open_until = 0
        self.leases = {}
        self.leases_given = 0
        self.probe_successes = self.probe_failures = 0
        self.last_failure = 0
        self.totals = dict.fromkeys(
            (
                "calls",
                "successes",
                "failures",
                "timeouts",
                "slow",
                "ignored",
                "late_results",
                "lost_permits",
                "would_have_opened",
                "refused_open",
                "refused_half_open_limit",
                "refused_forced_open",
            ),
            0,
        )
        self.transitions = {}
        self.failure_cusum = Cusum(self._design(""))
        self.slow_cusum = Cusum(self._design("slow_"))
        self._start_recording()
        if self.state == "open":
            self.open_until = at_microsecond(now, self._ordinary_wait(now))

    # -- asking ------------------------------------------------------------------------------

    def acquire(self, now):
        """(result, permit or None, retry_after_ns, event)"""
        event = None
        if self.state == "forced_open":
            return self._refuse("refused_forced_open", NEVER)
        if self.state == "open":
            if now < self.open_until:
                return self._refuse("refused_open", self.open_until - now)
            event = self._change("half_open", "wait_over", now)
        if self.state != "half_open":
            return "ok", Permit(self, self.generation, None), 0, event
        self._lose_lapsed(now)
        if len(self.leases) >= self.c["half_open_max_calls"]:
            return self._refuse("refused_half_open_limit", NEVER)
        self.leases_given += 1
        self.leases[self.leases_given] = self._lease_end(now)
        return "ok", Permit(self, self.generation, self.leases_given), 0, event

    def _refuse(self, result, wait):
        self.totals[result] += 1
        return result, None, wait, None

    def reenter(self, permit):
        fits = permit.owner is self and permit.generation == self.generation
        admits = self.state in ("closed", "disabled", "metrics_only")
        return "ok" if fits and permit.lease is None and admits else "stale"

    def renew(self, permit, now):
        if permit.owner is not self or permit.generation != self.generation:
            return "late"
        if permit.lease is None:
            return "ok"
        if self.leases.get(permit.lease, 0) <= now:
            if self.leases.pop(permit.lease, None):
                self.totals["lost_permits"] += 1
            return "late"
        self.leases[permit.lease] = max(self.leases[permit.lease], self._lease_end(now))
        return "ok"

    def _lease_end(self, now):
        return at_microsecond(now, self.c["half_open_permit_ttl_ns"])

    def _lapsed(self, now):
        return [lease for lease, end in self.leases.items() if end <= now]

    def _lose_lapsed(self, now):
        for lease in self._lapsed(now):
            del self.leases[lease]
            self.totals["lost_permits"] += 1

    # -- reporting ---------------------------------------------------------------------------

    def report(self, permit, outcome, duration, now):
        """(result, event)"""
        if self.state == "disabled":
            return "ok", None
        if permit.owner is not self or permit.generation != self.generation:
            return self._late()
        if permit.lease is not None:
            end = self.leases.pop(permit.lease, None)
            if end is None:
                return self._late()
            if end <= now:
                self.totals["lost_permits"] += 1
                return self._late()
        if outcome == "ignored":
            self.totals["ignored"] += 1
            return "ok", None
        failed = outcome != "success"
        slow = 0 < self.c["slow_call_duration_ns"] < duration
        self._count(outcome, failed, slow, now)
        if permit.lease is not None:
            return "ok", self._probe(failed or (slow and self._slow_detection()), now)
        return "ok", self._record(failed, slow, now)

    def _late(self):
        self.totals["late_results"] += 1
        return "late", None

    def _count(self, outcome, failed, slow, now):
        self.totals["calls"] += 1
        self.totals["failures" if failed else "successes"] += 1
        self.totals["timeouts"] += outcome == "timeout"
        self.totals["slow"] += slow
        if failed:
            self.last_failure = max(self.last_failure, now)

    def _probe(self, bad, now):
        if bad:
            self.probe_failures += 1
        else:
            self.probe_successes += 1
        if self.probe_failures >= self.c["half_open_failure_threshold"]:
            return self._change("open", "probe_failed", now)
        if self.probe_successes >= self.c["success_threshold"]:
            return self._change("closed", "probes_succeeded", now)
        return None

    def _record(self, failed, slow, now):
        if not self.window.record(failed, slow, now):
            return None
        self.run = self.run + 1 if failed else 0
        self.failure_cusum.record(failed, self._stamp(now))
        self.slow_cusum.record(slow, self._stamp(now))
        return self._judge(now)

    def _judge(self, now):
        cause = self._rule_that_holds(now)
        held, self.held = self.held, cause is not None
        if cause is None:
            return None
        if self.state == "closed":
            return self._change("open", cause, now)
        if held:
            return None
        self.totals["would_have_opened"] += 1
        event = self._event("metrics_only", "metrics_only", cause, now)
        self.failure_cusum.restart()
        self.slow_cusum.restart()
        return event

    def _start_recording(self):
        self.window = window(self.c)
        self.run = 0
        self.held = False
        self.failure_cusum.restart()
        self.slow_cusum.restart()

    # -- changes of state --------------------------------------------------------------------

    def _event(self, origin, to, cause, now):
        total, failed, slow = self.window.counts(now)
        probing = origin == "half_open"
        return {
            "from": origin,
            "to": to,
            "cause": cause,
            "generation": self.generation,
            "at_ns": now,
            "open_until_ns": 0,
            "window_total": total,
            "window_failed": failed,
            "window_slow": slow,
            "probe_successes": self.probe_successes if probing else 0,
            "probe_failures": self.probe_failures if probing else 0,
        }

    def _change(self, to, cause, now, wait=0):
        origin = self.state
        event = self._event(origin, to, cause, now)
        if origin == "half_open":
            self._lose_lapsed(now)
            self.leases = {}
        self.probe_successes = self.probe_failures = 0
        self.state, self.cause, self.since = to, cause, now
        self.generation += 1
        event["generation"] = self.generation
        if origin != to:
            self.transitions[origin, to] = self.transitions.get((origin, to), 0) + 1
        if to == "open":
            self.reopenings = min(self.reopenings + 1, 1023) if origin == "half_open" else 0
            self.open_until = at_microsecond(now, wait or self._ordinary_wait(now))
            event["open_until_ns"] = self.open_until
        if to == "closed":
            self.reopenings = 0
        if to in RECORDING:
            self._start_recording()
        return event

    # -- control -----------------------------------------------------------------------------

    def trip(self, now, wait=0):
        if self.state in FORCED:
            return None
        if self.state != "open":
            return self._change("open", "tripped", now, wait)
        if now >= self.open_until:
            self.open_until = at_microsecond(now, wait or self._ordinary_wait(now))
        elif wait:
            self.open_until = max(self.open_until, at_microsecond(now, wait))
        return None

    def reset(self, now):
        return self._change("closed", "reset", now)

    def close(self, now):
        return None if self.state == "closed" else self.reset(now)

    def force_open(self, now):
        return self._force("forced_open", now)

    def disable(self, now):
        return self._force("disabled", now)

    def metrics_only(self, now):
        return self._force("metrics_only", now)

    def _force(self, to, now):
        return None if self.state == to else self._change(to, "forced", now)

    def reconfigure(self, config, now):
        old, self.given, self.c = self.c, whole(config), resolved(config)
        if shape(old) != shape(self.c):
            self.window = window(self.c)
        other_clock = old["cusum_idle_decay_ns"] != self.c["cusum_idle_decay_ns"]
        self.failure_cusum.redesign(self._design(""), other_clock=other_clock)
        self.slow_cusum.redesign(self._design("slow_"), other_clock=other_clock)

    # -- looking -----------------------------------------------------------------------------

    def snapshot(self, now):
        """The members of trifuse_breaker_snapshot; transitions as {(from, to): count}."""
        total, failed, slow = self.window.counts(now)
        lapsed = len(self._lapsed(now))
        picture = {
            "state": self.state,
            "cause": self.cause,
            "generation": self.generation,
            "since_ns": self.since,
            "last_failure_ns": self.last_failure,
            "open_until_ns": self.open_until if self.state == "open" else 0,
            "window_total": total,
            "window_failed": failed,
            "window_slow": slow,
            "failure_rate": failed / total if total else 0.0,
            "slow_rate": slow / total if total else 0.0,
            "consecutive_failures": self.run,
            "probes_in_flight": len(self.leases) - lapsed,
            "probe_successes": self.probe_successes,
            "probe_failures": self.probe_failures,
            "reopenings": self.reopenings,
            **self.totals,
            "transitions": dict(self.transitions),
        }
        picture["lost_permits"] += lapsed
        for name, cusum in (("cusum", self.failure_cusum), ("slow_cusum", self.slow_cusum)):
            up, down, threshold = cusum.design or (0, 0, 0)
            picture[f"{name}_s"] = cusum.aged(self._stamp(now)) if cusum.design else 0
            picture |= {f"{name}_up": up, f"{name}_down": down, f"{name}_threshold": threshold}
        return picture
