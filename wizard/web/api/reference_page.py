"""The page on which people read what the document says, in their language; it needs no script and no session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, make_response, render_template, request
from flask_babel import force_locale, gettext

from wizard.core.errors import ErrorCode
from wizard.web import access, language
from wizard.web.api import problem_docs, reference
from wizard.web.api.endpoints import ENDPOINTS, Endpoint
from wizard.web.api.models import CorrectionGiven, EducationDataGiven
from wizard.web.api.operations import place_of, statuses_of
from wizard.web.api.problems import STATUSES
from wizard.web.texts import lazy_gettext as _

Json = dict[str, Any]

# Behind an address: the language of the page, where it is not to be the one that the browser asks for.
_LANGUAGE = "language"
# Shown in a table of its own.
_EDUCATION = EducationDataGiven.__name__
_EVERYWHERE = "Accept-Language"
_PLACES = {"path": _("in the address"), "query": _("behind the address"), "header": _("header")}
# Longer lists are answered by the call for the choices.
_MOST_SHOWN = 12
_KINDS = {
    "string": _("text"),
    "integer": _("whole number"),
    "boolean": _("yes or no"),
    "date-time": _("moment"),
    "email": _("e-mail address"),
    _EDUCATION: _("education data"),
    CorrectionGiven.__name__: _("education data"),
    "BulkRowGiven": _("row"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """What a call takes, as a row of a table; `one_of` are the few values there are."""

    name: str
    kind: str
    description: str
    required: bool
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallShown:
    """A call as its section shows it."""

    id: str
    method: str
    address: str
    summary: str
    description: str
    is_open: bool
    parameters: list[Field]
    body: list[Field]
    sent: str | None
    status: int
    answered: str | None
    errors: list[ErrorCode]


def page() -> Response:
    """Every call and every error."""
    chosen = request.args.get(_LANGUAGE, "")
    with force_locale(chosen if chosen in language.languages() else language.current()):
        response = make_response(_drawn())
        response.content_language.add(language.current())
    response.vary.add("Accept-Language")
    return response


def _drawn() -> str:
    made = reference.today()
    return render_template(
        "api/reference.html",
        paragraphs=made["info"]["description"].split("\n\n"),
        subjects=_subjects(made),
        education=list(_fields(made["components"]["schemas"][_EDUCATION])),
        codes=[(code, STATUSES[code], problem_docs.meaning(code)) for code in ErrorCode],
        begin=f'curl {access.settings().base_url}/ot-education/records \\\n  -H "Authorization: Bearer otw_…"',
    )


def _subjects(made: Json) -> list[tuple[str, list[CallShown]]]:
    calls: dict[str, list[CallShown]] = {}
    for endpoint in ENDPOINTS:
        calls.setdefault(endpoint.tag, []).append(_shown(endpoint, made))
    return list(calls.items())


def _shown(endpoint: Endpoint, made: Json) -> CallShown:
    operation = made["paths"][place_of(endpoint)][endpoint.method.lower()]
    codes = [code for several in statuses_of(endpoint).values() for code in several]
    return CallShown(
        id=endpoint.name.replace("_", "-"),
        method=endpoint.method,
        address=place_of(endpoint),
        summary=endpoint.summary,
        description=endpoint.description,
        is_open=endpoint.is_open,
        parameters=[_parameter(each) for each in operation["parameters"] if each["name"] != _EVERYWHERE],
        body=list(_fields(made["components"]["schemas"][endpoint.body.__name__])) if endpoint.takes_body else [],
        sent=_example(operation.get("requestBody", {})),
        status=endpoint.status,
        answered=_example(operation["responses"][str(endpoint.status)]),
        errors=list(dict.fromkeys(codes)),
    )


def _parameter(described: Json) -> Field:
    schema = described["schema"]
    return Field(
        described["name"],
        f"{_PLACES[described['in']]}, {_kind(schema)}",
        described.get("description", ""),
        required=described.get("required", False),
        one_of=_few(schema),
    )


def _fields(schema: Json) -> Iterator[Field]:
    for name, of in schema["properties"].items():
        value = _without_null(of)
        told = value.get("description", "")
        yield Field(name, _kind(value), told, required=name in schema.get("required", ()), one_of=_few(value))


def _without_null(schema: Json) -> Json:
    """A value that there is: that it may be null is said of the education data as a whole."""
    return next(({**each, **schema} for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)


def _kind(schema: Json) -> str:
    """What a value has to be, in a word or two."""
    if "$ref" in schema:
        return _named(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return gettext("one of the choices")
    if schema["type"] == "array":
        return gettext("list, of: %(kind)s", kind=_kind(schema["items"]))
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return _named(schema["format"] if "format" in schema else kinds[0])


def _named(kind: str) -> str:
    return str(_KINDS[kind])


def _few(schema: Json) -> tuple[str, ...]:
    values = [value for value in schema.get("enum", ()) if value is not None]
    return tuple(values) if len(values) <= _MOST_SHOWN else ()


def _example(part: Json) -> str | None:
    for content in part.get("content", {}).values():
        return json.dumps(content["examples"]["example"]["value"], ensure_ascii=False, indent=2)
    return None
