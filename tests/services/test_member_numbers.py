"""Numbers told and given: the mailbox is what counts, once, and nobody else learns of an account."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from tests.services.conftest import World, build
from tests.services.outages import Killed, StoreWithMoment
from tests.support.outbox import waiting
from tests.support.racing import race
from wizard.core.accounts import Account, AccountStatus
from wizard.core.errors import NotFound, RuleViolated, SessionExpired, ValidationFailed, WorkflowStateInvalid
from wizard.core.registration import Registration, Status
from wizard.services.codes import CODE_TRIES
from wizard.services.events import EventBus
from wizard.services.member_numbers import MemberNumbers, Newcomer
from wizard.services.ports.calls import Staging
from wizard.services.ports.messages import Message
from wizard.services.proofs import Proofs
from wizard.storage.crypto import Cipher

ZOE = Newcomer("Zoé Newcomer", "zoe@example.org", "fr")
NUMBER = "osot-0000006"


@pytest.fixture
def numbers(world: World, cipher: Cipher) -> MemberNumbers:
    events = EventBus()
    events.subscribe(world.told.append)
    return MemberNumbers(world.clock, world.units, world.registrations, events, cipher, world.orchestrator)


def new_session() -> str:
    return str(uuid.uuid4())


def mails(world: World, kind: str) -> list[Message]:
    return [message for message in waiting(world.units) if message.kind == kind]


def code_for(world: World, numbers: MemberNumbers, session_id: str, newcomer: Newcomer = ZOE) -> str:
    seen = {mail.key for mail in mails(world, "account_code")}
    numbers.send_code(world.applicant(session_id), session_id, newcomer)
    (mail,) = [mail for mail in mails(world, "account_code") if mail.key not in seen]
    return mail.secret["code"]


def made(world: World, numbers: MemberNumbers, session_id: str, newcomer: Newcomer = ZOE) -> Account:
    code = code_for(world, numbers, session_id, newcomer)
    return numbers.confirm(world.applicant(session_id), session_id, newcomer, code)


def all_accounts(world: World) -> list[Account]:
    with world.units.read() as unit:
        return list(unit.accounts.page(after=None, limit=100))


# --- Told -----------------------------------------------------------------------------------------------------


def test_all_numbers_of_an_address_that_can_be_used_are_told(world: World, numbers: MemberNumbers) -> None:
    with world.units.write() as unit:
        for status in (AccountStatus.INACTIVE, AccountStatus.PENDING):
            unit.accounts.add(name="Ada", email="Ada@Example.org", status=status, language="en", number=None)
        unit.commit()
    session_id = new_session()
    numbers.tell(world.applicant(session_id), session_id, email="ada@example.ORG", language="fr")
    (mail,) = mails(world, "member_number")
    assert (mail.recipient, mail.language) == ("ada@example.org", "fr")
    assert mail.values["numbers"] == "osot-0000001, osot-0000007"


def test_an_inactive_account_is_told_where_there_is_no_other(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    numbers.tell(world.applicant(session_id), session_id, email="dee@example.org", language="en")
    assert mails(world, "member_number")[0].values["numbers"] == world.seeded.accounts[3].number


@contextmanager
def statements(sessions: sessionmaker[Session]) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    with sessions() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("asks", ["number", "code"])
def test_a_stranger_costs_the_same_work(
    world: World, numbers: MemberNumbers, sessions: sessionmaker[Session], asks: str
) -> None:
    costs, trails = [], []
    # The first event of all begins the trail.
    for email in ("begins@example.org", "ada@example.org", "stranger@example.org"):
        session_id = new_session()
        call = world.applicant(session_id)
        with statements(sessions) as seen:
            if asks == "number":
                numbers.tell(call, session_id, email=email, language="en")
            else:
                numbers.send_code(call, session_id, Newcomer("Ada", email, "en"))
        costs.append(seen)
        trails.append(world.trail(session_id))
    assert costs[1] == costs[2]
    assert trails == [["code.sent"]] * 3


def test_nothing_is_sent_to_an_address_without_an_account(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    numbers.tell(world.applicant(session_id), session_id, email="stranger@example.org", language="en")
    assert waiting(world.units) == []


# --- Given ----------------------------------------------------------------------------------------------------


def test_an_account_is_made_and_its_number_begins_the_document(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    account = made(world, numbers, session_id)
    assert account in all_accounts(world)
    assert (account.number, account.status, account.language) == (NUMBER, AccountStatus.PENDING, "fr")
    registration = world.load(session_id)
    assert (registration.user_id, registration.contact_email) == (NUMBER, ZOE.email)
    assert registration.language == "fr"


def test_its_making_is_in_the_trail_with_the_person_apart(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    account = made(world, numbers, session_id)
    with world.units.read() as unit:
        (event,) = [row.event for row in unit.audit.history(f"account:{account.id}")]
        assert unit.audit.verify() == []
    assert (event.name, event.actor, event.session_id) == ("account.created", "applicant", session_id)
    assert dict(event.details) == {"account": account.id, "status": "pending"}
    assert dict(event.changes) == {"name": (None, ZOE.name), "email": (None, ZOE.email)}


def test_the_number_is_mailed_as_well(world: World, numbers: MemberNumbers) -> None:
    made(world, numbers, new_session())
    (mail,) = mails(world, "member_number")
    assert (mail.recipient, dict(mail.values)) == (ZOE.email, {"numbers": NUMBER, "occasion": "made"})


def test_answers_and_contact_address_stay(world: World, numbers: MemberNumbers) -> None:
    staging = Staging(data={"country": "SE", "user_business_id": "osot-0000099"}, contact_email="links@example.org")
    session_id = world.orchestrator.stage(world.client, staging).registration.session_id
    made(world, numbers, session_id)
    registration = world.load(session_id)
    assert (registration.user_id, registration.data.country) == (NUMBER, "SE")
    assert registration.contact_email == "links@example.org"


def test_answers_changed_in_another_tab_meanwhile_stay_too(world: World, numbers: MemberNumbers) -> None:
    registration = world.staged(user_business_id="osot-0000099")
    session_id = registration.session_id
    call = world.applicant(session_id)
    code = code_for(world, numbers, session_id)
    # As this request read it when it began.
    call.read_ahead[session_id] = world.load(session_id)
    world.orchestrator.update(world.client, session_id, {"notes": "From the other tab"}, version=registration.version)
    numbers.confirm(call, session_id, ZOE, code)
    assert (world.load(session_id).user_id, world.load(session_id).data.notes) == (NUMBER, "From the other tab")


def test_a_document_begun_in_another_tab_meanwhile_is_gone_on_with(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    call = world.applicant(session_id)
    code = code_for(world, numbers, session_id)
    call.read_ahead[session_id] = None
    world.orchestrator.stage(world.applicant(session_id), Staging(data={"country": "SE"}), session_id=session_id)
    numbers.confirm(call, session_id, ZOE, code)
    assert (world.load(session_id).user_id, world.load(session_id).data.country) == (NUMBER, "SE")


def test_the_account_is_proved_where_it_is_the_registrations(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    account = made(world, numbers, session_id)
    registration = world.load(session_id)
    assert numbers.proved(world.applicant(session_id, proved=account), registration) == account
    for call, of in (
        (world.applicant(session_id), registration),
        (world.applicant(session_id, proved=world.account), registration),
        (world.applicant(session_id, proved=account), None),
        (world.staff, registration),
    ):
        assert numbers.proved(call, of) is None


# --- Once -----------------------------------------------------------------------------------------------------


def test_an_address_with_an_account_leads_to_it(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    account = made(world, numbers, session_id, Newcomer("Somebody Else", "ADA@example.org", "en"))
    assert account == world.account
    assert len(all_accounts(world)) == 5
    assert world.load(session_id).user_id == world.account.number
    (mail,) = mails(world, "account_code")
    assert (mail.recipient, mail.values["number"]) == (world.account.email, world.account.number)


def test_one_code_sent_at_once_from_many_places_makes_one_account(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    code = code_for(world, numbers, session_id)
    outcome = race(*(lambda: numbers.confirm(world.applicant(session_id), session_id, ZOE, code) for _ in range(8)))
    assert [account.number for account in outcome.results] == [NUMBER]
    assert {str(error) for error in outcome.errors} <= {"code.expired", "code.used_up"}
    assert [account.number for account in all_accounts(world) if account.email == ZOE.email] == [NUMBER]
    assert world.load(session_id).user_id == NUMBER


def test_many_registrations_of_one_address_at_once_make_one_account(world: World, numbers: MemberNumbers) -> None:
    sessions = [new_session() for _ in range(6)]
    codes = {session_id: code_for(world, numbers, session_id) for session_id in sessions}
    outcome = race(
        *(
            lambda session_id=session_id: numbers.confirm(
                world.applicant(session_id), session_id, ZOE, codes[session_id]
            )
            for session_id in sessions
        )
    )
    assert outcome.errors == ()
    assert {account.number for account in outcome.results} == {NUMBER}
    assert len(all_accounts(world)) == 6
    assert len(mails(world, "member_number")) == 1


def test_after_a_crash_before_the_number_was_an_answer_a_new_code_goes_on(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    code = code_for(world, numbers, session_id)

    def die() -> None:
        raise Killed

    dying = build(world.clock, StoreWithMoment(world.registrations, die), world.units, numbers.events)
    with pytest.raises(Killed):
        replace(numbers, orchestrator=dying).confirm(world.applicant(session_id), session_id, ZOE, code)
    assert len(all_accounts(world)) == 6
    assert made(world, numbers, session_id).number == NUMBER
    assert len(all_accounts(world)) == 6
    assert world.load(session_id).user_id == NUMBER


# --- Codes ----------------------------------------------------------------------------------------------------


def test_a_wrong_code_makes_nothing(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    code = code_for(world, numbers, session_id)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    call = world.applicant(session_id)
    refused = []
    for _ in range(CODE_TRIES + 1):
        with pytest.raises(RuleViolated) as caught:
            numbers.confirm(call, session_id, ZOE, wrong)
        refused.append(caught.value.message)
    assert refused == ["code.wrong"] * 4 + ["code.used_up"] * 2
    with pytest.raises(RuleViolated, match=r"code\.used_up"):
        numbers.confirm(call, session_id, ZOE, code)
    with pytest.raises(ValidationFailed, match=r"code\.format"):
        numbers.confirm(call, session_id, ZOE, "x")
    assert len(all_accounts(world)) == 5
    assert world.trail(session_id)[:2] == ["code.sent", "code.failed"]


def test_a_code_confirms_no_other_address(world: World, numbers: MemberNumbers) -> None:
    session_id = new_session()
    code = code_for(world, numbers, session_id)
    with pytest.raises(RuleViolated, match=r"code\.wrong"):
        numbers.confirm(world.applicant(session_id), session_id, Newcomer("Zoé", "ada@example.org", "en"), code)


def test_a_code_for_a_new_account_proves_no_other_and_the_other_way_round(
    world: World, numbers: MemberNumbers, cipher: Cipher
) -> None:
    registration = world.staged()
    session_id, call = registration.session_id, world.applicant(registration.session_id)
    proofs = Proofs(world.clock, world.units, world.registrations, EventBus(), cipher)
    code = code_for(world, numbers, session_id, Newcomer("Ada", "ada@example.org", "en"))
    with pytest.raises(RuleViolated, match=r"code\.wrong"):
        proofs.check_code(call, session_id, code)
    proofs.send_code(call, session_id)
    (mail,) = mails(world, "code")
    with pytest.raises(RuleViolated, match=r"code\.wrong"):
        numbers.confirm(call, session_id, Newcomer("Ada", "ada@example.org", "en"), mail.secret["code"])


@pytest.mark.parametrize(("name", "email"), [("", "zoe@example.org"), ("a\nb", "zoe@example.org"), ("Zoé", "half@")])
def test_who_cannot_be_anybody_gets_no_code(world: World, numbers: MemberNumbers, name: str, email: str) -> None:
    session_id = new_session()
    with pytest.raises(ValidationFailed):
        numbers.send_code(world.applicant(session_id), session_id, Newcomer(name, email, "en"))
    assert waiting(world.units) == []


# --- Who may ---------------------------------------------------------------------------------------------------


def test_a_registration_of_somebody_else_is_not_known(world: World, numbers: MemberNumbers) -> None:
    for theirs in (world.staged().session_id, new_session()):
        call = world.applicant(new_session())
        with pytest.raises(NotFound):
            numbers.tell(call, theirs, email="ada@example.org", language="en")
        with pytest.raises(NotFound):
            numbers.send_code(call, theirs, ZOE)
        with pytest.raises(NotFound):
            numbers.confirm(call, theirs, ZOE, "123456")
    assert waiting(world.units) == []


def test_one_that_is_over_is_told(world: World, numbers: MemberNumbers) -> None:
    def ask(registration: Registration) -> None:
        call = world.applicant(registration.session_id)
        numbers.tell(call, registration.session_id, email="ada@example.org", language="en")

    with pytest.raises(WorkflowStateInvalid):
        ask(world.at(Status.CANCELLED))
    expired = world.staged()
    world.clock.instant = expired.expires_at
    with pytest.raises(SessionExpired):
        ask(expired)
