# SPDX-License-Identifier: MIT OR Apache-2.0
"""The version of the library, told by the core."""

from trifuse._core import ffi, lib

__version__: str = ffi.string(lib.trifuse_version_text()).decode()
