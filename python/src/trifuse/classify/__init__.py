# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an error says about the service that was called: one table for all policies.

::

    from trifuse.classify import Kind, add, classify

    classify(error).kind          # Kind.rate_limited, Kind.caller, ...
    add("mylib.Busy", "overloaded")
    add(MyError, Kind.caller)
    add(lambda error: Kind.caller if getattr(error, "mine", False) else None)
"""

from trifuse._retry_after import retry_after
from trifuse.classify._judge import classify, kind_of, verdict
from trifuse.classify._kinds import Classified, Kind
from trifuse.classify._rules import Rule, add

__all__ = ["Classified", "Kind", "Rule", "add", "classify", "kind_of", "retry_after", "verdict"]
