"""The receipt: what the database holds, however often it is looked at."""

from __future__ import annotations

from werkzeug import Response

from wizard.core.errors import NotFound, PermissionDenied
from wizard.core.records import Record
from wizard.core.registration import Registration
from wizard.web.access import services
from wizard.web.applicant.journey import Handler, Visit
from wizard.web.applicant.page import onward, step_page


class ReceiptStep(Handler):
    """The record's number, its category, and what happens next."""

    def show(self, visit: Visit, registration: Registration | None) -> Response:
        """The receipt; only the number where this browser has not proved the account."""
        record = _record(visit, registration)
        waits = record is not None and services().records.waits_for_approval(visit.call, record)
        return step_page(visit, registration, record=record, account_waits=waits)

    def submit(self, visit: Visit) -> Response:
        """There is nothing to send."""
        return onward(visit.session_id, visit.registration())


def _record(visit: Visit, registration: Registration | None) -> Record | None:
    if registration is None or registration.record_id is None:
        return None
    try:
        return services().records.read(visit.call, registration.record_id)
    except (PermissionDenied, NotFound):
        return None
