"""Sending mails: to an SMTP server, or in development to files."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime, parseaddr
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog

from wizard.config import Settings
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.messages import Mail, MailRefused, MailSender
from wizard.storage.trusted import trusted

TIMEOUT = 10.0
_STARTTLS = "smtp+starttls"
_PORTS = {"smtp": smtplib.SMTP_PORT, "smtps": smtplib.SMTP_SSL_PORT, _STARTTLS: 587}
_PERMANENT = 500

_log = structlog.get_logger(__name__)


def sender_for(settings: Settings) -> MailSender:
    """The sender that the settings name: an SMTP server, or else files in the data directory."""
    letterhead = Letterhead(settings.mail_from, settings.desk_email)
    if settings.mail_url is None:
        return FileSender(settings.data_dir / "mail", letterhead)
    return SmtpSender(settings.mail_url, letterhead)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Whom mails are from, and whom an answer goes to."""

    mail_from: str
    reply_to: str

    @property
    def address(self) -> str:
        """The sender's address alone."""
        return parseaddr(self.mail_from)[1]

    def compose(self, mail: Mail, *, message_id: str, encoding: str) -> EmailMessage:
        """The mail with its headers. Raises MailRefused for a recipient that is not one address."""
        message = EmailMessage()
        try:
            message["To"] = Address(addr_spec=mail.recipient)
        except (ValueError, IndexError, MessageError):
            raise MailRefused("recipient") from None
        message["From"] = self.mail_from
        message["Reply-To"] = self.reply_to
        # Never more than one line, whatever a name may hold.
        message["Subject"] = " ".join(mail.subject.split())
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{message_id}@{self.address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text, cte=encoding)
        message.add_alternative(mail.html, subtype="html", cte=encoding)
        return message


@dataclass(frozen=True, slots=True)
class SmtpSender:
    """Sends by `smtp://user:password@host:port`, encrypted where the server offers it.

    `smtp+starttls://…` insists on it, so that nobody on the way can take the offer out; `smtps://…` begins with it.
    """

    url: str
    letterhead: Letterhead
    timeout: float = TIMEOUT

    def send(self, mail: Mail, *, message_id: str) -> None:
        """Hand a mail to the server.

        Raises ExternalServiceError("mail") where it may be tried again, MailRefused where that is of no use.
        """
        message = self.letterhead.compose(mail, message_id=message_id, encoding="quoted-printable")
        try:
            with self._connected() as server:
                self._hand_over(server, message, mail.recipient)
        except (smtplib.SMTPException, OSError) as error:
            raise ExternalServiceError("mail") from error

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage, recipient: str) -> None:
        """What is refused here is refused of this mail; until here it was about the server."""
        try:
            server.send_message(message, from_addr=self.letterhead.address, to_addrs=[recipient])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError) as error:
            if _is_permanent(error):
                raise MailRefused(type(error).__name__) from error
            raise

    def ping(self) -> bool:
        """Whether the way is encrypted. Raises ExternalServiceError("mail") unless the server lets us in."""
        try:
            with self._connected() as server:
                return isinstance(server.sock, ssl.SSLSocket)
        except (smtplib.SMTPException, OSError) as error:
            raise ExternalServiceError("mail") from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        security = trusted()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=self.timeout, context=security)
        else:
            server = smtplib.SMTP(host, port, timeout=self.timeout)
        try:
            server.ehlo_or_helo_if_needed()
            if parts.scheme == _STARTTLS or (parts.scheme == "smtp" and server.has_extn("starttls")):
                server.starttls(context=security)
            if parts.username is not None:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            yield server
        finally:
            # Once the server has taken the mail, how the good-bye went is of no matter.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()


def _is_permanent(error: smtplib.SMTPException) -> bool:
    """Whether the server said that it will never take this mail."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= _PERMANENT for code, _ in error.recipients.values())
    return not isinstance(error, smtplib.SMTPDataError) or error.smtp_code >= _PERMANENT


@dataclass(frozen=True, slots=True)
class FileSender:
    """Writes each mail to a file of its own, for development; the log names it."""

    directory: Path
    letterhead: Letterhead

    def send(self, mail: Mail, *, message_id: str) -> None:
        """Write a mail. Raises ExternalServiceError("mail") where that fails, MailRefused for a bad recipient."""
        # Not encoded further than need be: people read these files.
        message = self.letterhead.compose(mail, message_id=message_id, encoding="8bit")
        path = self.directory / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{mail.kind}.eml"
        try:
            _write_whole(path, message.as_bytes(policy=default))
        except OSError as error:
            raise ExternalServiceError("mail") from error
        _log.info("mail.written", path=str(path))


def _write_whole(path: Path, content: bytes) -> None:
    """A file that appears only when all of it is there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
