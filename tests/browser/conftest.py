"""A real browser against the real server, each test in a browser window of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.stage import Stage, staging
from tests.support.serving import Served, serving

CHROMIUM = Path("/usr/bin/chromium")
_PACKAGES = Path(__file__).parent / "node_modules"
AXE = _PACKAGES / "axe-core" / "axe.min.js"
VNU = _PACKAGES / "vnu-jar" / "build" / "dist" / "vnu.jar"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]
# Many registrations come from one address here.
GENEROUS = {
    "WIZARD_LIMIT_STARTS": "1000 per minute",
    "WIZARD_LIMIT_CODES": "1000 per minute",
    "WIZARD_LIMIT_FIELDS": "10000 per minute",
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Milliseconds in which a page must have come: what is slow is for the benchmark to say, not for a busy machine.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)

NewContext = Callable[..., BrowserContext]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    missing = [str(path) for path in (CHROMIUM, AXE, VNU) if not path.exists()]
    for item in here:
        item.add_marker(pytest.mark.browser)
        if missing and os.environ.get("WIZARD_REQUIRE_BROWSER") != "1":
            item.add_marker(pytest.mark.skip(reason=f"not there: {', '.join(missing)}"))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server with the demonstration's people."""
    with serving(tmp_path_factory.mktemp("served"), GENEROUS, workers=1) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright runs an event loop while it is open, in which other tests' own could not run: closed early."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def new_context(browser: Browser, served: Served) -> Iterator[NewContext]:
    """Makes windows on the served site; nothing may go wrong in any of them unnoticed."""
    with _windows(browser, served.url) as make:
        yield make


@pytest.fixture
def page(new_context: NewContext) -> Page:
    return new_context(viewport={"width": 1280, "height": 900}).new_page()


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The application in this process."""
    with staging(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def at_stage(browser: Browser, stage: Stage) -> Iterator[NewContext]:
    """Makes windows on the application in this process, in the same way."""
    with _windows(browser, stage.url) as make:
        yield make


@contextmanager
def _windows(browser: Browser, url: str) -> Iterator[NewContext]:
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on(
            "console", lambda message: errors.append(message.text) if "Security Policy" in message.text else None
        )
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert not errors
