# SPDX-License-Identifier: MIT OR Apache-2.0
"""The demo: a real client, a server that breaks, and the same traffic with and without a breaker.

Needs the extra ``cli``; nothing of the library imports this package.
"""
