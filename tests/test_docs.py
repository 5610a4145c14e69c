"""The documents say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from wizard.cli import main
from wizard.config import Settings, variable

ROOT = Path(__file__).resolve().parent.parent


def test_every_setting_is_in_the_table() -> None:
    table = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"| `{variable(name)}` |" in table
        assert str(field.description) in table


def test_every_command_is_listed() -> None:
    table = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    for command in main.commands:
        assert f"`wizard {command}" in table


def test_readme_links_lead_somewhere() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in [part.split(")")[0] for part in readme.split("](")[1:]]:
        assert (ROOT / target).exists(), target


def test_every_promise_names_tests_that_are_there() -> None:
    promises = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    rows = [line for line in promises.splitlines() if line.startswith("| ") and "`" in line]
    numbers = [row.split("|")[1].strip() for row in rows if row.split("|")[1].strip().isdigit()]
    assert numbers == [str(number) for number in range(1, 19)]
    for row in rows:
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", row)
        assert len(named) == row.count("::") > 0
        for module, test in named:
            source = (ROOT / "tests" / module).read_text(encoding="utf-8")
            assert re.search(rf"^(async )?def {test}\(", source, re.MULTILINE), (module, test)
