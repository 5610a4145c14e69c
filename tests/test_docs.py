"""The documents say what the code does."""

from __future__ import annotations

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
