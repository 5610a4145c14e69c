"""Behind a reverse proxy: its word is taken, as many times as there are proxies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, request

from tests.support.databases import engine_of
from wizard import create_app
from wizard.config import Settings


@pytest.fixture
def proxied(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings.model_copy(update={"proxy_count": 1, "env": "production"}))
    app.add_url_rule("/look", view_func=lambda: f"{request.remote_addr} {request.scheme} {request.host}")
    yield app
    engine_of(app).dispose()


def test_the_last_proxy_says_who_the_client_is(proxied: Flask) -> None:
    forwarded = {
        "X-Forwarded-For": "203.0.113.9, 192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
    }
    assert proxied.test_client().get("/look", headers=forwarded).text == "192.0.2.7 https localhost"


def test_production_asks_for_https_from_now_on(proxied: Flask) -> None:
    answer = proxied.test_client().get("/healthz")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


def test_production_cookies_are_of_this_host_alone(proxied: Flask) -> None:
    answer = proxied.test_client().get("/staff/sign-in", headers={"X-Forwarded-Proto": "https"})
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain=" not in cookie
