"""Writing, reading and mending the index entries of registrations.

An entry that disagrees with the document it points to (after a crash, a lost race, or the end of a TTL) is put
right whenever it is met. All mending is by compare-and-set on the entry's score, so that it never undoes what
another process wrote in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redis.client import Pipeline

from wizard.core.registration import Registration
from wizard.storage import scripts
from wizard.storage.indexes import (
    ALL,
    EXPIRES,
    FIXED,
    REMIND,
    WAITING,
    Position,
    entries_of,
    lists_of,
    member_indexes,
    member_of,
    status_index,
)
from wizard.storage.redis_access import Client, pipeline
from wizard.storage.stored_values import StoredValues, key_of


@dataclass(frozen=True, slots=True)
class Met:
    """An index entry with what stands under its id: a document, nothing, or something unreadable."""

    index: str
    position: Position
    registration: Registration | None
    unreadable: bool


@dataclass(frozen=True, slots=True)
class IndexEntries:
    """The entries in the sorted sets of `indexes.py`."""

    client: Client
    values: StoredValues

    def wanted(self, registration: Registration | None) -> dict[str, int]:
        """The entries that a registration should have; none for one that is gone."""
        return entries_of(registration, self.values.cipher) if registration else {}

    def queue_additions(self, commands: Pipeline, registration: Registration, *, only_missing: bool = False) -> None:
        """Queue what gives a registration its entries."""
        member, life = member_of(registration), self.values.life(registration)
        for index, score in self.wanted(registration).items():
            # Of two writers' notes on waiting events the later revision's stays, in whichever order they arrive.
            commands.zadd(index, {member: score}, nx=only_missing, gt=index == WAITING and not only_missing)
            if index not in FIXED:
                # The index of one member number goes when the last of its registrations does.
                commands.pexpire(index, life, nx=True)
                commands.pexpire(index, life, gt=True)

    def queue_removals(self, commands: Pipeline, replaced: Registration, replacement: Registration | None) -> None:
        """Queue what takes away the entries that a document may have had, and its replacement has not."""
        number = replaced.user_id
        possible = {ALL, EXPIRES, REMIND, WAITING, status_index(replaced.status), *lists_of(replaced)}
        # Those made before the secrets were rotated included.
        possible.update(member_indexes(self.values.cipher, number) if number else ())
        for index in sorted(possible - self.wanted(replacement).keys()):
            commands.zrem(index, member_of(replaced))

    def undo(self, refused: Registration, standing: Registration | None) -> None:
        """After a lost race: the entries of what stands there, in place of those of what was refused."""
        with pipeline(self.client) as commands:
            self.queue_removals(commands, refused, standing)
            if standing:
                self.queue_additions(commands, standing)
            commands.execute()

    def add_missing(self, registrations: Iterable[Registration]) -> None:
        """Give some registrations whichever entries they lack."""
        with pipeline(self.client) as commands:
            for registration in registrations:
                self.queue_additions(commands, registration, only_missing=True)
            commands.execute()

    def newest_first(self, *indexes: str, limit: int) -> list[tuple[str, Position]]:
        """The highest entries of some indexes, downwards, in one round trip."""
        with pipeline(self.client) as commands:
            for index in indexes:
                commands.zrevrange(index, 0, limit - 1, withscores=True)
            answers = commands.execute()
        return [
            (index, position)
            for index, answer in zip(indexes, answers, strict=True)
            for position in _positions([answer])
        ]

    def oldest_first(self, index: str, *, after: Position | None, limit: int) -> list[Position]:
        """A stretch of an index, upwards."""
        with pipeline(self.client) as commands:
            if after is None:
                commands.zrange(index, 0, limit - 1, withscores=True)
            else:
                commands.zrangebyscore(index, after.score, after.score, withscores=True)
                commands.zrangebyscore(index, f"({after.score}", "+inf", start=0, num=limit, withscores=True)
            positions = _positions(commands.execute())
        return [position for position in positions if after is None or position > after][:limit]

    def up_to(self, index: str, *, until: int, limit: int) -> list[Position]:
        """The lowest entries of an index, up to a score."""
        with pipeline(self.client) as commands:
            commands.zrangebyscore(index, "-inf", until, start=0, num=limit, withscores=True)
            return _positions(commands.execute())

    def waiting(self, *, limit: int) -> list[Position]:
        """Entries whose events are not noted as recorded."""
        with pipeline(self.client) as commands:
            commands.zrangebyscore(WAITING, 1, "+inf", start=0, num=limit, withscores=True)
            return _positions(commands.execute())

    def recorded(self, registrations: Iterable[Registration]) -> None:
        """Note that the events of these revisions wait no more, unless a later one has come."""
        with pipeline(self.client) as commands:
            for registration in registrations:
                revision = registration.revision
                _queue_mending(commands, WAITING, Position(revision, member_of(registration)), score=-revision)
            commands.execute()

    def belonging(self, index: str, positions: Sequence[Position]) -> tuple[Registration, ...]:
        """The documents that do belong in an index, in the order of their entries."""
        met = self.meet((index, position) for position in positions)
        return tuple(each.registration for each in met if each.registration and index in self.wanted(each.registration))

    def meet(self, entries: Iterable[tuple[str, Position]]) -> list[Met]:
        """Read the documents of some entries in one round trip; where entries disagree, another mends them."""
        pairs = list(entries)
        if not pairs:
            return []
        with pipeline(self.client) as commands:
            for _, position in pairs:
                commands.get(key_of(position.session_id))
            found = commands.execute()
        met = [self._met(index, position, value) for (index, position), value in zip(pairs, found, strict=True)]
        with pipeline(self.client) as commands:
            for each in met:
                self._queue_repair(commands, each)
            if len(commands):
                commands.execute()
        return met

    def _met(self, index: str, position: Position, value: bytes | None) -> Met:
        registration = self.values.read(position.session_id, value)
        return Met(index, position, registration, unreadable=registration is None and value is not None)

    def _queue_repair(self, commands: Pipeline, met: Met) -> None:
        # What cannot be read stands in no other's way; should it be readable again, `ALL` makes its entries anew.
        if met.unreadable and met.index == ALL:
            return
        score = self.wanted(met.registration).get(met.index)
        if score == abs(met.position.score):
            return
        _queue_mending(commands, met.index, met.position, score=score)
        if met.registration:
            self.queue_additions(commands, met.registration, only_missing=True)


def _queue_mending(commands: Pipeline, index: str, met: Position, *, score: int | None) -> None:
    new = "" if score is None else str(score)
    commands.execute_command("EVAL", scripts.MEND, 1, index, met.member, str(met.score), new)


def _positions(answers: Iterable[Iterable[tuple[bytes, float]]]) -> list[Position]:
    return [Position(int(score), member) for answer in answers for member, score in answer]
