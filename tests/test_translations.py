"""French is whole: every text of the sources has its translation, and no page mixes languages (promise 13)."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest
from babel.messages.mofile import write_mo
from bs4 import BeautifulSoup
from flask import Flask, Response, render_template, request, template_rendered
from flask_babel import force_locale

from tests.support import walk, walk_oidc
from tests.support.applicant import one
from tests.support.seed import Seeded
from tests.support.tongues import MO, PLACEHOLDER, ROOT, catalogue, forms, in_the_sources, messages, readable, strangers
from wizard.config import Settings
from wizard.core.category import determine_category
from wizard.core.clock import FixedClock
from wizard.core.rules import RULES
from wizard.services.bundle import Services
from wizard.services.ports.messages import Message
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.web import choices, dates, wording
from wizard.web.mails import JinjaMailWriter
from wizard.web.rule_wording import SUBJECTS
from wizard.web.typed import Typed

LANGUAGES = ("en", "fr")
PART = re.compile(r"{%-? *(?:extends|include|import|from) \"([^\"]+)\"")
# The mark, and what has to stand before or within it so that a line does not break there.
UNBREAKABLE = re.compile(r"[^\s\u00a0][:;?!»](?= |$|\u00a0)| [:;?!»]|« ")

# --- The catalogue ------------------------------------------------------------------------------------------


def test_every_text_of_the_sources_is_in_the_catalogue_and_nothing_else() -> None:
    translated = {forms(message.id) for message in messages()}
    assert sorted(in_the_sources() - translated) == []
    assert sorted(translated - in_the_sources()) == []


def test_every_text_is_translated() -> None:
    assert [message.id for message in messages() if message.fuzzy or not all(forms(message.string) or ("",))] == []
    assert not catalogue().fuzzy
    assert not catalogue().obsolete


def test_placeholders_are_the_same() -> None:
    for message in messages():
        wanted = set(PLACEHOLDER.findall(" ".join(forms(message.id))))
        for text in forms(message.string):
            assert set(PLACEHOLDER.findall(text)) <= wanted, message.id
            assert "%" not in PLACEHOLDER.sub("", text), message.id
        assert set(PLACEHOLDER.findall(" ".join(forms(message.string)))) == wanted, message.id


def test_a_plural_has_as_many_forms_as_french() -> None:
    for message in messages():
        assert isinstance(message.id, str) or len(forms(message.string)) == catalogue().num_plurals == 2, message.id


def test_the_typography_is_french() -> None:
    wrong = [text for message in messages() for text in forms(message.string) if UNBREAKABLE.search(text)]
    assert wrong == []
    assert not [text for message in messages() for text in forms(message.string) if re.search(r"['\"“”]", text)]


def test_what_pages_load_is_what_the_catalogue_says() -> None:
    """After a change of the catalogue: make translations."""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue())
    assert compiled.getvalue() == MO.read_bytes()


# --- The pages ----------------------------------------------------------------------------------------------


class Read:
    """Every page that was answered, and the templates that made them."""

    def __init__(self, app: Flask) -> None:
        self.pages: list[tuple[str, str]] = []
        self.templates: set[str] = set()
        app.after_request(self._keep)
        template_rendered.connect(self._note, app)

    def _keep(self, response: Response) -> Response:
        if response.mimetype == "text/html" and not 300 <= response.status_code < 400:
            name = f"{request.method} {request.path} {response.status_code}"
            self.pages.append((name, response.get_data(as_text=True)))
        return response

    def _note(self, _app: Flask, template: object, **_more: object) -> None:
        self.templates.add(str(getattr(template, "name", "")))


@pytest.fixture
def read(app: Flask) -> Read:
    walk.raising(app)
    return Read(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_mixes_languages(
    app: Flask,
    read: Read,
    app_seeded: Seeded,
    services: Services,
    app_units: SqlUnitsOfWork,
    clock: FixedClock,
    language: str,
) -> None:
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    walk.what_goes_wrong(client)
    walk.the_journey(client, app_units)
    walk.two_of_one_number(client, app_units)
    walk.ways_out(client, app, app_units)
    walk.without_a_number(client, app_units)
    walk.the_desk(client, app_seeded, services)
    walk_oidc.elsewhere(client, clock)
    walk.the_components(client)
    walk.for_programs(client)
    walk.the_end_of_time(client, clock)
    assert _pages() <= read.templates
    for name, html in read.pages:
        _is_all_in(language, name, html)


def test_a_mixture_would_be_found() -> None:
    assert strangers("Bonjour. You graduated in 2026 and the rest is French.", "fr")
    assert strangers("Continuer this way", "fr") == ["this"]
    assert strangers("Hello. Vous avez obtenu votre diplôme en 2026.", "en")
    assert (
        readable(BeautifulSoup("<p title='a'>b <i lang='en'>c</i><i translate='no'>it</i></p>", "html.parser")) == "b a"
    )


def _pages() -> set[str]:
    """The templates that are pages of their own, not a part of others."""
    folder = ROOT / "templates"
    found = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.html")}
    parts = {part for text in found.values() for part in PART.findall(text)}
    return {name for name in found if not name.startswith(("mail/", "components/"))} - parts


def _is_all_in(language: str, name: str, html: str) -> None:
    soup = BeautifulSoup(html, "html.parser")
    if soup.html is not None:
        assert one(soup, "html")["lang"] == language, name
    assert strangers(readable(soup), language) == [], name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_for_when_nothing_else_can_be_drawn_has_one_language(app: Flask, language: str) -> None:
    with app.test_request_context("/", headers={"Accept-Language": language}):
        told = {"status": 500, "sentences": (), "error_id": "abc", "typed": Typed((), (("x", "y"),))}
        _is_all_in(language, "bare", render_template("errors/bare.html", **told))


# --- Sentences and mails ------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_mixes_languages(app: Flask, language: str) -> None:
    params = {
        "university": "mcmaster",
        "country": "SE",
        "coto_status": "general",
        "graduation_year": "1970-1979",
        "latest": "2029",
        "error_id": "abc",
        "most": "500",
        "missing": "name",
        "rows": "2001",
        "row": "2",
        "column": "user_business_id",
        "number": "osot-oted-0000001",
        "least": "12",
        "last": "2028",
        "expires_at": "2026-11-23T15:00:00+00:00",
    }
    with app.test_request_context("/"), force_locale(language):
        said = [wording.sentence(message, params) for message in wording.SENTENCES]
        said += [str(SUBJECTS[rule.id]) for rule in RULES]
        said += [
            wording.rationale(decision.category, decision.rationale)
            for year in ("2029", "2026", "2025", "2010", "1970-1979", "pre-1960")
            for status in ("general", "resigned", "pending")
            for ends in (None, date(2026, 9, 30), date(2027, 9, 30))
            for decision in [
                determine_category(
                    graduation_year=year, coto_status=status, today=date(2026, 11, 23), membership_ends=ends
                )
            ]
        ]
    for sentence in said:
        assert strangers(sentence, language) == [], sentence


NUMBERED = {"name": "Zoé", "number": "osot-oted-1"}
MAILS: tuple[tuple[str, dict[str, str]], ...] = (
    ("code", {"name": "Zoé", "code": "012345"}),
    ("account_code", {"number": "", "code": "012345"}),
    ("account_code", {"number": "osot-0000001", "code": "012345"}),
    ("account_decision", {"name": "Zoé", "number": "osot-0000001", "decision": "active"}),
    ("account_decision", {"name": "Zoé", "number": "osot-0000001", "decision": "inactive", "reason": "…"}),
    ("member_number", {"numbers": "osot-0000001", "occasion": "asked"}),
    ("member_number", {"numbers": "osot-0000001", "occasion": "made"}),
    ("link", {"reader": "applicant", "token": "t"}),
    ("link", {"reader": "staff", "token": "t"}),
    ("reminder", {"reader": "applicant", "token": "t"}),
    ("invitation", {"reader": "applicant", "token": "t"}),
    ("confirmation", {**NUMBERED, "category": "student", "verification": "waiting"}),
    ("confirmation", {**NUMBERED, "category": "graduated", "verification": "no"}),
    ("verification_question", {**NUMBERED, "note": "…"}),
    ("verification_outcome", {**NUMBERED, "outcome": "verified", "note": ""}),
    ("verification_outcome", {**NUMBERED, "outcome": "rejected", "note": "…"}),
    ("conflict_outcome", {**NUMBERED, "outcome": "released", "reason": ""}),
    ("conflict_outcome", {**NUMBERED, "outcome": "replaced", "reason": "…"}),
    ("conflict_outcome", {**NUMBERED, "outcome": "kept", "reason": "…"}),
    ("conflict_outcome", {"name": "", "number": "", "outcome": "kept", "reason": "…"}),
)


def test_every_mail_is_read_here() -> None:
    written = {path.stem for path in (ROOT / "templates" / "mail").glob("*.txt")} - {"signature"}
    assert {kind for kind, _values in MAILS} == written


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "values"), MAILS)
def test_no_mail_mixes_languages(
    app: Flask, settings: Settings, kind: str, values: Mapping[str, str], language: str
) -> None:
    at = dict.fromkeys(("expires_at", "created_at"), "2026-11-23T15:30:00+00:00")
    mail = JinjaMailWriter(app, settings).write(
        Message(kind=kind, recipient="zoe@example.org", language=language, key="k", values={**at, **values})
    )
    assert strangers(f"{mail.subject} {' '.join(mail.text.split())}", language) == []
    greeting, said = mail.text.strip().split("\n\n")[:2]
    assert greeting.endswith(",")
    assert said[0].isupper(), said
    _is_all_in(language, kind, mail.html)


def test_dates_are_as_people_write_them(app: Flask) -> None:
    with app.test_request_context("/"), force_locale("fr"):
        assert dates.long_date(date(2027, 9, 30)).replace("\u00a0", " ") == "30 septembre 2027"
        assert dates.long_date(date(2027, 10, 1)) == "1er octobre 2027"
        moments = [dates.moment(datetime(2026, 12, 1, 15, minute, tzinfo=UTC)) for minute in (0, 5)]
        assert [each.replace("\u00a0", " ") for each in moments] == [
            "1er décembre 2026 à 10 h",
            "1er décembre 2026 à 10 h 05",
        ]


def test_countries_are_in_the_order_of_the_french_alphabet(app: Flask) -> None:
    with app.test_request_context("/"):
        names = list(choices.country_names("fr").values())
    assert names[:2] == ["Canada", "Afghanistan"]
    assert names.index("Égypte") < names.index("Espagne") < names.index("États-Unis") < names.index("Finlande")
    assert names.index("Ghana") < names.index("Îles Caïmans") < names.index("Inde")
