"""The desk's list of education records: searched, filtered, page by page; and exported as a file."""

from __future__ import annotations

from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import Any

from flask import redirect, render_template, request, send_file, url_for
from markupsafe import Markup
from werkzeug import Response

from wizard.core.choices import EducationCategory, University, is_well_formed_year
from wizard.services.ports.record_lists import ListedRecord, Sought
from wizard.services.record_lists import Sheet
from wizard.services.sheets import SheetKind
from wizard.web import access, choices, unsent
from wizard.web import wording as sentences
from wizard.web.facts import today
from wizard.web.staff import wording

_MIMETYPES: Mapping[SheetKind, str] = {
    SheetKind.CSV: "text/csv",
    SheetKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def records() -> str | Response:
    """The list. What is searched for is sent, not asked for: nobody's name or number has a place in an address."""
    sought = _sought()
    if request.method == "POST" and sought.text is None:
        return redirect(url_for("staff.records", **_filters(sought)), code=303)
    after = (request.form if request.method == "POST" else request.args).get("after") or None
    page = access.services().record_lists.page(access.staff_call(), sought, after=after)
    return render_template(
        "staff/records.html",
        member=access.signed_in_staff(),
        sought=sought,
        filters=_filters(sought),
        options=_options(sought),
        listed=page.listed,
        school=school,
        choice_label=choices.label,
        encrypted=access.settings().encrypt_columns,
        following=page.following,
        is_first=after is None,
        done=wording.DONE.get(request.args.get("done", "")),
    )


def export() -> Response:
    """All that the list shows, on every page of it, as a file; by itself, as on a reload, the address shows the list.

    It is written whole before it goes out: what fails is a page that says so, and no file that ends too early.
    """
    if request.method != "POST":
        return redirect(url_for("staff.records"), code=303)
    kind = SheetKind.XLSX if request.form.get("kind") == SheetKind.XLSX else SheetKind.CSV
    file = TemporaryFile()  # noqa: SIM115 - closed with the answer that sends it
    try:
        sheet = Sheet(kind, codes="codes" in request.form)
        access.services().record_lists.export(access.staff_call(), _sought(), sheet, to=file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    name = f"education-records-{today().isoformat()}.{kind}"
    return send_file(file, mimetype=_MIMETYPES[kind], as_attachment=True, download_name=name)


def school(listed: ListedRecord) -> str:
    """Where somebody studied; by its name, where it is on no list."""
    data = listed.record.data
    return data.other_details or sentences.answer("university", data)


def _sought() -> Sought:
    """What the form says; what is no choice leaves all. The text never comes from the address."""
    typed = unsent.fields() or (request.form if request.method == "POST" else request.args)
    text = "" if typed is request.args else typed.get("text", "").strip()
    year = typed.get("graduation_year", "")
    return Sought(
        text=text or None,
        university=_one_of(University, typed.get("university")),
        graduation_year=year if is_well_formed_year(year) else None,
        category=_one_of(EducationCategory, typed.get("category")),
    )


def _one_of(kind: type[University | EducationCategory], slug: str | None) -> str | None:
    return slug if slug in set(kind) else None


def _filters(sought: Sought) -> dict[str, Any]:
    """Those that are chosen, for addresses and hidden fields."""
    each = {
        "university": sought.university,
        "graduation_year": sought.graduation_year,
        "category": sought.category,
    }
    return {name: value for name, value in each.items() if value is not None}


def _options(sought: Sought) -> dict[str, Markup]:
    return {
        "university": choices.options("university", sought.university, today()),
        "graduation_year": choices.options("graduation_year", sought.graduation_year, today()),
        "category": choices.options("education_category", sought.category, today()),
    }
