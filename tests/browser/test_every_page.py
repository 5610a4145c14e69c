"""Every page in every state, in both languages, both themes, on a wide and a narrow screen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from jinja2 import Environment, meta
from playwright.sync_api import Browser

from tests.browser.conftest import PATIENCE, VNU
from tests.browser.stage import Stage
from tests.browser.tour import Tour
from tests.browser.visitors import (
    HEIGHT,
    PHONE,
    WIDTHS,
    Collector,
    Listener,
    Visitor,
    Warden,
    fits,
    is_accessible,
    is_focused,
    is_named,
    is_tied,
)
from tests.browser.whole_tour import LOCALES, PARTS

# For machines; of the tests; mails and errors as samples; back to the page that one was on, in another language.
NO_PAGES = {
    "static",
    "platform.healthz",
    "platform.readyz",
    "metrics.metrics",
    "platform.language",
    "bare",
    "design.mail",
    "design.error",
}

# Each takes two minutes: both languages and both widths once, and crosswise where the whole is asked for.
TAKEN = [("en", WIDTHS[0]), ("fr", PHONE)]
if os.environ.get("WIZARD_WHOLE_TOUR") == "1":
    TAKEN += [("fr", WIDTHS[0]), ("en", PHONE)]

Toured = Callable[[str, int], Tour]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every page and fragment is kept as it was served."""
    return tmp_path_factory.mktemp("html")


@pytest.fixture(scope="module")
def toured(stage: Stage, browser: Browser, html: Path) -> Toured:
    """Goes through all pages, once for each language and width."""

    @cache
    def go(language: str, width: int) -> Tour:
        context = browser.new_context(
            base_url=stage.url,
            locale=LOCALES[language],
            viewport={"width": width, "height": HEIGHT},
            reduced_motion="reduce",
            has_touch=width == PHONE,
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        # Whoever looks first finds the page as it came.
        collector, listener, warden = Collector(page, html), Listener(page), Warden(page)
        look: list[Visitor] = [is_focused, collector.keep, is_named, is_tied, is_accessible, fits]
        look += [listener.is_quiet, warden.keeps_policy]
        tour = Tour(page, stage, language, width, look)
        for part in PARTS:
            tour.take(part)
        context.close()
        return tour

    return go


@pytest.mark.parametrize(("language", "width"), TAKEN)
def test_every_page_is_sound(toured: Toured, language: str, width: int) -> None:
    found = toured(language, width).found
    assert not found, "\n".join(f"{where}: {each}" for where, what in found.items() for each in what)


def test_html_is_valid(toured: Toured, html: Path) -> None:
    for language, width in TAKEN:
        toured(language, width)
    found = _invalid(html)
    assert not found, "\n".join(found)


def test_no_page_is_left_out(toured: Toured, stage: Stage) -> None:
    """Whoever adds a page adds it to the tour."""
    toured("en", WIDTHS[0])
    # What the tests raise errors by, and the API; a page of either has a template, which is looked for below.
    apart = ("raises-", "api.")
    addresses = {rule.endpoint for rule in stage.app.url_map.iter_rules() if not rule.endpoint.startswith(apart)}
    assert addresses - stage.endpoints - NO_PAGES == set()
    assert _pages(stage.app.jinja_env) - stage.templates == set()


def _invalid(directory: Path) -> list[str]:
    """What the Nu checker has to say of the files in a directory."""
    if shutil.which("java") is None and os.environ.get("WIZARD_REQUIRE_BROWSER") != "1":
        pytest.skip("not there: java")
    options = ["--format", "json", "--stdout", "--errors-only", "--exit-zero-always"]
    checker = ["java", "-Xss1m", "-jar", str(VNU), *options, str(directory)]
    done = subprocess.run(checker, capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout)["messages"]
    return [f"{Path(each['url']).name}: {each['message']} {each.get('extract', '')!r}" for each in found]


def _pages(templates: Environment) -> set[str]:
    """The templates that are pages or fragments: no other takes them in, and they are not mails."""
    assert templates.loader is not None
    names = set(templates.list_templates(extensions=["html"]))
    taken_in = set()
    for name in names:
        source = templates.loader.get_source(templates, name)[0]
        taken_in |= set(meta.find_referenced_templates(templates.parse(source)))
    return {name for name in names - taken_in if not name.startswith(("mail/", "errors/"))}
