"""Static files: small on the way, kept for good, and never a reason to ask Redis or to set a cookie."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from redis import Redis

from tests.support.roundtrips import counted
from wizard.web.static_files import StaticFiles

STATIC = Path(__file__).resolve().parents[2] / "static"
GZIP = {"Accept-Encoding": "gzip, br"}


@pytest.fixture
def address(app: Flask) -> str:
    with app.test_request_context():
        return str(app.jinja_env.globals["static_url"]("css/wizard.css"))  # type: ignore[operator]


def test_a_file_is_kept_for_good_under_the_address_of_its_contents(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.mimetype == "text/css"
    assert answer.data == (STATIC / "css/wizard.css").read_bytes()


@pytest.mark.parametrize("query", ["", "?v=0123456789abcdef", "?v="])
def test_a_file_under_any_other_address_is_asked_for_again(client: FlaskClient, query: str) -> None:
    assert client.get(f"/static/css/wizard.css{query}").headers["Cache-Control"] == "no-cache"


def test_text_is_sent_compressed_to_whoever_can_read_it(client: FlaskClient, address: str) -> None:
    plain, small = client.get(address), client.get(address, headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 2
    assert plain.headers["Vary"] == small.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] != small.headers["ETag"]


def test_a_font_is_compressed_already(client: FlaskClient) -> None:
    font = next((STATIC / "fonts").glob("*.woff2"))
    answer = client.get(f"/static/fonts/{font.name}", headers=GZIP)
    assert (answer.mimetype, answer.data) == ("font/woff2", font.read_bytes())
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("headers", [{}, GZIP], ids=["plain", "compressed"])
def test_what_a_browser_has_already_is_not_sent_again(
    client: FlaskClient, address: str, headers: dict[str, str]
) -> None:
    first = client.get(address, headers=headers)
    again = client.get(address, headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_head_of_a_file_is_its_head(client: FlaskClient, address: str) -> None:
    answer = client.head(address)
    assert (answer.status_code, answer.data) == (200, b"")


def test_it_costs_redis_nothing_and_sets_no_cookie(app: Flask, client: FlaskClient, address: str) -> None:
    redis: Redis = app.extensions["wizard_stores"].redis
    client.post("/language/fr")
    with counted(redis) as trips:
        answer = client.get(address)
    assert trips.count == 0
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["nothing.css", "../wsgi.py", "css", "css/", "%2e%2e/wsgi.py"])
def test_only_what_is_there_is_sent(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_a_changed_file_has_another_address(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "a.css").write_text("a {}")
    before, same = StaticFiles.under(tmp_path), StaticFiles.under(tmp_path)
    (tmp_path / "css" / "a.css").write_text("b {}")
    after = StaticFiles.under(tmp_path)
    with app.test_request_context():
        assert before.url("css/a.css").startswith(url_for("static", filename="css/a.css") + "?v=")
        assert before.url("css/a.css") == same.url("css/a.css") != after.url("css/a.css")


def test_a_file_that_is_missing_is_noticed_when_it_is_linked(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        StaticFiles.under(tmp_path).url("css/a.css")
