"""Every page and state of what the desk decides: records that wait, registrations in conflict."""

from __future__ import annotations

from tests.browser.tour import HEADING, SUMMARY, Tour
from tests.support.desk import recorded
from tests.support.seed import PASSWORD
from wizard.core.actors import Actor, Privilege
from wizard.core.records import Record
from wizard.services.ports.calls import Call
from wizard.services.verification import Seen

QUEUE, CONFLICTS = "/staff/verification", "/staff/conflicts"
BOX = "input[name=record]"
ABROAD = {"university": "other", "other_details": "Lunds universitet, Medicinska fakulteten", "country": "SE"}
# Words of no language.
QUESTION = "Lund 2024?\nLund 2025?"
REASON = "…"
_MAIN = Call(Actor.staff("mia", Privilege.MAIN))


def _signed_in(tour: Tour, username: str) -> None:
    tour.send("/staff/sign-out")
    tour.visit("/staff/sign-in")
    tour.put({"username": username, "password": PASSWORD})
    tour.press()


def _record(tour: Tour, number: str, **answers: str) -> Record:
    return tour.stage.apart(lambda: recorded(tour.stage.services, user_business_id=number, **answers))


def _flagged(tour: Tour, **answers: str) -> str:
    session_id = tour.stage.staged(**answers)
    tour.stage.apart(lambda: tour.stage.services.orchestrator.review(_MAIN, session_id))
    return f"{CONFLICTS}/{session_id}"


def verification(tour: Tour) -> None:
    """The queue, empty and with more than a page; several accepted; one asked about, too late, and rejected."""
    _signed_in(tour, "ann")
    _emptied(tour)
    tour.visit(QUEUE, "queue-empty")
    for _ in range(27):
        _record(tour, tour.stage.account(), **ABROAD)
    tour.visit(QUEUE, "queue")
    tour.press("form#typing .actions button", "queue-nothing-ticked", focus=SUMMARY)
    # All were made at one instant, so which comes first is not said.
    first = str(tour.page.locator(BOX).first.get_attribute("value")).partition(".")[0]
    place = f"{QUEUE}/{first}"
    tour.page.locator(BOX).first.check()
    correct = tour.stage.services.records.correct
    tour.stage.apart(lambda: correct(_MAIN, first, {"notes": "1"}, version=1))
    tour.page.locator(BOX).nth(1).check()
    tour.press("form#typing .actions button", "queue-one-failed", focus=SUMMARY)
    tour.page.locator(BOX).nth(2).check()
    tour.press("form#typing .actions button", "queue-accepted", focus=HEADING)
    tour.visit(f"{QUEUE}?after={first}", "queue-next")
    tour.visit(place, "verify")
    tour.press("form#typing .actions button", "verify-errors", focus=SUMMARY)
    tour.put({"outcome": "asked", "note": QUESTION})
    tour.stage.apart(lambda: correct(_MAIN, first, {"notes": "2"}, version=2))
    tour.press("form#typing .actions button", "verify-stale", focus=SUMMARY)
    tour.press("form#typing .actions button", "verify-asked", focus=HEADING)
    tour.visit(place, "verify-with-history")
    tour.put({"outcome": "rejected", "note": REASON})
    tour.press("form#typing .actions button", "verify-rejected", focus=HEADING)


def conflicts(tour: Tour) -> None:
    """The list, empty and not; both privileges; kept, too late, replaced, somebody else's record, and over."""
    tour.visit(CONFLICTS, "conflicts-empty")
    number, other = tour.stage.account(), tour.stage.account()
    held = {"coto_status": "general", "coto_registration": tour.stage.coto_number()}
    record, holder = _record(tour, number), _record(tour, other, **held)
    again = _flagged(tour, user_business_id=number, **ABROAD, notes="Lund\nUppsala")
    second = _flagged(tour, user_business_id=number)
    newcomer = _flagged(tour, user_business_id=tour.stage.account(), **held)
    tour.visit(again, "conflict-for-admin")
    _signed_in(tour, "mia")
    tour.visit(CONFLICTS, "conflicts")
    tour.visit(again, "conflict")
    tour.press("form#typing .actions button", "conflict-errors", focus=SUMMARY)
    tour.put({"outcome": "replaced", "reason": REASON})
    correct = tour.stage.services.records.correct
    tour.stage.apart(lambda: correct(_MAIN, record.id, {"notes": "1"}, version=1))
    tour.press("form#typing .actions button", "conflict-stale", focus=SUMMARY)
    tour.press("form#typing .actions button", "conflict-replaced", focus=HEADING)
    tour.visit(second)
    tour.put({"outcome": "kept", "reason": REASON})
    tour.press("form#typing .actions button", "conflict-kept", focus=HEADING)
    tour.visit(newcomer, "conflict-with-somebody-else")
    another = tour.stage.coto_number()
    tour.stage.apart(lambda: correct(_MAIN, holder.id, {"coto_registration": another}, version=1))
    tour.visit(newcomer, "conflict-over")
    tour.press("form[action$='/release'] button", "conflict-released", focus=HEADING)


def _emptied(tour: Tour) -> None:
    """What other parts of the tour have left is accepted."""
    verifications = tour.stage.services.verifications

    def accept() -> None:
        while waiting := verifications.page(_MAIN).waiting:
            verifications.accept_all(_MAIN, [Seen(each.record.id, each.record.version) for each in waiting])

    tour.stage.apart(accept)


PARTS = (verification, conflicts)
