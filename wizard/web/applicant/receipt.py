"""The receipt: what the database holds, however often it is looked at."""

from __future__ import annotations

from dataclasses import replace

from werkzeug import Response

from wizard.core.errors import NotFound, PermissionDenied
from wizard.core.records import Record
from wizard.core.registration import Registration
from wizard.web import dates
from wizard.web.access import services
from wizard.web.applicant import skeletons
from wizard.web.applicant.journey import Handler, Visit
from wizard.web.applicant.page import onward, step_page
from wizard.web.applicant.skeletons import gap


class ReceiptStep(Handler):
    """The record's number, its category, and what happens next."""

    def show(self, visit: Visit, registration: Registration | None) -> Response:
        """The receipt; only the number where this browser has not proved the account."""
        record, waits = _record(visit, registration)
        if record is None or not skeletons.is_plain(visit):
            registered = dates.moment(record.created_at) if record is not None else None
            return step_page(visit, registration, record=record, registered=registered, account_waits=waits)
        return _filled(visit, registration, record, waits=waits)

    def submit(self, visit: Visit) -> Response:
        """There is nothing to send."""
        return onward(visit.session_id, visit.registration())


def _filled(visit: Visit, registration: Registration | None, record: Record, *, waits: bool) -> Response:
    """The receipt out of its skeleton."""
    own = {
        "number": record.number,
        "member_number": record.data.user_business_id or "",
        "registered": dates.moment(record.created_at),
    }

    def draw(standing_in: Registration | None, **values: object) -> Response:
        data = replace(record.data, user_business_id=gap("member_number"))
        shown = replace(record, number=gap("number"), data=data)
        gaps = {"record": shown, "registered": gap("registered"), **values}
        return step_page(visit, standing_in, status=200, account_waits=waits, **gaps)

    verification, why = record.verification, skeletons.explained(record.rationale)
    about = (record.category, why, verification.required, verification.reasons, waits)
    return skeletons.filled(visit, registration, draw, *about, **own)


def _record(visit: Visit, registration: Registration | None) -> tuple[Record | None, bool]:
    """The record, where this browser may read it, and whether its account waits for the desk."""
    if registration is None or registration.record_id is None:
        return None, False
    try:
        return services().records.receipt(visit.call, registration.record_id)
    except (PermissionDenied, NotFound):
        return None, False
