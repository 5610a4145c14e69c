"""The applicant's journey over real HTTP, from the first page to the declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.support.serving import Graduate, Page, Served, hidden_values

MEMBER = "osot-0000001"
ANSWERS: dict[str, dict[str, str]] = {
    "identity": {"user_business_id": MEMBER, "email": ""},
    "education": {
        "degree_type": "masters",
        "university": "mcmaster",
        "country": "CA",
        "graduation_year": "2026",
    },
    "coto": {"coto_status": "pending"},
    "privacy": {"access_modifier": "private", "notes": "Kept through every kill"},
    "review": {},
    "category": {},
}


def begin(graduate: Graduate) -> Page:
    start = graduate.get("/")
    form = start.html.select_one('form[action$="/registrations"]')
    assert form is not None
    page = graduate.post("/registrations", hidden_values(form))
    assert page.status == 200, page.html.get_text(" ", strip=True)
    return page


def prove(served: Served, graduate: Graduate, page: Page) -> Page:
    """From the account page to the confirmation: ask for a code, read the mail, enter it."""
    before = served.codes_sent()
    asked = graduate.fill(page)
    return graduate.fill(asked, code=served.newest_code(after=before))


def reach_confirm(
    served: Served,
    graduate: Graduate,
    between: Callable[[], None] = lambda: None,
    *,
    answers: Mapping[str, Mapping[str, str]] = ANSWERS,
) -> Page:
    """From the start to the declaration, doing something between any two steps."""
    page = begin(graduate)
    for step, given in answers.items():
        assert page.url.endswith(f"/{step}"), (page.url, page.html.get_text(" ", strip=True))
        page = graduate.fill(page, **given)
        between()
    assert page.url.endswith("/account")
    page = prove(served, graduate, page)
    between()
    assert page.url.endswith("/confirm"), page.html.get_text(" ", strip=True)
    return page
