"""Pictures of every page in every state, and the contact sheets of docs/images: `make screenshots`."""

from __future__ import annotations

import base64
import sys
import tempfile
from html import escape
from pathlib import Path

import structlog
from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import ARGS, CHROMIUM, PATIENCE
from tests.browser.stage import Stage, staging
from tests.browser.tour import Tour
from tests.browser.visitors import HEIGHT, PHONE, THEMES, WIDTHS, Camera
from tests.browser.whole_tour import LOCALES, PARTS

ROOT = Path(__file__).resolve().parents[2]
SHEETS = ROOT / "docs" / "images"
QUALITY = 25
# A picture of a window of 1280 by 900 pixels is shown at this height, and a narrow one beside it at the same.
TALL = 96
_STYLE = f"""
body {{ margin: 0; padding: 16px; width: 1888px; background: #8a8a86; font: 12px sans-serif; }}
ul {{ display: grid; grid-template-columns: repeat(5, 1fr); gap: 10px; margin: 0; padding: 0; list-style: none; }}
figure {{ margin: 0; white-space: nowrap; }} figcaption {{ padding: 2px 0; color: #fff; }}
a {{ display: inline-block; height: {TALL}px; overflow: hidden; margin-right: 3px; vertical-align: top; }}
a img {{ display: block; }}
"""


def shoot(browser: Browser, stage: Stage, directory: Path, language: str, width: int) -> list[str]:
    """The tour with a camera; the names of the states, in its order."""
    context = browser.new_context(
        base_url=stage.url,
        locale=LOCALES[language],
        viewport={"width": width, "height": HEIGHT},
        reduced_motion="reduce",
        has_touch=width == PHONE,
    )
    context.set_default_timeout(PATIENCE)
    tour = Tour(context.new_page(), stage, language, width, [Camera(directory).shoot])
    for part in (*PARTS, mails):
        tour.take(part)
    context.close()
    assert not tour.found, tour.found
    return tour.seen


def mails(tour: Tour) -> None:
    """Every mail, as the page of components shows it."""
    tour.visit("/design")
    links = tour.page.locator("a[href^='/design/mails/']").evaluate_all("links => links.map(link => link.pathname)")
    for link in links:
        tour.visit(link, f"mail-{link.rpartition('/')[2]}")


def sheet(names: list[str], language: str, directory: Path) -> str:
    """A page of all pictures of a language, small, each leading to the picture itself."""
    looks = [(f"{language}-{width}-{theme}", round(width * TALL / HEIGHT)) for width in WIDTHS for theme in THEMES]
    cells = "".join(
        f"<li><figure>{''.join(_thumbnail(directory, f'{look}/{name}.png', wide) for look, wide in looks)}"
        f"<figcaption>{escape(name)}</figcaption></figure></li>"
        for name in names
    )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{language}</title>'
        f"<style>{_STYLE}</style></head><body><ul>{cells}</ul></body></html>"
    )


def _thumbnail(directory: Path, path: str, width: int) -> str:
    """None of a state that there is not on a phone."""
    if not (directory / path).exists():
        return ""
    return f'<a href="{path}"><img src="{path}" alt="{path}" width="{width}"></a>'


def print_sheet(browser: Browser, path: Path, target: Path) -> None:
    """A sheet as one picture, small enough to be kept with the sources."""
    page = browser.new_page(viewport={"width": 1920, "height": HEIGHT})
    page.goto(path.as_uri(), wait_until="load", timeout=120_000)
    size = page.evaluate("() => ({width: document.body.scrollWidth, height: document.body.scrollHeight})")
    answer = page.context.new_cdp_session(page).send(
        "Page.captureScreenshot",
        {
            "format": "webp",
            "quality": QUALITY,
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, **size, "scale": 1},
        },
    )
    target.write_bytes(base64.b64decode(answer["data"]))
    page.close()


def main(directory: Path) -> None:
    """Take all pictures, and make the sheets of them."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as data, staging(Path(data)) as stage, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        for language in LOCALES:
            # On a wide window there is a little more to see.
            names = max((shoot(browser, stage, directory, language, width) for width in WIDTHS), key=len)
            path = directory / f"{language}.html"
            path.write_text(sheet(names, language, directory), encoding="utf-8")
            print_sheet(browser, path, SHEETS / f"pages-{language}.webp")
            sys.stdout.write(f"{len(names)} states in {language}: {path}\n")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
