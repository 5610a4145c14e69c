"""What must hold once everything is healthy again: each violation is a sentence."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.harness.evidence import Evidence, Row, digest, instant, signed
from tests.faults.harness.told import Told

# The events that other systems are told of, by their published schemas.
PUBLISHED = frozenset(
    path.name.removesuffix(".v1.json") for path in (Path(__file__).parents[3] / "docs" / "events").glob("*.v1.json")
)
ONCE = ("education.staged", "education.created", "workflow.completed")
AT_LEAST_ONCE = ("education.validated", "education.category_determined", "education.account_linked")
COMPLETED = "workflow_completed"


@dataclass(frozen=True)
class Claims:
    """What is checked: what people were told, and whether a message may have gone out twice under its key."""

    told: Sequence[Told]
    may_repeat: bool

    @property
    def completed(self) -> list[Told]:
        return [each for each in self.told if each.number]


Check = Callable[[Claims, Evidence], Iterator[str]]


def violations(claims: Claims, evidence: Evidence) -> list[str]:
    """Everything that is not as it should be, each with the name of what was checked."""
    return [f"{name}: {found}" for name, check in CHECKS.items() for found in check(claims, evidence)]


def _completable(claims: Claims, _evidence: Evidence) -> Iterator[str]:
    for told in claims.told:
        if not told.is_over:
            yield f"{told.name} ({told.session_id or 'no session'}) could not be completed"
        yield from (f"{told.name}: {each}, {times} times" for each, times in Counter(told.strange).items())


def _records(claims: Claims, evidence: Evidence) -> Iterator[str]:
    yield from evidence.doubled
    by_session = defaultdict(list)
    for row in evidence.records:
        by_session[row["session_id"]].append(row)
    for told in claims.told:
        rows = by_session[told.session_id]
        if told.number and [row["number"] for row in rows] != [told.number]:
            yield f"{told.name} has a receipt for {told.number}, the database {[row['number'] for row in rows]}"
        if told.is_refused and rows:
            yield f"{told.name} was refused, and has the record {rows[0]['number']}"
    for row in evidence.records:
        of_account = [told for told in claims.told if told.account == row["account_id"]]
        if not any(told.session_id == row["session_id"] for told in of_account):
            yield f"record {row['number']} is of an account that its session never asked for"


def _answers(claims: Claims, evidence: Evidence) -> Iterator[str]:
    rows = {row["session_id"]: row for row in evidence.records}
    for told in claims.completed:
        row = rows.get(told.session_id, {})
        for name, value in told.answers.items():
            possible = {value, *told.possible.get(name, ())}
            if row.get(name) not in possible:
                yield f"{told.name}: {name} was accepted as {sorted(map(str, possible))}, kept is {row.get(name)!r}"


def _events(claims: Claims, evidence: Evidence) -> Iterator[str]:
    by_session = _by(evidence.events, "session_id")
    changes = _by(evidence.values, "event_id")
    for told in claims.told:
        rows = by_session[told.session_id] if told.session_id else []
        names = Counter(row["name"] for row in rows)
        if told.number:
            yield from (f"{told.name}: {names[each]} × {each}" for each in ONCE if names[each] != 1)
            yield from (f"{told.name}: no {each}" for each in AT_LEAST_ONCE if not names[each])
        yield from (f"{told.name}: {each}" for each in _numbered(rows))
        yield from (f"{told.name}: {each}" for each in _replayed(told, rows, changes, evidence.records))


def _numbered(rows: Sequence[Row]) -> Iterator[str]:
    """Numbered without a gap, each once.

    Two may have one number: a try failed while another, whose document was written later, made the record.
    """
    numbered = Counter(
        (row["sequence"], row["name"], row["operation_id"]) for row in rows if row["sequence"] is not None
    )
    numbers = sorted({number for number, _, _ in numbered})
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"events numbered {numbers}"
    yield from (f"event {number} ({name}) {times} times" for (number, name, _), times in numbered.items() if times > 1)


def _replayed(
    told: Told, rows: Sequence[Row], changes: Mapping[object, Sequence[Row]], records: Sequence[Row]
) -> Iterator[str]:
    """Each change begins where the one before it ended, and the last ends at the record."""
    state: dict[str, str | None] = {}
    accepted = set()
    for row in sorted(rows, key=lambda each: each["sequence"] or 0):
        for change in changes[row["id"]]:
            name = change["field"]
            if state.get(name) != change["before"]:
                yield f"{row['name']} changes {name} from {change['before']!r}, which was {state.get(name)!r}"
            state[name] = change["after"]
            accepted.add((name, change["after"]))
    for name, value in sorted(told.told - accepted):
        yield f"no event says that {name} became {value!r}"
    for record in records:
        if record["session_id"] == told.session_id:
            for name, last in state.items():
                if name in record and record[name] != last:
                    yield f"the events leave {name} at {last!r}, the record has {record[name]!r}"


def _chain(_claims: Claims, evidence: Evidence) -> Iterator[str]:
    values = _by(evidence.values, "event_id")
    by_chain = _by(evidence.events, "chain")
    for chain, rows in by_chain.items():
        last = ""
        for position, row in enumerate(rows, 1):
            if (row["position"], row["previous"]) != (position, last):
                yield f"{chain}: row {row['position']} stands where row {position} should"
            if row["mac"] != signed("audit link", *_link(row)):
                yield f"{chain}: row {row['position']} is not signed by us"
            kept = {each["field"]: digest(each["salt"], each["field"], each["before"], each["after"])
                    for each in values[row["id"]]}  # fmt: skip
            if kept != row["changes"]:
                yield f"{chain}: the values of row {row['position']} are not those it has digests of"
            last = row["mac"]
        head = evidence.heads.get(str(chain))
        if head is None or (head["length"], head["last"]) != (len(rows), last):
            yield f"{chain}: its head says {head and head['length']} rows, there are {len(rows)}"
        elif head["mac"] != signed("audit head", head["chain"], head["ordinal"], head["length"], head["last"]):
            yield f"{chain}: its head is not signed by us"


_LINK = ("session_id", "sequence", "record_id", "operation_id", "request_id", "details", "changes")


def _link(row: Row) -> list[object]:
    began = [row["previous"], row["chain"], row["position"], row["name"], instant(row["at"])]
    return [*began, row["actor"], row["privilege"], *(row[name] for name in _LINK)]


def _outbox(claims: Claims, evidence: Evidence) -> Iterator[str]:
    told_of = Counter(row["event_id"] for row in evidence.outbox if row["medium"] == "webhook")
    for row in evidence.events:
        wanted = int(row["name"] in PUBLISHED)
        if told_of.pop(row["id"], 0) != wanted:
            yield f"event {row['id']} ({row['name']}) is not in the outbox {wanted} times"
    yield from (f"a message tells of event {number}, which there is not" for number in told_of)
    for row in evidence.outbox:
        if row["state"] not in {"delivered", "suppressed"}:
            yield f"{row['kind']} {row['id']} is {row['state']} ({row['reason']})"
    confirmed = Counter(row["key"].split(":")[1] for row in evidence.outbox if row["kind"] == "confirmation")
    ids = {row["session_id"]: row["id"] for row in evidence.records}
    for told in claims.completed:
        if confirmed[ids.get(told.session_id, "")] != 1:
            yield f"{told.name}: {confirmed[ids.get(told.session_id, '')]} confirmations in the outbox"


def _webhooks(claims: Claims, evidence: Evidence) -> Iterator[str]:
    rows = {row["id"]: row for row in evidence.outbox if row["medium"] == "webhook"}
    arrived: dict[str, list[str]] = defaultdict(list)
    for call in evidence.webhooks:
        arrived[call.key].append(call.content)
        if call.about["id"] != call.key or call.about["event"] != rows.get(call.key, {}).get("kind"):
            yield f"{call.key} came as {call.about['event']}, and is not in the outbox as that"
    yield from _once(claims, {key: row["kind"] for key, row in rows.items()}, arrived, "webhook")
    order: dict[str, list[str]] = defaultdict(list)
    for call in evidence.webhooks:
        if call.key in rows and call.key not in order[rows[call.key]["stream"]]:
            order[rows[call.key]["stream"]].append(call.key)
    for stream, keys in order.items():
        if keys != [key for key, row in rows.items() if row["stream"] == stream]:
            yield f"the events of {stream} came out of order: {[rows[key]['kind'] for key in keys]}"


def _mails(claims: Claims, evidence: Evidence) -> Iterator[str]:
    arrived: dict[str, list[str]] = defaultdict(list)
    for mail in evidence.mails:
        arrived[mail.key].append(mail.content)
    wanted = {row["id"]: row["kind"] for row in evidence.outbox if row["kind"] == "confirmation"}
    # Codes are known by their keys alone; each may come once, too.
    yield from _once(claims, wanted | {key: "a mail" for key in arrived if key not in wanted}, arrived, "mail")
    numbers = Counter(told.number for told in claims.completed for mail in _first_of_each(evidence)
                      if told.number in mail)  # fmt: skip
    for told in claims.completed:
        if numbers[told.number] != 1:
            yield f"{told.name} was sent {numbers[told.number]} confirmations of {told.number}"


def _first_of_each(evidence: Evidence) -> list[str]:
    return list({mail.key: mail.content for mail in evidence.mails}.values())


def _once(
    claims: Claims, wanted: Mapping[str, str], arrived: Mapping[str, Sequence[str]], medium: str
) -> Iterator[str]:
    """Each under its key, the same at every try; more than once only where somebody was cut off."""
    for key, kind in wanted.items():
        contents = arrived.get(key, ())
        if not contents:
            yield f"{medium} {kind} {key} never arrived"
        if len(set(contents)) > 1:
            yield f"{medium} {kind} {key} came with other content"
        if len(contents) > 1 and not claims.may_repeat:
            yield f"{medium} {kind} {key} came {len(contents)} times, and nobody was cut off"


def _documents(claims: Claims, evidence: Evidence) -> Iterator[str]:
    there = {(row["session_id"], row["sequence"], row["name"], row["operation_id"]) for row in evidence.events}
    ids = {row["session_id"]: row["id"] for row in evidence.records}
    for told in claims.told:
        document = evidence.documents.get(told.session_id)
        if document is None:
            yield f"{told.name}: Redis has no document that opens of {told.session_id}"
            continue
        if told.session_id not in evidence.indexed:
            yield f"{told.name}: no list knows {told.session_id}"
        for event in document.get("ev", ()):
            if (told.session_id, event.get("q"), event["n"], event.get("o")) not in there:
                yield f"{told.name}: {event['n']} waits, and is not in the trail"
        if told.number:
            if (document["s"], document.get("ri")) != (COMPLETED, ids.get(told.session_id)):
                yield f"{told.name} is completed, its document {document['s']} with record {document.get('ri')}"
            if kept := [name for name in ("d", "m", "va") if document.get(name)]:
                yield f"{told.name}: personal data are left in its document: {kept}"


def _by(rows: Sequence[Row], name: str) -> Mapping[object, list[Row]]:
    found: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


CHECKS: Mapping[str, Check] = {
    "completable": _completable,
    "records": _records,
    "answers": _answers,
    "events": _events,
    "chain": _chain,
    "outbox": _outbox,
    "webhooks": _webhooks,
    "mails": _mails,
    "documents": _documents,
}


def told_plainly(told: Sequence[Told]) -> str:
    """For whoever looks into a failure."""
    return json.dumps([{"name": each.name, "session": each.session_id, "number": each.number} for each in told])
