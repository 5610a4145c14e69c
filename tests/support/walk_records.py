"""A walk through the pages of records, for `walk`."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.support.applicant import filled, one
from tests.support.desk import page, recorded, send
from wizard.core.records import Record
from wizard.services.bundle import Services

LIST = "/staff/records"
# Words of no language.
NOTES = "…"


def empty(client: FlaskClient, services: Services) -> Record:
    """The list without what is sought; a record for what follows."""
    client.get(f"{LIST}?category=student&graduation_year=1980")
    send(client, LIST, {"text": "nobody-0"}, of=LIST)
    return recorded(services, user_business_id="osot-0000005", notes=NOTES)


def looked_at(client: FlaskClient, record: Record) -> None:
    """Found, looked at, exported, corrected: wrongly, too late, and well."""
    send(client, LIST, {"text": record.number}, of=LIST)
    client.get(f"{LIST}?university=mcmaster&after=osot-oted-9999999")
    send(client, f"{LIST}/export", {"kind": "csv"}, of=LIST).close()
    place = f"{LIST}/{record.id}"
    form = one(page(client.get(f"{place}/correct")), "form#typing")
    for values in ({"country": "FR", "graduation_year": ""}, {"coto_status": "student"}, {"coto_status": "other"}):
        client.post(str(form["action"]), data={**filled(form), **values})
    for done in ("", "corrected", "unchanged"):
        client.get(f"{place}?done={done}")


def deleted(client: FlaskClient, record: Record) -> None:
    """Deleted: without a reason, after somebody else has changed it, and well."""
    place = f"{LIST}/{record.id}/delete"
    send(client, place, of=place)
    client.get(place)
    sent = {"reason": NOTES, "number": record.number}
    assert send(client, place, {**sent, "version": "1"}, of=place).status_code == 409
    form = one(page(client.get(place)), "form#typing")
    assert client.post(place, data={**filled(form), **sent}).status_code == 303
    client.get(f"{LIST}?done=deleted")
    client.get(f"{LIST}/{record.id}")
