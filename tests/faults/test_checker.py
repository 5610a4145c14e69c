"""The checker is itself checked: each violation, planted past the product, is found and named, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from tests.faults.harness.checker import Claims, violations
from tests.faults.harness.evidence import Evidence, gather
from tests.faults.harness.parts import Site, running_site
from tests.faults.harness.planted import PLANTED
from tests.faults.harness.running import Ran, run
from tests.faults.harness.schedule import Registering, Schedule
from tests.faults.test_crash_points import ANSWERS

pytestmark = pytest.mark.postgres

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Ran]]:
    """Two who registered, and nothing failed."""
    with running_site(tmp_path_factory.mktemp("site")) as site:
        people = (Registering("api", 0, ANSWERS), Registering("api", 1, {**ANSWERS, "notes": "Another one's"}))
        ran = run(site, Schedule(0, people, ()))
        assert ran.violations == []
        site.web.kill_web()
        site.worker.end()
        yield site, ran


def found(ran: tuple[Site, Ran], *, claims: Claims | None = None) -> list[str]:
    """What the checker says of what is there now."""
    site, was = ran
    claimed = claims or Claims(was.told, may_repeat=False)
    return violations(claimed, evidence(site, was))


def evidence(site: Site, was: Ran) -> Evidence:
    return gather(site, [each.session_id for each in was.told], [each.member for each in was.told])


@contextmanager
def unguarded_copy(site: Site) -> Iterator[Connection]:
    """A copy of the site's database, without anything that guards it, in its place for as long as this lasts."""
    own = site.postgres.database
    site.postgres.database = copy = site.postgres.server.create(template=own)
    try:
        with site.postgres.connect() as connection:
            guards = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = ANY(%s)"
            ours = f"{guards} AND connamespace = 'public'::regnamespace"
            for table, name in connection.execute(ours, (list("ucf"),)).fetchall():
                connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name} CASCADE".encode())
            connection.execute("SET session_replication_role = replica")
            yield connection
    finally:
        site.postgres.database = own
        site.postgres.server.drop(copy)


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_in_the_database_is_named(ran: tuple[Site, Ran], planted: str) -> None:
    statement, said = PLANTED[planted]
    with unguarded_copy(ran[0]) as connection:
        assert found(ran) == []
        assert connection.execute(statement.encode()).rowcount > 0
        assert [each for each in found(ran) if said in each], found(ran)


def lost_document(evidence: Evidence, session_id: str) -> Evidence:
    return replace(evidence, documents={**evidence.documents, session_id: None})


def open_document(evidence: Evidence, session_id: str) -> Evidence:
    document = {**(evidence.documents[session_id] or {}), "s": "account_linked", "d": {"n": "a note"}}
    return replace(evidence, documents={**evidence.documents, session_id: document})


def waiting_event(evidence: Evidence, session_id: str) -> Evidence:
    document = {**(evidence.documents[session_id] or {}), "ev": [{"n": "session.extended", "q": 99, "o": "x"}]}
    return replace(evidence, documents={**evidence.documents, session_id: document})


def lost_entry(evidence: Evidence, session_id: str) -> Evidence:
    return replace(evidence, indexed=evidence.indexed - {session_id})


def doubled_webhook(evidence: Evidence, _session_id: str) -> Evidence:
    return replace(evidence, webhooks=[*evidence.webhooks, evidence.webhooks[0]])


def changed_webhook(evidence: Evidence, _session_id: str) -> Evidence:
    other = replace(evidence.webhooks[0], content=f"{evidence.webhooks[0].content} ")
    return replace(evidence, webhooks=[*evidence.webhooks, other])


def lost_webhook(evidence: Evidence, _session_id: str) -> Evidence:
    return replace(evidence, webhooks=evidence.webhooks[1:])


def late_webhook(evidence: Evidence, session_id: str) -> Evidence:
    mine = [each for each in evidence.webhooks if each.about["sessionId"] == session_id]
    return replace(evidence, webhooks=[*(each for each in evidence.webhooks if each is not mine[0]), mine[0]])


def strange_webhook(evidence: Evidence, _session_id: str) -> Evidence:
    about = {**evidence.webhooks[0].about, "event": "record.deleted"}
    return replace(evidence, webhooks=[replace(evidence.webhooks[0], about=about), *evidence.webhooks[1:]])


def doubled_mail(evidence: Evidence, _session_id: str) -> Evidence:
    return replace(evidence, mails=[*evidence.mails, evidence.mails[0]])


def second_confirmation(evidence: Evidence, _session_id: str) -> Evidence:
    return replace(evidence, mails=[*evidence.mails, replace(evidence.mails[0], key="another")])


def lost_mail(evidence: Evidence, _session_id: str) -> Evidence:
    return replace(evidence, mails=evidence.mails[1:])


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (lost_document, "Redis has no document"),
        (open_document, "its document account_linked"),
        (open_document, "personal data are left"),
        (waiting_event, "session.extended waits"),
        (lost_entry, "no list knows"),
        (doubled_webhook, "came 2 times, and nobody was cut off"),
        (changed_webhook, "came with other content"),
        (lost_webhook, "never arrived"),
        (late_webhook, "came out of order"),
        (strange_webhook, "came as record.deleted"),
        (doubled_mail, "came 2 times, and nobody was cut off"),
        (second_confirmation, "was sent 2 confirmations"),
        (lost_mail, "was sent 0 confirmations"),
    ],
)
def test_what_is_planted_elsewhere_is_named(
    ran: tuple[Site, Ran], plant: Callable[[Evidence, str], Evidence], said: str
) -> None:
    site, was = ran
    planted = plant(evidence(site, was), was.told[0].session_id)
    said_of_it = violations(Claims(was.told, may_repeat=False), planted)
    assert [each for each in said_of_it if said in each], said_of_it


def test_documents_are_read_from_redis_itself(ran: tuple[Site, Ran]) -> None:
    site, was = ran
    first, second = (f"ot_education_session:{{{each.session_id}}}" for each in was.told)
    with site.valkey.client as client:
        kept = client.get(first)
        # Whole and sealed by us, but for another session.
        client.set(first, str(client.get(second)))
        assert [each for each in found(ran) if "Redis has no document" in each]
        client.delete(first)
        assert [each for each in found(ran) if "Redis has no document" in each]
        client.set(first, bytes(str(kept), "latin-1") if not isinstance(kept, bytes) else kept)
    assert found(ran) == []


@pytest.mark.parametrize(
    ("said", "claimed"),
    [
        ("could not be completed", {"number": "", "is_refused": False}),
        ("was refused, and has the record", {"is_refused": True}),
        ("a receipt for another", {"strange": ["a receipt for another"]}),
        ("answers: api", {"answers": {"notes": "What was accepted"}}),
        ("no event says that notes became", {"told": {("notes", "Accepted once")}}),
        ("is of an account that its session never asked for", {"account": "another"}),
    ],
)
def test_what_people_were_told_is_compared(ran: tuple[Site, Ran], said: str, claimed: dict[str, object]) -> None:
    first, *others = ran[1].told
    claims = Claims([replace(first, **claimed), *others], may_repeat=False)  # type: ignore[arg-type]
    assert [each for each in found(ran, claims=claims) if said in each], found(ran, claims=claims)


def test_a_repetition_is_no_violation_where_somebody_was_cut_off(ran: tuple[Site, Ran]) -> None:
    site, was = ran
    planted = doubled_mail(doubled_webhook(evidence(site, was), ""), "")
    assert violations(Claims(was.told, may_repeat=True), planted) == []
    assert violations(Claims(was.told, may_repeat=True), changed_webhook(planted, "")) != []
