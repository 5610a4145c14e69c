"""How often something may be tried: per browser, address and target, counted in the same Redis."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, cast

from flask import Flask, current_app, request, session
from flask_limiter import Limiter
from limits import RateLimitItem, parse_many
from redis import Redis, RedisCluster

from wizard.config import Settings
from wizard.core.accounts import email_key
from wizard.core.education import member_number_key
from wizard.core.errors import RateLimited
from wizard.web.limit_counts import SCHEME, Quota, SharedRedis, Try

_EXTENSION = "wizard_limits"
_IPV6_PREFIX = 64
# What is said where there is more to say than to wait.
_SAID = {"codes": "rate_limited.codes"}
# Subjects who try; all others are what is tried.
_WHO = frozenset({"browser", "address", "registration"})
# How many times the limit there is room for, where a subject is not the only one: behind an address there may be a
# whole class, and a target must not be closed to its owner by what one stranger, at one address, has tried.
_ROOM = {"address": 10, "target": 5, "username": 5, "mailbox": 5}


@dataclass(frozen=True, slots=True)
class _Limits:
    """What may be done how often, and the key under which nobody's address or number can be read in Redis."""

    limiter: Limiter
    items: Mapping[str, tuple[RateLimitItem, ...]]
    key: bytes

    def spend(self, name: str, **subjects: str) -> None:
        """Count a try for each subject. Raises `RateLimited` where one has had too many.

        Who tries is asked first, in one round trip: somebody who has tried too often must not use up what others
        may try on the same target. What an address tries on a target is counted by itself, too.
        """
        who = {kind: subject for kind, subject in subjects.items() if kind in _WHO}
        what = {kind: subject for kind, subject in subjects.items() if kind not in _WHO}
        who |= {f"{kind}_from_address": f"{who['address']} {what[kind]}" for kind in what if kind in _ROOM}
        said = _SAID.get(name, "rate_limited")
        self._spend(
            [each for kind in who for each in self._tries(name, kind, who[kind], alone=len(subjects) == 1)], said
        )
        self._spend([each for kind in what for each in self._tries(name, kind, what[kind])], said)

    def _tries(self, name: str, kind: str, subject: str, *, alone: bool = False) -> Iterator[Try]:
        digest = hmac.digest(self.key, f"{kind}:{subject}".encode(), "sha256").hex()
        room = 1 if alone else _ROOM.get(kind, 1)
        for item in self.items[name]:
            yield Try(_wider(item, room), (f"{name}.{kind}", digest))

    def quota(self, name: str, kind: str, subject: str) -> list[Quota]:
        """Count a call of another system, and say how much room there was and is."""
        return self._hit(list(self._tries(name, kind, subject, alone=True)))

    def stand(self, *asked: tuple[str, str, str]) -> list[list[Quota]]:
        """How several limits stand, by name, kind and subject, in one round trip."""
        tries = [list(self._tries(*each, alone=True)) for each in asked]
        quotas = iter(self._shared.look_all([each for some in tries for each in some]))
        return [list(islice(quotas, len(some))) for some in tries]

    def _spend(self, tries: Sequence[Try], said: str) -> None:
        require_room(self._hit(tries), said)

    def _hit(self, tries: Sequence[Try]) -> list[Quota]:
        return self._shared.hit_all(tries) if tries else []

    @property
    def _shared(self) -> SharedRedis:
        return cast("SharedRedis", self.limiter.storage)


def require_room(quotas: Sequence[Quota], said: str = "rate_limited") -> None:
    """Raise `RateLimited` where one of some limits had no room."""
    resets = [each.reset for each in quotas if not each.had_room]
    if resets:
        raise RateLimited(said, retry_after=max(1, *resets))


def _wider(item: RateLimitItem, room: int) -> RateLimitItem:
    return type(item)(room * item.amount, item.multiples)


def init_app(app: Flask, settings: Settings, redis_client: Redis | RedisCluster) -> None:
    """Count in the given Redis, by the limits of the settings."""
    limiter = Limiter(
        key_func=_address,
        app=app,
        storage_uri=f"{SCHEME}://",
        storage_options=cast("dict[str, str | int]", {"client": redis_client}),
        strategy="sliding-window-counter",
    )
    _without_hooks(app, limiter)
    items = {
        "starts": settings.limit_starts,
        "fields": settings.limit_fields,
        "codes": settings.limit_codes,
        "numbers": settings.limit_numbers,
        "links": settings.limit_links,
        "resume": settings.limit_resume,
        "sign_in": settings.limit_sign_in,
        "api": settings.limit_api,
        "open_api": settings.limit_open_api,
    }
    parsed = {name: tuple(parse_many(text)) for name, text in items.items()}
    key = hmac.digest(settings.secret_keys[0].encode(), b"rate limits", "sha256")
    app.extensions[_EXTENSION] = _Limits(limiter, parsed, key)


def _without_hooks(app: Flask, limiter: Limiter) -> None:
    """No view has a limit of Flask-Limiter's own: what it would do around every request for them is left out."""
    for hooks in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs):
        every: list[Any] = hooks[None]
        every[:] = [hook for hook in every if limiter not in (getattr(hook, "__self__", None), *_given(hook))]


def _given(hook: object) -> tuple[object, ...]:
    return hook.args if isinstance(hook, partial) else ()


def starts() -> None:
    """A registration is started."""
    _limits().spend("starts", address=_address())


def fields() -> None:
    """A field is checked while the form is filled in."""
    _limits().spend("fields", browser=_browser(), address=_address())


def codes(member_number: str) -> None:
    """A code is sent to the account of a member number; each may then be tried only a few times."""
    _limits().spend("codes", browser=_browser(), address=_address(), target=member_number_key(member_number))


def links(session_id: str) -> None:
    """A link to continue is sent by an applicant."""
    _limits().spend("links", registration=session_id, address=_address())


def links_by_desk(session_id: str) -> None:
    """A link to continue is sent by staff, who share an address and help many."""
    _limits().spend("links", registration=session_id)


def resume(token: str) -> None:
    """Opening a link to continue is tried."""
    _limits().spend("resume", address=_address(), link=token)


def sign_in(username: str) -> None:
    """Signing in as staff is tried."""
    _limits().spend("sign_in", address=_address(), username=username.strip().casefold())


def elsewhere() -> None:
    """Somebody goes to the identity provider, to sign in as staff."""
    _limits().spend("sign_in", browser=_browser(), address=_address())


def second_factor(staff_id: str) -> None:
    """A code of an app, a recovery code, or the password once more, is tried by somebody of the desk."""
    _limits().spend("sign_in", address=_address(), username=f"second factor:{staff_id}")


def numbers(email: str) -> None:
    """The member numbers of an e-mail address are sent there."""
    _limits().spend("numbers", browser=_browser(), address=_address(), mailbox=email_key(email))


def new_accounts(email: str) -> None:
    """A code is sent to an e-mail address for which an account is to be made."""
    _limits().spend("codes", browser=_browser(), address=_address(), mailbox=email_key(email))


def api(secret: str) -> list[Quota]:
    """A system calls with its token: whether there was room, and what is left."""
    return _limits().quota("api", "token", secret)


def open_api() -> list[Quota]:
    """Somebody calls what needs no token; the same."""
    return _limits().quota("open_api", "address", _address())


def unknown_token() -> list[Quota]:
    """Somebody called without a token, or with one that nobody knows; the same."""
    return _limits().quota("open_api", "unknown", _address())


def before_a_token(secret: str) -> list[Quota]:
    """How it stands with unknown tokens from there, asked before anybody looks whether this is one; counts nothing.

    Whoever was let in lately is not held up by what others behind the same address try.
    """
    unknown, token = _limits().stand(("open_api", "unknown", _address()), ("api", "token", secret))
    return [] if any(each.left < each.amount for each in token) else unknown


def _limits() -> _Limits:
    return cast("_Limits", current_app.extensions[_EXTENSION])


def _browser() -> str:
    return str(getattr(session, "sid", ""))


def _address() -> str:
    """The client's address; of an IPv6 address the network, whose owner has the rest at will."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if address.version == ipaddress.IPV4LENGTH // 8:
        return str(address)
    return str(ipaddress.ip_network((int(address), _IPV6_PREFIX), strict=False))
