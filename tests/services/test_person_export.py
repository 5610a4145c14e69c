"""All that is held about a person, handed over: the same places that an erasure empties, and nobody else in it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.services.conftest import World
from tests.services.outages import UnitsWithOutage
from tests.services.test_erasure import EMAIL, NUMBER, PLANTED, REASON, Planted, erasure, held_by_table, sees
from tests.support.seed import PEOPLE
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Actor
from wizard.core.errors import ExternalServiceError, NotFound, PermissionDenied
from wizard.core.events import EventName
from wizard.core.publication import camel
from wizard.services.person_export import PersonExport
from wizard.services.ports.calls import Call
from wizard.services.ports.messages import Message
from wizard.services.ports.persons import Place
from wizard.services.ports.units import UnitsOfWork
from wizard.storage.crypto import Cipher
from wizard.storage.personal import KEYS, TABLES, Nobodys
from wizard.storage.schema import Table

__all__ = ["held_by_table"]
ROOT = Path(__file__).parents[2]
SECTIONS = {camel(place.value) for place in Place}


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def encrypting(request: pytest.FixtureRequest) -> bool:
    """With the personal columns encrypted, all of it is the same."""
    return bool(request.param)


@pytest.fixture
def planted(world: World, cipher: Cipher, sessions: sessionmaker[Session]) -> Planted:
    return Planted(world, cipher, sessions)


def exporting(world: World, units: UnitsOfWork | None = None) -> PersonExport:
    return PersonExport(world.clock, units or world.units, world.registrations, sees(world))


def held(world: World, planted: Planted) -> Mapping[str, Any]:
    made = exporting(world).export(world.main, planted.account.id)
    content: Mapping[str, Any] = json.loads(made.as_json())
    return content


# --- One list of places ------------------------------------------------------------------------------------------


def test_every_table_has_a_decision() -> None:
    assert set(TABLES) == set(Table.metadata.tables)


def test_every_place_is_kept_somewhere() -> None:
    decisions = (*TABLES.values(), *KEYS.values())
    assert {place for each in decisions if not isinstance(each, Nobodys) for place in each} == set(Place)
    assert all(each.because for each in decisions if isinstance(each, Nobodys))


def test_every_kind_of_key_in_redis_has_a_decision() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "wizard").rglob("*.py")]
    named = {kind for source in sources for kind in re.findall(r'"(ot_\w+)', source)}
    assert named == set(KEYS)


def test_the_export_has_every_place_and_all_that_is_planted_in_them(world: World, planted: Planted) -> None:
    content = held(world, planted)
    assert content.keys() == SECTIONS | {"format", "madeAt", "memberNumber"}
    assert all(content[section] for section in SECTIONS), "somebody of whom something is everywhere"
    text = json.dumps(content, ensure_ascii=False).casefold()
    assert [each for each in PLANTED if each.casefold() not in text] == []


def test_what_is_not_in_the_trail_yet_is_history_all_the_same(world: World, planted: Planted) -> None:
    def told() -> Counter[str]:
        return Counter(each["name"] for each in held(world, planted)[camel(Place.HISTORY.value)])

    staged = world.staged(user_business_id=NUMBER)
    before = told()
    world.orchestrator.runner.drain.later = lambda _: True
    world.orchestrator.update(world.client, staged.session_id, {"notes": "Waits"}, version=staged.version)
    assert (told() - before)["education.updated"] == 1
    assert world.trail(staged.session_id) == ["education.staged"]


def test_each_place_that_holds_what_was_planted_hands_it_over(
    world: World,
    planted: Planted,
    held_by_table: Callable[[], Mapping[str, set[str]]],
) -> None:
    """What the tables and Redis hold, opened, and what the export says of the same places: the same words."""
    content = held(world, planted)
    for table, words in held_by_table().items():
        places = {**TABLES, **KEYS}[table]
        if isinstance(places, Nobodys):
            assert words == set(), table
            continue
        told = json.dumps([content[camel(place.value)] for place in places], ensure_ascii=False).casefold()
        assert [each for each in words if each.casefold() not in told] == [], table


def test_once_erased_each_place_is_empty(world: World, planted: Planted) -> None:
    erasure(world).erase(world.main, planted.account.id, reason=REASON)
    content = held(world, planted)
    account = content["account"]
    assert (account["number"], account["name"], account["email"]) == (NUMBER, "", "")
    for place in (Place.RECORD, Place.SEARCHES, Place.CODES, Place.LINKS, Place.MAILS, Place.FILE_ROWS):
        assert not content[camel(place.value)], place
    typed = [value for event in content["history"] for value in event["changes"].values()]
    assert typed == [[None, REASON]]
    assert [each["revokedAt"] is None for each in content["tokens"]] == [False]
    assert {each["status"] for each in content["registrations"]} == {"workflow_completed"}
    assert {each["contactEmail"] for each in content["registrations"]} == {None}


# --- What is in it, and what is not --------------------------------------------------------------------------------


def test_nobody_else_is_in_it(world: World, planted: Planted) -> None:
    """Neither other members, nor those who share an address, nor anybody of the desk."""
    with world.units.write() as unit:
        unit.accounts.add(name="Paul Other", email=EMAIL, status=AccountStatus.ACTIVE, language="en", number="P-778")
        for name in ("Paul Other", ""):
            message = Message("code", EMAIL, "en", f"to:{name}", values={"name": name}, secret={"code": "314159"})
            unit.outbox.add(message, at=world.clock.now())
        unit.commit()
    text = json.dumps(held(world, planted), ensure_ascii=False)
    others = [*(name for name, _, _ in PEOPLE), *(email for _, email, _ in PEOPLE), "Paul Other", "P-778"]
    assert [each for each in (*others, "ann", "mia", "somebody else") if f'"{each}' in text or f":{each}" in text] == []


def test_nothing_in_it_lets_anybody_in(world: World, planted: Planted) -> None:
    """No code, link or token: whoever has the file could prove the account with one."""
    with world.units.read() as unit:
        links = [link for each in (planted.open, planted.done) for link in unit.links.of_session(each.session_id)]
        code = unit.codes.of_session(planted.open.session_id)
        (token,) = unit.tokens.all()
    with world.units.write() as unit:
        secrets = [value for each in unit.outbox.claim(world.clock.now()) for value in each.message.secret.values()]
    assert code is not None
    assert secrets
    text = json.dumps(held(world, planted))
    digests = [code.digest, token.digest, *(link.digest for link in links)]
    assert [each for each in (*secrets, *digests, planted.secret) if each in text] == []


def test_it_is_in_the_audit_trail(world: World, planted: Planted) -> None:
    held(world, planted)
    with world.units.read() as unit:
        last = unit.audit.history(f"account:{planted.account.id}")[-1].event
    assert (last.name, last.actor) == (EventName.PERSON_EXPORTED, "staff:mia")
    assert last.details == {"account": planted.account.id}
    assert last in world.told


def test_nothing_is_handed_over_that_the_trail_does_not_know_of(world: World, planted: Planted) -> None:
    units = UnitsWithOutage(world.units)
    units.down = True
    with pytest.raises(ExternalServiceError):
        exporting(world, units).export(world.main, planted.account.id)


def test_only_main_and_the_system_export(world: World, planted: Planted) -> None:
    service = exporting(world)
    for call in (world.staff, world.applicant("s1", proved=planted.account), Call(Actor.applicant())):
        for operation in (service.export, service.to_be_exported):
            with pytest.raises(PermissionDenied):
                operation(call, planted.account.id)
    assert service.export(Call(Actor.system("command")), planted.account.id).account == planted.account


def test_nobody_cannot_be_exported(world: World) -> None:
    with pytest.raises(NotFound):
        exporting(world).export(world.main, "nobody")
