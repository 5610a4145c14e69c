"""Only what the declaration showed is ever submitted."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask

from tests.support.applicant import Applicant, one, parsed, text
from tests.support.seed import Seeded
from wizard.core.actors import Actor
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.storage.unit_of_work import SqlUnitsOfWork


@pytest.fixture
def applicant(app: Flask, app_seeded: Seeded, app_units: SqlUnitsOfWork) -> Applicant:
    """At the declaration."""
    assert app_seeded.accounts
    return Applicant(app.test_client()).start().answer().decide().prove(app_units)


def has_record(app_units: SqlUnitsOfWork, applicant: Applicant) -> bool:
    with app_units.read() as unit:
        return unit.records.by_session(applicant.session_id) is not None


def test_pressing_submit_again_does_not_skip_the_category_that_has_changed(
    applicant: Applicant, services: Services, app_units: SqlUnitsOfWork
) -> None:
    services.membership.set(Call(Actor.system("tests")), date(2026, 11, 22))
    answers = [applicant.declare() for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert all("/category" in answer.headers["Location"] for answer in answers)
    assert not has_record(app_units, applicant)


def test_submitting_after_an_answer_was_changed_in_another_tab_leads_to_the_review(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer("privacy", notes="Changed in another tab")
    assert applicant.declare().headers["Location"].endswith("/review")
    assert not has_record(app_units, applicant)


def test_a_declaration_of_answers_changed_and_reviewed_elsewhere_is_shown_anew(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    address = f"/registrations/{applicant.session_id}/confirm"
    declared = {**hidden_of(applicant, address), "declaration": "y"}
    applicant.answer("privacy", notes="Changed in another tab")
    applicant.submit("review")
    applicant.submit("category")
    answer = applicant.client.post(address, data=declared)
    assert answer.status_code == 409
    assert "Changed in another tab" in answer.text
    assert not has_record(app_units, applicant)
    again = {**declared, **hidden_of(applicant, address)}
    assert applicant.client.post(address, data=again).headers["Location"].endswith("/complete")


@pytest.mark.parametrize("step", ["review", "category", "account"])
def test_a_page_without_questions_is_shown_anew_where_the_answers_were_changed(applicant: Applicant, step: str) -> None:
    token = applicant.token()
    applicant.answer("privacy", notes="Changed in another tab")
    answer = applicant.client.post(applicant.address(step), data={"csrf_token": token, "version": "4"})
    assert answer.status_code == 409
    soup = parsed(answer)
    assert "Check your answers" in text(soup, "h1")
    assert "were changed somewhere else" in text(soup, "main")
    assert one(soup, "title").text.startswith("Error:")
    assert "Changed in another tab" in answer.text
    assert one(soup, "main form[action$='/review'] input[name=version]")["value"] == "5"


@pytest.mark.parametrize("version", ["junk", "9" * 5000, "", "-1"])
def test_a_version_that_is_none_submits_nothing(applicant: Applicant, app_units: SqlUnitsOfWork, version: str) -> None:
    answer = applicant.send("confirm", {"declaration": "y", "version": version})
    assert answer.status_code == 409
    assert not has_record(app_units, applicant)
    assert applicant.send("education", {"version": version}).status_code in {409, 422}


def hidden_of(applicant: Applicant, address: str) -> dict[str, str]:
    form = one(parsed(applicant.client.get(address)), "form#typing")
    return {str(field["name"]): str(field["value"]) for field in form.select("input[type=hidden]")}
