# SPDX-License-Identifier: MIT OR Apache-2.0
"""The scenarios, by what goes wrong in them."""

from tales import chains, crowds, databases, mistakes, outages, silences, streams, waits  # noqa: F401
