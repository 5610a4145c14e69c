"""The calls on bulk registrations: rows are taken in, and workers do the rest."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for

from wizard.core.errors import NotFound
from wizard.services.bulk import Bulk
from wizard.services.ports.bulk import BulkJob, BulkRowState, RowState
from wizard.services.ports.calls import Call
from wizard.web import access
from wizard.web.api import record_answers
from wizard.web.api.calling import Answered
from wizard.web.api.models import BulkBody
from wizard.web.api.queries import BulkQuery
from wizard.web.session_ids import is_session_id


def load(call: Call, body: BulkBody) -> Answered:
    """Take rows in."""
    rows = [row.changes() for row in body.rows]
    job = _service().load_values(call, rows, goes_on=not body.validate_only, invite=body.invite)
    place = url_for("api.get_bulk", bulk_id=job.id)
    return _of(job, (), None, status=202, headers={"Location": place})


def get(call: Call, query: BulkQuery, *, bulk_id: str) -> Answered:
    """How far it is, and what came of its rows."""
    if not is_session_id(bulk_id):
        raise NotFound("bulk.unknown")
    states = frozenset({query.state} if query.state else RowState)
    job = _service().job(call, bulk_id)
    page = _service().page(call, bulk_id, states, after=query.after, limit=query.limit)
    return _of(job, page.rows, page.following)


def _of(
    job: BulkJob,
    rows: Sequence[BulkRowState],
    following: int | None,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Answered:
    now = access.services().clock.now()
    return Answered(record_answers.bulk(job, rows, following, now=now), status, headers or {})


def _service() -> Bulk:
    return access.services().bulk
