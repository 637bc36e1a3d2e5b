# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the web integrations share; knows no framework."""
