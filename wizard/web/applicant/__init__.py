"""The applicant's journey: every address of its table (03-web, Applicant)."""

from flask import Blueprint

from wizard.web.applicant import fields, finish, leaving, member_number, new_account, resume, start, steps
from wizard.web.applicant.page import shared

blueprint = Blueprint("applicant", __name__)
blueprint.app_context_processor(shared)

_REGISTRATION = "/registrations/<session_id>"

for _address, _name, _view, _methods in (
    ("/", "start", start.start, ("GET",)),
    ("/registrations", "begin", start.begin, ("POST",)),
    (_REGISTRATION, "registration", start.registration, ("GET",)),
    (f"{_REGISTRATION}/<step>", "step", steps.step, ("GET", "POST")),
    (f"{_REGISTRATION}/fields/<name>", "field", fields.field, ("POST",)),
    (f"{_REGISTRATION}/extend", "extend", leaving.extend, ("GET", "POST")),
    (f"{_REGISTRATION}/cancel", "cancel", leaving.cancel, ("GET", "POST")),
    (f"{_REGISTRATION}/link", "link", leaving.link, ("GET", "POST")),
    (f"{_REGISTRATION}/member-number", "member_number", member_number.member_number, ("GET", "POST")),
    (f"{_REGISTRATION}/new-account", "new_account", new_account.new_account, ("GET", "POST")),
    ("/resume/<token>", "resume", resume.resume, ("GET", "POST")),
    ("/finish", "finish", finish.finish, ("GET", "POST")),
):
    blueprint.add_url_rule(_address, _name, _view, methods=_methods)
