"""A request's id through the real server: from the proxy's header to the log, the audit trail, and the worker's log."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.journey import reach_confirm
from tests.support.serving import Graduate, Served, serving
from tests.support.waiting import wait_for


class Behind(Graduate):
    """A browser behind a proxy that names every request."""

    def __init__(self, base_url: str, request_id: str) -> None:
        super().__init__(base_url)
        self._opener.addheaders.append(("X-Request-ID", request_id))


def logged(served: Served, event: str) -> set[str]:
    """The ids under which the log tells of something."""
    lines = [line for line in served.log.read_text().splitlines() if f"] {event} " in line]
    return {found[1] for line in lines if (found := re.search(r"request_id=(\S+)", line))}


def audited(served: Served, request_id: str) -> set[str]:
    with closing(sqlite3.connect(served.data_dir / "wizard.db")) as database:
        rows = database.execute("SELECT name FROM audit_events WHERE request_id = ?", (request_id,))
        return {name for (name,) in rows}


def test_one_id_from_the_proxy_to_the_workers_log(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        behind = Behind(served.url, "edge-4711-abc")
        behind.fill(reach_confirm(served, behind), declaration="y")
        # Of the worker, a process of its own: the code, the confirmation.
        wait_for(lambda: len(served.mails()) == 2, what="both mails")
        wait_for(lambda: logged(served, "outbox.delivered"), what="the worker's lines")
        assert logged(served, "request") >= {"edge-4711-abc"}
        assert logged(served, "education.created") == {"edge-4711-abc"}
        assert logged(served, "outbox.delivered") == {"edge-4711-abc"}
        assert {"education.staged", "code.sent", "education.created", "workflow.completed"} <= audited(
            served, "edge-4711-abc"
        )
