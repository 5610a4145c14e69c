"""The mails: what they are about, what to do, until when, and whom to write to."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from wizard.config import Settings
from wizard.services.ports.messages import Mail, Message
from wizard.web.mails import JinjaMailWriter

EXPIRES = "2026-12-07T15:00:00+00:00"
WORDS = "Line one\nLine <b>two</b>"
DECIDED = {"name": "Zoé <b>New</b>", "number": "osot-oted-0000001"}
VALUES = {
    "code": {"name": "Zoé <b>New</b>", "expires_at": "2026-11-23T15:10:00+00:00"},
    "link": {"expires_at": EXPIRES, "reader": "applicant"},
    "reminder": {"expires_at": EXPIRES, "reader": "applicant"},
    "invitation": {"expires_at": EXPIRES, "reader": "applicant"},
    "confirmation": {
        "name": "Zoé <b>New</b>",
        "number": "osot-oted-0000001",
        "category": "new_graduated",
        "created_at": "2026-11-23T15:00:00+00:00",
        "verification": "not_required",
        "account": "active",
    },
    "account_code": {"number": "", "expires_at": "2026-11-23T15:10:00+00:00"},
    "account_decision": {
        "name": "Zoé <b>New</b>",
        "number": "osot-0000001",
        "decision": "inactive",
        "reason": "Line one\nLine <b>two</b>",
    },
    "member_number": {"numbers": "osot-0000001, osot-0000007", "occasion": "asked"},
    "verification_question": {**DECIDED, "outcome": "asked", "note": WORDS},
    "verification_outcome": {**DECIDED, "outcome": "rejected", "note": WORDS},
    "conflict_outcome": {**DECIDED, "outcome": "kept", "reason": WORDS},
}
CODE, TOKEN = {"code": "012345"}, {"token": "t0ken"}
SECRETS = {"code": CODE, "account_code": CODE, "link": TOKEN, "reminder": TOKEN, "invitation": TOKEN}
KINDS = tuple(VALUES)


@pytest.fixture
def writer(app: Flask, settings: Settings) -> JinjaMailWriter:
    return JinjaMailWriter(app, settings.model_copy(update={"base_url": "https://wizard.example.org"}))


def message(kind: str, *, language: str = "en", **values: str) -> Message:
    return Message(
        kind=kind,
        recipient="zoe@example.org",
        language=language,
        key="key",
        values={**VALUES[kind], **values},
        secret=SECRETS.get(kind, {}),
    )


def shown(mail: Mail) -> list[str]:
    """Both versions as they are read, each on one line."""
    page = BeautifulSoup(mail.html, "html.parser").get_text(" ", strip=True)
    return [" ".join(text.split()) for text in (mail.text, page)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_mail_has_a_subject_and_says_whom_to_write_to(writer: JinjaMailWriter, kind: str) -> None:
    mail = writer.write(message(kind))
    assert (mail.kind, mail.recipient) == (kind, "zoe@example.org")
    assert mail.subject
    for text in shown(mail):
        assert "desk@wizard.test" in text


@pytest.mark.parametrize("kind", KINDS)
def test_html_is_whole_and_fetches_nothing(writer: JinjaMailWriter, kind: str) -> None:
    page = BeautifulSoup(writer.write(message(kind)).html, "html.parser")
    assert page.html is not None
    assert page.html["lang"] == "en"
    assert page.select("img, script, link, iframe, [src], [background]") == []
    assert "url(" not in str(page)
    assert "@import" not in str(page)


@pytest.mark.parametrize("kind", ["code", "account_code"])
def test_the_code_stands_on_a_line_of_its_own(writer: JinjaMailWriter, kind: str) -> None:
    mail = writer.write(message(kind))
    assert re.search(r"^\s+012345$", mail.text, re.MULTILINE)
    assert "012345" not in mail.subject
    for text in shown(mail):
        assert text.count("012345") == 1
        assert "23 November 2026, 10:10 (Toronto time)" in text


@pytest.mark.parametrize("kind", ["link", "reminder"])
def test_the_link_stands_on_a_line_of_its_own(writer: JinjaMailWriter, kind: str) -> None:
    mail = writer.write(message(kind))
    assert re.search(r"^https://wizard\.example\.org/resume/t0ken$", mail.text, re.MULTILINE)
    page = BeautifulSoup(mail.html, "html.parser")
    assert page.select_one('a[href="https://wizard.example.org/resume/t0ken"]')
    for text in shown(mail):
        assert "7 December 2026, 10:00 (Toronto time)" in text
        assert "member number" in text


def test_a_link_for_staff_asks_for_a_sign_in(writer: JinjaMailWriter) -> None:
    for text in shown(writer.write(message("link", reader="staff"))):
        assert "sign in as staff" in text
        assert "member number" not in text


def test_the_receipt_says_number_and_category(writer: JinjaMailWriter) -> None:
    for text in shown(writer.write(message("confirmation"))):
        assert "osot-oted-0000001" in text
        assert "New Graduate" in text
        assert "23 November 2026, 10:00 (Toronto time)" in text
        assert "desk will look at" not in text
        assert "nothing more" in text


@pytest.mark.parametrize("verification", ["not_required", "waiting"])
def test_the_receipt_says_that_the_account_waits(writer: JinjaMailWriter, verification: str) -> None:
    for text in shown(writer.write(message("confirmation", account="pending", verification=verification))):
        assert "still has to approve your account" in text
        assert "nothing more" not in text
        assert ("will look at your record" in text) == (verification == "waiting")


def test_the_receipt_says_when_the_desk_will_look_at_it(writer: JinjaMailWriter) -> None:
    for text in shown(writer.write(message("confirmation", verification="waiting"))):
        assert "desk will look at" in text


def test_an_address_with_an_account_is_told_its_number_with_the_code(writer: JinjaMailWriter) -> None:
    for text in shown(writer.write(message("account_code", number="osot-0000001"))):
        assert "There is one already; its member number is osot-0000001." in text
        assert "012345" in text


def test_numbers_stand_on_a_line_of_their_own(writer: JinjaMailWriter) -> None:
    mail = writer.write(message("member_number"))
    assert re.search(r"^\s+osot-0000001, osot-0000007$", mail.text, re.MULTILINE)
    assert "osot" not in mail.subject


def test_a_new_number_comes_with_what_happens_next(writer: JinjaMailWriter) -> None:
    for text in shown(writer.write(message("member_number", numbers="osot-0000006", occasion="made"))):
        assert "osot-0000006" in text
        assert "still has to approve" in text


def test_a_refusal_says_why_and_an_approval_that_all_is_well(writer: JinjaMailWriter) -> None:
    mail = writer.write(message("account_decision"))
    assert "    Line one\n    Line <b>two</b>\n" in mail.text
    assert BeautifulSoup(mail.html, "html.parser").b is None
    for text in shown(writer.write(message("account_decision", decision="active", reason=""))):
        assert "has approved your member account with the number osot-0000001." in text


@pytest.mark.parametrize("kind", ["verification_question", "verification_outcome", "conflict_outcome"])
def test_what_the_desk_wrote_is_read_as_it_was_written(writer: JinjaMailWriter, kind: str) -> None:
    mail = writer.write(message(kind))
    assert "    Line one\n    Line <b>two</b>\n" in mail.text
    assert BeautifulSoup(mail.html, "html.parser").b is None
    assert "osot" not in mail.subject
    for text in shown(mail):
        assert "osot-oted-0000001" in text


def test_a_record_that_is_verified_asks_for_nothing_more(writer: JinjaMailWriter) -> None:
    for text in shown(writer.write(message("verification_outcome", outcome="verified", note=""))):
        assert "has verified your education record osot-oted-0000001. There is nothing more" in text
        assert "This is why" not in text


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"outcome": "kept"}, "record osot-oted-0000001 stays as it is. This is why: Line one"),
        ({"outcome": "kept", "number": "", "name": ""}, "has cancelled your education registration, and erased"),
        ({"outcome": "replaced"}, "over into your education record osot-oted-0000001. This is why: Line one"),
        ({"outcome": "released", "reason": ""}, "You can continue where you left off"),
    ],
)
def test_what_became_of_a_conflict_is_told(writer: JinjaMailWriter, values: dict[str, str], told: str) -> None:
    for text in shown(writer.write(message("conflict_outcome", **values))):
        assert told in text
        assert ("This is why" in text) == (values["outcome"] != "released")
        assert ("Hello, " in text) == (values.get("name") == "")


@pytest.mark.parametrize("kind", ["code", "confirmation", "account_decision", "verification_question"])
def test_a_name_is_no_markup(writer: JinjaMailWriter, kind: str) -> None:
    mail = writer.write(message(kind))
    assert "Hello Zoé <b>New</b>," in mail.text
    assert BeautifulSoup(mail.html, "html.parser").b is None
    assert "Hello Zoé &lt;b&gt;New&lt;/b&gt;," in mail.html


def test_a_language_that_there_is_no_catalogue_for_is_english(writer: JinjaMailWriter) -> None:
    assert writer.write(message("link", language="xx")) == writer.write(message("link"))


def test_the_language_is_the_readers_also_inside_a_request(app: Flask, writer: JinjaMailWriter) -> None:
    outside = writer.write(message("link"))
    with app.test_request_context("/", headers={"Accept-Language": "fr"}):
        assert writer.write(message("link")) == outside


def test_a_mail_of_no_known_kind_is_an_error(writer: JinjaMailWriter) -> None:
    with pytest.raises(KeyError):
        writer.write(Message(kind="unknown", recipient="x@example.org", language="en", key="key"))
