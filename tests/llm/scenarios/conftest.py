# SPDX-License-Identifier: MIT OR Apache-2.0
"""Lets the scenarios import their kit, and shows what came of each, with the guard and without."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from kit.scenario import RESULTS  # noqa: E402


def pytest_terminal_summary(terminalreporter):
    if RESULTS:
        terminalreporter.section("scenarios: requests with the guard | without it, and what is wrong then")
    for told, guarded, bare in RESULTS:
        wrong = "; ".join(bare.wrong) or "NOTHING IS WRONG"
        terminalreporter.write_line(f"{guarded.count:>5} | {bare.count:>5}  {told.name}: {wrong}")
