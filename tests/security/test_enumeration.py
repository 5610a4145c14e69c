"""Nobody learns who is a member, or of the desk: the same text, status and work, whoever is asked about.

Work is counted, not timed: round trips to Redis, statements to the database, passwords hashed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from tests.support.api import ORCHESTRATOR, ApiClient
from tests.support.applicant import Applicant
from tests.support.databases import engine_of, statements
from tests.support.desk import SYSTEM, recorded, send
from tests.support.roundtrips import counted
from tests.support.seed import Seeded
from wizard.core.actors import Privilege
from wizard.services.bundle import Services

# Nobody, somebody, somebody whose account waits, and one whose account is closed; of osot-0000002 there is a record.
NUMBERS = ("osot-9999999", "osot-0000001", "osot-0000003", "osot-0000004", "osot-0000002")
ADDRESSES = ("nobody@example.org", "ada@example.org", "cam@example.org", "dee@example.org")
_DIFFERS = re.compile(
    r'name="csrf_token" value="[^"]*"|osot-\d{7}|[a-z]+@example\.org|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{10,}'
)


@dataclass(frozen=True)
class Seen:
    """What somebody learns from an answer, and from how long it takes."""

    status: int
    text: str
    leads: str
    redis: tuple[tuple[str, ...], ...]
    statements: tuple[str, ...]
    hashed: int


def without(text: str) -> str:
    """What is said, but for what was typed and what is random."""
    return _DIFFERS.sub("", text)


@contextmanager
def counting_hashes() -> Iterator[list[str]]:
    hashed: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, stored: str, typed: bytes) -> bool:
        hashed.append("")
        return verify(self, stored, typed)

    with patch.object(PasswordHasher, "verify", counting):
        yield hashed


def watched(app: Flask, do: Callable[[], TestResponse]) -> Seen:
    """What one request shows."""
    redis: Redis = app.extensions["wizard_stores"].redis
    with counted(redis) as trips, statements(engine_of(app)) as asked, counting_hashes() as hashed:
        answer = do()
    return Seen(
        status=answer.status_code,
        text=without(answer.text),
        leads=without(answer.headers.get("Location", "")),
        redis=tuple(trips.sent),
        statements=tuple(asked),
        hashed=len(hashed),
    )


def alike(each: list[Seen]) -> None:
    """All look the same; the first of all, which begins the audit trail, was somebody else."""
    assert all(seen == each[0] for seen in each[1:]), each


def test_a_code_for_any_member_number(app: Flask, app_seeded: Seeded, services: Services) -> None:
    recorded(services, user_business_id=app_seeded.accounts[1].number)
    asked, page, wrong = [], [], []
    for number in (NUMBERS[0], *NUMBERS):
        applicant = Applicant(app.test_client()).start().answer(user_business_id=number).decide()
        used = {"csrf_token": applicant.token()}
        place = applicant.address("account")
        asked.append(watched(app, lambda: applicant.client.post(place, data=used)))  # noqa: B023
        page.append(watched(app, lambda: applicant.client.get(f"{place}?sent=1")))  # noqa: B023
        typed = {**used, "code": "000000"}
        wrong.append(watched(app, lambda: applicant.client.post(place, data=typed)))  # noqa: B023
    for seen in (asked, page, wrong):
        alike(seen[1:])
    assert (asked[0].status, page[0].status, wrong[0].status) == (303, 200, 422)


def test_numbers_and_accounts_of_any_address(app: Flask, app_seeded: Seeded) -> None:
    assert app_seeded.accounts
    for tail in ("member-number", "new-account"):
        asked, page = [], []
        for email in (ADDRESSES[0], *ADDRESSES):
            applicant = Applicant(app.test_client()).start()
            typed = {"csrf_token": applicant.token(), "email": email, "name": "Zoe"}
            place = applicant.address(tail)
            asked.append(watched(app, lambda: applicant.client.post(place, data=typed)))  # noqa: B023
            page.append(watched(app, lambda: applicant.client.get(f"{place}?sent=1")))  # noqa: B023
        for seen in (asked, page):
            alike(seen[1:])
        assert asked[0].status == 303, tail


def test_any_user_name(app: Flask, client: FlaskClient, app_seeded: Seeded, services: Services) -> None:
    services.desk.disable(SYSTEM, app_seeded.admin.username)
    names = ("nobody", "mia", "ann", "not a user name!")
    for name in names:
        # The first event about somebody begins a chain of the audit trail, as adding them does.
        send(client, "/staff/sign-in", {"username": name, "password": "wrong"})
    seen = []
    for name in names:
        typed = {"csrf_token": Applicant(client).token(), "username": name, "password": "wrong"}
        found = watched(app, lambda: client.post("/staff/sign-in", data=typed))  # noqa: B023
        seen.append(replace(found, text=found.text.replace(name, "")))
    alike(seen)
    assert (seen[0].status, seen[0].hashed) == (422, 1)


def test_an_owners_token_asks_about_any_member(app: Flask, app_seeded: Seeded, services: Services) -> None:
    recorded(services, user_business_id=app_seeded.accounts[1].number)
    number = app_seeded.accounts[4].number
    owner = ApiClient.made(app.test_client(), services, Privilege.OWNER, member_number=number)
    seen = []
    for other in (NUMBERS[0], *NUMBERS):
        session_id = owner.staged(userBusinessId=other)["sessionId"]
        place = f"{ORCHESTRATOR}/validate/{session_id}"
        headers = {"Authorization": f"Bearer {owner.token}"}
        answer = watched(app, lambda: owner.client.post(place, json={}, headers=headers))  # noqa: B023
        seen.append(answer)
    assert len({(each.status, each.statements, each.redis) for each in seen[1:]}) == 1
