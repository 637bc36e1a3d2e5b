# SPDX-License-Identifier: MIT OR Apache-2.0
"""What calls of language models share, whichever client makes them; knows no client."""
