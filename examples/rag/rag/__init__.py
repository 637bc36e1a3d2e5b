# SPDX-License-Identifier: MIT OR Apache-2.0
"""Answers questions from documents: a vector search, a language model, a database, a breaker for each."""
