"""A page as it is for everybody who is as far, drawn once; what is somebody's own is put in.

Drawing was more than half of what a page cost (docs/benchmarks.md). Nothing that anybody typed is kept here: only
choices from lists, and what the rules make of them, decide which skeleton a page has, all else stands in its gaps.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from threading import Lock
from typing import Self

from flask import current_app, g, make_response, request
from markupsafe import escape
from werkzeug import Response

from wizard.core.category import Rationale
from wizard.core.education import CHOICE_FIELDS
from wizard.core.errors import Problem
from wizard.core.registration import Registration
from wizard.core.rules import RuleOutcome
from wizard.core.steps import FIELDS_OF, Step
from wizard.web import wording
from wizard.web.access import helps
from wizard.web.applicant.journey import Visit
from wizard.web.applicant.page import TimeLeft, time_left
from wizard.web.choices import language
from wizard.web.facts import today
from wizard.web.form_tokens import form_token

_MOST = 128
_EXTENSION = "wizard_skeletons"
_TOKEN = "csrf_token"  # noqa: S105 - what Flask-WTF calls it
# No text has these: they are for private use. A version is a number where it is drawn.
_OPEN, _CLOSE = "\ue000", "\ue001"
_GAP = re.compile(f"{_OPEN}([a-z_]+){_CLOSE}")
_VERSION = 987_654_321
# The choices that a step's page is drawn by; of all other answers, only whether they are given.
_BY_CHOICE: Mapping[Step, frozenset[str]] = {
    **{step: frozenset(CHOICE_FIELDS).intersection(names) for step, names in FIELDS_OF.items()},
    **dict.fromkeys((Step.REVIEW, Step.CONFIRM), frozenset({"university", "coto_status"})),
}
_BY_NONE: frozenset[str] = frozenset()
# Draws the page of a registration; it hands on to the template what else it is given.
Draw = Callable[..., Response]


def gap(name: str) -> str:
    """What stands where a page has something of somebody's own."""
    return f"{_OPEN}{name}{_CLOSE}"


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A page cut at its gaps, encoded: what stands before each gap and after the last, and the gaps' names."""

    texts: tuple[bytes, ...]
    gaps: tuple[str, ...] = ()

    @classmethod
    def of(cls, drawn: str) -> Self:
        """Of a page that was drawn with what stands for the rest."""
        pieces = _GAP.split(drawn.replace(str(_VERSION), gap("version")))
        return cls(tuple(text.encode() for text in pieces[::2]), tuple(pieces[1::2]))

    def filled(self, value_of: Callable[[str], str]) -> bytes:
        """The page of somebody, whose values are asked for by the gaps' names."""
        values = {name: escape(value_of(name)).encode() for name in set(self.gaps)}
        given = [values[name] for name in self.gaps]
        return b"".join(chain.from_iterable(zip(self.texts, [*given, b""], strict=True)))


@dataclass(slots=True)
class Skeletons:
    """Those used last."""

    kept: OrderedDict[Hashable, Skeleton] = field(default_factory=OrderedDict)
    _alone: Lock = field(default_factory=Lock)

    def get(self, key: Hashable) -> Skeleton | None:
        return self.kept.get(key)

    def put(self, key: Hashable, made: Skeleton) -> None:
        """Keep it, in the place of the one that was used longest ago."""
        with self._alone:
            self.kept[key] = made
            self.kept.move_to_end(key)
            while len(self.kept) > _MOST:
                self.kept.popitem(last=False)


def skeletons() -> Skeletons:
    """Those of the app."""
    found: Skeletons = current_app.extensions.setdefault(_EXTENSION, Skeletons())
    return found


def is_plain(visit: Visit, *, queries: tuple[bytes, ...] = ()) -> bool:
    """Whether a page is asked for by its applicant, as it is or with one of some flags."""
    asked = request.query_string
    return request.method == "GET" and (not asked or asked in queries) and not helps(visit.session_id)


def filled(visit: Visit, registration: Registration | None, draw: Draw, *about: Hashable, **own: str) -> Response:
    """The page of a step, out of its skeleton.

    `about` is all that it depends on beside the choices it is drawn by, how far the registration is, flags and
    language; `own` is what else is somebody's own.
    """
    left = time_left(registration)
    key = (visit.step, request.query_string, *_kind(visit.step, registration, left), *about)
    values = {"session_id": visit.session_id, **_values_of(registration, left), **own}

    def value_of(name: str) -> str:
        return values[name] if name in values or registration is None else wording.answer(name, registration.data)

    return _page(key, lambda: _drawn(visit, registration, left, draw), value_of)


def alike(name: str, draw: Callable[[], Response]) -> Response:
    """A page in which only the token is a browser's own, out of its skeleton."""
    return _page(name, lambda: draw().get_data(as_text=True), str)


def said(outcomes: Iterable[RuleOutcome]) -> Hashable:
    """What the rules made of the answers; nothing in it was typed."""
    return tuple((each.rule, each.outcome, *each.params.values()) for each in outcomes)


def worded(messages: Iterable[Problem]) -> Hashable:
    """What is wrong or remarkable; nothing in it was typed."""
    return tuple((each.message, *each.params.values()) for each in messages)


def explained(rationale: Rationale) -> Hashable:
    """Why a category was decided."""
    return (rationale.codes, *rationale.params.values())


def _page(about: Hashable, draw: Callable[[], str], value_of: Callable[[str], str]) -> Response:
    key, kept = (language(), today().year, about), skeletons()
    skeleton = kept.get(key)
    if skeleton is None:
        with _gap_for_token():
            skeleton = Skeleton.of(draw())
    kept.put(key, skeleton)
    return make_response(skeleton.filled(lambda name: form_token() if name == _TOKEN else value_of(name)))


def _drawn(visit: Visit, registration: Registration | None, left: TimeLeft | None, draw: Draw) -> str:
    gaps = left and replace(left, seconds=gap("seconds"), until=gap("until"))
    drawn = draw(registration and _stand_in(visit.step, registration), time_left=gaps)
    return drawn.get_data(as_text=True).replace(visit.session_id, gap("session_id"))


def _kind(step: Step, registration: Registration | None, left: TimeLeft | None) -> tuple[Hashable, ...]:
    """What tells the registrations apart that a step's page is drawn differently for."""
    if registration is None:
        return ()
    shown, data = _BY_CHOICE.get(step, _BY_NONE), registration.data
    answers = (value if name in shown else value is None for name, value in data.as_dict().items())
    extendable = left is not None and left.extendable
    return (*answers, registration.contact_email is None, registration.status, extendable)


def _stand_in(step: Step, registration: Registration) -> Registration:
    """A registration to draw a skeleton of: the choices that it is drawn by, and gaps for the rest."""
    shown, answers = _BY_CHOICE.get(step, _BY_NONE), registration.data.as_dict()
    own = {name: gap(name) for name, value in answers.items() if value is not None and name not in shown}
    return replace(
        registration,
        data=replace(registration.data, **own),
        contact_email=registration.contact_email and gap("email"),
        record_number=gap("record_number"),
        version=_VERSION,
    )


def _values_of(registration: Registration | None, left: TimeLeft | None) -> dict[str, str]:
    """What comes into the gaps, the answers apart."""
    if registration is None:
        return {}
    values = {"version": str(registration.version), "email": registration.contact_email or ""}
    if registration.record_number:
        values["record_number"] = registration.record_number
    return {**values, "seconds": str(left.seconds), "until": left.until} if left else values


@contextmanager
def _gap_for_token() -> Iterator[None]:
    """What is drawn meanwhile has a gap for this browser's token."""
    token = form_token()
    setattr(g, _TOKEN, gap(_TOKEN))
    try:
        yield
    finally:
        setattr(g, _TOKEN, token)
