# SPDX-License-Identifier: MIT OR Apache-2.0
"""The model's modules import each other, and the vectors' replay, by name."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "vectors")]
