# SPDX-License-Identifier: MIT OR Apache-2.0
"""Health checks: what a service needs, whether it is there, and what that means for the service.

::

    from trifuse.health import Health, database_check

    health = Health(version="1.4.2", checks={"database": database_check(pool)})
    report = await health.report_async()
    report.status, report.as_dict()

The breakers of ``trifuse.registry`` are components too: an open one degrades the service. Web
frameworks serve it: ``trifuse.contrib.fastapi``, ``asgi``, ``flask``, ``django``.
"""

from trifuse.health._database import database_check
from trifuse.health._health import Health
from trifuse.health._results import CheckResult, HealthReport, Status

__all__ = ["CheckResult", "Health", "HealthReport", "Status", "database_check"]
