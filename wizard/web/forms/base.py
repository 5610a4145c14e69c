"""What all forms have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from flask_wtf import FlaskForm

from wizard.web import unsent

# The field that something is wrong with, or the address where that is put right, and the sentence.
Entry = tuple[str | None, str]


_VERSION = re.compile(r"[0-9]{1,9}")
# What comes along, unseen, when a number is pasted: characters of no width, and dashes.
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")


def version_of(text: str | None) -> int:
    """The version that a form says it was drawn from; what is no number has seen none."""
    return int(text) if text and _VERSION.fullmatch(text) else 0


def as_meant(number: str) -> str:
    """A pasted number, with the hyphen that a word processor made a dash of."""
    return _DASHES.sub("-", _INVISIBLE.sub("", number))


class Form(FlaskForm):
    """A form of a page. Its token is the page's to give and `security.py`'s to check, before any form is read.

    Filled from what was sent, else from what was typed before the page changed its language, else from `data`.
    """

    class Meta(FlaskForm.Meta):
        csrf = False

    def __init__(self, data: Mapping[str, object] | None = None) -> None:
        typed = unsent.fields()
        super().__init__(data=data, **({} if typed is None else {"formdata": typed}))  # type: ignore[no-untyped-call]

    def entries(self, others: Iterable[Entry] = ()) -> tuple[Entry, ...]:
        """What is wrong, for the summary on top: that of its own fields, and `others`, which belong to none here."""
        beside = [(str(field.name), str(text)) for field in self for text in field.errors]
        return (*beside, *others)
