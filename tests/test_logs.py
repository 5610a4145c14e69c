import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog

from wizard import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    structlog.contextvars.clear_contextvars()
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    (text,) = capsys.readouterr().err.splitlines()
    found: dict[str, object] = json.loads(text)
    return found


def test_production_writes_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(production=True)
    structlog.stdlib.get_logger("wizard.test").info("session_staged", duration_ms=4)
    found = line(capsys)
    assert found.pop("timestamp")
    assert found == {"event": "session_staged", "level": "info", "logger": "wizard.test", "duration_ms": 4}


def test_the_context_of_the_request_is_in_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(production=True)
    context = {"request_id": "r", "operation_id": "o", "session_id": "s", "actor": "staff:7"}
    with structlog.contextvars.bound_contextvars(**context):
        logging.getLogger("library").warning("slow by %d ms", 40)
    found = line(capsys)
    assert found["event"] == "slow by 40 ms"
    assert found["level"] == "warning"
    assert context.items() <= found.items()


def test_a_traceback_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(production=True)
    try:
        int("mary@example.org")
    except ValueError:
        logging.getLogger("library").exception("failed")
    found = line(capsys)
    assert "ValueError: " in str(found["exception"])
    assert "mary" not in str(found["exception"])


def test_warnings_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(production=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "DeprecationWarning: old" in str(line(capsys)["event"])


def test_development_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(production=False)
    structlog.stdlib.get_logger("wizard.test").info("mail_written", path="instance/mail/1.eml")
    written = capsys.readouterr().err
    assert "mail_written" in written
    assert "path=instance/mail/1.eml" in written
    assert not written.startswith("{")


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(production=True)
    logs.configure(production=True)
    logging.getLogger("library").error("once")
    assert line(capsys)["event"] == "once"


@pytest.mark.parametrize(
    "key", ["email", "name", "code", "token", "member_number", "coto_registration", "password", "query_string", "Email"]
)
def test_a_personal_key_is_redacted(key: str) -> None:
    assert logs.redact(None, "info", {key: "value"}) == {key: "[redacted]"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail to mary.o'neil@uni.example.ca failed", "mail to [redacted] failed"),
        ("GET /staff/sessions?member=osot-0000042&page=2 200", "GET /staff/sessions?… 200"),
        ("POST /resume/q83vE-x_1 303", "POST /resume/[redacted] 303"),
        ("what is this? a=b", "what is this? a=b"),
        ("sessions/0b6f1d2e", "sessions/0b6f1d2e"),
    ],
)
def test_texts_are_cleaned(text: str, left: str) -> None:
    assert logs.redact(None, "info", {"event": text}) == {"event": left}


def test_what_is_inside_is_cleaned_too() -> None:
    event = {"event": "x", "rows": [{"email": "a@b.ca", "row": 1}], "counts": {"done": 2}, "hosts": ("a@b.ca",)}
    assert logs.redact(None, "info", event) == {
        "event": "x",
        "rows": [{"email": "[redacted]", "row": 1}],
        "counts": {"done": 2},
        "hosts": ["[redacted]"],
    }
