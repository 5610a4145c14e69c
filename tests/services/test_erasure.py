"""Erasing a person: nothing of them is found anywhere, the trail stays whole, and doing it again is safe."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from typing import cast

import pytest
from redis import Redis
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import SECRET_KEYS
from tests.services.conftest import GRACE, World, build
from tests.services.outages import StoreWithMoment, UnitsWithOutage
from tests.services.test_bulk import Desk, row
from wizard.core.accounts import Account, AccountStatus
from wizard.core.actors import Actor, Privilege
from wizard.core.errors import Conflict, ExternalServiceError, NotFound, PermissionDenied, ValidationFailed
from wizard.core.events import EventName
from wizard.core.records import Record, VerificationState, chain_of
from wizard.core.registration import Registration, Status
from wizard.services.account_desk import AccountDesk
from wizard.services.audit import AuditDrain
from wizard.services.erasure import Erasure
from wizard.services.events import EventBus
from wizard.services.links import ResumeLinks
from wizard.services.notes import Notes
from wizard.services.ports.bulk import BulkJob, RowState
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.messages import Message
from wizard.services.ports.record_lists import Sought
from wizard.services.ports.registrations import RevisionConflict
from wizard.services.ports.units import UnitsOfWork
from wizard.services.proofs import Proofs
from wizard.services.record_lists import RecordLists, Sheet
from wizard.services.sheets import SheetKind
from wizard.services.tokens import NewToken, Tokens
from wizard.services.verification import Seen, Verifications
from wizard.services.written import LONGEST_REASON
from wizard.storage.bulk_tables import BulkRowRow
from wizard.storage.crypto import Cipher
from wizard.storage.outbox import context_of
from wizard.storage.repositories.bulk import context_of_row
from wizard.storage.schema import Table
from wizard.storage.stored_values import StoredValues
from wizard.storage.trail_tables import MessageState, OutboxRow
from wizard.storage.unit_of_work import SqlUnitsOfWork

NUMBER, NAME, EMAIL, CONTACT = "P-777", "Petra Planted", "petra@planted.example", "second@planted.example"
FILED = "file@planted.example"
# Each is somewhere before the erasure, and nowhere after it.
PLANTED = (
    *(NAME, "planted", EMAIL, CONTACT, FILED, "PLANT1", "Planted School", "planted notes", "second plant"),
    *("planted remark", "planted question", "petra plan"),
)
REASON = "Asked for in a letter."


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def encrypting(request: pytest.FixtureRequest) -> bool:
    """With the personal columns encrypted, all of it is the same."""
    return bool(request.param)


def sees(world: World) -> EventBus:
    events = EventBus()
    events.subscribe(world.told.append)
    return events


def erasure(world: World, units: UnitsOfWork | None = None) -> Erasure:
    units = units or world.units
    drain = AuditDrain(world.clock, units, world.registrations)
    return Erasure(world.clock, units, world.registrations, drain, sees(world))


def moment(world: World, service: Erasure, before_save: Callable[[], object]) -> Erasure:
    """Something happens just before a document is saved, once."""
    return replace(service, registrations=StoreWithMoment(world.registrations, before_save))


class Planted:
    """Somebody of whom something is everywhere."""

    def __init__(self, world: World, cipher: Cipher, sessions: sessionmaker[Session]) -> None:
        self.world, self.desk = world, Desk(world, cipher, sessions)
        self.account = self._account()
        self.done, self.record = self._recorded()
        self.open = self._under_way(cipher)
        self.job = self._filed()
        self._searched()
        tokens = Tokens(world.clock, world.units, EventBus())
        self.secret = tokens.create(world.main, NewToken("of-petra", Privilege.OWNER, member_number=NUMBER))

    def _account(self) -> Account:
        with self.world.units.write() as unit:
            account = unit.accounts.add(
                name=NAME, email=EMAIL, status=AccountStatus.ACTIVE, language="fr", number=NUMBER
            )
            unit.commit()
        return account

    def _recorded(self) -> tuple[Registration, Record]:
        done = self.world.at(
            Status.WORKFLOW_COMPLETED,
            user_business_id=NUMBER,
            coto_status="general",
            coto_registration="PLANT1",
            university="other",
            other_details="Planted School",
            notes="planted notes",
        )
        with self.world.units.read() as unit:
            record = unit.records.by_session(done.session_id)
        assert record is not None
        asks = Verifications(self.world.clock, self.world.units, EventBus())
        asks.decide(self.world.staff, Seen(record.id, record.version), VerificationState.ASKED, note="planted question")
        return done, record

    def _under_way(self, cipher: Cipher) -> Registration:
        world = self.world
        staging = Staging(data={"user_business_id": NUMBER, "notes": "second plant"}, contact_email=CONTACT)
        under_way = world.orchestrator.stage(world.client, staging).registration
        session_id = under_way.session_id
        links = ResumeLinks(world.clock, world.units, world.registrations, EventBus(), world.orchestrator)
        links.create(world.client, session_id, email=CONTACT)
        Proofs(world.clock, world.units, world.registrations, EventBus(), cipher).send_code(world.client, session_id)
        Notes(world.clock, world.units, world.registrations, EventBus()).add(world.staff, session_id, "planted remark")
        return under_way

    def _filed(self) -> BulkJob:
        return self.desk.load(
            row(NUMBER, email=FILED), row("", email=EMAIL), row("osot-0000002", email="ben@example.org")
        )

    def _searched(self) -> None:
        lists = RecordLists(self.world.clock, self.world.units, EventBus())
        for text in ("petra plan", "somebody else"):
            lists.export(self.world.main, Sought(text=text), Sheet(SheetKind.CSV), to=BytesIO())


@pytest.fixture
def planted(world: World, cipher: Cipher, sessions: sessionmaker[Session]) -> Planted:
    return Planted(world, cipher, sessions)


@pytest.fixture
def held_by_table(
    world: World, sessions: sessionmaker[Session], redis_client: Redis, cipher: Cipher
) -> Callable[[], Mapping[str, set[str]]]:
    """Which of the planted values are in each table and under each kind of key, also in what is sealed there."""
    return lambda: _held(world, sessions, redis_client, cipher)


@pytest.fixture
def found(held_by_table: Callable[[], Mapping[str, set[str]]]) -> Callable[[], set[str]]:
    """Which of the planted values are anywhere."""
    return lambda: set().union(*held_by_table().values())


def _held(world: World, sessions: sessionmaker[Session], redis: Redis, cipher: Cipher) -> Mapping[str, set[str]]:
    kept: dict[str, list[object]] = defaultdict(list)
    contexts = {
        "outbox": lambda row: context_of(row["id"]),
        "bulk_rows": lambda row: context_of_row(row["job_id"], row["number"]),
        "bulk_jobs": lambda row: context_of_row(row["id"], 0),
    }
    with sessions() as session:
        for table in Table.metadata.sorted_tables:
            for line in session.execute(select(table)).mappings():
                kept[table.name].append(dict(line))
                sealed = line.get("sealed")
                # Whose it is, is known for as long as it is kept.
                assert sealed is not None or line.get("whose") is None
                if sealed is not None:
                    opened = json.loads(cipher.decrypt(sealed, context=contexts[table.name](line)))
                    kept[table.name].append(opened)
    values = StoredValues(cipher, world.clock, GRACE)
    for key in redis.scan_iter():
        name = key.decode()
        kind = name.partition(":")[0]
        kept[kind].append(name)
        if kind == "ot_education_session":
            kept[kind].append(values.read(name.partition("{")[2].rstrip("}"), cast("bytes", redis.get(key))))
    everything = {where: "\n".join(map(repr, those)).casefold() for where, those in kept.items()}
    return {where: {each for each in PLANTED if each.casefold() in text} for where, text in everything.items()}


def verified(world: World) -> list[str]:
    with world.units.read() as unit:
        return list(unit.audit.verify())


def shell(world: World, planted: Planted) -> Account:
    with world.units.read() as unit:
        account = unit.accounts.get(planted.account.id)
    assert account is not None
    return account


# --- What it takes away, and what it leaves ----------------------------------------------------------------


def test_nothing_of_the_person_is_found_anywhere(world: World, planted: Planted, found: Callable[[], set[str]]) -> None:
    assert found() == set(PLANTED)
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    assert found() == set()
    assert verified(world) == []
    assert shell(world, planted) == Account(planted.account.id, NUMBER, "", "", AccountStatus.INACTIVE, "en")


def test_of_the_registrations_tombstones_are_left(world: World, planted: Planted) -> None:
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    assert world.load(planted.open.session_id).status is Status.CANCELLED
    assert world.load(planted.done.session_id).status is Status.WORKFLOW_COMPLETED
    assert world.registrations.of_member(NUMBER) == ()
    assert world.trail(planted.open.session_id)[-2:] == ["person.erased", "session.cancelled"]


def test_the_trail_says_what_happened_and_names_nobody(world: World, planted: Planted) -> None:
    erasure(world).erase(world.main, planted.account.id, reason=f" {REASON} ")
    with world.units.read() as unit:
        own = unit.audit.history(f"account:{planted.account.id}")[-1].event
        of_record = [each.event for each in unit.audit.history(chain_of(planted.record.id))]
    assert own.name is EventName.PERSON_ERASED
    assert (own.actor, own.details, own.changes) == (
        "staff:mia",
        {"account": planted.account.id},
        {"reason": (None, REASON)},
    )
    assert [each.name.value for each in of_record][-2:] == ["record.deleted", "person.erased"]
    assert all(each.record_id == planted.record.id for each in of_record)
    told = [event.name for event in world.told]
    assert {EventName.PERSON_ERASED, EventName.RECORD_DELETED, EventName.TOKEN_REVOKED} <= set(told)


def test_numbers_are_never_given_again(world: World, planted: Planted) -> None:
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    with world.units.write() as unit, pytest.raises(Conflict, match=r"account\.number_taken"):
        unit.accounts.add(name="Zoe", email="z@example.org", status=AccountStatus.ACTIVE, language="en", number="p-777")
    other = world.at(Status.WORKFLOW_COMPLETED)
    with world.units.read() as unit:
        record = unit.records.by_session(other.session_id)
    assert record is not None
    assert record.number > planted.record.number


def test_the_account_can_never_be_opened_or_proved_again(world: World, planted: Planted, cipher: Cipher) -> None:
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    desk = AccountDesk(world.clock, world.units, world.registrations, EventBus())
    with pytest.raises(Conflict, match=r"account\.erased"):
        desk.activate(world.main, planted.account.id)
    again = world.staged(user_business_id=NUMBER)
    Proofs(world.clock, world.units, world.registrations, EventBus(), cipher).send_code(world.client, again.session_id)
    with world.units.read() as unit:
        code = unit.codes.of_session(again.session_id)
        assert unit.tokens.by_name("of-petra") is not None
    assert code is not None
    assert code.account_id is None


def test_mails_to_them_are_sent_no_more_and_all_others_are(
    world: World, planted: Planted, sessions: sessionmaker[Session]
) -> None:
    with world.units.write() as unit:
        for name in ("Paul Planted", ""):
            unit.outbox.add(
                Message(kind="code", recipient=EMAIL, language="en", key=f"to:{name}", values={"name": name}),
                at=world.clock.now(),
            )
        unit.commit()
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    with sessions() as session:
        states = {row.key: (row.state, row.reason, row.sealed is None) for row in session.scalars(select(OutboxRow))}
    # Of two who share an address the other one's stays.
    assert states.pop("to:Paul Planted") == (MessageState.WAITING, None, False)
    assert set(states.values()) == {(MessageState.GIVEN_UP, "erased", True)}


def test_what_can_no_longer_be_opened_is_passed_over(
    world: World, planted: Planted, sessions: sessionmaker[Session]
) -> None:
    with sessions() as session:
        session.execute(update(OutboxRow).where(OutboxRow.kind == "link").values(sealed=b"of a key that is gone"))
        session.commit()
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    with sessions() as session:
        kept = session.scalars(select(OutboxRow).where(OutboxRow.sealed.is_not(None))).all()
    assert [row.kind for row in kept] == ["link"]
    assert shell(world, planted).is_erased


def test_their_rows_of_files_go_in_no_more_and_the_others_do(world: World, planted: Planted) -> None:
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    service = planted.desk.service()
    service.start(world.main, planted.job.id, invite=False)
    done = planted.desk.work(planted.job)
    assert done.counts == {RowState.REJECTED: 2, RowState.CREATED: 1}
    with world.units.read() as unit:
        rejected = unit.bulk.rows(done.id, {RowState.REJECTED}, limit=9)
        assert unit.records.by_account(planted.account.id) is None
    assert {problem.message for each in rejected for problem in each.outcome.problems} == {"account.erased"}


def test_what_was_once_typed_and_is_somebody_elses_now_stays(world: World, planted: Planted) -> None:
    mistyped = world.staged(user_business_id=NUMBER, notes="of Ada")
    world.orchestrator.update(
        world.client, mistyped.session_id, {"user_business_id": "osot-0000001"}, version=mistyped.version
    )
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    assert world.load(mistyped.session_id).data.notes == "of Ada"
    assert EventName.PERSON_ERASED not in world.trail(mistyped.session_id)


def test_what_was_linked_and_changed_since_is_left_to_whom_it_names(world: World, planted: Planted) -> None:
    linked = world.staged(user_business_id="osot-0000005")
    for operation in (world.orchestrator.validate, world.orchestrator.determine_category):
        operation(world.client, linked.session_id)
    linked = world.orchestrator.link_account(world.client, linked.session_id).registration
    world.orchestrator.update(
        world.client, linked.session_id, {"user_business_id": "osot-0000001"}, version=linked.version
    )
    erasure(world).erase(world.main, world.seeded.accounts[4].id, reason=REASON)
    assert world.load(linked.session_id).status is Status.STAGED
    assert planted.account.number == NUMBER


# --- Again, and after a crash ----------------------------------------------------------------------------------


def test_again_changes_nothing(world: World, planted: Planted, found: Callable[[], set[str]]) -> None:
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    before = len(world.told)
    erasure(world).erase(world.main, planted.account.id, reason="Once more.")
    assert len(world.told) == before
    assert found() == set()


def test_who_dies_before_redis_knows_is_finished_by_doing_it_again(
    world: World, planted: Planted, found: Callable[[], set[str]]
) -> None:
    def dies() -> None:
        raise ExternalServiceError("redis")

    whole = erasure(world)
    with pytest.raises(ExternalServiceError):
        moment(world, whole, dies).erase(world.main, planted.account.id, reason=REASON)
    assert found()
    whole.erase(world.main, planted.account.id, reason=REASON)
    assert found() == set()
    assert verified(world) == []


def test_while_the_database_is_down_nothing_happens(world: World, planted: Planted) -> None:
    units = UnitsWithOutage(world.units)
    service = erasure(world, units)
    units.down = True
    with suppress(ExternalServiceError):
        service.erase(world.main, planted.account.id, reason=REASON)
    assert shell(world, planted) == planted.account
    assert world.load(planted.open.session_id).is_open


def test_events_that_wait_in_a_document_lose_what_was_typed(
    world: World, planted: Planted, found: Callable[[], set[str]]
) -> None:
    units = UnitsWithOutage(world.units)
    units.down = True
    offline = build(world.clock, world.registrations, units, EventBus())
    stored = world.load(planted.open.session_id)
    offline.update(world.client, stored.session_id, {"notes": "planted in vain"}, version=stored.version)
    assert world.load(stored.session_id).events
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    assert found() == set()
    assert world.trail(stored.session_id)[-2:] == ["education.updated", "session.cancelled"]
    assert verified(world) == []


def test_what_is_written_meanwhile_is_taken_out_too(
    world: World, planted: Planted, found: Callable[[], set[str]]
) -> None:
    """Somebody saves while it goes on: the document is read again, and the database looked through again."""
    notes = Notes(world.clock, world.units, world.registrations, EventBus())

    def noted() -> None:
        notes.add(world.staff, planted.open.session_id, "planted late")
        raise RevisionConflict

    moment(world, erasure(world), noted).erase(world.main, planted.account.id, reason=REASON)
    with world.units.read() as unit:
        events = [each.event for each in unit.audit.history(planted.open.session_id)]
    assert [each.changes for each in events if each.name is EventName.SESSION_NOTED] == [{}, {}]
    assert [each.name for each in events].count(EventName.PERSON_ERASED) == 2
    assert found() == set()
    assert verified(world) == []


def test_who_is_never_let_to_write_gives_up(world: World, planted: Planted) -> None:
    store = StoreWithMoment(world.registrations)

    def busy() -> None:
        store.before_save = busy
        raise RevisionConflict

    store.before_save = busy
    with pytest.raises(Conflict, match=r"session\.busy"):
        replace(erasure(world), registrations=store).erase(world.main, planted.account.id, reason=REASON)


def test_document_gone_meanwhile_is_passed_over(world: World, planted: Planted, redis_client: Redis) -> None:
    def gone() -> None:
        redis_client.flushall()
        raise RevisionConflict

    moment(world, erasure(world), gone).erase(world.main, planted.account.id, reason=REASON)
    assert shell(world, planted).is_erased


# --- Who may, and what is refused ------------------------------------------------------------------------------


def test_only_main_and_the_system_erase(world: World, planted: Planted) -> None:
    service, owner = erasure(world), world.applicant("s1", proved=planted.account)
    for call in (world.staff, owner, Call(Actor.applicant())):
        for attempt in (
            lambda call=call: service.erase(call, planted.account.id, reason=REASON),
            lambda call=call: service.to_be_erased(call, planted.account.id),
        ):
            with pytest.raises(PermissionDenied):
                attempt()
    service.erase(Call(Actor.system("command")), planted.account.id, reason=REASON)
    assert shell(world, planted).is_erased


@pytest.mark.parametrize("reason", ["", " \0", "x" * (LONGEST_REASON + 1)])
def test_it_needs_a_reason(world: World, planted: Planted, reason: str) -> None:
    with pytest.raises(ValidationFailed, match="reason"):
        erasure(world).erase(world.main, planted.account.id, reason=reason)
    assert shell(world, planted) == planted.account


def test_nobody_cannot_be_erased(world: World) -> None:
    with pytest.raises(NotFound):
        erasure(world).erase(world.main, "nobody", reason=REASON)


# --- How much is looked at -----------------------------------------------------------------------------------------


class CountingCipher(Cipher):
    """Counts what is opened."""

    opened = 0

    def decrypt(self, sealed: bytes, *, context: bytes) -> bytes:
        """Open it, and count."""
        self.opened += 1
        return super().decrypt(sealed, context=context)


def test_only_what_is_theirs_is_opened_however_much_is_sealed(
    world: World, planted: Planted, sessions: sessionmaker[Session], found: Callable[[], set[str]]
) -> None:
    planted.desk.load(*(row(f"S-{number}", email=f"s{number}@example.org") for number in range(60)))
    with world.units.write() as unit:
        for number in range(60):
            message = Message("confirmation", f"s{number}@example.org", "en", f"s:{number}", values={"name": "Sam"})
            unit.outbox.add(message, at=world.clock.now())
        unit.commit()
    counting = CountingCipher(SECRET_KEYS)
    units = SqlUnitsOfWork(sessions, counting, world.clock)
    erasure(world, units).erase(world.main, planted.account.id, reason=REASON)
    assert found() == set()
    assert counting.opened < 10


def test_what_was_sealed_before_it_said_whose_it_is_is_found_too(
    world: World, planted: Planted, sessions: sessionmaker[Session], found: Callable[[], set[str]]
) -> None:
    with sessions() as session:
        for table in (OutboxRow, BulkRowRow):
            session.execute(update(table).values(whose=None))
        session.commit()
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    assert found() == set()


def test_what_an_older_secret_says_whose_it_is_is_found_too(
    world: World, planted: Planted, sessions: sessionmaker[Session], found: Callable[[], set[str]]
) -> None:
    units = SqlUnitsOfWork(sessions, Cipher(("a-newer-secret-0123456789-abcdefghijklmnop", *SECRET_KEYS)), world.clock)
    erasure(world, units).erase(world.main, planted.account.id, reason=REASON)
    assert found() == set()
