"""Who may do what: every page of the desk, and every operation behind them, as nobody, applicant, `admin` and `main`.

Pages come from the URL map, operations from the services: a new one without a decision in these tables fails.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any

from flask import Flask, url_for
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.desk import ANSWERS, SYSTEM, own, page, recorded, staged
from tests.support.seed import PASSWORD, Seeded
from wizard.core.accounts import Account, StaffMember
from wizard.core.actors import Actor, Privilege
from wizard.core.errors import NotFound, PermissionDenied, Unauthenticated, WizardError
from wizard.core.records import Record, VerificationState
from wizard.core.registration import Registration
from wizard.services.accounts import NewAccount
from wizard.services.bundle import Services
from wizard.services.conflicts import KEPT
from wizard.services.member_numbers import Newcomer
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.messages import Medium
from wizard.services.ports.record_lists import Sought
from wizard.services.record_lists import Sheet
from wizard.services.sheets import SheetKind
from wizard.services.tokens import NewToken
from wizard.services.verification import Seen

MAIN_CALL = Call(Actor.staff("mia", Privilege.MAIN))


class Who(StrEnum):
    """Who tries; the applicant has proved that the account is theirs."""

    NOBODY = "nobody"
    APPLICANT = "applicant"
    ADMIN = "admin"
    MAIN = "main"


ANYBODY = frozenset(Who)
DESK = frozenset({Who.ADMIN, Who.MAIN})
ONLY_MAIN = frozenset({Who.MAIN})
OWNER = DESK | {Who.APPLICANT}
CREATORS = frozenset({Who.APPLICANT, Who.MAIN})

# --- Pages ---------------------------------------------------------------------------------------------------

# Who gets to see it, and who may send it, by endpoint; None where there is no such thing. What an address that only
# takes something answers to whoever just goes there is the way back.
PAGES: Mapping[str, tuple[frozenset[Who] | None, frozenset[Who] | None]] = {
    # Getting in and out.
    "sign_in": (ANYBODY, ANYBODY),
    "sign_in_code": (ANYBODY, ANYBODY),
    "sign_in_set_up": (ANYBODY, ANYBODY),
    "oidc_begin": (ANYBODY, None),
    "oidc_callback": (ANYBODY, None),
    "oidc_leave": (ANYBODY, None),
    "signed_out": (ANYBODY, None),
    # For whoever was signed in a moment ago, too: what went on from there ends.
    "sign_out": (None, ANYBODY),
    "my_sign_in": (DESK, None),
    "my_app": (DESK, DESK),
    "begin_app": (DESK, DESK),
    "remove_app": (DESK, DESK),
    "recovery_codes": (DESK, DESK),
    "my_password": (DESK, DESK),
    "sign_out_everywhere": (DESK, DESK),
    # The desk as a whole.
    "desk": (DESK, None),
    "mails": (DESK, None),
    "mails_again": (DESK, DESK),
    "webhooks": (DESK, None),
    "webhooks_again": (DESK, DESK),
    "delivery": (DESK, None),
    "delivery_again": (DESK, DESK),
    "statistics": (DESK, None),
    # Registrations.
    "sessions": (DESK, DESK),
    "session": (DESK, None),
    "open": (DESK, DESK),
    "leave": (DESK, DESK),
    "extend": (DESK, DESK),
    "cancel": (DESK, DESK),
    "note": (DESK, DESK),
    "links": (DESK, DESK),
    "revoke": (DESK, DESK),
    "conflicts": (DESK, None),
    "conflict": (DESK, ONLY_MAIN),
    "release": (DESK, DESK),
    # Records.
    "verification": (DESK, DESK),
    "verify": (DESK, DESK),
    "records": (DESK, DESK),
    "export_records": (DESK, DESK),
    "record": (DESK, None),
    "correct_record": (DESK, DESK),
    "delete_record": (ONLY_MAIN, ONLY_MAIN),
    # Accounts.
    "accounts": (DESK, DESK),
    "waiting_accounts": (DESK, None),
    "add_account": (DESK, DESK),
    "import_accounts": (DESK, DESK),
    "account": (DESK, None),
    "activate_account": (DESK, DESK),
    "deactivate_account": (DESK, DESK),
    "erase_account": (ONLY_MAIN, ONLY_MAIN),
    "export_person": (ONLY_MAIN, ONLY_MAIN),
    "approve_account": (DESK, DESK),
    "refuse_account": (DESK, DESK),
    # The membership year and the categories.
    "membership_year": (DESK, DESK),
    "close_year": (DESK, DESK),
    "category_refresh": (DESK, None),
    "category_preview": (DESK, None),
    "run_category_refresh": (DESK, ONLY_MAIN),
    # Bulk registration.
    "bulk": (ONLY_MAIN, ONLY_MAIN),
    "bulk_template": (ONLY_MAIN, None),
    "bulk_job": (ONLY_MAIN, None),
    "bulk_progress": (ONLY_MAIN, None),
    "start_bulk": (DESK, ONLY_MAIN),
    "rejected_rows": (DESK, ONLY_MAIN),
    "discard_bulk": (DESK, ONLY_MAIN),
}
# What has to be filled in for the service behind a page to be asked at all.
SENT: Mapping[str, Mapping[str, str]] = {
    "conflict": {"outcome": KEPT, "reason": "It is right.", "version": "1", "record_version": "1"},
}
SINCE = "2026-11-23T15:00:00+00:00"


@dataclass(frozen=True)
class Known:
    """Something of each kind that can be named."""

    session_id: str
    flagged: str
    record: Record
    account: Account
    link_id: str
    job_id: str
    message_id: str
    registration: Registration


def add_account(services: Services, number: str) -> Account:
    new = NewAccount("Somebody", f"{number}@example.org", number=number)
    return services.accounts.add(SYSTEM, new)


def known(services: Services, serial: int) -> Known:
    """A linked registration with a link, a record with a registration that it stands in the way of, a job."""
    account, other = (add_account(services, f"P-{serial}-{each}") for each in "ab")
    session_id = staged(services, user_business_id=account.number)
    services.orchestrator.review(MAIN_CALL, session_id)
    registration = services.orchestrator.link_account(MAIN_CALL, session_id).registration
    services.links.create(MAIN_CALL, session_id)
    record = recorded(services, user_business_id=other.number)
    flagged = staged(services, user_business_id=other.number)
    with suppress(WizardError):
        services.orchestrator.review(MAIN_CALL, flagged)
    return Known(
        session_id=session_id,
        flagged=flagged,
        record=record,
        account=account,
        link_id=services.links.of_session(MAIN_CALL, session_id)[0].id,
        job_id=services.bulk.load_values(SYSTEM, [ANSWERS]).id,
        message_id=services.deliveries.every(MAIN_CALL, Medium.MAIL).messages[0].id,
        registration=registration,
    )


def addresses(app: Flask, there: Known) -> Iterator[tuple[str, str, str]]:
    """Every address of the desk: its endpoint, a method that it takes, the address; what ends a sign-in comes last."""
    named = {
        "session_id": there.session_id,
        "record_id": there.record.id,
        "account_id": there.account.id,
        "link_id": there.link_id,
        "job_id": there.job_id,
        "message_id": there.message_id,
    }
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("staff.")]
    for rule in sorted(rules, key=lambda rule: "everywhere" in rule.endpoint):
        endpoint = rule.endpoint.removeprefix("staff.")
        values = {name: named[name] for name in rule.arguments}
        if endpoint in {"conflict", "release"}:
            values["session_id"] = there.flagged
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield endpoint, method, url_for(rule.endpoint, _external=False, **values)


def browser(app: Flask, who: Who, there: Known, seeded: Seeded) -> FlaskClient:
    """A browser of theirs."""
    client = app.test_client()
    member: StaffMember | None = {Who.ADMIN: seeded.admin, Who.MAIN: seeded.main}.get(who)
    if who is Who.APPLICANT:
        own(client, there.session_id)
    if member is not None:
        with client.session_transaction() as session:
            session.update(staff=member.id, staff_epoch=member.epoch, staff_since=SINCE)
    return client


def tried(client: FlaskClient, endpoint: str, method: str, address: str) -> TestResponse:
    if method == "GET":
        return client.get(address)
    token = page(client.get("/staff/sign-in", follow_redirects=True)).select_one("input[name=csrf_token]")
    assert token is not None
    return client.open(address, method=method, data={"csrf_token": token["value"], **SENT.get(endpoint, {})})


def is_turned_away(answer: TestResponse) -> bool:
    """Sent to sign in, asked to, or told that it is not for them."""
    return answer.status_code in {401, 403} or answer.headers.get("Location", "").startswith("/staff/sign-in?next=")


def test_every_page_of_the_desk_is_for_whom_it_was_decided(app: Flask, services: Services, app_seeded: Seeded) -> None:
    there = known(services, 0)
    with app.test_request_context():
        routes = list(addresses(app, there))
    taken: dict[str, set[str]] = {}
    for endpoint, method, _ in routes:
        taken.setdefault(endpoint, set()).add(method)
    decided = {
        endpoint: {method for method, who in zip(("GET", "POST"), each, strict=True) if who is not None}
        for endpoint, each in PAGES.items()
    }
    assert taken == decided, "each route of the desk needs a decision"
    wrong = []
    for endpoint, method, address in routes:
        may = PAGES[endpoint][method == "POST"] or frozenset()
        # Whoever may not comes first: what others do then changes nothing for them.
        for who in sorted(Who, key=lambda each: each in may):
            if may == ANYBODY:
                # What these answer depends on how far a sign-in has got; that they are reached is for test_oidc and
                # test_staff_second_factor to show, and that they let nobody in.
                continue
            answer = tried(browser(app, who, there, app_seeded), endpoint, method, address)
            answer.close()
            if is_turned_away(answer) is (who in may) or answer.status_code >= 500:
                wrong.append((endpoint, method, who.value, answer.status_code))
    assert wrong == []


# --- Operations ----------------------------------------------------------------------------------------------

OPERATIONS: Mapping[str, frozenset[Who]] = {
    # A registration: who may open it, may do it; a record is made by its owner, or by `main`.
    "orchestrator.stage": ANYBODY,
    "orchestrator.read_ahead": ANYBODY,
    "orchestrator.as_recorded": ANYBODY,
    **dict.fromkeys(
        (
            *("orchestrator.get", "orchestrator.update", "orchestrator.validate", "orchestrator.review"),
            *("orchestrator.determine_category", "orchestrator.link_account"),
            *("orchestrator.extend", "orchestrator.prolong", "orchestrator.cancel"),
            *("links.create", "links.remind"),
        ),
        OWNER,
    ),
    **dict.fromkeys(
        ("orchestrator.create", "orchestrator.submit", "orchestrator.execute_workflow"),
        CREATORS,
    ),
    # What lets an applicant in is tried by applicants; of what they may not open they learn nothing.
    **dict.fromkeys(
        (
            *("proofs.send_code", "proofs.check_code", "member_numbers.send_code", "member_numbers.confirm"),
            *("member_numbers.take", "member_numbers.tell"),
        ),
        OWNER,
    ),
    "member_numbers.proved": ANYBODY,
    "links.open": ANYBODY,
    # The desk's own.
    **dict.fromkeys(
        (
            *("links.of_session", "links.revoke", "desk.sessions", "desk.counts", "desk.open"),
            *("board.overview", "statistics.report", "notes.add", "notes.history"),
            *("deliveries.every", "deliveries.undelivered", "deliveries.follow"),
            *("deliveries.retry", "deliveries.retry_all"),
            *("accounts.add", "accounts.get", "accounts.import_csv", "accounts.page"),
            *("account_desk.activate", "account_desk.deactivate", "account_desk.page", "account_desk.view"),
            "account_desk.by_number",
            *("approvals.approve", "approvals.page", "approvals.refuse", "membership.history", "membership.set"),
            *("records.with_history",),
            *("record_lists.count", "record_lists.export", "record_lists.page", "refresh.preview", "refresh.runs"),
            *("verifications.accept_all", "verifications.case", "verifications.decide", "verifications.page"),
            *("conflicts.compare", "conflicts.page", "conflicts.release"),
        ),
        DESK,
    ),
    # Owners their own record; this one is somebody else's.
    **dict.fromkeys(("records.read", "records.correct", "records.receipt"), DESK),
    **dict.fromkeys(
        (
            *("records.delete", "records.to_be_deleted", "conflicts.keep", "conflicts.replace"),
            *("refresh.begin", "refresh.go_on", "desk.add", "desk.connect", "desk.disable", "desk.members"),
            *("my_sign_in.reset", "bulk.load", "bulk.load_values", "bulk.start", "bulk.discard", "bulk.go_on"),
            *("bulk.job", "bulk.jobs", "bulk.page", "bulk.export"),
            *("tokens.all", "tokens.create", "tokens.revoke", "key_rotation.rotate", "key_rotation.standing"),
            *("erasure.erase", "erasure.to_be_erased", "person_export.export", "person_export.to_be_exported"),
        ),
        ONLY_MAIN,
    ),
    # One's own sign-in.
    **dict.fromkeys(
        (
            *("my_sign_in.standing", "my_sign_in.set_up", "my_sign_in.remove", "my_sign_in.renew_recovery_codes"),
            *("my_sign_in.change_password", "my_sign_in.sign_out_everywhere"),
        ),
        DESK,
    ),
}
# They ask for no caller's privilege: they find out who it is.
FINDING_OUT = frozenset({"sign_in", "oidc"})
# Making an event of two records asks nobody.
NO_OPERATION = frozenset({"records.updated"})


def given(there: Known) -> dict[str, Any]:
    """A value for each name of a parameter; what is wrong in it is nothing that a privilege is about."""
    return {
        "session_id": there.session_id,
        "session_ids": [there.session_id],
        "registration": there.registration,
        "staging": Staging(data={}),
        "changes": {"notes": "Changed"},
        "version": 1,
        "record_version": 1,
        "code": "000000",
        "email": "somebody@example.org",
        "language": "en",
        "token": "nothing",
        "member_number": None,
        "number": there.account.number,
        "link_id": there.link_id,
        "newcomer": Newcomer("Zoe Zhu", "zoe@example.org", "en"),
        "record": there.record,
        "record_id": there.record.id,
        "account_id": there.account.id,
        "new": NewAccount("Zoe Zhu", "zoe@example.org"),
        "content": b"number,name,email\n",
        "reason": "Because.",
        "text": "A note.",
        "ends_on": date(2027, 9, 30),
        "sought": Sought(),
        "sheet": Sheet(),
        "to": io.BytesIO(),
        "kind": SheetKind.CSV,
        "worded": str,
        "job_id": there.job_id,
        "message_id": there.message_id,
        "medium": Medium.MAIL,
        "name": "Somebody",
        "given": [ANSWERS],
        "several": [Seen(there.record.id, 1)],
        "seen": Seen(there.record.id, 1),
        "state": VerificationState.VERIFIED,
        "username": "nobody-of-that-name",
        "other": "nobody-either",
        "password": PASSWORD,
        "privilege": Privilege.ADMIN,
        "key": "KEY",
    }


def actor(who: Who, there: Known) -> Actor:
    if who is Who.APPLICANT:
        return Actor.applicant(there.session_id, there.account.id)
    privilege = {Who.ADMIN: ("ann", Privilege.ADMIN), Who.MAIN: ("mia", Privilege.MAIN)}.get(who)
    return Actor.staff(*privilege) if privilege else Actor.applicant()


def operations(services: Services) -> Iterator[tuple[str, Any]]:
    """Every public method of a service that is told who calls."""
    for each in fields(services):
        service = getattr(services, each.name)
        if service is None or each.name in FINDING_OUT:
            continue
        for name, method in inspect.getmembers(service, inspect.ismethod):
            if not name.startswith("_") and "call" in inspect.signature(method).parameters:
                yield f"{each.name}.{name}", method


def is_refused(method: Any, call: Call, there: Known) -> bool:  # noqa: ANN401 - any operation
    """Whether it is denied, or hidden; whatever else it says, it was let through."""
    wanted = [each for each in inspect.signature(method).parameters.values() if each.default is each.empty]
    values = {each.name: given(there)[each.name] for each in wanted if each.name != "call"}
    if method.__name__ == "change_password":
        values["new"] = PASSWORD * 2
    if method.__qualname__ == "Tokens.create":
        values["new"] = NewToken("membership", Privilege.MAIN)
    if method.__qualname__.startswith("Conflicts."):
        values = {name: there.flagged if name == "session_id" else value for name, value in values.items()}
    try:
        method(call=call, **values)
    except (PermissionDenied, Unauthenticated):
        return True
    except NotFound as error:
        return error.message == "session.unknown"
    except WizardError:
        return False
    return False


def test_every_operation_is_for_whom_it_was_decided(services: Services, app_seeded: Seeded) -> None:
    assert app_seeded.accounts
    found = dict(operations(services))
    assert found.keys() - NO_OPERATION == OPERATIONS.keys(), "each operation needs a decision"
    wrong = []
    for serial, (name, may) in enumerate(sorted(OPERATIONS.items()), start=1):
        there = known(services, serial)
        # Whoever may not comes first: they find it as it was.
        tries = sorted(Who, key=lambda each: each in may)
        refused = {who for who in tries if is_refused(found[name], Call(actor(who, there)), there)}
        if refused != ANYBODY - may:
            wrong.append((name, "refused:", *sorted(refused)))
    assert wrong == []
