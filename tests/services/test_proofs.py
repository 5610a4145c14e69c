"""Codes that prove an account: sent, checked, and telling nothing about who is a member."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import SECRET_KEYS
from tests.services.conftest import COMPLETE, World
from tests.support.outbox import waiting
from wizard.core.errors import NotFound, RuleViolated, SessionExpired, ValidationFailed, WizardError
from wizard.core.registration import Registration
from wizard.services.codes import CODE_LIFETIME, CODE_TRIES
from wizard.services.events import EventBus
from wizard.services.ports.calls import Staging
from wizard.services.proofs import Proofs
from wizard.storage.crypto import Cipher

STRANGER = "osot-9999999"


@pytest.fixture
def proofs(world: World, cipher: Cipher) -> Proofs:
    events = EventBus()
    events.subscribe(world.told.append)
    return Proofs(world.clock, world.units, world.registrations, events, cipher)


def sent_code(world: World) -> str:
    return [message.secret["code"] for message in waiting(world.units) if message.kind == "code"][-1]


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def send(world: World, proofs: Proofs, registration: Registration) -> None:
    proofs.send_code(world.applicant(registration.session_id), registration.session_id)


def check(world: World, proofs: Proofs, registration: Registration, code: str) -> str:
    return proofs.check_code(world.applicant(registration.session_id), registration.session_id, code)


def refusal(world: World, proofs: Proofs, registration: Registration, code: str) -> tuple[str, dict[str, str]]:
    """What a code is refused with."""
    with pytest.raises(RuleViolated) as caught:
        check(world, proofs, registration, code)
    (problem,) = caught.value.problems
    assert problem.field == "code"
    return problem.message, dict(problem.params)


def with_contact(world: World) -> Registration:
    staging = Staging(data=COMPLETE, contact_email="contact@example.org", language="fr")
    return world.orchestrator.stage(world.client, staging).registration


def test_a_code_goes_to_the_accounts_own_address_in_the_registrations_language(world: World, proofs: Proofs) -> None:
    send(world, proofs, with_contact(world))
    (message,) = waiting(world.units)
    assert (message.kind, message.recipient, message.language) == ("code", world.account.email, "fr")
    assert message.values["name"] == world.account.name
    assert message.values["expires_at"] == (world.clock.now() + CODE_LIFETIME).isoformat()
    assert len(message.secret["code"]) == 6
    assert message.secret["code"].isdigit()


def test_a_right_code_proves_the_account_once(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    code = sent_code(world)
    assert check(world, proofs, registration, f" {code[:3]} {code[3:]} ") == world.account.id
    assert refusal(world, proofs, registration, code) == ("code.expired", {})


def test_only_a_digest_of_the_code_is_kept(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    with world.units.read() as unit:
        stored = unit.codes.of_session(registration.session_id)
    assert stored is not None
    assert sent_code(world) not in stored.digest


@pytest.mark.parametrize("around", ["{}", " {} ", "Code: {}", "{}.", "Your code is\n{}\n"])
@pytest.mark.parametrize("between", ["", " ", "-", "\u00a0"])
def test_a_code_may_be_pasted_with_the_words_around_it(world: World, proofs: Proofs, around: str, between: str) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    code = sent_code(world)
    typed = around.format(f"{code[:3]}{between}{code[3:]}")
    assert check(world, proofs, registration, typed) == world.account.id


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "123456 and 654321", "١٢٣٤٥٦"])
def test_what_is_no_code_is_refused_and_costs_no_try(world: World, proofs: Proofs, code: str) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    for _ in range(CODE_TRIES):
        with pytest.raises(ValidationFailed, match=r"code\.format"):
            check(world, proofs, registration, code)
    assert check(world, proofs, registration, sent_code(world)) == world.account.id


def test_five_wrong_codes_use_the_right_one_up(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    code = sent_code(world)
    refused = [refusal(world, proofs, registration, other_than(code)) for _ in range(CODE_TRIES)]
    assert refused == [*(("code.wrong", {"tries_left": str(left)}) for left in (4, 3, 2, 1)), ("code.used_up", {})]
    assert refusal(world, proofs, registration, code) == ("code.used_up", {})


def test_the_fifth_try_may_still_be_right(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    code = sent_code(world)
    for _ in range(CODE_TRIES - 1):
        refusal(world, proofs, registration, other_than(code))
    assert check(world, proofs, registration, code) == world.account.id


def test_a_code_lives_ten_minutes(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    code, began = sent_code(world), world.clock.now()
    world.clock.instant = began + CODE_LIFETIME
    assert refusal(world, proofs, registration, code) == ("code.expired", {})
    world.clock.instant = began + CODE_LIFETIME - timedelta(seconds=1)
    assert check(world, proofs, registration, code) == world.account.id


def test_a_new_code_voids_the_one_before_and_has_all_its_tries(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    old = sent_code(world)
    for _ in range(CODE_TRIES):
        refusal(world, proofs, registration, other_than(old))
    world.clock.instant += timedelta(seconds=1)
    send(world, proofs, registration)
    assert refusal(world, proofs, registration, old) == ("code.wrong", {"tries_left": "4"})
    assert check(world, proofs, registration, sent_code(world)) == world.account.id


def test_no_code_was_sent(world: World, proofs: Proofs) -> None:
    assert refusal(world, proofs, world.staged(), "123456") == ("code.expired", {})


def test_a_code_is_of_its_own_registration(world: World, proofs: Proofs) -> None:
    first, second = world.staged(), world.staged()
    send(world, proofs, first)
    code = sent_code(world)
    assert refusal(world, proofs, second, code) == ("code.expired", {})


def test_an_inactive_account_gets_a_code_too(world: World, proofs: Proofs) -> None:
    inactive = world.seeded.accounts[3]
    registration = world.staged(user_business_id=inactive.number)
    send(world, proofs, registration)
    assert check(world, proofs, registration, sent_code(world)) == inactive.id


def test_a_code_outlives_the_rotation_of_the_keys(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    rotated = Cipher(("tests-even-newer-0123456789-abcdefghijklmno", *SECRET_KEYS))
    after = Proofs(world.clock, world.units, world.registrations, EventBus(), rotated)
    assert check(world, after, registration, sent_code(world)) == world.account.id


def test_events_say_that_codes_were_sent_and_failed_and_no_more(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    refusal(world, proofs, registration, other_than(sent_code(world)))
    with world.units.read() as unit:
        rows = [row.event for row in unit.audit.history(registration.session_id)]
    told = [(row.name.value, dict(row.details), dict(row.changes)) for row in rows[-2:]]
    assert told == [("code.sent", {}, {}), ("code.failed", {"reason": "code.wrong"}, {})]
    assert [event.name.value for event in world.told[-2:]] == ["code.sent", "code.failed"]


# --- Nothing tells whether there is such an account ------------------------------------------------------------


@contextmanager
def statements(sessions: sessionmaker[Session]) -> Iterator[list[str]]:
    """The statements that reach the database meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    with sessions() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_stranger_costs_the_same_work(world: World, proofs: Proofs, sessions: sessionmaker[Session]) -> None:
    member, stranger = world.staged(), world.staged(user_business_id=STRANGER)
    with statements(sessions) as for_member:
        send(world, proofs, member)
        check_anything(world, proofs, member)
    with statements(sessions) as for_stranger:
        send(world, proofs, stranger)
        check_anything(world, proofs, stranger)
    assert for_stranger == for_member


def check_anything(world: World, proofs: Proofs, registration: Registration) -> None:
    with pytest.raises(RuleViolated):
        check(world, proofs, registration, wrong_for_both(world))


def wrong_for_both(world: World) -> str:
    taken = {message.secret["code"] for message in waiting(world.units)}
    return next(f"{number:06}" for number in range(10) if f"{number:06}" not in taken)


def test_a_stranger_gets_the_same_answers(world: World, proofs: Proofs) -> None:
    answers = []
    for registration in (world.staged(), world.staged(user_business_id=STRANGER)):
        began = world.clock.now()
        send(world, proofs, registration)
        wrong = wrong_for_both(world)
        told = [refusal(world, proofs, registration, wrong) for _ in range(CODE_TRIES + 2)]
        send(world, proofs, registration)
        told.append(refusal(world, proofs, registration, wrong_for_both(world)))
        world.clock.instant = began + CODE_LIFETIME
        told.append(refusal(world, proofs, registration, wrong))
        world.clock.instant = began
        answers.append((told, world.trail(registration.session_id)))
    assert answers[0] == answers[1]


def test_nothing_is_sent_to_a_stranger_and_no_guess_is_right(
    world: World, proofs: Proofs, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration = world.staged(user_business_id=STRANGER)
    monkeypatch.setattr("secrets.randbelow", lambda _below: 424242)
    send(world, proofs, registration)
    assert waiting(world.units) == []
    assert refusal(world, proofs, registration, "424242") == ("code.wrong", {"tries_left": "4"})


# --- Who may ask ------------------------------------------------------------------------------------------------


def test_a_code_needs_a_member_number(world: World, proofs: Proofs) -> None:
    registration = world.orchestrator.stage(world.client, Staging(data={"country": "CA"})).registration
    with pytest.raises(ValidationFailed) as caught:
        send(world, proofs, registration)
    assert caught.value.problems[0].field == "user_business_id"


def test_a_registration_of_somebody_else_is_not_known(world: World, proofs: Proofs) -> None:
    mine, theirs = world.staged(), world.staged()
    call = world.applicant(mine.session_id)
    refused: list[WizardError] = []
    with pytest.raises(NotFound) as caught:
        proofs.send_code(call, theirs.session_id)
    refused.append(caught.value)
    with pytest.raises(NotFound) as caught:
        proofs.check_code(call, theirs.session_id, "123456")
    refused.append(caught.value)
    assert [error.message for error in refused] == ["session.unknown", "session.unknown"]


def test_an_expired_registration_gets_no_code(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    world.clock.instant = registration.expires_at
    with pytest.raises(SessionExpired):
        send(world, proofs, registration)


def test_tries_at_once_are_five_at_most(world: World, proofs: Proofs) -> None:
    registration = world.staged()
    send(world, proofs, registration)
    code = sent_code(world)

    def guess(_: int) -> str:
        try:
            return check(world, proofs, registration, other_than(code))
        except RuleViolated as error:
            return error.message

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(16)))
    assert answers.count("code.wrong") <= CODE_TRIES
    assert answers.count("code.used_up") >= 16 - CODE_TRIES
    assert refusal(world, proofs, registration, code) == ("code.used_up", {})
