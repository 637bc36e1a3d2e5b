# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the integrations of HTTP, gRPC and task clients share; none of it imports a client."""
