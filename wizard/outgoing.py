"""Puts together what takes messages to the outside, for the wiring."""

from __future__ import annotations

from wizard.config import Settings
from wizard.core.clock import Clock
from wizard.services.delivery import Delivery, MailCarrier
from wizard.services.ports.messages import MailWriter, Medium
from wizard.services.ports.units import UnitsOfWork
from wizard.services.ports.watching import Watch
from wizard.services.webhooks import WebhookCarrier
from wizard.storage.mail import sender_for
from wizard.storage.webhooks import poster_for


def mails(settings: Settings, clock: Clock, units: UnitsOfWork, writer: MailWriter, watch: Watch) -> Delivery:
    """The delivery of mails, to a server or to files."""
    carrier = MailCarrier(writer, sender_for(settings))
    return Delivery(clock, units, Medium.MAIL, carrier, settings.delivery_kept, watch=watch)


def webhooks(settings: Settings, clock: Clock, units: UnitsOfWork, watch: Watch) -> Delivery | None:
    """The delivery of events; None where the settings name no receiver."""
    poster = poster_for(settings)
    if poster is None:
        return None
    carrier = WebhookCarrier(clock, poster, settings.webhook_secrets)
    return Delivery(clock, units, Medium.WEBHOOK, carrier, settings.delivery_kept, watch=watch)
