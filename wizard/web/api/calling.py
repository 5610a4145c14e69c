"""One call of another system, from the token to the answer: who calls, what is sent, and whether it was sent before."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import TypeVar, cast

import structlog
from flask import Response, current_app, g, request
from pydantic import ValidationError
from structlog.contextvars import bind_contextvars
from werkzeug import exceptions as http

from wizard.core.actors import Actor, ActorKind
from wizard.core.errors import ErrorCode, ExternalServiceError, Problem, Unauthenticated, ValidationFailed
from wizard.services.ports.answers import Claim, KeptAnswer, KeptAnswers
from wizard.services.ports.calls import Call
from wizard.web import access, language, limits
from wizard.web.api import problems
from wizard.web.api.answers import Answer
from wizard.web.api.values import Model
from wizard.web.limit_counts import Quota

JSON = "application/json"
IDEMPOTENCY_KEY, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
EXTENSION = "wizard_kept_answers"
_LONGEST_KEY = 255
_READING = frozenset({"GET", "HEAD"})
_KEPT_HEADERS = ("Content-Type", "Location", "ETag")
# What pydantic finds wrong, as our message ids; all else is a value that is not allowed.
_FOUND: Mapping[str, str] = {
    "missing": "api.required",
    "extra_forbidden": "api.unknown",
    "json_invalid": "api.json",
    "model_type": "api.object",
    "string_type": "api.kind",
    "int_type": "api.kind",
    "bool_type": "api.kind",
    "list_type": "api.kind",
    "datetime_type": "api.kind",
    "email": "email.format",
}
_OF_RULES = frozenset({"choice", "format", "required"})

Sent = TypeVar("Sent", bound=Model)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a call comes to."""

    body: Answer
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Emptied:
    """That what was there is gone, and there is nothing more to say."""


def caller(*, is_open: bool) -> Call:
    """Who calls, counted against their limit. Raises Unauthenticated and RateLimited."""
    g.api_call = Call(_actor(is_open=is_open), access.request_id(), only_if=_insisted_on())
    return cast("Call", g.api_call)


def _actor(*, is_open: bool) -> Actor:
    if is_open:
        _count(limits.open_api())
        return Actor(ActorKind.API, "anonymous")
    authorization = request.authorization
    secret = (authorization.token if authorization and authorization.type == "bearer" else None) or ""
    _count(limits.before_a_token(secret))
    try:
        token = access.services().tokens.authenticate(secret)
    except Unauthenticated:
        _count(limits.unknown_token())
        raise
    _count(limits.api(secret))
    bind_contextvars(actor=token.actor.name)
    return token.actor


def _count(quotas: list[Quota]) -> None:
    """Note what is left, for the answer whatever it is. Raises RateLimited."""
    g.quotas = quotas
    limits.require_room(quotas)


def body(model: type[Sent]) -> Sent:
    """What was sent in the body; nothing is as good as an empty object. Raises ValidationFailed."""
    sent = _sent()
    if not sent.strip():
        sent = b"{}"
    elif request.mimetype != JSON:
        raise http.UnsupportedMediaType
    return _validated(model, sent)


def _sent() -> bytes:
    """The body, whole. Raises RequestEntityTooLarge.

    One that comes in chunks does not say its length, and Werkzeug cuts it off at the limit without a word.
    """
    sent, limit = request.get_data(cache=True), request.max_content_length
    if request.content_length is None and len(sent) == limit and request.environ["wsgi.input"].read(1):
        raise http.RequestEntityTooLarge
    return sent


def query(model: type[Sent]) -> Sent:
    """What was sent in the address. Raises ValidationFailed."""
    twice = [name for name, values in request.args.lists() if len(values) > 1]
    if twice:
        raise ValidationFailed("api.twice", field=twice[0])
    return _validated(model, json.dumps(request.args.to_dict()).encode())


def _validated(model: type[Sent], sent: bytes) -> Sent:
    try:
        return model.model_validate_json(sent)
    except ValidationError as error:
        raise problems.malformed(tuple(_problem(each["type"], each["loc"]) for each in error.errors())) from None


def _problem(kind: str, place: tuple[int | str, ...]) -> Problem:
    name = ".".join(map(str, place)) or None
    # A choice that is none is the rule's to name, as it does where the slug only looks like one; so is a format.
    last = str(place[-1]) if place else ""
    message = f"{_snake(last)}.{kind}" if kind in _OF_RULES else _FOUND.get(kind, "api.value")
    return Problem(ErrorCode.VALIDATION_ERROR, message, name.removeprefix("educationData.") if name else None)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def answered(made: Answered | Emptied) -> Response:
    """The answer as it is sent."""
    if isinstance(made, Emptied):
        return current_app.response_class(status=204)
    response = current_app.response_class(made.body.model_dump_json(by_alias=True), made.status, mimetype=JSON)
    response.headers.update(made.headers)
    if made.etag:
        tell_etag(response, made.etag)
    return response


def tell_etag(response: Response, tag: str) -> None:
    """Say which state is answered; whoever has it already is not sent it again."""
    response.set_etag(tag)
    if request.method in _READING and request.if_none_match.contains_weak(tag):
        response.status_code = HTTPStatus.NOT_MODIFIED
        response.set_data(b"")


def etag(tag: str, *also: object) -> str:
    """What is answered, by the tag of what it shows and the language that it is told in."""
    return "-".join((tag, language.current(), *map(str, also)))


def _insisted_on() -> frozenset[str] | None:
    """The tags that the call is meant for (`If-Match`); None where any will do. To read needs none.

    Whoever sends what is no tag means some state all the same: it is another than the one stored.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag or request.method in _READING:
        return None
    # An empty tag is read as None.
    return frozenset((each or "").partition("-")[0] for each in request.if_match.as_set())


def once(call: Call, do: Callable[[], Response]) -> Response:
    """Do what is asked, or answer what was answered to it, where it came under a key before."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None or request.method != "POST":
        return do()
    if not 1 <= len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise ValidationFailed("idempotency.key", field=IDEMPOTENCY_KEY)
    asked = sha256(_sent()).hexdigest()
    who = call.actor.name if call.actor.privilege else f"{call.actor.name} {request.remote_addr}"
    claim = _answers().claim(f"{who}\n{request.path}\n{key}", asked)
    if isinstance(claim, KeptAnswer):
        return current_app.response_class(claim.body, claim.status, {**claim.headers, REPLAYED: "true"})
    return _done(claim, asked, do)


def _done(claim: Claim, asked: str, do: Callable[[], Response]) -> Response:
    try:
        response = do()
    except Exception as error:  # noqa: BLE001 - answered as any error is, and kept where it is the answer for good
        response = current_app.make_response(current_app.handle_user_exception(error))
    if _may_change(response):
        _settle(lambda: _answers().release(claim))
        return response
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    headers["Content-Language"] = language.current()
    kept = KeptAnswer(response.status_code, headers, response.get_data())
    _settle(lambda: _answers().keep(claim, asked, kept))
    return response


def _may_change(response: Response) -> bool:
    """Whether the same call may fare better in a moment."""
    return response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or "Retry-After" in response.headers


def _settle(do: Callable[[], None]) -> None:
    """Redis may be gone by now: what was done is done, and the claim ends by itself."""
    try:
        do()
    except ExternalServiceError:
        _log.warning("answer.not_kept")


def quota_headers(quotas: list[Quota]) -> dict[str, str]:
    """What is left of the limits (draft-ietf-httpapi-ratelimit-headers); the name of each is its window."""
    if not quotas:
        return {}
    tightest = min(quotas, key=lambda each: each.left)
    return {
        "RateLimit-Policy": ", ".join(f'"{each.window}";q={each.amount};w={each.window}' for each in quotas),
        "RateLimit": f'"{tightest.window}";r={tightest.left};t={tightest.reset}',
    }


def _answers() -> KeptAnswers:
    return cast("KeptAnswers", current_app.extensions[EXTENSION])
