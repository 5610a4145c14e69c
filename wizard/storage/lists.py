"""The desk's lists of registrations and the counts of all of them, read together; any page costs the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.client import Pipeline

from wizard.core.clock import Clock
from wizard.core.registration import Channel, Registration, Status
from wizard.core.steps import Step
from wizard.core.trouble import SOON, STOPPING, Trouble
from wizard.services.ports.registrations import PageAhead, PageAsked, RegistrationPage, Selection, Tally
from wizard.storage.codec import instant_of, microseconds
from wizard.storage.index_entries import IndexEntries
from wizard.storage.indexes import (
    ALL,
    EXPIRES,
    OPEN_UNTIL,
    STUCK,
    WAITING,
    Position,
    channel_index,
    rule_index,
    selected,
    status_index,
    step_index,
    trouble_index,
)
from wizard.storage.redis_access import Client, pipeline

_COUNTED = (
    *(ALL, STUCK),
    *map(status_index, Status),
    *map(step_index, Step),
    *map(channel_index, Channel),
    *map(trouble_index, Trouble),
    *map(rule_index, STOPPING),
)
# Where several things are asked for, so many entries of one index are looked through at once, and so often.
_WINDOW, _WINDOWS = 100, 5

Answer = Iterable[tuple[bytes, float]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of an index, in the order in which it is listed. Entries of one score are compared by member."""

    index: str
    rising: bool = False
    above: int | None = None
    up_to: int | None = None

    def queue(self, commands: Pipeline, *, after: Position | None, limit: int) -> None:
        """Queue what reads a part, one or two commands."""
        lowest = "-inf" if self.above is None else f"({self.above}"
        highest = "+inf" if self.up_to is None else str(self.up_to)
        if after is not None:
            commands.zrangebyscore(self.index, after.score, after.score, withscores=True)
            lowest, highest = (f"({after.score}", highest) if self.rising else (lowest, f"({after.score}")
        if self.rising:
            commands.zrangebyscore(self.index, lowest, highest, start=0, num=limit, withscores=True)
        else:
            commands.zrevrangebyscore(self.index, highest, lowest, start=0, num=limit, withscores=True)

    def positions(self, answers: Iterable[Answer], *, after: Position | None) -> list[Position]:
        """What was read, without what stands before the place to go on from."""
        found = sorted(
            (Position(int(score), member) for answer in answers for member, score in answer), reverse=not self.rising
        )
        return [each for each in found if after is None or ((each > after) == self.rising and each != after)]


@dataclass(frozen=True, slots=True)
class Lists:
    """Reads pages and tallies."""

    client: Client
    entries: IndexEntries
    clock: Clock

    def tally(self) -> Tally:
        """How many registrations there are of each kind, in one round trip."""
        with pipeline(self.client) as commands:
            self._queue_tally(commands)
            return _tally(commands.execute())

    def queue(self, commands: Pipeline, asked: PageAsked) -> None:
        """Queue what `page` has to know of the indexes, for whoever has something else to read at the same time."""
        after = Position.from_token(asked.cursor) if asked.cursor else None
        self._stretch(asked.selection).queue(commands, after=after, limit=_size(asked))
        self._queue_tally(commands)

    def page(self, asked: PageAsked, *, ahead: PageAhead | None) -> RegistrationPage:
        """A page with the tally, in two round trips where one thing is asked (one more mends)."""
        names, after = selected(asked.selection), Position.from_token(asked.cursor) if asked.cursor else None
        stretch, answers = self._stretch(asked.selection), self._answers(asked, ahead)
        read = 1 if after is None else 2
        tally = _tally(answers[read:])
        positions = stretch.positions(answers[:read], after=after)[: _size(asked)]
        if _several(asked.selection):
            found, last = self._meeting(asked.selection, names, stretch, positions, asked.limit)
            return RegistrationPage(found, last.token() if last else None, tally)
        shown, more = positions[: asked.limit], len(positions) > asked.limit
        return RegistrationPage(self.entries.belonging(names[0], shown), shown[-1].token() if more else None, tally)

    def _answers(self, asked: PageAsked, ahead: PageAhead | None) -> Sequence[Any]:
        if ahead is not None and ahead.asked == asked:
            return ahead.answers
        with pipeline(self.client) as commands:
            self.queue(commands, asked)
            return commands.execute()

    def _meeting(
        self, selection: Selection, names: Sequence[str], stretch: Stretch, positions: list[Position], limit: int
    ) -> tuple[tuple[Registration, ...], Position | None]:
        """Those that belong in several indexes, and where to go on; looked for no further than a bound."""
        found: list[Registration] = []
        for window in range(_WINDOWS):
            if window:
                positions = self._after(stretch, positions[_WINDOW - 1])
            for met in self.entries.meet((stretch.index, position) for position in positions[:_WINDOW]):
                if met.registration and self._meets(selection, names, met.registration):
                    found.append(met.registration)
                if len(found) == limit:
                    return tuple(found), None if met.position == positions[-1] else met.position
            if len(positions) <= _WINDOW:
                return tuple(found), None
        return tuple(found), positions[_WINDOW - 1]

    def _after(self, stretch: Stretch, position: Position) -> list[Position]:
        with pipeline(self.client) as commands:
            stretch.queue(commands, after=position, limit=_WINDOW + 1)
            return stretch.positions(commands.execute(), after=position)[: _WINDOW + 1]

    def _meets(self, selection: Selection, names: Sequence[str], registration: Registration) -> bool:
        since = selection.unchanged_since
        is_old = since is None or registration.updated_at <= since
        return is_old and self.entries.wanted(registration).keys() >= set(names)

    def _stretch(self, selection: Selection) -> Stretch:
        index = selected(selection)[0]
        if index == OPEN_UNTIL:
            now = self.clock.now()
            return Stretch(index, rising=True, above=microseconds(now), up_to=microseconds(now + SOON))
        since = selection.unchanged_since
        return Stretch(index, up_to=None if since is None else microseconds(since))

    def _queue_tally(self, commands: Pipeline) -> None:
        now = self.clock.now()
        commands.zcount(OPEN_UNTIL, f"({microseconds(now)}", microseconds(now + SOON))
        commands.zcount(WAITING, 1, "+inf")
        commands.zcount(EXPIRES, "-inf", microseconds(now))
        commands.zrangebyscore(EXPIRES, "-inf", microseconds(now), start=0, num=1, withscores=True)
        for index in _COUNTED:
            commands.zcard(index)


def _several(selection: Selection) -> bool:
    """Whether more than one thing is asked for."""
    return len(selected(selection)) > 1 or (selection.expiring and selection.unchanged_since is not None)


def _size(asked: PageAsked) -> int:
    """How many entries are read at once: one more than are looked through, to know whether there are more."""
    return (_WINDOW if _several(asked.selection) else asked.limit) + 1


def _tally(answers: Sequence[Any]) -> Tally:
    expiring, unrecorded, overdue, first, *sizes = answers
    of = dict(zip(_COUNTED, sizes, strict=True))
    return Tally(
        everything=of[ALL],
        stuck=of[STUCK],
        expiring=expiring,
        unrecorded=unrecorded,
        overdue=overdue,
        overdue_since=instant_of(int(first[0][1])) if first else None,
        statuses={status: of[status_index(status)] for status in Status},
        steps={step: of[step_index(step)] for step in Step},
        channels={channel: of[channel_index(channel)] for channel in Channel},
        troubles={trouble: of[trouble_index(trouble)] for trouble in Trouble},
        rules={rule: of[rule_index(rule)] for rule in STOPPING},
    )
