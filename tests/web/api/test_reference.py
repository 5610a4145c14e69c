"""The page about the API: whole, in both languages, without a session, with an anchor for every error."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.support.api import ORCHESTRATOR
from tests.support.applicant import one, parsed
from tests.support.roundtrips import counted
from wizard.core.errors import ErrorCode
from wizard.web.api.endpoints import ENDPOINTS
from wizard.web.api.operations import place_of


@pytest.fixture
def page(client: FlaskClient) -> BeautifulSoup:
    return parsed(client.get("/api"))


def test_every_call_has_its_section(page: BeautifulSoup) -> None:
    shown = [
        (one(section, ".method").text, one(section, ".call-address > code").text)
        for section in page.select("section.call")
    ]
    assert sorted(shown) == sorted((endpoint.method, place_of(endpoint)) for endpoint in ENDPOINTS)
    for endpoint in ENDPOINTS:
        section = one(page, f"section[aria-labelledby={endpoint.name.replace('_', '-')}]")
        assert ("no token needed" in section.text) == endpoint.is_open
        assert len(section.select("pre")) == endpoint.takes_body + (endpoint.answer is not None)


def test_the_type_of_a_problem_leads_to_what_it_means(client: FlaskClient, page: BeautifulSoup) -> None:
    told = client.get(f"{ORCHESTRATOR}/sessions").get_json()
    address, _, anchor = told["type"].rpartition("#")
    assert address.endswith("/api")
    assert "there is no token" in one(page, f"#{anchor}").text
    assert {row["id"] for row in page.select("tr[id]")} == {code.lower() for code in ErrorCode}


def test_no_link_within_the_page_is_dead(page: BeautifulSoup) -> None:
    ids = [str(tag["id"]) for tag in page.select("[id]")]
    assert len(ids) == len(set(ids))
    links = {str(link["href"]).removeprefix("#") for link in page.select("a[href^='#']")}
    assert links <= {*ids, "main"}


def test_what_a_call_takes_is_described(page: BeautifulSoup) -> None:
    stage = one(page, "section[aria-labelledby=stage]")
    rows = {one(row, "th code").text: row for row in stage.select("tbody tr")}
    assert list(rows) == ["Idempotency-Key", "educationData", "accountId", "contact", "language", "ttlSeconds"]
    assert "en · fr" in rows["language"].text
    assert all(one(row, "td:last-child").text.strip() for row in page.select("table.takes tbody tr"))
    update = one(page, "section[aria-labelledby=update]")
    assert "required" in next(row.text for row in update.select("tbody tr") if one(row, "th code").text == "version")


def test_it_is_in_the_language_of_the_browser_or_of_the_link(client: FlaskClient) -> None:
    french = {"Accept-Language": "fr-CA"}
    english, asked, linked = client.get("/api"), client.get("/api", headers=french), client.get("/api?language=fr")
    assert [one(parsed(each), "h1").text for each in (english, asked, linked)] == [
        "API reference",
        "Référence de l’API",
        "Référence de l’API",
    ]
    assert [each.headers["Content-Language"] for each in (english, asked, linked)] == ["en", "fr", "fr"]
    assert one(parsed(client.get("/api?language=en", headers=french)), "h1").text == "API reference"
    assert one(parsed(client.get("/api?language=xx", headers=french)), "html")["lang"] == "fr"
    assert english.headers["Vary"] == "Accept-Language"


def test_it_neither_reads_nor_makes_a_session(app: Flask, client: FlaskClient) -> None:
    client.get("/")
    redis: Redis = app.extensions["wizard_stores"].redis
    with counted(redis) as trips:
        answer = client.get("/api")
    assert trips.count == 0
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert not parsed(answer).select("form")
