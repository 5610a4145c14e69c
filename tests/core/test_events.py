from wizard.core.events import EventName

# 02-workflow, Events.
NAMES = """
education.staged education.updated education.validated education.category_determined education.account_linked
education.created education.creation_failed workflow.completed session.resumed session.extended session.cancelled
session.expired record.updated record.verified record.category_changed record.deleted person.erased conflict.resolved
link.created link.used link.revoked code.sent code.failed staff.signed_in staff.sign_in_failed token.created
token.revoked account.created account.updated membership_year.changed reminder.sent access.denied bulk.completed
operation.failed
"""
# Who belongs to the desk leaves a trace as well, and what leaves the house.
STAFF = """
staff.added staff.disabled staff.connected staff.signed_out_everywhere staff.totp_enabled staff.totp_disabled
staff.recovery_renewed staff.recovery_used staff.password_changed
"""
OURS = {*STAFF.split(), "record.exported", "session.noted", "delivery.retried", "values.erased", "person.exported"}
OURS |= {"bulk.loaded", "bulk.started", "bulk.discarded", "bulk.exported", "keys.rotated"}


def test_every_event_has_a_name_of_the_specification() -> None:
    assert {name.value for name in EventName} <= set(NAMES.split()) | OURS


def test_registrations_have_all_their_events() -> None:
    of_registrations = {
        name for name in NAMES.split() if name.startswith(("education.", "workflow.", "session.", "operation."))
    }
    assert of_registrations <= {name.value for name in EventName}
