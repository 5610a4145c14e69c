"""What browsers' sessions hold, in Redis: `<revision>:<sealed MessagePack>` each, never a pickle."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from redis.client import Pipeline

from wizard.services.ports.browsers import StoredSession
from wizard.services.ports.old_ids import LEFT, is_of_a_registration
from wizard.services.ports.registrations import PageAhead, PageAsked
from wizard.storage import scripts
from wizard.storage.codec import microseconds
from wizard.storage.crypto import Cipher
from wizard.storage.lists import Lists
from wizard.storage.redis_access import Client, pipeline, reaching_redis
from wizard.storage.stored_values import StoredValues, key_of

# What the scripts answer.
_SAVED = _MOVED = 1
_CHANGED = 0
_NOTHING, _ENDED = 0, -1
# A request that was on its way with the old id when a session got another one must not be given a third: its
# answer would take the place of the id that the browser has just been given.
_REMEMBERED = timedelta(seconds=20)
# As long as a code: a browser that never heard of its new id goes on with the old one, and proves itself anew.
_LEFT_FOR = timedelta(minutes=10)
# What is kept for one request is for the one that a redirect asks for at once.
_UNSENT = timedelta(minutes=2)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Any]).decode

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BrowserSessions:
    """Sessions by their id, each write a compare-and-set on the revision that was read.

    Every method raises `ExternalServiceError("redis")` where Redis does not do as asked.
    """

    client: Client
    cipher: Cipher
    lifetime: timedelta
    registrations: StoredValues
    lists: Lists

    def read(
        self, sid: str, *, takes_unsent: bool = False, registration: str | None = None, page: PageAsked | None = None
    ) -> StoredSession:
        """The session, in one round trip that begins its lifetime again; where there is none, another says if it ended.

        In the same round trip come what was kept for this one request, which is gone with it, and the registration, or
        what the indexes say of the page of a list, that the request will ask for. What does not open (planted, or its
        key is gone) is as good as nothing: the browser starts afresh.
        """
        with pipeline(self.client) as commands:
            commands.getex(_key(sid), px=self._life)
            if takes_unsent:
                commands.getdel(_unsent_key(sid))
            if registration:
                commands.get(key_of(registration))
            if page:
                self.lists.queue(commands, page)
            stored, *more = commands.execute()
        unsent = self._unsent(sid, more.pop(0)) if takes_unsent else {}
        read_ahead = {registration: self.registrations.read(registration, more.pop(0))} if registration else {}
        page_ahead = PageAhead(page, more) if page else None
        opened = self._opened(sid, stored) if stored is not None else (self._absent(sid), {})
        return StoredSession(*opened, unsent, read_ahead, page_ahead)

    def keep_unsent(self, sid: str, values: Mapping[str, Any]) -> None:
        """Keep values for the one request that takes them, not for long."""
        sealed = self.cipher.encrypt(_encode(values), context=_unsent_key(sid).encode())
        with reaching_redis():
            self.client.set(_unsent_key(sid), sealed, ex=_UNSENT)

    def _absent(self, sid: str) -> int:
        with reaching_redis():
            return _ENDED if self.client.exists(_ended_key(sid)) else _NOTHING

    def _opened(self, sid: str, stored: bytes) -> tuple[int, dict[str, Any]]:
        revision, _, sealed = stored.partition(b":")
        try:
            plain = self.cipher.decrypt(sealed, context=_context(sid, int(revision)))
            values = _decode(plain)
        except (ValueError, msgspec.DecodeError) as error:
            _log.warning("browser_session.unreadable", reason=str(error))
            return _NOTHING, {}
        return int(revision), self._without_over(values)

    def _unsent(self, sid: str, sealed: bytes | None) -> dict[str, Any]:
        try:
            return _decode(self.cipher.decrypt(sealed, context=_unsent_key(sid).encode())) if sealed else {}
        except (ValueError, msgspec.DecodeError) as error:
            _log.warning("browser_session.unreadable", reason=str(error))
            return {}

    def write(self, sid: str, values: Mapping[str, Any], *, seen: int) -> bool:
        """Store in place of the revision seen (0: none); False where something else, or nothing, stands there."""
        value = self._seal(sid, values, seen + 1)
        with reaching_redis():
            answer = self.client.eval(scripts.SAVE, 1, _key(sid), str(seen or ""), value, self._life)
        return bool(answer == _SAVED)

    def move(
        self,
        sid: str,
        values: Mapping[str, Any],
        *,
        seen: int,
        to: str,
        leaving: Mapping[str, Any] | None = None,
        before: Sequence[str] = (),
    ) -> bool:
        """Store under a new id and end the old one, in one round trip; False as for `write`.

        The new one is there before the old one goes: a crash in between leaves the old one as it was, and another
        that nobody knows the id of. With `leaving` the old one has that, in place of ending; otherwise what was left
        under ids `before` it goes, too.
        """
        with pipeline(self.client) as commands:
            commands.set(_key(to), self._seal(to, values, 1), px=self._life)
            if leaving is None:
                _queue_end(commands, sid, seen, before)
            else:
                self._queue_left(commands, sid, leaving, seen)
            moved = bool(commands.execute()[1] == _MOVED)
        if not moved:
            with reaching_redis():
                self.client.delete(_key(to))
        return moved

    def delete(self, sid: str, *, seen: int, before: Sequence[str] = ()) -> bool:
        """End a session, and what was left under ids before; False where another revision stands there."""
        with pipeline(self.client) as commands:
            _queue_end(commands, sid, seen, before)
            return bool(commands.execute()[0] != _CHANGED)

    def _queue_left(self, commands: Pipeline, sid: str, leaving: Mapping[str, Any], seen: int) -> None:
        # What was left before is not prolonged.
        _, until = leaving.get(LEFT, (0, microseconds(self.registrations.clock.now() + _LEFT_FOR)))
        left = self._seal(sid, {**leaving, LEFT: (seen + 1, until)}, seen + 1)
        commands.execute_command("EVAL", scripts.SAVE, 1, _key(sid), str(seen), left, self._life)

    def _without_over(self, values: dict[str, Any]) -> dict[str, Any]:
        """Without what was left under an old id, for long enough; looking at it does not prolong that."""
        if LEFT not in values or microseconds(self.registrations.clock.now()) < values[LEFT][1]:
            return values
        return {key: value for key, value in values.items() if not is_of_a_registration(key)}

    @property
    def _life(self) -> int:
        return self.lifetime // timedelta(milliseconds=1)

    def _seal(self, sid: str, values: Mapping[str, Any], revision: int) -> bytes:
        return b"%d:" % revision + self.cipher.encrypt(_encode(values), context=_context(sid, revision))


def _queue_end(commands: Pipeline, sid: str, seen: int, before: Sequence[str]) -> None:
    attempt, seconds = secrets.token_bytes(16), _REMEMBERED // timedelta(seconds=1)
    commands.execute_command("EVAL", scripts.END, 2, _key(sid), _ended_key(sid), str(seen), attempt, seconds)
    for each in before:
        commands.delete(_key(each))


def _key(sid: str) -> str:
    return f"ot_browser_session:{{{sid}}}"


def _unsent_key(sid: str) -> str:
    return f"ot_browser_session_unsent:{{{sid}}}"


def _ended_key(sid: str) -> str:
    return f"ot_browser_session_ended:{{{sid}}}"


def _context(sid: str, revision: int) -> bytes:
    return f"{_key(sid)}@{revision}".encode()
