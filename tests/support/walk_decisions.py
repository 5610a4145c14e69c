"""A walk through what the desk decides: records that wait, registrations in conflict."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.support.desk import SYSTEM, page, recorded, send, staged
from wizard.core.actors import Actor, Privilege
from wizard.services.accounts import NewAccount
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call

QUEUE, CONFLICTS = "/staff/verification", "/staff/conflicts"
_MAIN = Call(Actor.staff("mia", Privilege.MAIN))


def decisions(client: FlaskClient, services: Services) -> None:
    """With nothing to decide, with something of each kind, wrongly, rightly."""
    for place in (QUEUE, CONFLICTS):
        client.get(place)
    _verification(client, services)
    _conflicts(client, services)


def _verification(client: FlaskClient, services: Services) -> None:
    abroad = {"university": "other", "other_details": "Lund", "country": "SE"}
    unlike = {"university": "not_applicable", "coto_status": "student", "graduation_year": "2020"}
    records = [recorded(services, **kind, user_business_id=_member(services)) for kind in (abroad, unlike, abroad)]
    place = f"{QUEUE}/{records[0].id}"
    for values in ({}, {"outcome": "asked"}, {"outcome": "rejected"}, {"outcome": "asked", "note": "x" * 1001}):
        send(client, place, {"version": "1", **values}, of=place)
    for version, outcome in enumerate(("asked", "rejected", "verified", "asked"), 1):
        send(client, place, {"version": str(version), "outcome": outcome, "note": "…"}, of=place)
        client.get(place)
    send(client, place, {"version": "1", "outcome": "rejected", "note": "…"}, of=place)
    send(client, QUEUE, of=QUEUE)
    old = [str(box["value"]) for box in page(client.get(QUEUE)).select("input[name=record]")]
    services.records.correct(_MAIN, records[1].id, {"notes": "2020"}, version=1)
    send(client, QUEUE, {"record": old}, of=QUEUE)  # type: ignore[dict-item]
    for count in (1, 2):
        client.get(f"{QUEUE}?accepted={count}&after={records[0].id}")
    for done in ("asked", "verified", "rejected"):
        client.get(f"{QUEUE}?done={done}")


def _conflicts(client: FlaskClient, services: Services) -> None:
    member, other = _member(services), _member(services)
    holding = {"coto_status": "general", "coto_registration": f"V{other[-7:]}"}
    recorded(services, user_business_id=member)
    theirs = recorded(services, **holding, user_business_id=other)
    again = _flagged(services, user_business_id=member, notes="2020")
    both = _flagged(services, user_business_id=member, **holding)
    newcomer = _flagged(services, user_business_id=_member(services), **holding)
    client.get(f"{CONFLICTS}?cursor=x")
    for place in (again, both, newcomer):
        client.get(place)
        for values in ({}, {"outcome": "kept"}, {"outcome": "kept", "reason": "…"}):
            send(client, place, {"version": "9", **values}, of=place)
        send(client, place, {"version": "1", "record_version": "1", "outcome": "replaced", "reason": "…"}, of=place)
        send(client, f"{place}/release", of=place)
    # A number of its own, for this walk is walked more than once.
    services.records.correct(_MAIN, theirs.id, {"coto_registration": f"W{other[-7:]}"}, version=1)
    client.get(newcomer)
    send(client, f"{newcomer}/release", of=newcomer)
    send(client, again, {"version": "1", "record_version": "1", "outcome": "kept", "reason": "…"}, of=QUEUE)
    for done in ("kept", "replaced", "released"):
        client.get(f"{CONFLICTS}?done={done}")


def _flagged(services: Services, **answers: str) -> str:
    session_id = staged(services, **answers)
    services.orchestrator.review(_MAIN, session_id)
    return f"{CONFLICTS}/{session_id}"


def _member(services: Services) -> str:
    return services.accounts.add(SYSTEM, NewAccount("Ada", "ada@example.org")).number
