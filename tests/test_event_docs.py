"""docs/events.md and the schemas beside it say what the code sends."""

from __future__ import annotations

from tests.support.event_docs import PAGE, SCHEMA_FILES, with_table
from wizard.commands.events import PUBLISHED, schema_file, schema_text


def test_the_table_is_the_code_s() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "run: make events"


def test_each_event_has_its_schema_in_a_file() -> None:
    for name in PUBLISHED:
        assert (SCHEMA_FILES / schema_file(name)).read_text(encoding="utf-8") == schema_text(name), "run: make events"


def test_there_is_no_schema_of_an_event_that_is_not_sent() -> None:
    names = {path.name.rpartition(".v")[0] for path in SCHEMA_FILES.iterdir()}
    assert names == {name.value for name in PUBLISHED}
