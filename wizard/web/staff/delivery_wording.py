"""What the pages on deliveries call things."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel.speaklater import LazyString

from wizard.services.ports.deliveries import DeliveryState
from wizard.services.ports.messages import Medium
from wizard.web.texts import lazy_gettext as _


@dataclass(frozen=True, slots=True)
class ListWords:
    """What one of the two lists says of what it lists."""

    heading: LazyString
    message: LazyString
    explained: LazyString
    none: LazyString


LISTS: dict[Medium, ListWords] = {
    Medium.MAIL: ListWords(
        heading=_("E-mails not delivered"),
        message=_("E-mail"),
        explained=_("Addresses and texts are kept encrypted, or erased, so they are not shown here."),
        none=_("Every e-mail has gone out."),
    ),
    Medium.WEBHOOK: ListWords(
        heading=_("Events not delivered"),
        message=_("Event"),
        explained=_("Other systems are told of these events. Those of one registration go out in their order."),
        none=_("Every event has reached the other system."),
    ),
}
STATES: dict[DeliveryState, LazyString] = {
    DeliveryState.WAITING: _("Waits to be sent"),
    DeliveryState.DELIVERED: _("Delivered"),
    DeliveryState.GIVEN_UP: _("Given up"),
}
MAIL_KINDS: dict[str, LazyString] = {
    "code": _("Code for an account"),
    "account_code": _("Code for a new account"),
    "account_decision": _("Decision on a new account"),
    "member_number": _("Forgotten member number"),
    "link": _("Link to continue"),
    "reminder": _("Reminder"),
    "invitation": _("Invitation to complete a registration"),
    "confirmation": _("Confirmation of a record"),
    "verification_question": _("Question about a record"),
    "verification_outcome": _("Outcome of a verification"),
    "conflict_outcome": _("Outcome of a conflict"),
}
REASONS: dict[str, LazyString] = {
    "mail.unavailable": _("The mail server does not answer"),
    "outdated": _("It came too late: what it says no longer holds"),
    "refused": _("The mail server refuses the address"),
    "erased": _("The person it is to was erased on request"),
    "undecipherable": _("It can no longer be read"),
    "webhook.unreachable": _("The other system does not answer"),
    "webhook.timeout": _("The other system answers too slowly"),
    "webhook.answer": _("The other system does not take it"),
    "webhook.moved": _("The other system is elsewhere, and its address has to be changed"),
    "webhook.tls": _("The other system has no certificate that can be trusted"),
    "webhook.unresolved": _("The other system has no address"),
    "webhook.address": _("The other system is in a network that nothing may be sent to"),
}
BEHIND = _("An earlier event has to go out first")
BROKEN = _("It could not be written")
DONE: dict[str, LazyString] = {
    "again": _("It is sent again. What comes of it is shown here in a moment."),
    "all": _("What was given up is sent again."),
    "over": _("It cannot be sent again: it is delivered, or was erased."),
}
