"""The kinds of fields: what was typed is kept exactly as typed, and the id of a field is its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from flask_babel.speaklater import LazyString
from markupsafe import Markup
from wtforms import BooleanField, StringField

from wizard.web import choices
from wizard.web.facts import today

Text = LazyString | str

# What helps to type an address of e-mail.
MAIL = {
    "type": "email",
    "autocomplete": "email",
    "inputmode": "email",
    "autocapitalize": "none",
    "spellcheck": "false",
}


class Answer(StringField):
    """A field for one answer.

    `hint` says what is asked and gives an example; `refreshed_by` names the fields whose change decides
    whether this one is asked, or what is suggested; `notices` are gentle remarks that refuse nothing,
    `suggestion` is a value to take over with one press, and `replaced` the one that such a press replaced.
    """

    kind: ClassVar[str] = "text"

    def __init__(
        self,
        label: Text,
        *,
        hint: Text = "",
        optional: bool = False,
        refreshed_by: tuple[str, ...] = (),
        attributes: dict[str, str] | None = None,
        **binding: Any,  # noqa: ANN401 - what WTForms binds a field to its form with
    ) -> None:
        super().__init__(cast("str", label), **binding)
        self.hint = hint
        self.optional = optional
        self.refreshed_by = refreshed_by
        self.attributes = attributes or {}
        self.notices: list[str] = []
        self.suggestion: str | None = None
        self.replaced: str | None = None

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take what was sent; a field that was not sent is empty, never its default.

        A button with a suggestion sends its value after the field's own.
        """
        self.data = valuelist[-1] if valuelist else ""
        self.replaced = valuelist[0] if valuelist and valuelist[0] != self.data else None

    def refuse(self, message: str) -> None:
        """Add an error message, once."""
        if message not in self.errors:
            self.errors = [*self.errors, message]

    @property
    def described_by(self) -> str:
        """The ids of what describes the field to somebody who cannot see it beside it."""
        parts = (
            ("hint", bool(self.hint)),
            ("notice", bool(self.notices)),
            ("error", bool(self.errors)),
        )
        return " ".join(f"{self.name}-{part}" for part, present in parts if present)


class Select(Answer):
    """One of many; the list is drawn once per language, membership is a look-up in a set (the domain's rule).

    One that is `searched` can be typed into where there is a script; what stands for all that is not listed is
    `unlisted`: a choice, and the field that then takes the name.
    """

    kind = "select"

    def __init__(
        self,
        label: Text,
        *,
        searched: bool = False,
        unlisted: tuple[str, str] | None = None,
        **others: Any,  # noqa: ANN401 - as above
    ) -> None:
        super().__init__(label, **others)
        self.searched = searched
        self.unlisted = unlisted

    def names(self) -> Markup:
        """Names to find what is not listed by."""
        return choices.school_options()

    def label_of(self, slug: str) -> str:
        """A choice as people read it."""
        return choices.label(self.name, slug)

    def options(self) -> Markup:
        """The options, the chosen one marked."""
        return choices.options(self.name, self.data, today())


class SchoolName(Answer):
    """A school's name, with those known as suggestions."""

    kind = "named"

    def names(self) -> Markup:
        """The suggestions."""
        return choices.school_options()


@dataclass(frozen=True, slots=True)
class Entry:
    """One of a few, as a radio button."""

    id: str
    value: str
    label: Text
    hint: Text
    checked: bool


class Radios(Answer):
    """One of a few, each with a word of explanation. The first button's id is the field's name."""

    kind = "radios"

    def entries(self) -> Iterator[Entry]:
        """The buttons in order."""
        hints = choices.HINTS.get(self.name, {})
        for number, (slug, label) in enumerate(choices.LABELS[self.name].items()):
            identifier = f"{self.name}-{slug}" if number else self.name
            yield Entry(identifier, slug, label, hints.get(slug, ""), slug == self.data)


class Area(Answer):
    """Free text over several lines."""

    kind = "area"


class Tick(BooleanField):
    """A box to tick."""

    kind: ClassVar[str] = "tick"

    def __init__(self, label: Text, **binding: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(cast("str", label), **binding)

    def refuse(self, message: str) -> None:
        """Add an error message."""
        self.errors = [*self.errors, message]
