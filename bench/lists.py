"""The desk's list with a thousand registrations and with a hundred thousand: first page and one far down.

Both sites are asked in turn, so that whatever else the machine does meets both; medians are compared.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

from flask.testing import FlaskClient

from bench.sites import Site, site
from tests.support.roundtrips import counted
from tests.support.seed import seed_all
from wizard.core.education import EducationData
from wizard.core.registration import Registration, Status
from wizard.storage.codec import microseconds
from wizard.storage.indexes import Position

FEW, MANY = 1_000, 100_000
TIMES = 60
SLOWER_AT_MOST = 1.2
# Every registration is one of these, so that each list has its share.
STATUSES = (Status.PENDING, Status.STAGED, Status.VALIDATED, Status.CATEGORY_DETERMINED)
ADDRESSES = {"first page": "/staff/sessions", "of one status": "/staff/sessions?status=staged"}


@dataclass(frozen=True)
class Asked:
    """A page of a list on one site: how long it took, in milliseconds, and what it cost Redis."""

    page: str
    registrations: int
    p50_ms: float
    round_trips: int


def registrations(count: int, now: datetime) -> Iterator[Registration]:
    """As many, a second apart, the newest last."""
    for number in range(count):
        at = now - timedelta(seconds=count - number)
        yield Registration(
            session_id=str(uuid4()),
            status=STATUSES[number % len(STATUSES)],
            created_at=at,
            updated_at=at,
            expires_at=now + timedelta(days=14),
            created_by="system:bench",
            updated_by="system:bench",
            data=EducationData(user_business_id=f"B-{number}", degree_type="masters", university="mcmaster"),
            revision=1,
        )


def fill(filled: Site, count: int) -> None:
    stores = filled.app.extensions["wizard_stores"]
    made = registrations(count, filled.services.clock.now())
    while some := list(islice(made, 500)):
        stores.registrations.save_all([(each, None) for each in some])


def signed_in(filled: Site) -> FlaskClient:
    member = seed_all(filled.app.extensions["wizard_stores"].units).admin
    client = filled.app.test_client()
    with client.session_transaction() as session:
        since = filled.services.clock.now().isoformat()
        session.update(staff=member.id, staff_epoch=member.epoch, staff_since=since, staff_seen=since)
    return client


def far_down(filled: Site, count: int) -> str:
    """Where nine tenths of the list lie before."""
    at = filled.services.clock.now() - timedelta(seconds=count * 0.9)
    return f"/staff/sessions?cursor={Position(microseconds(at), b'').token()}"


def measure(sites: dict[int, tuple[Site, FlaskClient]]) -> list[Asked]:
    """Each page on each site, in turn."""
    rows = []
    for page in (*ADDRESSES, "nine tenths down"):
        addresses = {count: ADDRESSES.get(page) or far_down(filled, count) for count, (filled, _) in sites.items()}
        took: dict[int, list[float]] = {count: [] for count in sites}
        for _ in range(TIMES):
            for count, (_, client) in sites.items():
                began = perf_counter()
                answer = client.get(addresses[count])
                took[count].append(1000 * (perf_counter() - began))
                assert answer.status_code == HTTPStatus.OK, answer.status_code
        for count, (filled, client) in sites.items():
            with counted(filled.redis, filled.app.extensions["wizard_stores"].redis) as trips:
                client.get(addresses[count])
            rows.append(Asked(page, count, median(took[count]), trips.count))
    return rows


def run(*, many: int = MANY) -> tuple[list[Asked], bool]:
    """The rows, and whether the long list costs what the short one does."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        sites = {}
        for count in (FEW, many):
            filled = stack.enter_context(site(Path(directory) / str(count)))
            fill(filled, count)
            sites[count] = (filled, signed_in(filled))
        rows = measure(sites)
    short, long = rows[::2], rows[1::2]
    good = all(
        two.round_trips == one.round_trips and two.p50_ms <= one.p50_ms * SLOWER_AT_MOST
        for one, two in zip(short, long, strict=True)
    )
    return rows, good


def show(rows: list[Asked]) -> None:
    sys.stdout.write(f"\n{'the list of registrations':<40} {'of':>10} {'p50 ms':>8} {'round trips':>12} {'ratio':>7}\n")
    for one, two in zip(rows[::2], rows[1::2], strict=True):
        for each in (one, two):
            ratio = f"{each.p50_ms / one.p50_ms:>7.2f}"
            sys.stdout.write(
                f"{each.page:<40} {each.registrations:>10} {each.p50_ms:>8.2f} {each.round_trips:>12} {ratio}\n"
            )
