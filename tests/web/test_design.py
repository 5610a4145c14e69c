"""The design: its page, what the first page view weighs, what the stylesheets promise, and what charts say aloud."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient

from tests.support.applicant import one
from tests.support.desk import page
from tests.support.tongues import readable, strangers
from wizard import create_app
from wizard.config import Settings
from wizard.core.rules import Outcome
from wizard.web.static_files import StaticFiles

STATIC = Path(__file__).resolve().parents[2] / "static"
STYLESHEETS = tuple(sorted(STATIC.glob("css/*.css")))
NAMED_BY_CSS = re.compile(r"""url\("([^"]+)"\)""")
# A font for letters that the first page has not; tests/browser/test_design.py sees that no browser fetches it.
SELDOM = re.compile(r"@font-face \{[^}]*unicode-range[^}]*\}")
FIRST_VIEW = 60_000
# As a browser asks, and the server answers: nothing is made smaller by the test.
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@pytest.fixture
def design(client: FlaskClient) -> BeautifulSoup:
    return page(client.get("/design"))


# --- The page of components -------------------------------------------------------------------------------


def test_there_is_no_design_page_in_production(settings: Settings) -> None:
    client = create_app(settings.model_copy(update={"env": "production"})).test_client()
    for path in ("/design", "/design/mails/code", "/design/errors/crash"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "component",
    [
        ".button-large",
        ".button-secondary",
        ".button-danger",
        ".button-small",
        ".button[disabled]",
        "form[data-sent-at] .button",
        ".ways-out .quiet",
        ".step-done",
        ".step-current",
        ".step-ahead",
        ".field-wrong [aria-invalid=true]",
        ".field-notice",
        "select",
        "textarea",
        "input[type=radio][checked]",
        ".field-wrong fieldset input[type=radio]:not([checked])",
        "input[type=checkbox]",
        "input[type=date]",
        "input[type=file]",
        "input.code",
        "input[readonly]",
        "input[disabled]",
        "[role=combobox][aria-expanded=true]",
        ".combobox-popup [aria-selected=true]",
        ".combobox-popup .combobox-chosen",
        ".combobox-popup .combobox-heading",
        ".combobox-popup .combobox-nothing",
        "#error-summary",
        ".notice-info",
        ".notice-warning",
        ".notice-done",
        ".empty-state .button",
        ".empty-state:not(:has(.button))",
        "dialog[open]",
        ".summary-row-wrong .field-error",
        ".summary-notes .field-notice",
        ".summary-row .muted",
        ".summary:not(:has(.summary-change))",
        ".typed",
        "details.checks:not([open])",
        *(f".check-{outcome}" for outcome in Outcome),
        "table.stacking .flag",
        "table.compared .differs",
        "table.compared .empty",
        "table.history del",
        "table.history ins",
        ".several [checked]",
        ".filters [aria-current]",
        ".filters a:not([aria-current])",
        ".narrowing[open] select",
        ".search input",
        ".pages .button",
        ".tiles-urgent .tile:not(.tile-none)",
        ".tile-none",
        "dl.state .why",
        ".new-link input",
        "progress",
        ".recovery-codes",
        ".helping",
        ".chart svg",
        ".chart-few",
        ".chart:not(:has(svg))",
        ".verdict-student",
        ".verdict-new_graduated",
        ".verdict-graduated",
        ".path [aria-current]",
        ".badge",
        ".error-number",
        ".receipt",
    ],
)
def test_every_component_is_on_it(design: BeautifulSoup, component: str) -> None:
    assert design.select("main " + component)


def test_no_id_stands_twice_and_every_reference_has_its_target(design: BeautifulSoup) -> None:
    ids = Counter(str(tag["id"]) for tag in design.select("[id]"))
    assert [name for name, times in ids.items() if times > 1] == []
    named = ("for", "aria-labelledby", "aria-describedby")
    references = {name for each in named for tag in design.select(f"[{each}]") for name in str(tag[each]).split()}
    assert references <= set(ids)


def test_it_keeps_to_our_policy(design: BeautifulSoup) -> None:
    assert design.select("[style], style, script:not([src]), [onclick]") == []


def test_it_is_in_one_language(client: FlaskClient) -> None:
    french = page(client.get("/design", headers={"Accept-Language": "fr"}))
    assert strangers(readable(french), "fr") == []


def test_every_error_page_can_be_looked_at(client: FlaskClient, design: BeautifulSoup) -> None:
    links = [str(link["href"]) for link in design.select("a[href^='/design/errors/']")]
    pages = {path.stem for path in (STATIC.parent / "templates" / "errors").glob("*.html")}
    assert {link.rpartition("/")[2] for link in links} == pages - {"bare", "home", "layout", "typed"}
    for link in links:
        assert one(page(client.get(link)), "h1").get_text(strip=True)
    assert client.get("/design/errors/layout").status_code == 404


def test_every_mail_can_be_looked_at_in_its_own_styles(client: FlaskClient, design: BeautifulSoup) -> None:
    links = [str(link["href"]) for link in design.select("a[href^='/design/mails/']")]
    sent = {path.stem for path in (STATIC.parent / "templates" / "mail").glob("*.txt")}
    assert {link.rpartition("/")[2] for link in links} == sent - {"signature"}
    for link in links:
        answer = client.get(link)
        assert "style-src 'unsafe-inline'" in answer.headers["Content-Security-Policy"]
        assert "script-src" not in answer.headers["Content-Security-Policy"]  # None at all: default-src is 'none'.
        assert one(page(answer), "[role=article]").get_text(strip=True)
    assert client.get("/design/mails/layout").status_code == 404


# --- The first page view ----------------------------------------------------------------------------------


def test_the_first_page_view_is_light(client: FlaskClient) -> None:
    html = client.get("/", headers=BROWSER).data
    weights = {"/": len(html)}
    for address in fetched(BeautifulSoup(html, "html.parser")):
        answer = client.get(address, headers=BROWSER)
        assert answer.status_code == 200, address
        weights[address] = len(answer.data)
        if answer.mimetype == "text/css":
            for other in NAMED_BY_CSS.findall(SELDOM.sub("", client.get(address).text)):
                found = urljoin(address, other)
                weights.setdefault(found, len(client.get(found, headers=BROWSER).data))
    assert sum(weights.values()) < FIRST_VIEW, weights


def fetched(html: BeautifulSoup) -> Iterator[str]:
    """What a browser fetches to show a page."""
    for tag in html.select("link[href], script[src], img[src]"):
        yield str(tag.get("href") or tag.get("src"))


# --- The stylesheets --------------------------------------------------------------------------------------


def test_there_is_one_stylesheet(design: BeautifulSoup) -> None:
    assert [sheet.name for sheet in STYLESHEETS] == ["wizard.css"]
    assert len(design.select("link[rel=stylesheet]")) == 1


@pytest.mark.parametrize("sheet", STYLESHEETS, ids=lambda sheet: sheet.name)
def test_what_a_stylesheet_names_is_named_with_its_digest(sheet: Path) -> None:
    # Else a browser would fetch a font twice, preloaded and not, or keep an old picture for a year.
    files = StaticFiles.under(STATIC).files
    for address in NAMED_BY_CSS.findall(sheet.read_text(encoding="utf-8")):
        parts = urlsplit(address)
        name = (sheet.parent / parts.path).resolve().relative_to(STATIC).as_posix()
        digest = files[name].digest
        assert parse_qs(parts.query).get("v") == [digest], f"{sheet.name} has to name {name}?v={digest}"


def tokens(*, dark: bool) -> dict[str, str]:
    """The colours of a theme; what the dark one leaves out is as in the light one."""
    light, _, rest = (STATIC / "css" / "wizard.css").read_text(encoding="utf-8").partition("prefers-color-scheme: dark")
    found = dict(re.findall(r"--([\w-]+): (#\w+);", light))
    return {**found, **dict(re.findall(r"--([\w-]+): (#\w+);", rest.partition(".art")[0]))} if dark else found


def luminance(colour: str) -> float:
    text = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(text[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one_colour: str, other: str) -> float:
    low, high = sorted((luminance(one_colour), luminance(other)))
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("paper", "surface", "sunken", "tint")
TEXT = [
    *((text, ground) for text in ("ink", "muted", "link", "accent") for ground in GROUNDS),
    *((text, ground) for text in ("bad", "good") for ground in ("paper", "surface")),
    ("on-brand", "brand"),
    ("on-brand", "brand-hover"),
    ("bad", "bad-tint"),
    ("on-bad", "bad"),
    ("warn", "warn-tint"),
    ("ink", "bad-tint"),
    ("ink", "warn-tint"),
    ("on-pine", "pine"),
    ("marigold", "pine"),
]
EDGES = [(edge, ground) for edge in ("line-strong", "focus", "bad") for ground in GROUNDS]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_colours_have_enough_contrast(dark: bool) -> None:
    colours = tokens(dark=dark)
    faint = {pair: contrast(*(colours[name] for name in pair)) for pair in TEXT}
    assert {pair: ratio for pair, ratio in faint.items() if ratio < 4.5} == {}
    faint = {pair: contrast(*(colours[name] for name in pair)) for pair in EDGES}
    assert {pair: ratio for pair, ratio in faint.items() if ratio < 3} == {}


# --- Charts -----------------------------------------------------------------------------------------------


def described(soup: BeautifulSoup, tag: Tag, attribute: str) -> str:
    return " ".join(one(soup, f"[id='{name}']").get_text(" ", strip=True) for name in str(tag[attribute]).split())


def test_a_chart_says_aloud_what_to_see(design: BeautifulSoup) -> None:
    for name, title, most in (
        ("schools", "Registrations by school", "University of Toronto, 1,204"),
        ("years", "Registrations by graduation year", "2026, 118"),
    ):
        picture = one(design, f"#{name} svg")
        assert picture["role"] == "img"
        assert described(design, picture, "aria-labelledby") == title
        assert most in described(design, picture, "aria-describedby")


def test_a_chart_has_all_its_numbers_in_a_table(design: BeautifulSoup) -> None:
    cells = [tag.get_text(strip=True) for tag in design.select("#schools tbody td")]
    assert cells == ["1,204", "655", "71", "fewer than five"]
    years = {
        one(row, "th").get_text(strip=True): one(row, "td").get_text(strip=True)
        for row in design.select("#years tbody tr")
    }
    assert years["2024"] == "0"
    assert len(years) == 8


def test_bars_are_as_long_as_their_numbers(design: BeautifulSoup) -> None:
    assert [bar["width"] for bar in design.select("#schools .chart-bar")] == ["100.0%", "54.4%", "5.9%"]
    heights = [bar["height"] for bar in design.select("#years .chart-bar")]
    assert (len(heights), heights[-1]) == (7, "100.0%")
    # The year without any keeps its place.
    places = [float(str(bar["x"]).rstrip("%")) for bar in design.select("#years .chart-bar")]
    assert places[5] - places[4] == pytest.approx(25)


def test_numbers_are_written_as_the_reader_does(client: FlaskClient) -> None:
    french = page(client.get("/design", headers={"Accept-Language": "fr"}))
    assert re.fullmatch(r"1\s204", one(french, "#schools tbody tr:first-child td").get_text(strip=True))


def test_a_group_too_small_has_no_bar(design: BeautifulSoup) -> None:
    assert len(design.select("#schools .chart-ground")) == 4
    assert len(design.select("#schools .chart-bar")) == 3


def test_a_chart_without_numbers_says_so(design: BeautifulSoup) -> None:
    empty = one(design, "#nothing")
    assert empty.select("svg, table") == []
    assert "nothing to count" in empty.get_text()
