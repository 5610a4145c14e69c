"""What is wrong with the audit trail. Needs the secrets that signed; knows nothing that an erasure would hide.

Whatever stands in a row, a row that was changed is named and never stops the others from being looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wizard.core.events import EventName
from wizard.services.ports.trail import NotedHead
from wizard.storage.audit_chain import BEGUN_ANEW, NOTHING, ROOT, Link, Signer, value_digest
from wizard.storage.audit_rows import KeptRow, kept_row, kept_rows
from wizard.storage.trail_tables import AuditEventRow, AuditHeadRow, AuditValueRow

AT_ONCE = 500
# Values from before such an event may be gone.
_ERASURES = (EventName.PERSON_ERASED, EventName.VALUES_ERASED)


def findings(session: Session, signer: Signer) -> Iterator[str]:
    """A sentence for each thing that is not as it was written."""
    heads = {head.chain: head for head in session.scalars(select(AuditHeadRow))}
    yield from _all_chains(signer, heads)
    by_chain = kept_rows().order_by(AuditEventRow.chain, AuditEventRow.position)
    rows = map(kept_row, session.execute(by_chain.execution_options(yield_per=AT_ONCE)))
    for chain, links in groupby(rows, key=lambda kept: kept.row.chain):
        yield from _chain(signer, links, heads.pop(chain, None), chain)
    for chain, head in heads.items():
        if chain != ROOT:
            yield from _chain(signer, (), head, chain)
    yield from _values(session)


def heads(session: Session) -> Iterator[NotedHead]:
    """Where each chain ends, oldest first."""
    chains = select(AuditHeadRow).where(AuditHeadRow.chain != ROOT).order_by(AuditHeadRow.ordinal)
    for head in session.scalars(chains.execution_options(yield_per=AT_ONCE)):
        yield NotedHead(head.chain, head.length, head.last)


def departures(session: Session, noted: Iterable[NotedHead]) -> Iterator[str]:
    """Chains that do not lead to where they ended once: cut off or made anew, however well it is signed."""
    for end in noted:
        there = select(AuditEventRow.mac).where(AuditEventRow.chain == end.chain, AuditEventRow.position == end.length)
        if session.scalar(there) != end.last:
            yield f"Chain {end.chain}: row {end.length} is not the one that was noted."


def _all_chains(signer: Signer, heads: dict[str, AuditHeadRow]) -> Iterator[str]:
    root = heads.get(ROOT)
    if root is None:
        # Made with the tables: without it, everything was removed.
        yield "The head of all chains is missing."
        return
    if not signer.signed_head(root):
        yield f"The head of all chains {_why(signer, root)}."
    elif root.last == BEGUN_ANEW:
        yield "The head of all chains was missing for a while: chains from before may be missing as a whole."
    if not _is_number(root.length):
        return
    ordinals = {head.ordinal for head in heads.values()} - {root.ordinal}
    for ordinal in sorted(set(range(1, root.length + 1)) - ordinals):
        yield f"Chain number {ordinal} is missing as a whole."


def _chain(signer: Signer, rows: Iterable[KeptRow], head: AuditHeadRow | None, chain: str) -> Iterator[str]:
    position, last = 0, NOTHING
    for kept in rows:
        row = kept.row
        if row.position != position + 1:
            yield f"Chain {chain}: {_rows(position + 1, row.position - 1)} missing."
        elif row.previous != last:
            yield f"Chain {chain}: row {row.position} does not follow the one before it."
        if kept.unreadable:
            yield f"Chain {chain}: row {row.position} was changed: its {', '.join(kept.unreadable)} cannot be read."
        elif not signer.signed_link(row):
            yield f"Chain {chain}: row {row.position} {_why(signer, row)}."
        position, last = row.position, row.mac
    yield from _end(signer, head, chain, position, last)


def _end(signer: Signer, head: AuditHeadRow | None, chain: str, position: int, last: str) -> Iterator[str]:
    if head is None:
        yield f"Chain {chain}: its head is missing."
        return
    if not signer.signed_head(head):
        yield f"Chain {chain}: its head {_why(signer, head)}."
    if not _is_number(head.length):
        yield f"Chain {chain}: the length in its head cannot be read."
    elif head.length > position:
        yield f"Chain {chain}: cut off, {_rows(position + 1, head.length)} missing at its end."
    elif head.length < position:
        yield f"Chain {chain}: {_rows(head.length + 1, position)} not accounted for by its head."
    elif head.last != last:
        yield f"Chain {chain}: its last row is not the one that its head names."


def _values(session: Session) -> Iterator[str]:
    """Values that are there must be the ones written; those that are gone were erased, or are missing."""
    erased = _erased(session)
    query = kept_rows().add_columns(AuditValueRow).outerjoin(AuditValueRow)
    found = session.execute(query.order_by(AuditEventRow.id, AuditValueRow.field).execution_options(yield_per=AT_ONCE))
    for _, several in groupby(found, key=lambda each: each.id):
        lines = list(several)
        kept = kept_row(lines[0])
        if "changes" not in kept.unreadable:
            values = {value.field: value for line in lines if (value := line.AuditValueRow)}
            yield from _values_of(kept.row, values, may_be_gone=kept.row.position < erased.get(kept.row.chain, 0))


def _erased(session: Session) -> Mapping[str, int]:
    """Up to where the values of each chain may be gone."""
    told = select(AuditEventRow.chain, func.max(AuditEventRow.position)).group_by(AuditEventRow.chain)
    rows = session.execute(told.where(AuditEventRow.name.in_(_ERASURES)))
    return {chain: position for chain, position in rows if _is_number(position)}


def _values_of(row: Link, values: Mapping[str, AuditValueRow], *, may_be_gone: bool) -> Iterator[str]:
    where = f"Chain {row.chain}: row {row.position}"
    for name, value in values.items():
        digest = value_digest(salt=value.salt, field=name, before=value.before, after=value.after)
        if row.changes.get(name) != digest:
            yield f"{where}, the value of {name} was changed."
    for name in () if may_be_gone else sorted(row.changes.keys() - values.keys()):
        yield f"{where}, the value of {name} is missing, and nobody was erased."


def _is_number(stored: object) -> bool:
    """Whether a number stands where one belongs: SQLite takes anything."""
    return isinstance(stored, int)


def _why(signer: Signer, signed: Link | AuditHeadRow) -> str:
    if not signer.knows(signed.key_id):
        return "is signed with a key that is not among the secret keys"
    return "was changed or moved" if isinstance(signed, Link) else "was changed"


def _rows(first: int, last: int) -> str:
    return f"row {first} is" if first == last else f"rows {first} to {last} are"
