# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the integrations of the openai and anthropic clients share: a guarded copy of a client."""
