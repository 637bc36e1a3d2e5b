# SPDX-License-Identifier: MIT OR Apache-2.0
"""For tests of code that uses trifuse: virtual time, forced states, a recorder, switching off.

pytest users get the fixtures ``trifuse_testing`` and ``chaos_server`` from the installed package.
``trifuse.testing.chaos`` is a server that fails as told.
"""

from __future__ import annotations

from trifuse.testing._clock import VirtualClock, no_waiting, virtual_clock
from trifuse.testing._forcing import disabled, forced
from trifuse.testing._recording import Recorder, record

__all__ = ["Recorder", "VirtualClock", "disabled", "forced", "no_waiting", "record", "virtual_clock"]
