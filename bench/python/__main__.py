# SPDX-License-Identifier: MIT OR Apache-2.0
"""``python bench/python``: the same as ``python bench/python/run.py``."""

from run import main

raise SystemExit(main())
