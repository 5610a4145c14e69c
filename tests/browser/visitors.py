"""What is asked of every page in every state: each visitor answers what it finds wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Response, expect
from playwright.sync_api import Error as BrowserError

from tests.browser.conftest import AXE, RULES
from tests.support.tongues import catalogue, strangers

THEMES = ("light", "dark")
# A window on a desk, which is zoomed, too; and a phone, with a finger for a pointer.
WIDTHS = (1280, PHONE := 320)
# 1280 CSS pixels at 200 % and at 400 % (WCAG 1.4.4 and 1.4.10).
ZOOMED = (640, 320)
HEIGHT = 900
# An answer of 4xx or 5xx, a connection that is cut: what a state is about.
EXPECTED = ("Failed to load resource", "htmx:error: Failed to fetch")


@dataclass(frozen=True, slots=True)
class Stop:
    """A page in one state, in one language, with where the focus is to be.

    Whether something is wrong is seen by its errors, unless it is said: samples are not the page's own errors, and a
    page that was changed elsewhere has none to be mended.
    """

    name: str
    page: Page
    language: str
    width: int
    focus: str | None = None
    wrong: bool | None = None


Visitor = Callable[[Stop], Iterable[str]]

_AXE = AXE.read_text(encoding="utf-8") if AXE.exists() else ""
_FIND = """rules => axe.run(document, {runOnly: rules, resultTypes: ["violations"]}).then(found =>
    found.violations.map(each => `${each.id}: ${each.help} ` + each.nodes.slice(0, 3).map(
        node => node.target.join(" ") + " " + node.html.slice(0, 160)).join(" | ")))"""


def settled(page: Page) -> None:
    """Nothing is under way any more."""
    # No function to wait for: Playwright would have it evaluated by the page, whose policy forbids that.
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


def is_accessible(stop: Stop) -> Iterator[str]:
    """axe-core, at each width and in each theme."""
    if not stop.page.evaluate("'axe' in window"):
        # The page's own policy forbids foreign scripts; the tests' tool comes by the debugger.
        stop.page.evaluate(_AXE)
    for width, theme in product(WIDTHS, THEMES):
        stop.page.set_viewport_size({"width": width, "height": HEIGHT})
        stop.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        yield from (f"{width}, {theme}: {found}" for found in stop.page.evaluate(_FIND, RULES))
    stop.page.emulate_media(color_scheme="light")
    stop.page.set_viewport_size({"width": stop.width, "height": HEIGHT})


_STICKING_OUT = """() => {
    const root = document.documentElement, found = [];
    if (root.scrollWidth > root.clientWidth) {
        const wide = [...document.body.querySelectorAll("*")].filter(
            each => each.getBoundingClientRect().right > root.clientWidth + 1 && !each.closest(".table-scroll > *"));
        const which = wide.slice(0, 3).map(each => each.outerHTML.slice(0, 120)).join(" | ");
        found.push(`${root.scrollWidth} wide: ${which}`);
    }
    for (const each of [root, document.body])
        if (["hidden", "clip"].includes(getComputedStyle(each).overflowX)) found.push("what sticks out is cut off");
    return found;
}"""
# The spacing of WCAG 1.4.12, in a style sheet that the page's policy has no say in.
_SPACED = """on => {
    window.spacing ??= new CSSStyleSheet();
    window.spacing.replaceSync(on ? `* { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important } p { margin-block-end: 2em !important }` : "");
    if (!document.adoptedStyleSheets.includes(window.spacing)) document.adoptedStyleSheets.push(window.spacing);
}"""
_CUT_OFF = """() => [...document.body.querySelectorAll("*")].filter(each => {
    const style = getComputedStyle(each);
    if (![style.overflowX, style.overflowY].some(how => ["hidden", "clip"].includes(how))) return false;
    const box = each.getBoundingClientRect();
    if (!each.checkVisibility() || box.width < 3 || each.closest("svg, select, dialog:not([open])")) return false;
    const texts = document.createTreeWalker(each, NodeFilter.SHOW_TEXT), range = document.createRange();
    while (texts.nextNode()) {
        const text = texts.currentNode;
        if (!text.data.trim() || !text.parentElement.checkVisibility()) continue;
        if (text.parentElement.closest(".visually-hidden")) continue;
        range.selectNodeContents(text);
        const seen = range.getBoundingClientRect();
        if (seen.right > box.right + 1 || seen.left < box.left - 1 || seen.bottom > box.bottom + 1) return true;
    }
    return false;
}).map(each => "text is cut off: " + each.outerHTML.slice(0, 120))"""


def fits(stop: Stop) -> Iterator[str]:
    """Nothing sticks out sideways or is cut off: at the width itself, zoomed to 200 % and 400 %, and spaced out."""
    widths = (stop.width, *(width for width in ZOOMED if width < stop.width))
    for width in widths:
        stop.page.set_viewport_size({"width": width, "height": HEIGHT})
        yield from (f"{width}: {found}" for found in stop.page.evaluate(_STICKING_OUT))
        stop.page.evaluate(_SPACED, True)
        for look in (_STICKING_OUT, _CUT_OFF):
            yield from (f"{width}, spaced out: {found}" for found in stop.page.evaluate(look))
        stop.page.evaluate(_SPACED, False)
    stop.page.set_viewport_size({"width": stop.width, "height": HEIGHT})


def is_named(stop: Stop) -> Iterator[str]:
    """The title says which page it is and that something is wrong, if so; one heading, one main part, one language."""
    page = stop.page
    seen: dict[str, Any] = page.evaluate(
        """() => ({title: document.title, lang: document.documentElement.lang, text: document.body.innerText,
            headings: document.querySelectorAll("h1").length, mains: document.querySelectorAll("main").length,
            wrong: document.querySelector("#error-summary, main [aria-invalid=true]") !== null,
            foreign: [...document.querySelectorAll("[lang]:not(html), [translate=no]")].map(each => each.innerText)})"""
    )
    named, _, site = seen["title"].partition(" – ")
    if not named.strip() or site != _said(stop, "OT Education Register"):
        yield f"title {seen['title']!r}"
    wrong = seen["wrong"] if stop.wrong is None else stop.wrong
    if wrong != seen["title"].startswith(_said(stop, "Error:")):
        yield f"title {seen['title']!r}, something is wrong: {wrong}"
    if seen["lang"] != stop.language:
        yield f"lang {seen['lang']!r}"
    if (seen["headings"], seen["mains"]) != (1, 1):
        yield f"{seen['headings']} headings, {seen['mains']} main parts"
    text = seen["text"]
    # The longest first: a sample may have a word in it that stands by itself elsewhere.
    for foreign in sorted(seen["foreign"], key=len, reverse=True):
        text = text.replace(foreign, " ")
    if found := strangers(" ".join(text.split()), stop.language):
        yield f"in another language: {found[:5]}"


def _said(stop: Stop, english: str) -> str:
    """A text of ours as it reads in the language of the page."""
    return english if stop.language == "en" else str(catalogue()[english].string)


def is_focused(stop: Stop) -> Iterator[str]:
    """The focus is where somebody who does not see the page expects it."""
    if stop.focus is None:
        return
    if not stop.page.evaluate("wanted => document.activeElement?.matches(wanted)", stop.focus):
        yield "focus on " + stop.page.evaluate("document.activeElement?.outerHTML.slice(0, 120)")


_LOOSE = """() => {
    const ids = [...document.querySelectorAll("[id]")].map(each => each.id);
    const twice = ids.filter((id, at) => ids.indexOf(id) !== at).map(id => `id twice: ${id}`);
    const names = ["for", "form", "list", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns",
        "aria-activedescendant", "aria-errormessage"];
    const loose = names.flatMap(name => [...document.querySelectorAll(`[${name}]`)].flatMap(each =>
        each.getAttribute(name).split(/\\s+/).filter(id => !document.getElementById(id)).map(id => `${name}: ${id}`)));
    return [...twice, ...loose];
}"""


def is_tied(stop: Stop) -> Iterator[str]:
    """What names, describes or belongs to something is on the page, and no id twice: axe-core only wonders about it."""
    yield from stop.page.evaluate(_LOOSE)


@dataclass
class Listener:
    """What a page said on its console since it was last asked."""

    page: Page
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        missing = "Failed to load" in message.text and "/static/" in message.location["url"]
        expected = any(each in message.text for each in EXPECTED) and not missing
        if message.type in {"error", "warning"} and not expected:
            self.said.append(message.text)

    def is_quiet(self, _stop: Stop) -> Iterator[str]:
        yield from self.said
        self.said.clear()


@dataclass
class Warden:
    """What the policy of a page stopped since it was last asked, as the browser reports it."""

    page: Page
    reports: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.expose_binding("policyBroken", lambda _source, report: self.reports.append(report))
        self.page.add_init_script(
            """document.addEventListener("securitypolicyviolation", each => window.policyBroken(
                `${each.effectiveDirective} ${each.blockedURI} ${each.sourceFile}:${each.lineNumber}`))"""
        )

    def keeps_policy(self, _stop: Stop) -> Iterator[str]:
        yield from self.reports
        self.reports.clear()


@dataclass
class Collector:
    """Keeps every page and fragment as it was served, each once."""

    page: Page
    directory: Path
    _answers: list[Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.page.on("response", self._answered)

    def _answered(self, answer: Response) -> None:
        self._answers.append(answer)

    def keep(self, stop: Stop) -> Iterator[str]:
        for answer in self._answers:
            if "text/html" in answer.headers.get("content-type", "") and not 300 <= answer.status < 400:
                self._save(stop.name, answer)
        self._answers.clear()
        return iter(())

    def _save(self, name: str, answer: Response) -> None:
        try:
            html = answer.text()
        except BrowserError:
            return  # A page that was left before it was looked at: the browser has forgotten it.
        if not html.lstrip().lower().startswith("<!doctype"):
            html = f'<!doctype html><html lang="en"><head><title>Fragment</title></head><body>\n{html}</body></html>'
        digest = hashlib.sha256(html.encode()).hexdigest()[:8]
        (self.directory / f"{name}-{digest}.html").write_text(html, encoding="utf-8")


@dataclass
class Camera:
    """Writes each page as a picture, in each theme."""

    directory: Path

    def shoot(self, stop: Stop) -> Iterator[str]:
        for theme in THEMES:
            stop.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            path = self.directory / f"{stop.language}-{stop.width}-{theme}" / f"{stop.name}.png"
            stop.page.screenshot(path=path, full_page=True, animations="disabled")
        stop.page.emulate_media(color_scheme="light")
        return iter(())
