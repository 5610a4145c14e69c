"""A registration's history on its page, and what the desk notes there."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support.desk import SYSTEM, page, send, sign_in, staged
from tests.support.seed import Seeded
from wizard.core.actors import Actor
from wizard.core.errors import PermissionDenied
from wizard.core.events import EventName
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


def told(desk: FlaskClient, session_id: str) -> list[tuple[str, str]]:
    """Who did what, in the order of the page."""
    rows = page(desk.get(f"/staff/sessions/{session_id}")).select("table.history tbody tr")
    return [
        (row.select("td")[0].get_text(), row.select_one("strong").get_text())  # type: ignore[union-attr]
        for row in rows
    ]


def test_the_history_is_told_newest_last(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    services.orchestrator.review(SYSTEM, session_id)
    send(desk, f"/staff/sessions/{session_id}/extend", of="/staff/sessions")
    assert told(desk, session_id) == [
        ("the service itself", "Registration begun"),
        ("the service itself", "Answers checked"),
        ("the service itself", "Category decided"),
        ("ann", "More time given"),
    ]


def test_a_note_is_kept_under_its_authors_name(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    answer = send(desk, f"/staff/sessions/{session_id}/notes", {"note": " Called back.\nWill send it. "})
    assert answer.headers["Location"] == f"/staff/sessions/{session_id}?done=noted"
    assert told(desk, session_id)[-1] == ("ann", "Note")
    shown = page(desk.get(answer.headers["Location"])).get_text()
    assert "Called back.\nWill send it." in shown
    assert "The note is in the history" in shown
    registration = services.orchestrator.get(SYSTEM, session_id).registration
    (noted,) = [each for each in services.notes.history(SYSTEM, registration) if each.name is EventName.SESSION_NOTED]
    assert (noted.actor, noted.privilege, noted.session_id) == ("staff:ann", "admin", session_id)
    assert noted.details == {}, "what was typed is kept where it can be erased"


@pytest.mark.parametrize(("note", "said"), [("  ", "Write what you want"), ("x" * 1001, "Shorten the note to 1000")])
def test_a_note_that_is_none_is_asked_for_again(desk: FlaskClient, services: Services, note: str, said: str) -> None:
    session_id = staged(services)
    answer = send(desk, f"/staff/sessions/{session_id}/notes", {"note": note})
    assert answer.status_code == 422
    drawn = page(answer)
    assert said in drawn.select_one("#note-error").get_text()  # type: ignore[union-attr]
    assert drawn.select_one("#error-summary a[href='#note']") is not None
    assert len(told(desk, session_id)) == 1


def test_a_note_about_nothing_is_not_found(desk: FlaskClient) -> None:
    unknown = "0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11"
    assert send(desk, f"/staff/sessions/{unknown}/notes", {"note": "x"}).status_code == 404


def test_notes_are_the_desks(services: Services, app_seeded: Seeded) -> None:
    assert app_seeded.accounts
    session_id = staged(services)
    registration = services.orchestrator.get(SYSTEM, session_id).registration
    for actor in (Actor.applicant(session_id), Actor.applicant(session_id, "account")):
        with pytest.raises(PermissionDenied):
            services.notes.add(Call(actor), session_id, "x")
        with pytest.raises(PermissionDenied):
            services.notes.history(Call(actor), registration)
