# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measure trifuse in Python beside floors and peers, in one run.

    python bench/python/run.py [--quick] [--only SECTION ...] [--json FILE] [--check]

It measures the trifuse that is installed in the interpreter that runs it, and the peers found there
(circuitbreaker, aiobreaker, pybreaker, purgatory, hyx; aiolimiter, limits, PyrateLimiter,
throttled-py; tenacity, stamina, backoff). docs/benchmarks.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import calls
import imports
import keyed
import latency
import memory
import policies
import policy_subjects
import report
import subjects
from measure import FULL, QUICK, Effort
from targets import Verdict

Section = Callable[[Effort], Any]
SECTIONS: dict[str, Section] = {
    "sync": calls.sync,
    "async": calls.asynchronous,
    "suspended": calls.suspended,
    "refused": calls.refused,
    "forms": calls.forms,
    "limiter": policies.limiter,
    "limiter-async": policies.limiter_async,
    "retry": policies.retry,
    "retry-async": policies.retry_async,
    "pipeline": policies.pipeline,
    "pipeline-async": policies.pipeline_async,
    "latency": latency.run,
    "memory": memory.run,
    "keyed": keyed.run,
    "import": imports.run,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="less exact, in less than a minute")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a figure is over its target")
    return parser.parse_args()


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    return {name: x.as_dict() if hasattr(x, "as_dict") else x for name, x in found.items()}


def main() -> int:
    """Run the sections that were asked for; the number of the exit status."""
    arguments = _arguments()
    subjects.quiet()
    machine = report.machine()
    print("; ".join(f"{key}: {value}" for key, value in machine.items()))
    for name in subjects.missing() + policy_subjects.missing():
        report.note(f"{name} is not installed: it is left out")
    effort = QUICK if arguments.quick else FULL
    figures: dict[str, Any] = {"machine": machine, "effort": asdict(effort)}
    verdicts: list[Verdict] = []
    for name in arguments.only or SECTIONS:
        answer = SECTIONS[name](effort)
        found, judged = answer if isinstance(answer, tuple) else (answer, [])
        figures[name] = _plain(found)
        verdicts += judged
    print("\nTargets")
    report.verdicts(verdicts)
    over = sum(not verdict.passed for verdict in verdicts)
    print(f"{len(verdicts) - over} of {len(verdicts)} figures within their targets")
    if arguments.json:
        figures["verdicts"] = [verdict.as_dict() for verdict in verdicts]
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if over and arguments.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
