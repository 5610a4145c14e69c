"""The schemas of the models, with the choices and patterns of the fields as they are on one day."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from wizard.core.choices import choice_set, country_choices, graduation_year_choices
from wizard.core.rules import DEFAULT_COTO_PATTERN, INVISIBLE, NOTES_LENGTH, OTHER_DETAILS_LENGTH
from wizard.core.trouble import STOPPING
from wizard.web.api.values import CHOICE, NEEDED, TEXT

Schema = dict[str, Any]

_TEMPLATE = "#/components/schemas/{model}"


def of_models(
    *, taken: Sequence[type[BaseModel]], answered: Sequence[type[BaseModel]], today: date, coto: str
) -> Schema:
    """The schemas of all models by their names."""
    _, made = models_json_schema(
        [*((each, "validation") for each in taken), *((each, "serialization") for each in answered)],
        by_alias=True,
        ref_template=_TEMPLATE,
    )
    schemas: Schema = _filled(made["$defs"], _choices(today), _texts(coto))
    return dict(sorted(schemas.items()))


def _filled(schema: Any, choices: Mapping[str, Schema], texts: Mapping[str, Schema]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(schema, list):
        return [_filled(each, choices, texts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _filled(each, choices, texts) for name, each in schema.items() if not _is_noise(name, schema)}
    needed = kept.pop(NEEDED, False)
    if CHOICE in kept:
        return _choice(kept, choices[kept.pop(CHOICE)]["enum"], optional="default" in schema and not needed)
    if TEXT in kept:
        named = kept.pop(TEXT)
        kind = {"type": "string", **texts[NEEDED + named]} if needed else {"type": ["string", "null"], **texts[named]}
        return {**kind, **kept}
    return kept


def _is_noise(name: str, schema: Schema) -> bool:
    """Titles that only repeat a field's name, and defaults that only say that nothing was sent."""
    if name == "title":
        return isinstance(schema[name], str)
    return name == "default" and (schema[name] is None or isinstance(schema[name], dict))


def _choice(kept: Schema, slugs: list[str], *, optional: bool) -> Schema:
    if optional:
        return {"type": ["string", "null"], "enum": [*slugs, None], **kept}
    return {"type": "string", "enum": slugs, **kept}


@cache
def _choices(today: date) -> Mapping[str, Schema]:
    ordered = {"graduation_year": graduation_year_choices(today), "country": country_choices()}
    fields = ("degree_type", "university", "country", "graduation_year", "coto_status", "access_modifier")
    listed = {field: {"enum": list(ordered.get(field) or sorted(choice_set(field, today)))} for field in fields}
    return {**listed, "rule": {"enum": list(STOPPING)}}


@cache
def _texts(coto: str) -> Mapping[str, Schema]:
    default = coto == DEFAULT_COTO_PATTERN.pattern
    return {
        "user_business_id": {"pattern": _trimmed(_MEMBER_NUMBER)},
        f"{NEEDED}user_business_id": {"pattern": _trimmed(_MEMBER_NUMBER, blank="")},
        # Letters are made capitals before they are compared with a pattern.
        "coto_registration": {"pattern": _trimmed("[A-Za-z0-9]{1,8}")} if default else {},
        "other_details": {
            "maxLength": OTHER_DETAILS_LENGTH,
            "pattern": _trimmed(f"[^{_CONTROLS}]*[^{_invisible()}][^{_CONTROLS}]*"),
        },
        "notes": {"maxLength": NOTES_LENGTH, "pattern": _trimmed(r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*")},
    }


_CONTROLS = r"\u0000-\u001f\u007f"
# What is trimmed, spelt out: what a dialect of patterns calls a space is its own affair.
_SPACE = r"[\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"


_MEMBER_NUMBER = "[A-Za-z0-9_-]{1,20}"


def _trimmed(pattern: str, *, blank: str = "?") -> str:
    return f"^{_SPACE}*({pattern}){blank}{_SPACE}*$"


@cache
def _invisible() -> str:
    """The characters that show nothing, as ranges of a character class."""
    return "".join(
        re.escape(first) if first == last else f"{re.escape(first)}-{re.escape(last)}" for first, last in _ranges()
    )


def _ranges() -> Iterator[tuple[str, str]]:
    first = last = -2
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) not in INVISIBLE:
            continue
        if code != last + 1:
            if first >= 0:
                yield chr(first), chr(last)
            first = code
        last = code
    yield chr(first), chr(last)
