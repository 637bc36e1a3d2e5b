# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the integrations of vector databases share: guarded objects, empty results, worker threads."""
