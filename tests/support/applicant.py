"""An applicant with a browser: pages looked at as they are, forms sent as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.outbox import waiting
from wizard.services.ports.units import UnitsOfWork

ANSWERS: dict[str, dict[str, str]] = {
    "identity": {"user_business_id": "osot-0000001", "email": "ada@example.org"},
    "education": {"degree_type": "masters", "university": "mcmaster", "country": "CA", "graduation_year": "2026"},
    "coto": {"coto_status": "pending"},
    "privacy": {"access_modifier": "private", "notes": ""},
}
DATA_STEPS = tuple(ANSWERS)
HTMX = {"HX-Request": "true"}


@dataclass
class Applicant:
    """What somebody does in one browser."""

    client: FlaskClient
    session_id: str = field(default="")

    def address(self, tail: str) -> str:
        return f"/registrations/{self.session_id}/{tail}"

    def soup(self, tail: str, *, expect: int = 200) -> BeautifulSoup:
        """A page of the registration, as it is."""
        answer = self.client.get(self.address(tail))
        assert answer.status_code == expect, (tail, answer.status_code, answer.headers.get("Location"))
        return parsed(answer)

    def token(self) -> str:
        found = parsed(self.client.get("/")).select_one("form[action='/registrations'] input[name=csrf_token]")
        assert found is not None
        return str(found["value"])

    def start(self) -> Applicant:
        answer = self.client.post("/registrations", data={"csrf_token": self.token()})
        assert answer.status_code == 303, answer.text
        self.session_id = answer.headers["Location"].split("/")[2]
        return self

    def send(
        self, tail: str, values: dict[str, str] | None = None, *, headers: dict[str, str] | None = None
    ) -> TestResponse:
        """Send a form with this browser's token, whatever page it would be on."""
        data = {"csrf_token": self.token(), **(values or {})}
        return self.client.post(self.address(tail), data=data, headers=headers or {})

    def submit(self, step: str, **values: str) -> TestResponse:
        """Fill in the form of a step as it stands and send it."""
        form = self.soup(step).select_one("main form[method=post]")
        assert form is not None
        address = str(form["action"])
        return self.client.post(address, data={**filled(form), **values})

    def answer(self, *steps: str, **values: str) -> Applicant:
        """Go through data steps with the usual answers, or others."""
        for step in steps or DATA_STEPS:
            usual = {name: values.get(name, value) for name, value in ANSWERS[step].items()}
            extra = {name: value for name, value in values.items() if STEP_OF.get(name) == step}
            answer = self.submit(step, **{**usual, **extra})
            assert answer.status_code == 303, (step, answer.text)
        return self

    def decide(self) -> Applicant:
        assert self.submit("review").status_code == 303
        return self

    def prove(self, units: UnitsOfWork) -> Applicant:
        """Ask for a code, read it in the mail, enter it."""
        assert self.send("account").status_code == 303
        answer = self.send("account", {"code": newest_code(units)})
        assert answer.status_code == 303, answer.text
        assert answer.headers["Location"].endswith("/confirm")
        return self

    def declare(self) -> TestResponse:
        return self.send("confirm", {"declaration": "y"})


@contextmanager
def unheard(client: FlaskClient) -> Iterator[None]:
    """The browser never hears of the answers meanwhile, nor of its new cookie."""
    cookie = client.get_cookie("wizard")
    assert cookie is not None
    yield
    client.set_cookie("wizard", cookie.value)


STEP_OF = {
    "email": "identity",
    "other_details": "education",
    "coto_registration": "coto",
    **{name: step for step, values in ANSWERS.items() for name in values},
}


def newest_code(units: UnitsOfWork) -> str:
    """The code that the newest mail with one carries."""
    return [message for message in waiting(units) if message.kind == "code"][-1].secret["code"]


def parsed(answer: TestResponse) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "html.parser")


def filled(form: Tag) -> dict[str, str]:
    """The values that a browser would send of a form as it stands."""
    values: dict[str, str] = {}
    for control in form.select("input[name], textarea[name], select[name]"):
        name = str(control["name"])
        if control.name == "select":
            chosen = control.select_one("option[selected]") or control.select_one("option")
            values[name] = str(chosen["value"]) if chosen else ""
        elif control.name == "textarea":
            values[name] = control.text.removeprefix("\n")
        elif control.get("type") not in {"radio", "checkbox"} or control.has_attr("checked"):
            values[name] = str(control.get("value", ""))
    return values


def one(soup: BeautifulSoup | Tag, selector: str) -> Tag:
    """The one element that a selector finds."""
    found = soup.select(selector)
    assert len(found) == 1, (selector, len(found))
    return found[0]


def text(soup: BeautifulSoup | Tag, selector: str) -> str:
    return " ".join(one(soup, selector).text.split())
