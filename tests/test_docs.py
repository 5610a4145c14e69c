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


# How many requirements of levels 1 and 2 each section of ASVS 5.0.0 has; they come first in each, without a gap.
ASVS = """
1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1
4.3:2 4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2
7.4:5 7.5:2 7.6:2 8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2
10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5
14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2
"""


def test_the_security_checklist_is_whole_and_names_what_is_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [row.strip("|").split("|") for row in text.splitlines() if re.match(r"\| \d+\.\d+\.\d+ \|", row)]
    sections = [each.split(":") for each in ASVS.split()]
    wanted = [f"{section}.{number}" for section, most in sections for number in range(1, int(most) + 1)]
    assert len(wanted) == 253
    assert [row[0].strip() for row in rows] == wanted
    assert all(shown.strip() for _, _, shown in rows)
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", text)
    assert len(named) == text.count("::") > 0
    for module, test in named:
        source = (ROOT / "tests" / module).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", source, re.MULTILINE), (module, test)
    files = re.findall(r"`((?:wizard|docs|static|templates)/[\w/.-]+)`", text)
    assert [name for name in files if not (ROOT / name).exists()] == []
