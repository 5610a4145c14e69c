"""*Finish and clear*: nothing of the answers stays on a shared computer (promise 17)."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from werkzeug import Response

from wizard.core.registration import Registration
from wizard.services.ports.cookies import NOT_TAKEN
from wizard.web import signing_in
from wizard.web.access import browser_session
from wizard.web.applicant.leaving import send_link
from wizard.web.applicant.page import page
from wizard.web.applicant.start import own_registrations
from wizard.web.forms.others import AddressForm

_CLEARED = ("registration:", "helping:", "staff", NOT_TAKEN)
_KEPT = "language"


def finish() -> Response:
    """Ask first, offering a link by e-mail for what is not complete; then forget everything here."""
    browser: Any = browser_session()
    # What went on with another cookie, which this browser may not have heard of, ends as well.
    if not browser.has_newer and not any(key.startswith(_CLEARED) for key in browser):
        return page("finished.html")
    own = own_registrations()
    incomplete = tuple(each for each in own if each.is_open)
    choice = request.form.get("choice") if request.method == "POST" else None
    form = AddressForm()
    if not form.email.raw_data:
        form.email.data = next((each.contact_email for each in incomplete if each.contact_email), "")
    if choice == "link" and incomplete:
        if not form.is_valid():
            return _ask(own, incomplete, form, status=422)
        for registration in incomplete:
            send_link(registration.session_id, form.address)
    if choice in {"link", "clear"}:
        _clear()
        return redirect(url_for("applicant.finish"), code=303)
    return _ask(own, incomplete, form)


def _ask(
    own: tuple[Registration, ...], incomplete: tuple[Registration, ...], form: AddressForm, *, status: int = 200
) -> Response:
    back = url_for("applicant.registration", session_id=own[0].session_id) if own else url_for("applicant.start")
    form.remark()
    return page("finish.html", status=status, incomplete=incomplete, form=form, back=back)


def _clear() -> None:
    """Forget all of this browser's registrations, proofs and sign-ins; only its language stays."""
    browser = browser_session()
    kept = {_KEPT: browser[_KEPT]} if _KEPT in browser else {}
    signing_in.sign_out()
    browser.clear()
    browser.update(kept)
