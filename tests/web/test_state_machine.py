"""Any pages in any order, in two browsers and their tabs, with outages: all that was accepted is kept, once."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from werkzeug.test import TestResponse

from tests.support.applicant import ANSWERS, DATA_STEPS, Applicant, filled, newest_code, parsed
from tests.support.desk import database_down, own
from wizard.core.accounts import AccountStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from tests.support.seed import Seeded
    from tests.support.valkey import Valkey
    from wizard.config import Settings
    from wizard.storage.unit_of_work import SqlUnitsOfWork

ORDER = (*DATA_STEPS, "review", "category", "account", "confirm", "complete")
STEPS = st.sampled_from(ORDER)
QUESTIONS = st.sampled_from(DATA_STEPS)
OTHERS: dict[str, list[dict[str, str]]] = {
    "identity": [{"email": "other@example.org"}, {"email": ""}],
    "education": [
        {"degree_type": "doctorate"},
        {"university": "western"},
        {"university": "other", "other_details": "École & <b>Cie</b>"},
    ],
    "coto": [{"coto_status": "student"}, {"coto_status": "other"}],
    "privacy": [{"notes": "  <b>Noted</b> & kept\nas it is"}, {"access_modifier": "public"}],
}
WRONG: dict[str, dict[str, str]] = {
    "identity": {"user_business_id": "what is this?"},
    "education": {"country": "XX", "graduation_year": "1899"},
    "coto": {"coto_status": "general", "coto_registration": "not a number"},
    "privacy": {"access_modifier": "everybody"},
}


@dataclass
class Place:
    """The application, and what it stands on."""

    app: Flask
    units: SqlUnitsOfWork
    settings: Settings
    valkey: Valkey

    @contextmanager
    def redis_down(self) -> Iterator[None]:
        self.valkey.server.stop()
        try:
            yield
        finally:
            self.valkey.server.start()

    def outage(self, kind: str | None) -> AbstractContextManager[None]:
        """Redis or the database, taken away for a moment."""
        if kind is None:
            return nullcontext()
        return self.redis_down() if kind == "redis" else database_down(self.app, self.settings)

    def member(self) -> str:
        with self.units.write() as unit:
            account = unit.accounts.add(
                name="Vera", email="vera@example.org", status=AccountStatus.ACTIVE, language="en", number=None
            )
            unit.commit()
        return account.number


@dataclass
class Tab:
    """A form that was opened some time ago, as it stood then with something typed into it."""

    browser: Applicant
    step: str
    address: str
    values: dict[str, str]
    changes: int

    def merged(self, mine: dict[str, str], saved: dict[str, str], *, is_stale: bool) -> dict[str, str] | None:
        """What is saved once it is sent; None where others have changed the same meanwhile.

        The address for links has no version: it counts only where it was changed here.
        """
        if is_stale and without_email(mine) != without_email(saved):
            return None
        if "email" not in mine:
            return mine
        seen, current = self.values["email_seen"], saved.get("email", "")
        if mine["email"] in {seen, current}:
            return {**mine, "email": current}
        return mine if current == seen else None


@dataclass
class Expected:
    """What the site has accepted, and how far that leads."""

    saved: dict[str, dict[str, str]] = field(default_factory=dict)
    # How often answers were changed.
    changes: int = 0
    status: str = "answering"
    linked: bool = False

    @property
    def next(self) -> str:
        missing = [step for step in DATA_STEPS if step not in self.saved]
        after = {"decided": "category", "linked": "confirm", "complete": "complete"}
        return after.get(self.status) or (missing[0] if missing else "review")

    def shows(self, step: str) -> bool:
        if self.status == "complete":
            return step == "complete"
        furthest = "account" if self.status == "decided" else self.next
        return ORDER.index(step) <= ORDER.index(furthest)

    def accept(self, step: str, values: dict[str, str]) -> None:
        if values == self.saved.get(step):
            return
        was, self.saved[step] = self.saved.get(step, {}), values
        if without_email(values) != without_email(was):
            self.changes += 1
            self.status = "answering"


class Browsing(RuleBasedStateMachine):
    """One graduate, who proves and submits in one browser, and answers in another as well."""

    place: Place

    def __init__(self) -> None:
        super().__init__()
        self.place.valkey.client.flushall()
        self.number = self.place.member()
        self.graduate = Applicant(self.place.app.test_client()).start()
        self.elsewhere = Applicant(self.place.app.test_client(), self.graduate.session_id)
        own(self.elsewhere.client, self.elsewhere.session_id)
        self.expected = Expected()
        self.tabs: list[Tab] = []

    # What is done

    @rule(step=STEPS)
    def look(self, step: str) -> None:
        answer = self.graduate.client.get(self.graduate.address(step))
        if self.expected.shows(step):
            assert answer.status_code == 200
        else:
            self.leads_to(answer, self.expected.next)

    @rule(step=QUESTIONS, pick=st.integers(0, 3), outage=st.sampled_from([None, None, None, None, "redis", "database"]))
    def answer(self, step: str, pick: int, outage: str | None) -> None:
        if self.expected.shows(step):
            self._answer(step, [{}, *OTHERS[step]][pick % (len(OTHERS[step]) + 1)], outage)

    def _answer(self, step: str, other: dict[str, str], outage: str | None = None) -> None:
        address, values = self.open(step, {**ANSWERS[step], **self.identity(step), **other})
        with self.place.outage(outage):
            answer = self.graduate.client.post(address, data=values)
        if outage == "redis":
            self.is_unavailable(answer, values)
            return
        self.expected.accept(step, answers_of(step, values))
        self.leads_to(answer, self.expected.next)

    @rule()
    def answer_all(self) -> None:
        """What most people do: without it few examples would come to the end."""
        if self.expected.status == "complete":
            return
        for step in DATA_STEPS:
            self._answer(step, {})

    @precondition(lambda self: self.expected.status in {"answering", "decided"})
    @rule()
    def go_up_to_the_declaration(self) -> None:
        for step in DATA_STEPS:
            self._answer(step, {})
        if self.expected.status == "answering":
            self._review(None)
        if self.expected.status == "decided":
            self._prove(wrong=False)

    @precondition(lambda self: self.expected.status != "complete")
    @rule(step=QUESTIONS)
    def answer_wrongly(self, step: str) -> None:
        if not self.expected.shows(step):
            return
        address, values = self.open(step, {**ANSWERS[step], **self.identity(step), **WRONG[step]})
        answer = self.graduate.client.post(address, data=values)
        assert answer.status_code == 422
        form = parsed(answer).select_one("main form[method=post]")
        assert form is not None
        kept = filled(form)
        assert all(kept[name] == value for name, value in WRONG[step].items() if name not in CHOICES)

    @precondition(lambda self: self.expected.status != "complete")
    @rule(step=QUESTIONS, pick=st.integers(0, 3))
    def answer_elsewhere(self, step: str, pick: int) -> None:
        """In the other browser, which sees what the first one saved."""
        if self.expected.shows(step):
            self._answer_elsewhere(step, [{}, *OTHERS[step]][pick % (len(OTHERS[step]) + 1)])

    def _answer_elsewhere(self, step: str, other: dict[str, str]) -> None:
        address, values = self.open(step, {**ANSWERS[step], **self.identity(step), **other}, self.elsewhere)
        answer = self.elsewhere.client.post(address, data=values)
        self.expected.accept(step, answers_of(step, values))
        assert answer.status_code == 303
        if self.expected.status == "answering":
            self.leads_to(answer, self.expected.next)

    @rule(step=QUESTIONS, pick=st.integers(0, 3), elsewhere=st.booleans())
    def leave_a_tab_open(self, step: str, pick: int, elsewhere: bool) -> None:
        if self.expected.shows(step):
            self._leave_open(
                step, OTHERS[step][pick % len(OTHERS[step])], self.elsewhere if elsewhere else self.graduate
            )

    def _leave_open(self, step: str, other: dict[str, str], browser: Applicant) -> None:
        address, values = self.open(step, {**ANSWERS[step], **self.identity(step), **other}, browser)
        self.tabs.append(Tab(browser, step, address, values, self.expected.changes))

    @precondition(lambda self: self.expected.saved and self.expected.status != "complete")
    @rule(pick=st.integers(0, 3), same=st.booleans())
    def answer_in_both(self, pick: int, same: bool) -> None:
        """At the same time, the same question or another: what two browsers are for."""
        steps = list(self.expected.saved)
        step = steps[pick % len(steps)]
        self._leave_open(step, OTHERS[step][0], self.graduate)
        there = step if same else steps[(pick + 1) % len(steps)]
        self._answer_elsewhere(there, OTHERS[there][1])
        self._send(self.tabs.pop())

    @precondition(lambda self: self.tabs)
    @rule()
    def send_from_an_old_tab(self) -> None:
        self._send(self.tabs.pop(0))

    def _send(self, tab: Tab) -> None:
        answer = tab.browser.client.post(tab.address, data=tab.values)
        if self.expected.status == "complete":
            self.leads_to(answer, "complete")
            return
        mine, saved = answers_of(tab.step, tab.values), self.expected.saved.get(tab.step, {})
        if (merged := tab.merged(mine, saved, is_stale=tab.changes != self.expected.changes)) is not None:
            self.expected.accept(tab.step, merged)
            if tab.browser is self.graduate or self.expected.status == "answering":
                self.leads_to(answer, self.expected.next)
            assert answer.status_code == 303
            return
        assert answer.status_code == 409
        both = " ".join(parsed(answer).get_text(" ").split())
        for name, value in mine.items():
            assert name in CHOICES or " ".join(value.split()) in both

    @rule(outage=st.sampled_from([None, None, None, "redis", "database"]))
    def review(self, outage: str | None) -> None:
        if self.expected.shows("review"):
            self._review(outage)

    def _review(self, outage: str | None) -> None:
        answer = self.press("review", outage)
        if outage is not None:
            self.is_unavailable(answer, {})
            return
        if self.expected.status == "answering":
            self.expected.status = "linked" if self.expected.linked else "decided"
        self.leads_to(answer, "category")

    @precondition(lambda self: self.expected.status == "decided")
    @rule(wrong=st.booleans())
    def prove(self, wrong: bool) -> None:
        self._prove(wrong=wrong)

    def _prove(self, *, wrong: bool) -> None:
        self.leads_to(self.graduate.send("account"), "account")
        code = newest_code(self.place.units)
        if wrong:
            other = f"{(int(code) + 1) % 1_000_000:06}"
            assert self.graduate.send("account", {"code": other}).status_code == 422
            return
        self.leads_to(self.graduate.send("account", {"code": code}), "confirm")
        self.expected.status, self.expected.linked = "linked", True

    @rule(pick=st.integers(0, 2), outage=st.sampled_from([None, None, None, "redis", "database"]))
    def submit(self, pick: int, outage: str | None) -> None:
        declared = pick < 2
        values = {"declaration": "y"} if declared else {}
        token = self.graduate.token()
        with self.place.outage(outage):
            answer = self.graduate.client.post(self.graduate.address("confirm"), data={"csrf_token": token, **values})
        if outage == "redis":
            self.is_unavailable(answer, {})
        elif self.expected.status == "complete" and declared and outage == "database":
            # What the receipt shows is nowhere else.
            self.is_unavailable(answer, {})
        elif self.expected.status == "complete":
            self.leads_to(answer, "complete")
        elif self.expected.status != "linked":
            self.leads_to(answer, self.expected.next)
        elif not declared:
            assert answer.status_code == 422
        elif outage == "database":
            self.is_unavailable(answer, {})
        else:
            self.leads_to(answer, "complete")
            self.expected.status = "complete"

    @rule(language=st.sampled_from(["en", "fr"]))
    def speak(self, language: str) -> None:
        answer = self.graduate.client.post(f"/language/{language}", data={"csrf_token": self.graduate.token()})
        assert answer.status_code == 303

    @rule(step=STEPS)
    def be_somebody_else(self, step: str) -> None:
        assert self.place.app.test_client().get(self.graduate.address(step)).status_code == 404

    # What holds

    @invariant()
    def answers_are_kept(self) -> None:
        if self.expected.status == "complete":
            return
        for step, values in self.expected.saved.items():
            shown = answers_of(step, self.open(step, {})[1])
            assert shown == values

    @invariant()
    def there_is_one_record_at_most(self) -> None:
        with self.place.units.read() as unit:
            record = unit.records.by_session(self.graduate.session_id)
        assert (record is not None) is (self.expected.status == "complete")
        if record is not None:
            assert record.number in self.graduate.client.get(self.graduate.address("complete")).text

    # How

    def identity(self, step: str) -> dict[str, str]:
        return {"user_business_id": self.number} if step == "identity" else {}

    def open(self, step: str, typed: dict[str, str], browser: Applicant | None = None) -> tuple[str, dict[str, str]]:
        """Where the form of a step goes, and its values with what is typed into it."""
        form = (browser or self.graduate).soup(step).select_one("main form[method=post]")
        assert form is not None
        return str(form["action"]), {**filled(form), **typed}

    def press(self, step: str, outage: str | None) -> TestResponse:
        address, values = self.open(step, {})
        with self.place.outage(outage):
            return self.graduate.client.post(address, data=values)

    def leads_to(self, answer: TestResponse, step: str) -> None:
        assert answer.status_code == 303, answer.text
        address = answer.headers["Location"].partition("?")[0]
        assert address == self.graduate.address(step)

    def is_unavailable(self, answer: TestResponse, values: dict[str, str]) -> None:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        kept = {str(each["value"]) for each in parsed(answer).select("main form input[type=hidden]")}
        assert {value for value in values.values() if value} <= kept


CHOICES = {"degree_type", "university", "country", "graduation_year", "coto_status", "access_modifier"}
ASKED = {
    "identity": ("user_business_id", "email"),
    "education": ("degree_type", "university", "other_details", "country", "graduation_year"),
    "coto": ("coto_status",),
    "privacy": ("access_modifier", "notes"),
}


def answers_of(step: str, values: dict[str, str]) -> dict[str, str]:
    """What a form says, as it is stored: without what does not apply, trimmed."""
    said = {name: values.get(name, "").strip() for name in ASKED[step]}
    if said.get("university") != "other" and step == "education":
        said["other_details"] = ""
    return said


def without_email(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name != "email"}


def test_any_pages_in_any_order(
    app: Flask, app_units: SqlUnitsOfWork, app_seeded: Seeded, settings_of_app: Settings, valkey: Valkey
) -> None:
    assert app_seeded.accounts
    bound = type("Bound", (Browsing,), {"place": Place(app, app_units, settings_of_app, valkey)})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # A shorter example is worth minutes only to whoever looks for it: add Phase.shrink.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
        ),
    )


@pytest.fixture
def settings_of_app(app: Flask) -> Settings:
    found: Settings = app.extensions["wizard_settings"]
    return found
