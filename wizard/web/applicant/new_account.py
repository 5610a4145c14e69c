"""*I have no account yet*: one is made, once a code has confirmed the e-mail address; the desk approves it later."""

from __future__ import annotations

from dataclasses import dataclass

from flask import redirect, request, url_for
from werkzeug import Response

from wizard.core.errors import RuleViolated, SessionExpired, ValidationFailed, WorkflowStateInvalid
from wizard.core.registration import Registration
from wizard.services.member_numbers import Newcomer
from wizard.services.ports.calls import Call
from wizard.web import limits
from wizard.web.access import browser_session, current_call, grant_proof, require_access, services
from wizard.web.applicant import aside
from wizard.web.applicant.journey import read, spoken
from wizard.web.applicant.page import milestones, onward, page, to_step
from wizard.web.forms.newcomers import NewcomerForm
from wizard.web.forms.others import CodeForm
from wizard.web.mail_addresses import is_address, student_notice

_NEWCOMER = "newcomer:"


def new_account(session_id: str) -> Response:
    """Name and address, then the code, then the number."""
    require_access(session_id)
    call = current_call(session_id)
    asking = _Asking(session_id, call, read(call, session_id))
    if asking.registration is not None and not asking.registration.is_open:
        return onward(session_id, asking.registration)
    if request.method == "GET":
        return asking.show()
    if aside.LEAVING in request.form:
        aside.put(session_id)
        return asking.leave()
    return asking.check() if "code" in request.form else asking.send()


def awaited() -> tuple[str, ...]:
    """The registrations of this browser that wait for the code that confirms a new account's address."""
    ids = [key.removeprefix(_NEWCOMER) for key in browser_session() if key.startswith(_NEWCOMER)]
    return tuple(session_id for session_id in ids if _goes_on(session_id))


def _goes_on(session_id: str) -> bool:
    try:
        registration = read(current_call(session_id), session_id)
    except SessionExpired:
        return False
    return registration is None or registration.is_open


@dataclass(frozen=True, slots=True)
class _Asking:
    """Somebody who asks for an account for a registration that they may open."""

    session_id: str
    call: Call
    registration: Registration | None

    def show(self) -> Response:
        """Where they are: the account is there, a code is on its way, or nothing is known yet."""
        account = services().member_numbers.proved(self.call, self.registration)
        if account is not None:
            return self._page("new_account_made.html", account=account)
        newcomer = self._newcomer()
        if newcomer is not None and "change" not in request.args:
            return self._code_page(newcomer, CodeForm())
        before = {"email": self._contact()} if newcomer is None else {"name": newcomer.name, "email": newcomer.email}
        return self._form_page(NewcomerForm(data={**before, **aside.asked(self.session_id)}))

    def send(self) -> Response:
        """Send a code to the address in the form, unless one is there already; or once more to the one before."""
        newcomer = self._newcomer() if "again" in request.form else None
        if newcomer is None:
            form = NewcomerForm()
            if not form.is_valid():
                return self._form_page(form, status=422)
            # It is there again should there have been too many codes.
            aside.put(self.session_id)
            newcomer = self._kept(form.full_name, form.address)
        if "entering" not in request.form:
            limits.new_accounts(newcomer.email)
            services().member_numbers.send_code(self.call, self.session_id, newcomer)
        browser_session()[self._key] = {"name": newcomer.name, "email": newcomer.email}
        return self.back(sent=None if "entering" in request.form else "1")

    def check(self) -> Response:
        """Check the code; a right one leads to the account, and proves it in this browser."""
        newcomer, form = self._newcomer(), CodeForm()
        if newcomer is None:
            return self.back()
        if not form.is_valid():
            return self._code_page(newcomer, form, status=422)
        try:
            account = services().member_numbers.confirm(self.call, self.session_id, newcomer, form.code.data or "")
        except WorkflowStateInvalid:
            return onward(self.session_id, read(current_call(self.session_id), self.session_id))
        except (RuleViolated, ValidationFailed) as error:
            for problem in error.problems:
                form.refuse(problem)
            return self._code_page(newcomer, form, status=422)
        aside.forget(self.session_id)
        browser_session().pop(self._key, None)
        if self.call.actor.is_desk:
            return redirect(url_for("applicant.registration", session_id=self.session_id), code=303)
        grant_proof(self.session_id, account.id)
        return self.back()

    def back(self, *, sent: str | None = None) -> Response:
        """To the same page."""
        return redirect(url_for("applicant.new_account", session_id=self.session_id, sent=sent), code=303)

    def leave(self) -> Response:
        """To the step that led here; or here, from there or from another page."""
        if request.form[aside.LEAVING] != aside.BACK:
            return self.back()
        return to_step(aside.left_step(self.session_id, self.registration), self.session_id)

    @property
    def _key(self) -> str:
        return f"{_NEWCOMER}{self.session_id}"

    def _newcomer(self) -> Newcomer | None:
        """Whom the code that was sent is for; their name and address are nowhere else until it is confirmed."""
        kept = browser_session().get(self._key)
        return None if kept is None else self._kept(kept["name"], kept["email"])

    def _kept(self, name: str, email: str) -> Newcomer:
        return Newcomer(name, email, spoken(self.call, self.registration), self._contact())

    def _contact(self) -> str | None:
        """The address for links, as it is typed on the identity step or saved."""
        typed = aside.typed(self.session_id).get("email", "").strip()
        if is_address(typed):
            return typed
        return self.registration.contact_email if self.registration else None

    def _code_page(self, newcomer: Newcomer, form: CodeForm, *, status: int = 200) -> Response:
        return self._page(
            "new_account_code.html",
            status=status,
            form=form,
            newcomer=newcomer,
            sent="sent" in request.args,
            notices_of_address=student_notice(newcomer.email),
        )

    def _form_page(self, form: NewcomerForm, *, status: int = 200) -> Response:
        form.remark()
        return self._page("new_account.html", status=status, form=form)

    def _page(self, template: str, *, status: int = 200, **values: object) -> Response:
        step = aside.left_step(self.session_id, self.registration)
        return page(
            template,
            status=status,
            session_id=self.session_id,
            registration=self.registration,
            step=step,
            milestones=milestones(step, self.session_id, self.registration),
            **values,
        )
