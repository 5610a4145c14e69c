"""Sending mails to a real SMTP server, and to files."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from structlog.testing import capture_logs

from tests.support.receiver import make_certificate, security_of
from tests.support.serving import free_port
from wizard.config import Settings
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.messages import Mail, MailRefused
from wizard.storage.mail import FileSender, Letterhead, SmtpSender, sender_for

LETTERHEAD = Letterhead("The Desk <no-reply@wizard.test>", "desk@wizard.test")
MAIL = Mail(
    kind="code",
    recipient="zoe@example.org",
    subject="Votre code d’accès",
    text="Bonjour Zoé,\n\n    123456\n",
    html="<p>Bonjour Zoé</p>",
)


@dataclass
class Server:
    """Keeps what it takes; answers for some recipients and contents otherwise."""

    envelopes: list[Envelope] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: object, envelope: Envelope, address: str, _options: object
    ) -> str:
        if address.startswith("unknown"):
            return "550 No such mailbox"
        if address.startswith("later"):
            return "451 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        if b"SPAM" in (envelope.content or b""):
            return "554 Not wanted"
        if b"BUSY" in (envelope.content or b""):
            return "452 No room"
        self.envelopes.append(envelope)
        return "250 OK"

    @property
    def messages(self) -> list[EmailMessage]:
        return [parsed(envelope.content) for envelope in self.envelopes]


def parsed(content: str | bytes | None) -> EmailMessage:
    assert isinstance(content, bytes)
    return message_from_bytes(content, policy=default)


@contextmanager
def running(server: Server, port: int, **options: Any) -> Iterator[None]:  # noqa: ANN401 - as aiosmtpd takes them
    controller = Controller(server, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(port: int) -> Iterator[Server]:
    server = Server()
    with running(server, port):
        yield server


@pytest.fixture
def sender(port: int) -> SmtpSender:
    return SmtpSender(f"smtp://127.0.0.1:{port}", LETTERHEAD, timeout=5)


def mail(**changes: str) -> Mail:
    return Mail(**{"kind": "code", "recipient": "zoe@example.org", "subject": "S", "text": "T", "html": "H", **changes})


def test_a_mail_arrives_whole(server: Server, sender: SmtpSender) -> None:
    sender.send(MAIL, message_id="0001")
    (envelope,), (message,) = server.envelopes, server.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@wizard.test", ["zoe@example.org"])
    assert message["Subject"] == MAIL.subject
    assert message["From"] == "The Desk <no-reply@wizard.test>"
    assert message["Reply-To"] == "desk@wizard.test"
    assert message["Message-ID"] == "<0001@wizard.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert html.get_content().strip() == MAIL.html


def test_a_server_that_is_down_takes_it_when_it_is_up_again(port: int, sender: SmtpSender) -> None:
    with pytest.raises(ExternalServiceError, match=r"mail\.unavailable"):
        sender.send(MAIL, message_id="0001")
    with pytest.raises(ExternalServiceError):
        sender.ping()
    server = Server()
    with running(server, port):
        sender.ping()
        sender.send(MAIL, message_id="0001")
    assert len(server.envelopes) == 1
    with pytest.raises(ExternalServiceError):
        sender.send(MAIL, message_id="0002")


@pytest.mark.parametrize("changes", [{"recipient": "unknown@example.org"}, {"text": "SPAM"}])
def test_what_the_server_will_never_take_is_refused(
    server: Server, sender: SmtpSender, changes: dict[str, str]
) -> None:
    with pytest.raises(MailRefused):
        sender.send(mail(**changes), message_id="0001")
    assert server.envelopes == []


@pytest.mark.parametrize("changes", [{"recipient": "later@example.org"}, {"text": "BUSY"}])
def test_what_the_server_takes_later_may_be_tried_again(
    server: Server, sender: SmtpSender, changes: dict[str, str]
) -> None:
    with pytest.raises(ExternalServiceError):
        sender.send(mail(**changes), message_id="0001")
    assert server.envelopes == []


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "nobody",
        "a@example.org, b@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "a@example.org\nRCPT TO:<b@example.org>",
        "<a@example.org>",
    ],
)
def test_a_recipient_is_one_address(server: Server, sender: SmtpSender, recipient: str) -> None:
    with pytest.raises(MailRefused):
        sender.send(mail(recipient=recipient), message_id="0001")
    assert server.envelopes == []


def test_an_address_that_the_server_cannot_write_is_refused(port: int, sender: SmtpSender) -> None:
    with running(Server(), port, enable_SMTPUTF8=False), pytest.raises(MailRefused):
        sender.send(mail(recipient="zoé@example.org"), message_id="0001")


def test_a_subject_is_one_line(server: Server, sender: SmtpSender) -> None:
    sender.send(mail(subject="Hello\r\nBcc: b@example.org"), message_id="0001")
    (message,) = server.messages
    assert message["Subject"] == "Hello Bcc: b@example.org"
    assert message["Bcc"] is None


def authenticate(
    _server: object, _session: object, _envelope: object, _mechanism: str, data: LoginPassword
) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"wizard", b"pass/word"))


def authenticate_all(*_: object) -> AuthResult:
    return AuthResult(success=True)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_it_signs_in_where_the_settings_say_so(port: int) -> None:
    server = Server()
    options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}
    with running(server, port, **options):
        SmtpSender(f"smtp://wizard:pass%2Fword@127.0.0.1:{port}", LETTERHEAD).send(MAIL, message_id="0001")
        with pytest.raises(ExternalServiceError):
            SmtpSender(f"smtp://wizard:wrong@127.0.0.1:{port}", LETTERHEAD).send(MAIL, message_id="0002")
        with pytest.raises(ExternalServiceError):
            SmtpSender(f"smtp://127.0.0.1:{port}", LETTERHEAD).send(MAIL, message_id="0003")
    assert len(server.envelopes) == 1


# --- Encryption ------------------------------------------------------------------------------------------------


@pytest.fixture
def security(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's security, by a certificate that this machine trusts for the time of a test."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return security_of(certificate)


def test_it_encrypts_where_the_server_offers_it(port: int, security: ssl.SSLContext) -> None:
    server = Server()
    with running(server, port, tls_context=security, require_starttls=True):
        SmtpSender(f"smtp://127.0.0.1:{port}", LETTERHEAD).send(MAIL, message_id="0001")
    assert len(server.envelopes) == 1


def test_a_server_that_knows_no_signing_in_is_wrong_now_and_may_be_right_later(port: int) -> None:
    """It is the server's trouble or the settings', not the mail's, which must not be given up for it."""
    with running(Server(), port), pytest.raises(ExternalServiceError):
        SmtpSender(f"smtp://wizard:hush@127.0.0.1:{port}", LETTERHEAD).send(MAIL, message_id="0001")


def test_where_the_settings_insist_nothing_goes_out_in_the_clear(port: int, security: ssl.SSLContext) -> None:
    """Somebody on the way could take the offer out of what the server says."""
    server, url = Server(), f"smtp+starttls://wizard:hush@127.0.0.1:{port}"
    with running(server, port):
        with pytest.raises(ExternalServiceError):
            SmtpSender(url, LETTERHEAD).send(MAIL, message_id="0001")
        assert not SmtpSender(f"smtp://127.0.0.1:{port}", LETTERHEAD).ping()
    assert server.envelopes == []
    with running(server, port, tls_context=security, require_starttls=True, authenticator=authenticate_all):
        sender = SmtpSender(url, LETTERHEAD)
        assert sender.ping()
        sender.send(MAIL, message_id="0001")
    assert len(server.envelopes) == 1


def test_smtps_is_encrypted_from_the_start(port: int, security: ssl.SSLContext) -> None:
    server = Server()
    with running(server, port, ssl_context=security):
        SmtpSender(f"smtps://127.0.0.1:{port}", LETTERHEAD).send(MAIL, message_id="0001")
    assert len(server.envelopes) == 1


def test_a_certificate_that_nobody_vouches_for_gets_no_mail(port: int, tmp_path: Path) -> None:
    server = Server()
    context = security_of(make_certificate(tmp_path))
    with running(server, port, tls_context=context), pytest.raises(ExternalServiceError):
        SmtpSender(f"smtp://127.0.0.1:{port}", LETTERHEAD).send(MAIL, message_id="0001")
    assert server.envelopes == []


# --- Files -----------------------------------------------------------------------------------------------------


def test_a_mail_becomes_a_file_that_people_can_read_and_the_log_names(tmp_path: Path) -> None:
    with capture_logs() as logs:
        FileSender(tmp_path / "mail", LETTERHEAD).send(MAIL, message_id="0001")
    (path,) = (tmp_path / "mail").iterdir()
    assert path.name.endswith("Z-code.eml")
    assert logs == [{"event": "mail.written", "log_level": "info", "path": str(path)}]
    assert "\n    123456\n" in path.read_text(encoding="utf-8")
    assert "Bonjour Zoé" in path.read_text(encoding="utf-8")
    message = parsed(path.read_bytes())
    assert (message["To"], message["Subject"]) == (MAIL.recipient, MAIL.subject)


def test_files_come_in_the_order_they_were_written_in(tmp_path: Path) -> None:
    sender = FileSender(tmp_path, LETTERHEAD)
    for number in range(5):
        sender.send(mail(subject=str(number)), message_id=str(number))
    subjects = [parsed(path.read_bytes())["Subject"] for path in sorted(tmp_path.iterdir())]
    assert subjects == ["0", "1", "2", "3", "4"]


def test_only_its_owner_reads_a_mail(tmp_path: Path) -> None:
    FileSender(tmp_path, LETTERHEAD).send(MAIL, message_id="0001")
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_a_place_that_cannot_be_written_to_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")
    with pytest.raises(ExternalServiceError):
        FileSender(tmp_path / "mail", LETTERHEAD).send(MAIL, message_id="0001")


def test_the_settings_choose_the_sender(plain_settings: Settings) -> None:
    to_files = sender_for(plain_settings)
    assert isinstance(to_files, FileSender)
    assert to_files.directory == plain_settings.data_dir / "mail"
    to_smtp = sender_for(plain_settings.model_copy(update={"mail_url": "smtp://mail.example.org"}))
    assert isinstance(to_smtp, SmtpSender)
