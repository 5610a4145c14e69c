"""A walk through the desk's pages for bulk registration."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.support.desk import SYSTEM, send
from wizard.services.bundle import Services

BULK = "/staff/bulk"
FILE = b"""\
user_business_id,degree_type,university,country,graduation_year,coto_status,access_modifier,shoes
osot-0000002,masters,mcmaster,CA,2026,pending,private,42
osot-0000005,masters,nowhere,CA,2026,pending,private,43
osot-0000005,masters,mcmaster,,2026,pending,private,44
"""


def bulk(client: FlaskClient, services: Services) -> None:
    """A file in every state, looked at by `main`."""
    client.get(BULK)
    send(client, BULK, of=BULK)
    job = services.bulk.load(SYSTEM, "graduates.csv", FILE)
    place = f"{BULK}/{job.id}"
    client.get(f"{place}?done=loaded")
    client.get(f"{place}/progress")
    _work(services)
    client.get(f"{place}?state=rejected&after=1")
    client.get(f"{place}?state=created")
    send(client, f"{place}/start", {"invite": "y"}, of=place)
    client.get(f"{place}?done=started")
    client.get(f"{place}/progress")
    _work(services)
    client.get(place)
    with send(client, f"{place}/rejected", {"kind": "csv"}, of=place):
        client.get(BULK)
    send(client, f"{place}/discard", of=place)
    client.get(f"{place}?done=discarded")
    unnamed = services.bulk.load_values(SYSTEM, [{"user_business_id": "osot-0000005"}])
    client.get(f"{BULK}/{unnamed.id}")
    client.get(BULK)


def _work(services: Services) -> None:
    while services.bulk.workers.run_once():
        pass
