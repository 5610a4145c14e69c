"""Who acts in a request, and which registrations the browser that sent it may open."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

from flask import current_app, g, session
from flask.sessions import SessionMixin
from structlog.contextvars import bind_contextvars

from wizard.core.accounts import StaffMember
from wizard.core.actors import Action, Actor, ActorKind, may
from wizard.core.errors import ExternalServiceError, NotFound, SessionExpired, Unauthenticated
from wizard.services.ports.calls import Call
from wizard.services.ports.cookies import NOT_TAKEN, keys_of, making_room
from wizard.services.ports.registrations import PageAhead
from wizard.web.session_ids import is_session_id
from wizard.web.texts import language_code

if TYPE_CHECKING:
    from wizard.config import Settings
    from wizard.core.registration import Registration
    from wizard.services.bundle import Services

# A working day; within it, staff who leave their desk for longer than the second have to sign in again.
SIGNED_IN_AT_MOST = timedelta(hours=8)
IDLE_AT_MOST = timedelta(hours=1)
# How exactly idleness is known: the browser's session is not to be written at every page.
_SEEN_EVERY = timedelta(minutes=5)
# On the way in and out.
SIGNING_IN = frozenset(
    {
        *("staff.sign_in", "staff.sign_in_code", "staff.sign_in_set_up", "staff.sign_out"),
        *("staff.oidc_begin", "staff.oidc_callback", "staff.signed_out", "staff.oidc_leave"),
    }
)
# In the session of a browser: its sign-in was made with an identity provider.
WITH_PROVIDER = "staff_with_provider"


class _ReadingAhead(Protocol):
    read_ahead: dict[str, Registration | None]
    page_ahead: PageAhead | None


def services() -> Services:
    """The services of the app."""
    return cast("Services", current_app.extensions["wizard"])


def settings() -> Settings:
    """The settings of the app."""
    return cast("Settings", current_app.extensions["wizard_settings"])


def request_id() -> str | None:
    """The id that the request is known by in the logs and in the audit trail."""
    return cast("str | None", g.get("request_id"))


def session_available() -> bool:
    """Whether the browser's session could be read; it cannot while Redis is down."""
    return bool(getattr(session, "available", True))


def browser_session() -> SessionMixin:
    """The browser's session; raises `ExternalServiceError("redis")` where it could not be read."""
    # What the proxy stands for: each look through it costs as much as a look at the session.
    found: SessionMixin = session._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Werkzeug's way
    if not getattr(found, "available", True):
        raise ExternalServiceError("redis")
    return found


def current_call(session_id: str | None = None) -> Call:
    """Who calls: staff who help with the registration (or, without one, are signed in), else the applicant."""
    by_staff = signed_in_staff() is not None if session_id is None else helps(session_id)
    if by_staff:
        return staff_call()
    if session_id is None or _key("registration", session_id) not in browser_session():
        return _call(Actor.applicant())
    return _call(Actor.applicant(session_id, proved_account(session_id)))


def staff_call() -> Call:
    """The member of staff who is signed in calls; raises `Unauthenticated("sign_in")` where nobody is."""
    member = signed_in_staff()
    if member is None:
        raise Unauthenticated("sign_in")
    return _call(Actor.staff(member.username, member.privilege))


def proved_account(session_id: str) -> str | None:
    """The account that a code proved in this browser, for a registration."""
    return cast("str | None", browser_session().get(_key("proof", session_id)))


def owns(session_id: str) -> bool:
    """Whether this browser may open a registration: its own, or one that signed-in staff help with."""
    if not is_session_id(session_id):
        return False
    if _key("registration", session_id) in browser_session():
        return True
    return helps(session_id)


def helps(session_id: str) -> bool:
    """Whether signed-in staff help with a registration in this browser."""
    return _key("helping", session_id) in browser_session() and signed_in_staff() is not None


def require_access(session_id: str) -> None:
    """Raise `NotFound` unless this browser may open the registration, and `SessionExpired` where it is long gone.

    Staff who helped with it and whose sign-in has ended get `Unauthenticated("sign_in")`: they may again.
    """
    if owns(session_id):
        if _is_long_gone(session_id):
            raise SessionExpired
        return
    if _key("helping", session_id) in browser_session():
        raise Unauthenticated("sign_in")
    raise NotFound("session.unknown")


def _is_long_gone(session_id: str) -> bool:
    """Whether a registration that is not there was there once.

    Its first answers are taken for as long as a registration lives, and each lives at least that long after them: if
    none is there later, it has ended, and its id must not be begun with again. Staff help only with what was there.
    """
    if _reading_ahead().get(session_id, ...) is not None:
        return False
    since = browser_session().get(_key("registration", session_id))
    return since is None or _now() - datetime.fromisoformat(since) >= settings().session_ttl


def may_create(member: StaffMember | None) -> bool:
    """Whether somebody of the desk may make a record for somebody else; the pages say so first."""
    return member is not None and may(Actor.staff(member.username, member.privilege), Action.CREATE, None)


def may_delete(member: StaffMember | None) -> bool:
    """Whether somebody of the desk may delete records; the pages offer it to no others."""
    return member is not None and may(Actor.staff(member.username, member.privilege), Action.DELETE, None)


def grant_registration(session_id: str) -> None:
    """Let this browser open a registration, with a new cookie."""
    _go_on_with(session_id)
    forget(NOT_TAKEN, *making_room(browser_session(), session_id))
    browser_session()[_key("registration", session_id)] = _now().isoformat()


def grant_proof(session_id: str, account_id: str) -> None:
    """Note that a code entered in this browser proved an account, for one registration."""
    _go_on_with(session_id)
    browser_session()[_key("proof", session_id)] = account_id


def grant_help(session_id: str) -> None:
    """Let signed-in staff act on a registration in this browser."""
    browser_session()[_key("helping", session_id)] = "1"


def forget_registration(session_id: str) -> None:
    """Take back whatever was granted for a registration with this cookie."""
    forget(*keys_of(session_id))


def stop_helping(session_id: str) -> None:
    """Staff no longer act on a registration in this browser."""
    forget(_key("helping", session_id))


def signed_in_staff() -> StaffMember | None:
    """The member of staff signed in here: still active, not signed out everywhere, within the time limits."""
    if "staff_member" not in g:
        g.staff_member = _staff_of_session(browser_session())
    return cast("StaffMember | None", g.staff_member)


def forget(*keys: str) -> None:
    """Take keys out of the browser's session."""
    browser: Any = browser_session()
    for key in keys:
        browser.pop(key, None)


def regenerate() -> None:
    """Give the browser another cookie for its session; no other opens anything any more."""
    browser: Any = browser_session()
    browser.regenerate()


def _go_on_with(session_id: str) -> None:
    """Give the browser another cookie; should the answer with it be lost, the old one is the only way to go on."""
    browser: Any = browser_session()
    browser.leave(taking=keys_of(session_id))


def _staff_of_session(browser: SessionMixin) -> StaffMember | None:
    staff_id, epoch = browser.get("staff"), browser.get("staff_epoch")
    if staff_id is None or epoch is None or _over(browser):
        return None
    if settings().staff_totp_required and not browser.get("staff_by_two"):
        return None
    if not settings().staff_passwords and not browser.get(WITH_PROVIDER):
        return None
    return services().sign_in.member(staff_id, epoch)


def _over(browser: SessionMixin) -> bool:
    if "staff_since" not in browser:
        return True
    now = _now()
    since = datetime.fromisoformat(browser["staff_since"])
    seen = datetime.fromisoformat(browser.get("staff_seen", browser["staff_since"]))
    if now - since >= SIGNED_IN_AT_MOST or now - seen >= IDLE_AT_MOST:
        return True
    if now - seen >= _SEEN_EVERY:
        browser["staff_seen"] = now.isoformat()
    return False


def _call(actor: Actor) -> Call:
    bind_contextvars(actor=actor.name)
    speaks = (language_code() or "en") if actor.kind is ActorKind.APPLICANT else None
    reading = cast("_ReadingAhead", browser_session())
    return Call(actor, request_id(), speaks, reading.read_ahead, reading.page_ahead)


def _reading_ahead() -> dict[str, Registration | None]:
    return cast("_ReadingAhead", browser_session()).read_ahead


def _key(kind: str, session_id: str) -> str:
    return f"{kind}:{session_id}"


def _now() -> datetime:
    return services().clock.now()
