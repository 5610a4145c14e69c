"""What browsers' sessions hold, in Redis: `<revision>:<sealed MessagePack>` each, never a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import structlog

from wizard.services.ports.browsers import StoredSession
from wizard.services.ports.cookies import REMEMBERED, Cookies, Held, session_id_of
from wizard.services.ports.registrations import PageAhead, PageAsked
from wizard.storage import scripts
from wizard.storage.codec import microseconds
from wizard.storage.crypto import Cipher
from wizard.storage.lists import Lists
from wizard.storage.redis_access import Client, pipeline, reaching_redis
from wizard.storage.stored_values import StoredValues, key_of

# What is kept for one request is for the one that a redirect asks for at once.
_UNSENT = timedelta(minutes=2)
_SAVED = 1
_MILLISECOND = timedelta(milliseconds=1)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Held]).decode
_decode_unsent = msgspec.msgpack.Decoder(dict[str, Any]).decode

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
        self, cookie: str, *, takes_unsent: bool = False, registration: str | None = None, page: PageAsked | None = None
    ) -> StoredSession:
        """The session of a cookie, in one round trip that begins its lifetime again.

        In the same round trip come what was kept for this one request, which is gone with it, and the registration, or
        what the indexes say of the page of a list, that the request will ask for. What does not open (planted, or its
        key is gone) is as good as nothing: the browser starts afresh.
        """
        session_id = session_id_of(cookie)
        with pipeline(self.client) as commands:
            commands.getex(_key(session_id), px=self.lifetime // _MILLISECOND)
            if takes_unsent:
                commands.getdel(_unsent_key(cookie))
            if registration:
                commands.get(key_of(registration))
            if page:
                self.lists.queue(commands, page)
            stored, *more = commands.execute()
        unsent = self._unsent(cookie, more.pop(0)) if takes_unsent else {}
        read_ahead = {registration: self.registrations.read(registration, more.pop(0))} if registration else {}
        page_ahead = PageAhead(page, more) if page else None
        return StoredSession(self._opened(session_id, stored), unsent, read_ahead, page_ahead)

    def keep_unsent(self, cookie: str, values: Mapping[str, Any]) -> None:
        """Keep values for the one request that takes them, not for long."""
        key = _unsent_key(cookie)
        with reaching_redis():
            self.client.set(key, self.cipher.encrypt(_encode(values), context=key.encode()), ex=_UNSENT)

    def write(self, session_id: str, cookies: Cookies) -> bool:
        """Store in place of the revision before (0: nothing); False where something else, or nothing, stands there.

        Of a session that has ended stands there for a moment that it has.
        """
        sealed = self.cipher.encrypt(_encode(cookies.held), context=_context(session_id, cookies.revision))
        value, seen = b"%d:" % cookies.revision + sealed, str(cookies.revision - 1 or "")
        life = REMEMBERED if cookies.have_ended else self.lifetime
        with reaching_redis():
            answer = self.client.eval(scripts.SAVE, 1, _key(session_id), seen, value, life // _MILLISECOND)
        return bool(answer == _SAVED)

    def _opened(self, session_id: str, stored: bytes | None) -> Cookies:
        if stored is None:
            return Cookies()
        revision, _, sealed = stored.partition(b":")
        try:
            held = _decode(self.cipher.decrypt(sealed, context=_context(session_id, int(revision))))
        except (ValueError, msgspec.DecodeError) as error:
            _log.warning("browser_session.unreadable", reason=str(error))
            return Cookies()
        return Cookies(int(revision), held, microseconds(self.registrations.clock.now()))

    def _unsent(self, cookie: str, sealed: bytes | None) -> dict[str, Any]:
        try:
            plain = self.cipher.decrypt(sealed, context=_unsent_key(cookie).encode()) if sealed else None
            return _decode_unsent(plain) if plain else {}
        except (ValueError, msgspec.DecodeError) as error:
            _log.warning("browser_session.unreadable", reason=str(error))
            return {}


def _key(session_id: str) -> str:
    return f"ot_browser_session:{{{session_id}}}"


def _unsent_key(cookie: str) -> str:
    # Each cookie's own, and no key tells a cookie.
    return f"ot_browser_session_unsent:{{{session_id_of(cookie)}}}:{sha256(cookie.encode()).hexdigest()[:32]}"


def _context(session_id: str, revision: int) -> bytes:
    return f"{_key(session_id)}@{revision}".encode()
