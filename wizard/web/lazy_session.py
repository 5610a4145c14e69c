"""A browser's session for the length of a request: read when it is looked at, written when it was changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from flask.sessions import SessionMixin

from wizard.core.errors import ExternalServiceError
from wizard.core.registration import Registration
from wizard.services.ports import old_ids
from wizard.services.ports.browsers import AskedFor, SessionStore, StoredSession
from wizard.services.ports.registrations import PageAhead

# Of requests that write to one session at once each is passed by at most all others.
_TRIES = 50
_PLAIN = (str, int, float, bool, type(None))
_REMOVED = object()


class BrowserSession(SessionMixin):
    """What the server remembers for a browser, read when it is first looked at.

    It knows what this request changed, key by key, to do it again on what another request has written meanwhile.
    Looking at it raises `ExternalServiceError` where it cannot be read; whether it can is `available`.
    """

    # All are: the age of the cookie is one setting.
    permanent = True

    def __init__(
        self,
        store: SessionStore,
        *,
        cookie: str | None,
        new_sid: Callable[[], str],
        takes_unsent: bool = False,
        asked_for: Callable[[], AskedFor] = AskedFor,
    ) -> None:
        self.cookie = cookie
        self.looked_at = False
        self._store = store
        self._new_sid = new_sid
        self._takes_unsent = takes_unsent
        self._asked_for = asked_for
        self._stored = StoredSession()
        self._sid = ""
        self._stored_sid: str | None = None
        self._revision = 0
        self._values: dict[str, Any] | None = None
        self._as_read: dict[str, Any] = {}
        self._changes: dict[str, Any] = {}
        self._cleared = False
        self._emptied = False
        self._leaves = False
        self._is_over = False
        self._failure: ExternalServiceError | None = None

    # As a mapping.

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a session holds anything
        return self._read()[key]

    def __setitem__(self, key: str, value: Any) -> None:  # noqa: ANN401
        values = self._read()
        # The same again is no change; of a list or a dict one cannot tell.
        if key not in values or not isinstance(value, _PLAIN) or values[key] != value:
            values[key] = self._changes[key] = value

    def __delitem__(self, key: str) -> None:
        del self._read()[key]
        self._changes[key] = _REMOVED

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def clear(self) -> None:
        """Take everything out, and what another request puts in meanwhile too."""
        self._read().clear()
        self._changes.clear()
        self._cleared = self._stored_sid is not None

    # As a session.

    @property
    def available(self) -> bool:
        """Whether it can be read, and written as far as is known."""
        try:
            self._read()
        except ExternalServiceError:
            return False
        return True

    @property
    def sid(self) -> str:
        """The id under which it is stored from this request on, if it is."""
        self._read()
        return self._sid

    @property
    def modified(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._changes) or self._cleared or self._is_moving

    @modified.setter
    def modified(self, value: bool) -> None:
        """Flask's way to say that a value was changed in place."""
        if value:
            self._changes.update(self._read())

    def regenerate(self, *, leaving: bool = False, taking: Collection[str] = ()) -> None:
        """Go on under another id; with `leaving` the old one has for a while what it had. See `old_ids.not_taken`."""
        for key in old_ids.not_taken(self._read(), taking):
            del self[key]
        self._sid = self._new_sid()
        self._leaves = leaving

    @property
    def unsent(self) -> dict[str, Any]:
        """What was kept for just this request; nobody else gets it again."""
        self._read()
        return self._stored.unsent

    @property
    def read_ahead(self) -> dict[str, Registration | None]:
        """The registration that the request is about, read along with the session."""
        self._read()
        return self._stored.read_ahead

    @property
    def page_ahead(self) -> PageAhead | None:
        """What the indexes say of the page of a list that the request is about."""
        self._read()
        return self._stored.page_ahead

    def keep_unsent(self, values: dict[str, Any]) -> None:
        """Keep values for the one request that takes them, beside the session's own."""
        self._store.keep_unsent(self.sid, values)

    # For the interface.

    @property
    def cookie_to_set(self) -> str | None:
        """What the browser is to be told, where it has not sent just that."""
        return self._stored_sid if self._stored_sid != self.cookie and not self._is_over else None

    @property
    def cookie_to_delete(self) -> str | None:
        """What the browser has sent, where that opens nothing any more."""
        return self.cookie if self._emptied and self._stored_sid is None else None

    def save(self) -> bool:
        """Write the changes; False where the session that they were made to has ended."""
        for _ in range(_TRIES):
            if not self.modified:
                return True
            if self._is_over:
                return False
            if self._write():
                return True
            self._catch_up()
        raise ExternalServiceError("redis")

    def fail(self, failure: ExternalServiceError) -> None:
        """It could not be written: nothing in it may be relied on any more in this request."""
        self._failure = failure
        self._forget_changes()

    def give_up(self) -> bool:
        """It has ended: back to what was read, for this request only; answers whether a value put in is lost.

        The browser is told nothing: it may have the id of the session that came after.
        """
        lost = any(change is not _REMOVED for change in self._changes.values())
        self._forget_changes()
        self._values, self._is_over = self._as_read, True
        return lost

    @property
    def _is_moving(self) -> bool:
        return self._stored_sid is not None and self._stored_sid != self._sid

    def _read(self) -> dict[str, Any]:
        if self._failure is not None:
            raise self._failure
        if self._values is None:
            self.looked_at = True
            try:
                self._stored = self._read_stored()
            except ExternalServiceError as failure:
                self._failure = failure
                raise
            self._revision, self._values = self._stored.revision, self._stored.values
            self._as_read = dict(self._values)
            self._is_over = self._revision < 0
            self._stored_sid = self.cookie if self._revision else None
            self._sid = self._stored_sid or self._new_sid()
        return self._values

    def _read_stored(self) -> StoredSession:
        if self.cookie is None:
            return StoredSession()
        asked = self._asked_for()
        return self._store.read(
            self.cookie, takes_unsent=self._takes_unsent, registration=asked.registration, page=asked.page
        )

    def _write(self) -> bool:
        values, stored, seen = self._read(), self._stored_sid, self._revision
        before = self._as_read.get(old_ids.BEFORE, [])
        if not values:
            written = stored is None or self._store.delete(stored, seen=seen, before=before)
            self._emptied = stored is not None
            becomes, revision = None, 0
        elif stored is not None and self._is_moving:
            values.pop(old_ids.BEFORE, None)
            leaving = old_ids.leave(self._as_read, stored, going_on=values) if self._leaves else None
            written = self._store.move(stored, values, seen=seen, to=self._sid, leaving=leaving, before=before)
            becomes, revision = self._sid, 1
        else:
            written = self._store.write(self._sid, values, seen=seen)
            becomes, revision = self._sid, seen + 1
        if written:
            self._stored_sid, self._revision = becomes, revision
            self._forget_changes()
        return written

    def _forget_changes(self) -> None:
        self._changes.clear()
        self._cleared = False
        # An id that has ended is not taken up again.
        self._sid = self._stored_sid or self._new_sid()

    def _catch_up(self) -> None:
        """Read what another request has written, and change that as this one changed what it had read."""
        stored = self._store.read(self._stored_sid) if self._stored_sid else StoredSession()
        if stored.revision <= 0 or old_ids.is_left_since(stored.values, self._as_read):
            self._is_over = True
            return
        self._revision, self._as_read = stored.revision, dict(stored.values)
        self._values = {} if self._cleared else stored.values
        for key, change in self._changes.items():
            if change is _REMOVED:
                self._values.pop(key, None)
            else:
                self._values[key] = change
