"""The calls on education records and accounts."""

from __future__ import annotations

from wizard.core.choices import choice_set
from wizard.core.clock import toronto_date
from wizard.core.errors import NotFound, ValidationFailed
from wizard.services.ports.calls import Call
from wizard.services.ports.record_lists import Sought
from wizard.services.records import RecordService
from wizard.web import access
from wizard.web.api import calling, record_answers
from wizard.web.api.answers import RecordsAnswer
from wizard.web.api.calling import Answered, Emptied
from wizard.web.api.models import CorrectionBody, DeletionBody, Nothing
from wizard.web.api.queries import AccountsQuery, RecordsQuery
from wizard.web.session_ids import is_session_id


def records(call: Call, query: RecordsQuery) -> Answered:
    """Records that the token reads, page by page."""
    _require_choice("university", query.university)
    _require_choice("graduation_year", query.graduation_year)
    sought = Sought(
        text=query.search,
        university=query.university,
        graduation_year=query.graduation_year,
        category=query.education_category,
    )
    page = access.services().record_lists.page(call, sought, after=query.cursor, limit=query.limit)
    listed = [record_answers.record(each.record) for each in page.listed]
    return Answered(RecordsAnswer(records=listed, next_cursor=page.following))


def get(call: Call, _body: Nothing, *, record_id: str) -> Answered:
    """A record, with its history for the desk's tokens."""
    record_id = _record_id(record_id)
    if not call.actor.is_desk:
        found = _service().read(call, record_id)
        return Answered(record_answers.record_with_history(found, None), etag=calling.etag(found.tag))
    with_history = _service().with_history(call, record_id)
    if with_history.record is None:
        raise NotFound("record.unknown")
    shown = record_answers.record_with_history(with_history.record, with_history.history)
    return Answered(shown, etag=calling.etag(with_history.record.tag, len(with_history.history)))


def correct(call: Call, body: CorrectionBody, *, record_id: str) -> Answered:
    """Correct some of its data."""
    record_id = _record_id(record_id)
    corrected = _service().correct(call, record_id, body.education_data.changes(), version=body.version)
    return Answered(record_answers.record(corrected), etag=calling.etag(corrected.tag))


def delete(call: Call, body: DeletionBody, *, record_id: str) -> Emptied:
    """Delete it."""
    record_id = _record_id(record_id)
    _service().delete(call, record_id, reason=body.reason, version=body.version)
    return Emptied()


def account(call: Call, query: AccountsQuery) -> Answered:
    """The account with a member number."""
    return Answered(record_answers.account(access.services().account_desk.by_number(call, query.member_number)))


def _require_choice(name: str, value: str | None) -> None:
    """Raises ValidationFailed where a filter is none of the choices as they stand today."""
    if value is not None and value not in choice_set(name, toronto_date(access.services().clock.now())):
        raise ValidationFailed(f"{name}.choice", field=name)


def _record_id(text: str) -> str:
    """Raises NotFound before anything is looked up by what is no id."""
    if not is_session_id(text):
        raise NotFound("record.unknown")
    return text


def _service() -> RecordService:
    return access.services().records
