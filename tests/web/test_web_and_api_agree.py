"""Whichever way the same answers come in, by pages or by the API, they lead to the same state and the same record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import count

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import NOW
from tests.support.api import ORCHESTRATOR, ApiClient
from tests.support.applicant import ANSWERS, Applicant, parsed
from tests.support.desk import SYSTEM
from wizard.core.accounts import Account
from wizard.core.actors import Actor, Privilege
from wizard.core.choices import AccessModifier, CotoStatus, DegreeType, University, graduation_year_choices
from wizard.core.clock import toronto_date
from wizard.core.education import coto_number_applies, school_name_applies
from wizard.core.records import Record
from wizard.core.registration import Registration, Status
from wizard.services.accounts import NewAccount
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.storage.unit_of_work import SqlUnitsOfWork

Answers = Mapping[str, str]

TYPED = st.text("aé Z9-\n\t", max_size=12)
NUMBERS = count(1)
MAIN = Call(Actor.staff("mia", Privilege.MAIN))
# Two people have two numbers; what is asked of each of them is the same.
OWN = {"user_business_id", "coto_registration"}
# A stranger is not told who is a member, a token for the desk is.
HELD = (".unique", "account.one_record")
_MINE = re.compile(r"^(\w+)-error$")


@st.composite
def answers(draw: st.DrawFn) -> dict[str, str]:
    """Everything that is asked where it is asked; a number or a name may be missing."""
    given = {
        "degree_type": draw(st.sampled_from(DegreeType)).value,
        "university": draw(st.sampled_from(University)).value,
        "country": draw(st.sampled_from(["CA", "CA", "FR", "US"])),
        "graduation_year": draw(st.sampled_from(graduation_year_choices(toronto_date(NOW)))),
        "coto_status": draw(st.sampled_from(CotoStatus)).value,
        "access_modifier": draw(st.sampled_from(AccessModifier)).value,
        "notes": draw(TYPED),
    }
    if school_name_applies(given["university"]):
        given["other_details"] = draw(st.sampled_from(["Lund", " Université\u00a0Laval ", "", " "]))
    if coto_number_applies(given["coto_status"]):
        given["coto_registration"] = draw(st.sampled_from(["g", "G", " g ", "", "no number"]))
    return given


def numbered(given: Answers, account: Account, own: int) -> dict[str, str]:
    """The answers of one person, with the numbers that are this one's alone."""
    coto = given.get("coto_registration", "")
    mine = {"coto_registration": coto.replace("g", f"g{own}").replace("G", f"G{own}")} if coto else {}
    return {**given, **mine, "user_business_id": account.number}


def by_pages(app: Flask, given: Answers) -> tuple[Applicant, set[str]]:
    """As far as the review's decision; or the fields that the first page that refuses says something of."""
    client = app.test_client()
    # Another computer each time, for they are limited.
    client.environ_base["REMOTE_ADDR"] = f"10.0.{next(NUMBERS) % 250}.1"
    applicant = Applicant(client).start()
    for step, usual in ANSWERS.items():
        asked = {*usual, "other_details"} if step == "education" else {*usual, "coto_registration"}
        answer = applicant.submit(step, **{name: given[name] for name in asked if name in given})
        if answer.status_code == 422:
            wrong = parsed(answer).select("[id$=-error]")
            return applicant, {match[1] for tag in wrong if (match := _MINE.match(str(tag["id"]))) and tag.text.strip()}
        assert answer.status_code == 303, (step, answer.text)
    return applicant.decide(), set()


def by_calls(main: ApiClient, given: Answers, account: Account) -> tuple[str, set[str]]:
    """As far as the category; or the fields that are wrong."""
    sent = {re.sub(r"_(\w)", lambda match: match[1].upper(), name): value for name, value in given.items()}
    staged = main.post(f"{ORCHESTRATOR}/stage", {"educationData": sent, "accountId": account.id})
    if staged.status_code == 422:
        malformed = {_snake(error["field"]) for error in staged.json["errors"]}
        kept = {name: value for name, value in given.items() if name not in malformed}
        return "", malformed | by_calls(main, kept, account)[1]
    session_id = staged.json["sessionId"]
    validated = main.on("validate", session_id).json
    if not validated["success"]:
        rules = validated["validation"]["rules"]
        return session_id, {_snake(each["field"]) for each in rules if each["outcome"] == "failed"}
    assert main.on("determine-category", session_id).status_code == 200
    return session_id, set()


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)


def state_of(services: Services, session_id: str) -> dict[str, object]:
    """What became of a session, without whose it is and when."""
    found: Registration = services.orchestrator.get(SYSTEM, session_id).registration
    return {
        "status": found.status,
        "progress": found.progress,
        "decision": found.validation.decision,
        "outcomes": {each.rule: each.outcome for each in found.validation.outcomes if not each.rule.endswith(HELD)},
        "warnings": [each.message for each in found.warnings],
        "data": {name: value for name, value in found.data.as_dict().items() if name not in OWN},
    }


def record_of(services: Services, session_id: str) -> Record:
    found = services.orchestrator.get(SYSTEM, session_id)
    assert found.registration.status is Status.WORKFLOW_COMPLETED
    assert found.registration.record_id is not None
    return services.records.read(MAIN, found.registration.record_id)


def without_whose(record: Record) -> Record:
    """A record as anybody's: who, when, by which way."""
    nobody = dict.fromkeys(OWN)
    own = {"id": "", "number": "", "account_id": "", "session_id": "", "created_by": ""}
    return replace(record, **own, data=replace(record.data, **nobody))  # type: ignore[arg-type]


@pytest.mark.usefixtures("app_seeded")
def test_the_same_answers_make_the_same_record(app: Flask, services: Services, app_units: SqlUnitsOfWork) -> None:
    main = ApiClient.made(app.test_client(), services, Privilege.MAIN)
    made: set[bool] = set()

    def member() -> Account:
        return services.accounts.add(SYSTEM, NewAccount("Vera", f"vera.{next(NUMBERS)}@example.org"))

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(answers())
    @example({"university": "mcmaster", "country": "FR", "graduation_year": "2026", **_REST})
    @example({"university": "other", "other_details": "Lund", "country": "SE", "graduation_year": "2027", **_REST})
    def agree(given: dict[str, str]) -> None:
        ada, ben = member(), member()
        applicant, wrong_here = by_pages(app, numbered(given, ada, next(NUMBERS)))
        session_id, wrong_there = by_calls(main, numbered(given, ben, next(NUMBERS)), ben)
        made.add(not wrong_here)
        assert bool(wrong_here) == bool(wrong_there), (wrong_here, wrong_there)
        if wrong_here:
            # A page speaks of its own fields only.
            assert wrong_here <= wrong_there
            return
        assert state_of(services, applicant.session_id) == state_of(services, session_id)
        assert applicant.prove(app_units).declare().status_code == 303
        answer = main.on("execute-workflow", session_id, {})
        assert answer.status_code == 200, answer.json
        here, there = (record_of(services, each) for each in (applicant.session_id, session_id))
        assert without_whose(here) == without_whose(there)
        assert answer.json["record"]["verificationReasons"] == list(here.verification.reasons)

    agree()
    assert made == {True, False}


_REST = {"degree_type": "masters", "coto_status": "pending", "access_modifier": "public", "notes": " a\r\nb "}
