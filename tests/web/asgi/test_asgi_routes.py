# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-22, SEED-23: health, readiness, the state of breakers, and what operators do to them.
"""The routes of operators, for every ASGI application."""

from __future__ import annotations

import pytest
from trifuse import CircuitBreakerRegistry, ConfigurationError
from trifuse.contrib.asgi import HealthRoutes
from trifuse.health import Health


class TestRoutes:
    """The routes of operators."""

    @pytest.fixture(autouse=True)
    def _app(self, fine):
        self.fine = fine

    def make(self, **settings):
        self.registry = CircuitBreakerRegistry()
        for name in ("payments", "openai:api.openai.com", "http://host/path"):
            self.registry.breaker(name)
        health = Health(version="1.4.2", breakers=self.registry)
        return HealthRoutes(self.fine, health, breakers=self.registry, **settings)

    def test_health_and_readiness(self, get):
        app = self.make()
        answer = get(app, "/health")
        assert answer.status_code == 200
        assert set(answer.json()) == {"status", "version", "uptime_seconds", "checks"}
        assert answer.json()["checks"][0] == {
            "name": "circuit_breaker:payments",
            "status": "healthy",
            "message": "closed",
        }
        assert get(app, "/ready").status_code == 200
        self.registry["payments"].trip()
        assert (get(app, "/health").status_code, get(app, "/ready").status_code) == (200, 503)
        assert get(app, "/health").json()["status"] == "degraded"

    def test_an_unhealthy_service_is_503_and_degraded_may_count_as_ready(self, get, fine):
        app = HealthRoutes(fine, Health(checks={"database": lambda: False}, breakers=None))
        assert get(app, "/health").status_code == 503
        app = self.make(ready_when=("healthy", "degraded"))
        self.registry["payments"].trip()
        assert get(app, "/ready").status_code == 200

    def test_the_state_of_each_breaker(self, get):
        answer = get(self.make(), "/health/circuit-breakers")
        assert answer.json()["payments"] == self.registry["payments"].get_state()
        assert answer.headers["cache-control"] == "no-store"

    def test_head_has_no_body_and_post_is_the_applications(self, get):
        assert get(self.make(), "/health", "HEAD").content == b""
        assert get(self.make(), "/health", "POST").text == "ok"
        assert get(self.make(), "/other").text == "ok"

    @pytest.mark.parametrize("name", ["payments", "openai:api.openai.com", "http://host/path"])
    def test_who_is_authorised_steers_breakers(self, name, caplog, get):
        app = self.make(authorize=lambda scope: "ann")
        states = []
        for action in ("open", "close", "disable", "reset"):
            answer = get(app, f"/admin/circuit-breakers/{name}/{action}", "POST")
            assert answer.status_code == 200
            assert repr(name) in answer.json()["message"]
            states.append(str(self.registry[name].state))
        assert states == ["forced_open", "closed", "disabled", "closed"]
        assert "by ann" in caplog.text

    def test_an_unknown_name_is_404_and_only_post_does_anything(self, get):
        app = self.make(authorize=lambda scope: True)
        assert get(app, "/admin/circuit-breakers/other/reset", "POST").status_code == 404
        answer = get(app, "/admin/circuit-breakers/payments/open")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert self.registry["payments"].state == "closed"

    def test_without_a_right_nothing_is_done_or_told(self, get):
        async def no(scope):
            return False

        for authorize in (no, lambda scope: None):
            app = self.make(authorize=authorize)
            for name in ("payments", "other"):
                assert get(app, f"/admin/circuit-breakers/{name}/open", "POST").status_code == 403
            assert self.registry["payments"].state == "closed"

    def test_a_page_of_another_site_may_not_steer(self, get):
        app = self.make(authorize=lambda scope: True)
        path = "/admin/circuit-breakers/payments/open"
        assert get(app, path, "POST", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert get(app, path, "POST", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200

    def test_without_an_authorisation_there_are_no_admin_routes(self, get, fine):
        assert get(self.make(), "/admin/circuit-breakers/payments/open", "POST").text == "ok"
        assert self.registry["payments"].state == "closed"

    @pytest.mark.parametrize(
        ("settings", "field"), [({"authorize": True}, "authorize"), ({"ready_when": ("fine",)}, "ready_when")]
    )
    def test_bad_settings_are_refused(self, settings, field):
        with pytest.raises(ConfigurationError) as refused:
            self.make(**settings)
        assert refused.value.field == field

    def test_other_routes_with_the_same_beginning_are_the_applications(self, get):
        app = self.make(authorize=lambda scope: True)
        assert get(app, "/admin/circuit-breakers-of-mine/payments/open", "POST").text == "ok"
        assert get(app, "/admin/circuit-breakers", "POST").text == "ok"

    def test_what_is_no_health_is_refused(self):
        with pytest.raises(ConfigurationError) as refused:
            HealthRoutes(self.fine, "1.4.2")
        assert refused.value.field == "health"
