"""A browser's session for the length of a request: read when it is looked at, written when it was changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from flask.sessions import SessionMixin

from wizard.core.errors import ExternalServiceError
from wizard.core.registration import Registration
from wizard.services.ports.browsers import SessionStore, StoredSession
from wizard.services.ports.cookies import RIGHTS, GoingOn, Held, begun, new_cookie, session_id_of
from wizard.services.ports.registrations import PageAhead
from wizard.web.session_changes import SessionChanges

# Of requests that write to one session at once each is passed by at most all others.
_TRIES = 50
_PLAIN = (str, int, float, bool, type(None))


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
        reading: Callable[[str], StoredSession] | None = None,
    ) -> None:
        self.cookie = cookie
        self.looked_at = False
        self._store = store
        self._reading = reading or store.read
        self._stored = StoredSession()
        self._held = Held({})
        self._sid = ""
        # The cookie that opens it, once there is anything to open.
        self._opened_by: str | None = None
        self._values: dict[str, Any] | None = None
        self._changes = SessionChanges()
        self._going_on: GoingOn | None = None
        self._emptied = self._is_over = self._goes_on_elsewhere = False
        self._failure: ExternalServiceError | None = None

    # As a mapping.

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a session holds anything
        return self._read()[key]

    def __setitem__(self, key: str, value: Any) -> None:  # noqa: ANN401
        values = self._read()
        # The same again is no change; of a list or a dict one cannot tell.
        if key not in values or not isinstance(value, _PLAIN) or values[key] != value:
            values[key] = value
            self._changes.put(key, value)

    def __delitem__(self, key: str) -> None:
        del self._read()[key]
        self._changes.remove(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def clear(self) -> None:
        """Take everything out, and what another request puts in meanwhile too."""
        self._read().clear()
        self._changes.clear()

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
        """The cookie that opens it from this request on, if it is stored."""
        self._read()
        return self._sid

    @property
    def modified(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._changes) or (self._opened_by is not None and self._going_on is not None)

    @modified.setter
    def modified(self, value: bool) -> None:
        """Flask's way to say that a value was changed in place."""
        if value:
            for key, each in self._read().items():
                self._changes.put(key, each)

    def regenerate(self) -> None:
        """Go on with another cookie; all others end, also one that another request is being given meanwhile."""
        self._go_on(None)

    def leave(self, taking: Collection[str]) -> None:
        """Go on with another cookie; should the answer with it be lost, this one can: see `GoingOn`, `require_room`."""
        if self.sid == self._opened_by:
            self._stored.cookies.require_room(self.sid)
        self._go_on(frozenset(taking))

    @property
    def has_newer(self) -> bool:
        """Whether something went on from, or ended, the cookie that was sent, and the browser may not know."""
        self._read()
        return self._held.was_left or self._held.has_ended

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
        return self._opened_by if self._opened_by != self.cookie and not self._is_over else None

    @property
    def cookie_to_delete(self) -> str | None:
        """What the browser has sent, where that opens nothing any more."""
        return self.cookie if self._emptied and self._opened_by is None else None

    def save(self) -> bool:
        """Write the changes; False where the session that they were made to has ended, or goes on elsewhere."""
        for _ in range(_TRIES):
            if not self.modified:
                return True
            if self._is_over and not (self._going_on and self._going_on.ends_others):
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
        """It goes on no more: back to what was read, for this request only; answers whether a change is lost.

        The browser is told nothing: it may have the cookie that came after.
        """
        lost = self._changes.put_something_in or (self._goes_on_elsewhere and self._changes.took_away(RIGHTS))
        self._forget_changes()
        self._values, self._is_over = dict(self._held.values), True
        return lost

    def _go_on(self, taking: frozenset[str] | None) -> None:
        self._read()
        self._sid = new_cookie(beside=self._opened_by)
        self._going_on = GoingOn(self._sid, taking)

    def _read(self) -> dict[str, Any]:
        if self._failure is not None:
            raise self._failure
        if self._values is None:
            self.looked_at = True
            try:
                self._stored = self._reading(self.cookie) if self.cookie else StoredSession()
            except ExternalServiceError as failure:
                self._failure = failure
                raise
            held = self._stored.cookies.of(self.cookie) if self.cookie else None
            if held is not None:
                self._held, self._opened_by = held, self.cookie
            self._is_over = self._held.has_ended
            self._sid = self._opened_by or new_cookie()
            self._values = dict(held.values if held else self._stored.cookies.remains_of(self.cookie or ""))
        return self._values

    def _write(self) -> bool:
        opened_by, going_on, values = self._opened_by, self._going_on, self._read()
        if opened_by is None:
            after = begun(self._sid, dict(values))
        else:
            values = self._values = going_on.along(self._held, values) if going_on else values
            after = self._stored.cookies.after(opened_by, self._held, dict(values), going_on)
        if (opened_by or values) and not self._store.write(session_id_of(self._sid), after):
            return False
        self._emptied, self._opened_by = bool(opened_by) and not values, self._sid if values else None
        self._stored, self._held = replace(self._stored, cookies=after), after.of(self._sid) or Held({})
        self._is_over = False
        self._forget_changes()
        return True

    def _forget_changes(self) -> None:
        self._changes, self._going_on = SessionChanges(), None
        # A cookie that has ended is not taken up again.
        self._sid = self._opened_by or new_cookie()

    def _catch_up(self) -> None:
        """Read what another request has written, and change that as this one changed what it had read."""
        cookie = self._opened_by or self._sid
        cookies = self._store.read(cookie).cookies
        held = cookies.of(cookie)
        if held is None and self._going_on and self._going_on.ends_others:
            # Nothing is there that could be ended: what is put in begins anew.
            held, self._opened_by, self._sid = Held({}), None, new_cookie()
        elif held is None or not self._goes_on_from(held):
            self._is_over, self._goes_on_elsewhere = True, held is not None and not held.has_ended
            return
        self._stored, self._held = replace(self._stored, cookies=cookies), held
        self._values = self._changes.made_to(held.values)

    def _goes_on_from(self, held: Held) -> bool:
        """Whether changes may be made to what a cookie holds now: what was left meanwhile may only be gone on from."""
        if held.has_ended:
            return self._going_on is not None and self._going_on.ends_others
        return held.left_at == self._held.left_at or self._going_on is not None
