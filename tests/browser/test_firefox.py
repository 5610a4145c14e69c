"""One journey in Firefox with scripts and one without: the other engine that graduates use."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.stage import Stage

HERE = Path(__file__).parent
FIREFOX = Path("/usr/bin/firefox-esr")
NEEDED = (FIREFOX, HERE / "node_modules" / "puppeteer-core")


@pytest.fixture(autouse=True)
def _there() -> None:
    missing = [str(path) for path in NEEDED if not path.exists()]
    if missing and os.environ.get("WIZARD_REQUIRE_BROWSER") != "1":
        pytest.skip(f"not there: {', '.join(missing)}")


def journey(stage: Stage, *options: str) -> Iterator[dict[str, Any]]:
    """What Firefox sees on its way; it is given the code when it asks."""
    command = ["node", str(HERE / "firefox.mjs"), stage.url, stage.account(), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        for line in node.stdout:
            seen: dict[str, Any] = json.loads(line)
            if seen.get("heading") == "code sent":
                node.stdin.write(f"{stage.code()}\n")
                node.stdin.flush()
            yield seen
    assert node.returncode == 0


def test_journey_in_firefox(stage: Stage) -> None:
    start, *steps, receipt = journey(stage)
    assert start["scripts"]
    assert receipt["receipt"].startswith("osot-oted-")
    assert receipt["loads"] == 1
    assert {each["heading"]: each["focus"] for each in steps if each["heading"] != "code sent"}.items() >= {
        "About you": "H1",
        "errors": "error-summary",
        "Your education": "H1",
        "Your education is registered": "H1",
    }.items()


def test_journey_in_firefox_without_scripts(stage: Stage) -> None:
    start, *steps, receipt = journey(stage, "no-script")
    assert not start["scripts"]
    assert receipt["receipt"].startswith("osot-oted-")
    assert [each["title"] for each in steps if each["heading"] == "errors"] == [
        "Error: About you – OT Education Register"
    ]
