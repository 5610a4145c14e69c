"""Wording the mails: each in its reader's language, as text and as HTML, inside a request or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from flask import Flask
from flask_babel import force_locale
from flask_babel.speaklater import LazyString

from wizard.config import Settings
from wizard.services.ports.messages import Mail, Message
from wizard.web import choices, dates
from wizard.web.language import SOURCE, languages
from wizard.web.texts import lazy_gettext as _

# Codes and names stay out of subjects: those show on locked screens.
_SUBJECTS: Mapping[str, LazyString] = {
    "code": _("Your code for the education registration"),
    "account_code": _("Your code for the education registration"),
    "account_decision": _("About your member account"),
    "member_number": _("Your member number"),
    "link": _("Your link to continue the education registration"),
    "reminder": _("Your education registration is waiting for you"),
    "invitation": _("Complete your education registration"),
    "confirmation": _("Your education is registered: your receipt"),
    "verification_question": _("A question about your education record"),
    "verification_outcome": _("About your education record"),
    "conflict_outcome": _("About your education registration"),
}


@dataclass(frozen=True, slots=True)
class JinjaMailWriter:
    """Renders `templates/mail/<kind>.txt` and `.html`. Raises `KeyError` for a kind that there is none for."""

    app: Flask
    settings: Settings

    def write(self, message: Message) -> Mail:
        """The mail for a message."""
        subject = _SUBJECTS[message.kind]
        with self.app.app_context():
            language = message.language if message.language in languages() else SOURCE
            with force_locale(language):
                values = {**self._values(message), "language": language, "subject": str(subject)}
                return Mail(
                    kind=message.kind,
                    recipient=message.recipient,
                    subject=str(subject),
                    text=self._render(f"{message.kind}.txt", values),
                    html=self._render(f"{message.kind}.html", values),
                )

    def _render(self, template: str, values: Mapping[str, str]) -> str:
        # Not flask.render_template: what it adds for pages asks for a request.
        return self.app.jinja_env.get_template(f"mail/{template}").render(values) + "\n"

    def _values(self, message: Message) -> dict[str, str]:
        values = {**message.values, **message.secret}
        values["desk_email"] = parseaddr(self.settings.desk_email)[1]
        for name in ("expires_at", "created_at"):
            if name in values:
                values[name] = dates.moment(datetime.fromisoformat(values[name]))
        if "category" in values:
            values["category"] = choices.label("education_category", values["category"])
        if "token" in values:
            values["link"] = f"{self.settings.base_url}/resume/{values['token']}"
        return values
