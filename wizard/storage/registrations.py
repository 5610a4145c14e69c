"""Registrations in Redis: a sealed document each, under compare-and-set, with index entries as hints.

One pipeline, sent at once and not a transaction, writes a registration: the index entries it should have, the
document by compare-and-set, then the removal of the entries it should have no more. A crash between them leaves an
entry without its document, never a document that no index knows; where the comparison fails, the entries of what
stands there are written again. Other disagreements are mended whenever they are met, and by `repair_indexes`:
nothing is answered from an index alone but the tally. Each script touches one key, and each index is a key of its
own, so that a Cluster may spread them as it likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from redis.client import Pipeline

from wizard.core.clock import Clock
from wizard.core.education import member_number_key
from wizard.core.registration import Registration
from wizard.services.ports.registrations import (
    EVERYTHING,
    PageAhead,
    PageAsked,
    RegistrationPage,
    RevisionConflict,
    Selection,
    Tally,
)
from wizard.storage import scripts
from wizard.storage.codec import microseconds
from wizard.storage.crypto import Cipher
from wizard.storage.index_entries import IndexEntries
from wizard.storage.indexes import (
    ALL,
    EXPIRES,
    FIXED,
    REMIND,
    WAITING,
    Position,
    due_for_reminder,
    member_indexes,
)
from wizard.storage.lists import Lists
from wizard.storage.redis_access import Client, pipeline, reaching_redis
from wizard.storage.replicas import Replicas
from wizard.storage.stored_values import StoredValues, key_of

_MOST_OF_ONE_MEMBER = 100
_SAVED = 1
_PING, _PING_LIVES = "ot_education_ping", timedelta(seconds=1)


class RedisRegistrationStore:
    """`services.ports.RegistrationStore` on Redis or Valkey: alone, behind Sentinel, or a Cluster."""

    def __init__(self, client: Client, cipher: Cipher, clock: Clock, *, grace: timedelta) -> None:
        self._client = client
        self._cipher = cipher
        self._values = StoredValues(cipher, clock, grace)
        self._entries = IndexEntries(client, self._values)
        self.lists = Lists(client, self._entries, clock)
        self._replicas = Replicas(client)

    def ping(self) -> None:
        """Raise ExternalServiceError("redis") unless Redis answers, and takes what is written."""
        with reaching_redis():
            self._client.set(_PING, b"", px=_PING_LIVES)

    def load(self, session_id: str) -> Registration | None:
        """The document, in one round trip; None where there is none, or none that can be read."""
        with reaching_redis():
            value = cast("bytes | None", self._client.get(key_of(session_id)))
        return self._values.read(session_id, value)

    def load_all(self, session_ids: Sequence[str]) -> Mapping[str, Registration | None]:
        """Several documents by their ids, in one round trip."""
        with pipeline(self._client) as commands:
            for session_id in session_ids:
                commands.get(key_of(session_id))
            values = commands.execute()
        return {each: self._values.read(each, value) for each, value in zip(session_ids, values, strict=True)}

    def save(self, registration: Registration, *, replacing: Registration | None) -> Registration:
        """Store in place of the document read, on a replica too where there is one; raises `RevisionConflict`.

        One round trip, but for what is said in `replicas.py`.
        """
        saved = replace(registration, revision=replacing.revision + 1 if replacing else 1)
        with pipeline(self._client) as commands:
            place = self._queue_save(commands, saved, replacing)
            written = len(commands)
            self._replicas.queue_wait(commands)
            answers = commands.execute()
        if answers[place] != _SAVED:
            self._give_way(saved, answers[place])
            raise RevisionConflict
        self._replicas.confirm(key_of(saved.session_id), answers[written:])
        return saved

    def save_all(self, changed: Sequence[tuple[Registration, Registration | None]]) -> None:
        """Store several, each as `save` does and with its revision already, in one round trip.

        Raises `RevisionConflict` where any was refused.
        """
        if not changed:
            return
        with pipeline(self._client) as commands:
            places = [self._queue_save(commands, saved, replacing) for saved, replacing in changed]
            written = len(commands)
            self._replicas.queue_wait(commands)
            answers = commands.execute()
        refused = [
            (saved, answers[place])
            for (saved, _), place in zip(changed, places, strict=True)
            if answers[place] != _SAVED
        ]
        for saved, standing in refused:
            self._give_way(saved, standing)
        if refused:
            raise RevisionConflict
        for saved, _ in changed:
            self._replicas.confirm(key_of(saved.session_id), answers[written:])

    def _queue_save(self, commands: Pipeline, saved: Registration, replacing: Registration | None) -> int:
        """Queue what stores a document, and answer which of the answers will say whether it was."""
        seen = str(replacing.revision) if replacing else ""
        self._entries.queue_additions(commands, saved)
        place = len(commands)
        value, life = self._values.seal(saved), self._values.life(saved)
        commands.execute_command("EVAL", scripts.SAVE, 1, key_of(saved.session_id), seen, value, life)
        if replacing:
            self._entries.queue_removals(commands, replacing, saved)
        return place

    def _give_way(self, refused: Registration, value: bytes | None) -> None:
        standing = self._values.read(refused.session_id, value)
        # Entries of a document that cannot be read are left: it may be readable again.
        if standing or value is None:
            self._entries.undo(refused, standing)

    def page(
        self,
        selection: Selection = EVERYTHING,
        *,
        cursor: str | None = None,
        limit: int = 25,
        ahead: PageAhead | None = None,
    ) -> RegistrationPage:
        """Some of a selection, with the tally of all; shorter where entries turned out stale."""
        return self.lists.page(PageAsked(selection, cursor, limit), ahead=ahead)

    def tally(self) -> Tally:
        """How many there are of each kind, as far as the indexes know, in one round trip."""
        return self.lists.tally()

    def of_member(self, member_number: str) -> tuple[Registration, ...]:
        """Those with a member number, newest change first, whichever secret they were indexed under."""
        indexes = member_indexes(self._cipher, member_number)
        met = self._entries.meet(self._entries.newest_first(*indexes, limit=_MOST_OF_ONE_MEMBER))
        key = member_number_key(member_number)
        found = {each.registration.session_id: each.registration for each in met if each.registration}
        theirs = [each for each in found.values() if each.user_id and member_number_key(each.user_id) == key]
        return tuple(sorted(theirs, key=lambda each: each.updated_at, reverse=True))

    def expired(self, now: datetime, *, limit: int = 100) -> tuple[Registration, ...]:
        """Some whose time is over, the longest ago first."""
        positions = self._entries.up_to(EXPIRES, until=microseconds(now), limit=limit)
        return tuple(each for each in self._entries.belonging(EXPIRES, positions) if each.is_expired(now))

    def reminders_due(self, now: datetime, *, limit: int = 100) -> tuple[Registration, ...]:
        """Some whose reminder is due, the most overdue first."""
        positions = self._entries.up_to(REMIND, until=microseconds(now), limit=limit)
        possible = self._entries.belonging(REMIND, positions)
        return tuple(each for each in possible if (due := due_for_reminder(each)) and due <= now)

    def with_waiting_events(self, *, limit: int = 100) -> tuple[Registration, ...]:
        """Some with events that may not be in the audit trail yet."""
        return self._entries.belonging(WAITING, self._entries.waiting(limit=limit))

    def events_recorded(self, *registrations: Registration) -> None:
        """Note that the audit trail has all events of these documents, unless newer ones have come since."""
        self._entries.recorded(registrations)

    def repair_indexes(self, *, cursor: str | None, limit: int = 500) -> str | None:
        """Check a slice of the indexes against the documents; answers where to go on, None at the end."""
        number, after = _place_of_repair(cursor)
        index = FIXED[number]
        positions = self._entries.oldest_first(index, after=after, limit=limit)
        met = self._entries.meet((index, position) for position in positions)
        if index == ALL:
            self._entries.add_missing(each.registration for each in met if each.registration)
        if len(positions) == limit:
            return f"{number}:{positions[-1].token()}"
        return f"{number + 1}:" if number + 1 < len(FIXED) else None


def _place_of_repair(cursor: str | None) -> tuple[int, Position | None]:
    if not cursor:
        return 0, None
    number, _, token = cursor.partition(":")
    return int(number), Position.from_token(token) if token else None
