"""A walk through the desk's pages for accounts, the membership year and the category refresh."""

from __future__ import annotations

from io import BytesIO

from flask.testing import FlaskClient

from tests.support.applicant import one
from tests.support.desk import page, send, token
from tests.support.seed import Seeded

LIST, YEAR, RUNS = "/staff/accounts", "/staff/membership-year", "/staff/category-refresh"
FILE = b'number,name,email,status,language\n%s,Yan,yan@example.org,,\n,,half@,x,de\n,A,a@example.org,x,\n,A,a@b.ca,,"\n'


def accounts(client: FlaskClient, seeded: Seeded) -> None:
    """Found, not found, added, wrong, erased by who may, imported, closed, opened."""
    client.get(LIST)
    client.get(f"{LIST}?status=inactive&after=none")
    for sought in ("eli", "nobody"):
        send(client, LIST, {"sought": sought}, of=LIST)
    mine = f"{LIST}/{seeded.accounts[4].id}"
    client.get(mine)
    for reason in ("", "x" * 501, "…"):
        send(client, f"{mine}/deactivate", {"reason": reason}, of=f"{mine}/deactivate")
    client.get(f"{mine}?done=deactivated")
    assert send(client, f"{mine}/activate", of=mine).status_code == 303
    client.get(f"{mine}?done=activated")
    send(client, f"{LIST}/{seeded.accounts[2].id}/activate", of=LIST)
    send(client, f"{LIST}/new", {"name": "", "email": "half@", "number": "?!", "language": "x"}, of=f"{LIST}/new")
    added = send(client, f"{LIST}/new", {"name": "Yan", "email": "yan@example.org", "language": "fr"}, of=f"{LIST}/new")
    one_added = client.get(added.headers["Location"])
    number = one(page(one_added), "h1").get_text().split()[-1]
    place = added.headers["Location"].partition("?")[0]
    client.get(f"{place}/export")
    assert send(client, f"{place}/export", of=LIST).status_code in {200, 403}
    client.get(f"{place}/erase")
    for reason, typed in (("", ""), ("x" * 501, number), ("…", number)):
        send(client, f"{place}/erase", {"reason": reason, "number": typed}, of=LIST)
    client.get(f"{place}?done=erased")
    for content in (
        b"",
        b"a,b\n",
        b"name,email\n" + b"\n" * 3 + b"A,a@b.ca\n" * 2001,
        FILE % b"Y-1",
        FILE % b"osot-0000001",
    ):
        values = {"csrf_token": token(client, LIST), "file": (BytesIO(content), "accounts.csv")}
        client.post(f"{LIST}/import", data=values, content_type="multipart/form-data")


def categories(client: FlaskClient) -> None:
    """The year closed and set again, its records counted, listed and, by who may, moved."""
    client.get(RUNS)
    for day in ("soon", "2207-01-01", "2026-01-01", "2027-09-30"):
        send(client, YEAR, {"ends_on": day}, of=YEAR)
        client.get(f"{YEAR}?done=year_set")
    send(client, f"{YEAR}/close", of=YEAR)
    client.get(f"{YEAR}?done=year_closed")
    preview = page(client.get(f"{RUNS}/preview"))
    assert preview.select("main table")
    send(client, f"{RUNS}/run", of=RUNS)
    send(client, YEAR, {"ends_on": "2027-09-30"}, of=YEAR)
    client.get(f"{RUNS}/preview")
    send(client, f"{RUNS}/run", of=RUNS)
    for done in ("refreshed", "refreshing"):
        client.get(f"{RUNS}?done={done}")
    client.get(f"{RUNS}/preview?after=none")
