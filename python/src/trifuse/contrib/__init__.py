# SPDX-License-Identifier: MIT OR Apache-2.0
"""Integrations: a module a library, imported only when asked for; each names the extra it needs."""
