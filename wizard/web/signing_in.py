"""What a browser's session knows of its member of staff, from the right password to signing out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import cast

from flask import g

from wizard.core.accounts import StaffMember
from wizard.core.errors import Unauthenticated
from wizard.services.ports.identities import Identity, Pending
from wizard.services.sign_in import Half
from wizard.web import access

# For how long the right password waits for the second factor.
HALF_AT_MOST = timedelta(minutes=5)
# For how long somebody may take to sign in at the provider, and in how many tabs at once.
PENDING_AT_MOST, _MOST_PENDING = timedelta(minutes=15), 5
# For how long the way out of the provider is offered.
LEAVING_AT_MOST = timedelta(minutes=5)
# All begin as what “Finish and clear” looks for.
_HALF, _APP_KEY, _BY_TWO = "staff_half", "staff_app_key", "staff_by_two"
_PENDING, _ID_TOKEN, _LEAVING = "staff_pending:", "staff_id_token", "staff_leaving"
_OF_A_SIGN_IN = ("staff", "staff_epoch", "staff_since", "staff_seen", "csrf_token")
_KEYS = (_HALF, _APP_KEY, _BY_TWO, access.WITH_PROVIDER, _ID_TOKEN, _LEAVING, *_OF_A_SIGN_IN)


def sign_in(member: StaffMember, *, by_two: bool, identity: Identity | None = None) -> None:
    """Sign a member of staff in, with a new cookie and a new CSRF token.

    It is `by_two` factors or by one, or by a provider who vouches for an `identity`, and counts as it does it.
    """
    browser, now = access.browser_session(), _now().isoformat()
    access.forget(*_of_staff(browser))
    browser.update({"staff": member.id, "staff_epoch": member.epoch, "staff_since": now, "staff_seen": now})
    browser[_BY_TWO] = by_two
    if identity is not None:
        browser.update({access.WITH_PROVIDER: True, _ID_TOKEN: identity.id_token})
    g.staff_member = member
    access.regenerate()


def sign_out() -> None:
    """End the sign-in and with it all help; what the browser owns as an applicant's stays, unless it was left."""
    browser = access.browser_session()
    access.forget(*_of_staff(browser))
    g.staff_member = None
    access.regenerate()


def sign_out_offering() -> bool:
    """End the sign-in, and answer whether the provider that it was made with offers a way out, too."""
    id_token = access.browser_session().get(_ID_TOKEN)
    sign_out()
    if id_token:
        access.browser_session()[_LEAVING] = [id_token, _now().isoformat()]
    return bool(id_token)


def leaving() -> str | None:
    """What somebody who has just signed out here is signed out by at the provider."""
    id_token, since = access.browser_session().get(_LEAVING) or ("", "")
    return id_token if since and _now() - datetime.fromisoformat(since) < LEAVING_AT_MOST else None


def left() -> None:
    """The way out of the provider was taken."""
    access.forget(_LEAVING)


def begin_elsewhere(pending: Pending, going_to: str) -> None:
    """Somebody goes to the provider, and then where they were going; other tabs of theirs may do so as well."""
    browser = access.browser_session()
    others = sorted((browser[key][-1], key) for key in browser if key.startswith(_PENDING))
    access.forget(*(key for _since, key in others[: 1 - _MOST_PENDING]))
    browser[_PENDING + pending.state] = [pending.nonce, pending.verifier, going_to, _now().isoformat()]


def back_from_elsewhere(state: str) -> tuple[Pending, str] | None:
    """What was begun in this browser under a state, this once, and where it was to lead; None where nothing was."""
    nonce, verifier, going_to, since = access.browser_session().get(_PENDING + state) or ("", "", "", "")
    access.forget(_PENDING + state)
    if not since or _now() - datetime.fromisoformat(since) >= PENDING_AT_MOST:
        return None
    return Pending(state, nonce, verifier), going_to


def by_two() -> bool:
    """Whether whoever is signed in here has shown a second factor."""
    return bool(access.browser_session().get(_BY_TWO))


def begin(half: Half) -> None:
    """Somebody gave the right password, and is nobody here until the second factor has come as well."""
    sign_out()
    access.browser_session()[_HALF] = [half.staff_id, half.epoch, half.username, _now().isoformat()]


def half() -> Half:
    """Who gave the right password here; raises `Unauthenticated("sign_in")` where nobody did in the last minutes."""
    staff_id, epoch, username, since = access.browser_session().get(_HALF) or ("", 0, "", "")
    if not since or _now() - datetime.fromisoformat(since) >= HALF_AT_MOST:
        raise Unauthenticated("sign_in")
    return Half(staff_id, epoch, username)


def app_key() -> str | None:
    """The key that an app is being given in this browser."""
    return cast("str | None", access.browser_session().get(_APP_KEY))


def give_app_key(key: str) -> None:
    """Begin to give an app a key; until it has it, only this browser knows."""
    access.browser_session()[_APP_KEY] = key


def _of_staff(browser: Iterable[str]) -> list[str]:
    """The keys of a sign-in, and of all help with it."""
    return [*_KEYS, *(key for key in browser if key.startswith("helping:"))]


def _now() -> datetime:
    return access.services().clock.now()
