"""The page of a data step as it is for everybody with the same choices, drawn once; what is somebody's own is put in.

Drawing was more than half of what such a page cost (docs/benchmarks.md). Nothing that anybody typed is kept here: only
choices from lists decide which skeleton a page has, all else stands in its gaps.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from threading import Lock
from typing import Self

from flask import current_app, g, request
from flask_wtf.csrf import generate_csrf
from markupsafe import escape

from wizard.core.choices import University
from wizard.core.education import CHOICE_FIELDS
from wizard.core.registration import Registration
from wizard.core.steps import FIELDS_OF, Step, can_show, next_step
from wizard.web.applicant import aside
from wizard.web.applicant.journey import Visit
from wizard.web.applicant.page import SHOWN_STEPS, TimeLeft, time_left
from wizard.web.choices import language
from wizard.web.facts import today
from wizard.web.mail_addresses import student_notice

_MOST = 128
_EXTENSION = "wizard_skeletons"
_TOKEN = "csrf_token"  # noqa: S105 - what Flask-WTF calls it
# No text has these: they are for private use. A version and the seconds left are numbers where they are drawn.
_OPEN, _CLOSE = "\ue000", "\ue001"
_GAP = re.compile(f"{_OPEN}([a-z_]+){_CLOSE}")
_VERSION = 987_654_321
# What is typed into the fields of a data step.
_TYPED = ("user_business_id", "coto_registration", "notes")


def _gap(name: str) -> str:
    return f"{_OPEN}{name}{_CLOSE}"


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A page cut at its gaps, encoded: what stands before each gap and after the last, and the gaps' names."""

    texts: tuple[bytes, ...]
    gaps: tuple[str, ...] = ()

    @classmethod
    def of(cls, drawn: str, session_id: str) -> Self:
        """Of a page that was drawn with what stands for the rest."""
        marked = drawn.replace(session_id, _gap("session_id")).replace(str(_VERSION), _gap("version"))
        pieces = _GAP.split(marked)
        return cls(tuple(text.encode() for text in pieces[::2]), tuple(pieces[1::2]))

    def filled(self, values: Mapping[str, str]) -> bytes:
        """The page of somebody."""
        given = [values[gap].encode() for gap in self.gaps]
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


def is_plain(visit: Visit, registration: Registration | None) -> bool:
    """Whether nothing is to be said on a step's page that depends on more than choices: no remark on what was typed."""
    if request.query_string or visit.call.actor.is_desk or (registration is not None and not registration.is_open):
        return False
    if visit.step is Step.IDENTITY:
        email = registration.contact_email if registration else None
        return not student_notice(email) and not aside.typed(visit.session_id)
    if registration is None:
        return False
    return visit.step is not Step.EDUCATION or registration.data.university != University.OTHER


def key_of(visit: Visit, registration: Registration | None) -> Hashable:
    """All that the skeleton of a step's page depends on."""
    if registration is None:
        return visit.step, language()
    data = registration.data
    chosen = tuple(getattr(data, name) for name in FIELDS_OF[visit.step] if name in CHOICE_FIELDS)
    given = tuple(bool(getattr(data, name)) for name in _TYPED)
    reached = tuple(can_show(step, registration) for step in SHOWN_STEPS)
    left = time_left(registration)
    extendable = left is not None and left.extendable
    return visit.step, language(), today().year, chosen, given, next_step(registration), reached, extendable


def values_of(visit: Visit, registration: Registration | None, left: TimeLeft | None) -> dict[str, str]:
    """What comes into the gaps."""
    whose = {_TOKEN: escape(generate_csrf()), "session_id": visit.session_id}
    if registration is None or left is None:
        return whose
    data = registration.data
    return {
        **whose,
        "version": str(registration.version),
        "seconds": str(left.seconds),
        "until": escape(left.until),
        "user_business_id": escape(data.user_business_id or ""),
        "email": escape(registration.contact_email or ""),
        "coto_registration": escape(data.coto_registration or ""),
        "notes": escape(data.notes or ""),
    }


def stand_in(registration: Registration | None) -> Registration | None:
    """A registration to draw a skeleton of: its choices, and gaps for the rest."""
    if registration is None:
        return None
    own = {name: _gap(name) for name in _TYPED if getattr(registration.data, name)}
    data = replace(registration.data, **own)
    return replace(registration, data=data, contact_email=_gap("email"), version=_VERSION)


def time_to_draw(left: TimeLeft | None) -> TimeLeft | None:
    """The time that a registration has left, with gaps for it."""
    return left and replace(left, seconds=_gap("seconds"), until=_gap("until"))


@contextmanager
def gap_for_token() -> Iterator[None]:
    """What is drawn meanwhile has a gap for this browser's token."""
    token = generate_csrf()
    setattr(g, _TOKEN, _gap(_TOKEN))
    try:
        yield
    finally:
        setattr(g, _TOKEN, token)
