"""The categories that stand in the records, read by group and moved in batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select, tuple_, update
from sqlalchemy.orm import Session

from wizard.core.category import CategoryDecision
from wizard.core.choices import EducationCategory
from wizard.services.ports.categories import Group, Standing
from wizard.storage.tables import RecordRow

_Query = Select[str, str, str, str, str, str]

_GROUP = (RecordRow.graduation_year, RecordRow.coto_status, RecordRow.category)


class SqlCategories:
    """`ports.Categories`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def groups(self) -> Mapping[Group, int]:
        """How many records there are of each group; read from the index alone."""
        counted = select(*_GROUP, func.count()).group_by(*_GROUP)
        rows = self._session.execute(counted)
        return {_group(year, status, category): count for year, status, category, count in rows}

    def page(self, groups: Collection[Group], *, after: str | None, limit: int) -> Sequence[Standing]:
        """Records of some groups in the order of their numbers, from behind the one with the id `after`."""
        if not groups:
            return []
        query = _of(groups).order_by(RecordRow.number).limit(limit)
        if after is not None:
            # Moved or corrected meanwhile it still says where the page before ended.
            last = select(RecordRow.number).where(RecordRow.id == after).scalar_subquery()
            query = query.where(RecordRow.number > last)
        return self._standing(query)

    def hold(self, groups: Collection[Group], *, limit: int) -> Sequence[Standing]:
        """Some records of some groups; whoever corrects one of them waits, or was waited for and is seen."""
        if not groups:
            return []
        query = _of(groups).order_by(RecordRow.id).limit(limit).with_for_update()
        return self._standing(query)

    def move(self, record_ids: Collection[str], decision: CategoryDecision, *, at: datetime) -> None:
        """Give records another category. Their version stays: it counts what people changed."""
        moved = update(RecordRow).where(RecordRow.id.in_(record_ids))
        self._session.execute(
            moved.values(
                category=decision.category,
                category_codes=list(decision.rationale.codes),
                category_params=dict(decision.rationale.params),
                updated_at=at,
            ),
            execution_options={"synchronize_session": False},
        )

    def _standing(self, query: _Query) -> Sequence[Standing]:
        rows = self._session.execute(query)
        return [Standing(identifier, number, member, _group(*group)) for *group, identifier, number, member in rows]


def _of(groups: Collection[Group]) -> _Query:
    wanted = [(each.graduation_year, each.coto_status, each.category.value) for each in groups]
    query = select(*_GROUP, RecordRow.id, RecordRow.number, RecordRow.user_business_id)
    return query.where(tuple_(*_GROUP).in_(wanted))


def _group(year: str, status: str, category: str) -> Group:
    return Group(year, status, EducationCategory(category))
