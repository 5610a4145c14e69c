"""The board and the statistics, with what they lead to, and a registration's notes."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskClient

from tests.support.desk import SYSTEM, page, send, staged
from wizard.services.bundle import Services
from wizard.services.ports.messages import Medium


def board(client: FlaskClient, services: Services) -> None:
    """Every number's list, the lists narrowed down, periods that are right and wrong, notes that are, too."""
    for tile in page(client.get("/staff/")).select("a.tile"):
        client.get(str(tile["href"]))
    for asked in ("step=education&age=1h&channel=web", "rule=account.one_record", "stuck=repeated", "cursor=none"):
        client.get(f"/staff/sessions?{asked}")
    for medium in Medium:
        client.get("/staff/webhooks?all=1")
        for message in services.deliveries.every(SYSTEM, medium).messages[:1]:
            client.get(f"/staff/deliveries/{message.id}?done=again")
    day = services.clock.now().date()
    for first in (day - timedelta(days=10), day - timedelta(days=200), day - timedelta(days=2000), "x", "2050-01-01"):
        client.get(f"/staff/statistics?first={first}")
    place = f"/staff/sessions/{staged(services)}"
    for note in ("", "x" * 1001, "…"):
        send(client, f"{place}/notes", {"note": note}, of=place)
    client.get(f"{place}?done=noted")
