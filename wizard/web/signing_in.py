"""What a browser's session knows of its member of staff, from the right password to signing out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from flask import g

from wizard.core.accounts import StaffMember
from wizard.core.errors import Unauthenticated
from wizard.services.sign_in import Half
from wizard.web import access

# For how long the right password waits for the second factor.
HALF_AT_MOST = timedelta(minutes=5)
# All begin as what “Finish and clear” looks for.
_HALF, _APP_KEY, _BY_TWO = "staff_half", "staff_app_key", "staff_by_two"
_KEYS = (_HALF, _APP_KEY, _BY_TWO, "staff", "staff_epoch", "staff_since", "staff_seen", "csrf_token")


def sign_in(member: StaffMember, *, by_two: bool) -> None:
    """Sign a member of staff in `by_two` factors or one, under a new browser session id and with a new CSRF token."""
    browser, now = access.browser_session(), _now().isoformat()
    access.forget(*_KEYS)
    browser.update({"staff": member.id, "staff_epoch": member.epoch, "staff_since": now, "staff_seen": now})
    browser[_BY_TWO] = by_two
    g.staff_member = member
    access.regenerate()


def sign_out() -> None:
    """End the sign-in and with it all help; what the browser owns as an applicant's stays."""
    browser = access.browser_session()
    access.forget(*_KEYS, *(key for key in tuple(browser) if key.startswith("helping:")))
    g.staff_member = None
    access.regenerate()


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


def _now() -> datetime:
    return access.services().clock.now()
