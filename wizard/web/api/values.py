"""The values that other systems send, each by itself: what is taken for one, and how the document describes it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from wizard.core.trouble import STOPPING
from wizard.web.api import texts
from wizard.web.api.texts import marked as _
from wizard.web.mail_addresses import is_address

MOST_ON_A_PAGE = 100
LEAST_TTL, MOST_TTL = 60, 30 * 24 * 60 * 60
LARGEST = 2**31 - 1
# Stand in a schema for the choices or the pattern of a field, as they are on the day of the document.
CHOICE, TEXT = "x-choice", "x-text"
# Beside one of them: there is a value, and it stays one.
NEEDED = "x-needed"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


class Model(BaseModel):
    """Names in camelCase, no field that is not known, no value of another kind than the one meant."""

    model_config = ConfigDict(  # type: ignore[pydantic-alias]  # made from what is sent, and by nobody else
        alias_generator=to_camel, extra="forbid", frozen=True, strict=True, hide_input_in_errors=True
    )


def slug(value: str | None) -> str | None:
    """Sent as it is written in the list: other letters are trimmed, a choice is not."""
    if value is not None and (not value or value != value.strip()):
        raise PydanticCustomError("choice", "not a choice")
    return value


def _needed(value: str | None) -> str | None:
    if value is None or not value.strip():
        raise PydanticCustomError("required", "taken away")
    return value


def at_most(length: int) -> AfterValidator:
    """As it is sent: to the document, what is trimmed away counts."""

    def check(value: str | None) -> str | None:
        if value is not None and len(value) > length:
            raise PydanticCustomError("format", "too long")
        return value

    return AfterValidator(check)


def _address(value: str) -> str:
    if not is_address(value):
        raise PydanticCustomError("email", "not an address")
    return value


def stopping(value: str | None) -> str | None:
    if value is not None and value not in STOPPING:
        raise PydanticCustomError("value", "not a rule that stops a session")
    return value


def _number(value: object) -> object:
    """A whole number in an address, written in digits alone."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _whole(value: object) -> object:
    """To JSON, 3.0 is the same number as 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _instant(value: object) -> object:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


def choice(field: str) -> WithJsonSchema:
    return WithJsonSchema({CHOICE: field, **_described(field)})


def text(field: str) -> WithJsonSchema:
    return WithJsonSchema({TEXT: field, **_described(field)})


def needed_choice(field: str) -> WithJsonSchema:
    """As `choice`, of an answer that is never taken away."""
    return WithJsonSchema({CHOICE: field, NEEDED: True, **_described(field)})


def needed_text(field: str) -> WithJsonSchema:
    """As `text`, of an answer that is never taken away."""
    return WithJsonSchema({TEXT: field, NEEDED: True, **_described(field)})


def any_text(field: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "null"], **_described(field)})


def _described(field: str) -> dict[str, str]:
    return {"description": texts.FIELDS[field]} if field in texts.FIELDS else {}


Slug = Annotated[str | None, AfterValidator(slug)]
Needed = Annotated[str | None, AfterValidator(_needed), AfterValidator(slug)]
Email = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "format": "email"})]
Id = Annotated[str, Field(pattern=UUID)]
Whole = BeforeValidator(_whole)
Version = Annotated[int, Field(ge=1, le=LARGEST, description=_("The version of the data that you have seen.")), Whole]
Ttl = Annotated[
    int,
    Field(
        ge=LEAST_TTL,
        le=MOST_TTL,
        description=_("For how many seconds it lives after each change; the greatest age of a session comes first."),
    ),
    Whole,
]
NeededText = Annotated[str | None, AfterValidator(_needed)]
Number = BeforeValidator(_number)
Flag = Annotated[bool, BeforeValidator(_flag)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
PageSize = Annotated[int, Field(ge=1, le=MOST_ON_A_PAGE, description=_("How many on a page.")), Number]
