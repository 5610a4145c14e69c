import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel built from this checkout."""
    made = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", made, ROOT],
        check=True,
        capture_output=True,
    )
    (path,) = made.glob("*.whl")
    return set(zipfile.ZipFile(path).namelist())


def files_of(directory: str, pattern: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / directory).rglob(pattern) if path.is_file()}


@pytest.mark.parametrize("directory", ["templates", "static"])
def test_the_wheel_carries_what_pages_are_made_of(wheel: set[str], directory: str) -> None:
    expected = {f"wizard/{name}" for name in files_of(directory, "*")}
    assert expected
    assert expected <= wheel


@pytest.mark.parametrize("pattern", ["*.py", "*.csv", "*.mako", "*.mo"])
def test_the_wheel_carries_the_package(wheel: set[str], pattern: str) -> None:
    assert files_of("wizard", pattern) <= wheel


def test_the_wheel_carries_nothing_else(wheel: set[str]) -> None:
    assert {name.split("/")[0].partition("-")[0] for name in wheel} == {"wizard", "ot_education_wizard"}


def test_locks_name_no_registry() -> None:
    for lock in (ROOT / "requirements.txt", ROOT / "requirements-dev.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert "index-url" not in text
    packages = json.loads((ROOT / "tests/browser/package-lock.json").read_text())["packages"]
    # Whom to give money for it is no address that it comes from.
    where = [{**package, "funding": None} for package in packages.values()]
    assert "://" not in json.dumps(where)
    assert not [package for package in where if "resolved" in package]


def test_the_lock_of_the_tools_pins_what_runs_alike() -> None:
    runs = (ROOT / "requirements.txt").read_text().splitlines()
    tools = set((ROOT / "requirements-dev.txt").read_text().splitlines())
    assert [line for line in runs if "==" in line and line not in tools] == []
