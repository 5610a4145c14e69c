"""Pressing the other language, as a browser does: with what stands in the form that the button belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from tests.support.applicant import filled, one, parsed


def switch(client: FlaskClient, soup: BeautifulSoup, typed: Mapping[str, str] | None = None) -> TestResponse:
    """Press the button of a page, with something typed that was not sent."""
    button = one(soup, "button[data-language]")
    stands = {**filled(one(soup, f"form#{button['form']}")), **(typed or {})}
    # In the order of the page, as browsers send it: the button comes first.
    sent = MultiDict([(str(button["name"]), str(button["value"])), *stands.items()])
    answer = client.post(str(button["formaction"]), data=sent)
    assert answer.status_code == 303, answer.text
    return answer


def switched(
    client: FlaskClient, soup: BeautifulSoup, typed: Mapping[str, str] | None = None, *, expect: int = 200
) -> BeautifulSoup:
    """The page that the button leads to."""
    shown = client.get(switch(client, soup, typed).headers["Location"])
    assert shown.status_code == expect, shown.text
    return parsed(shown)


def language_of(soup: BeautifulSoup) -> str:
    return str(one(soup, "html")["lang"])
