"""The language of a page, and the way back to it."""

from __future__ import annotations

import pytest
from babel import Locale
from flask.testing import FlaskClient

from tests.support.desk import page, send
from wizard.web import language
from wizard.web.language import local_path


def tongue(client: FlaskClient, accept: str = "") -> str:
    html = page(client.get("/staff/sign-in", headers={"Accept-Language": accept})).html
    assert html is not None
    return str(html["lang"])


def test_languages_have_their_own_names_and_ours_comes_first() -> None:
    assert language._with_names([Locale("fr")]) == {"en": "English", "fr": "Français"}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("", "en"), ("fr", "fr"), ("fr-CA,en;q=0.5", "fr"), ("de,en;q=0.3", "en"), ("de", "en")],
)
def test_the_browser_chooses_at_first(client: FlaskClient, accept: str, expected: str) -> None:
    assert tongue(client, accept) == expected


def test_a_choice_is_remembered_over_the_browsers(client: FlaskClient) -> None:
    answer = send(client, "/language/fr", {"next": "/staff/sign-in"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/sign-in")
    assert tongue(client, "en") == "fr"
    send(client, "/language/en")
    assert tongue(client, "fr") == "en"


def test_a_language_without_a_catalogue_is_not_offered(client: FlaskClient) -> None:
    assert tongue(client, "de") == "en"
    assert send(client, "/language/de").status_code == 404


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "evil", ""],
)
def test_the_way_back_never_leads_elsewhere(client: FlaskClient, elsewhere: str) -> None:
    assert send(client, "/language/en", {"next": elsewhere}).headers["Location"] == "/"
    assert local_path(elsewhere) is None


@pytest.mark.parametrize(
    "address", ["/", "/registrations/x/education?a=b", "/résumé", "/x//y", "/a?next=//evil.example"]
)
def test_an_address_of_ours_is_kept(address: str) -> None:
    assert local_path(address) == address


def test_it_is_not_changed_by_looking(client: FlaskClient) -> None:
    assert client.get("/language/en").status_code == 405
