"""What the logs of the real server say of a whole journey: what happened, and nothing about whom."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.journey import ANSWERS, begin, reach_confirm
from tests.support.serving import Graduate, Served, hidden_values, serving
from tests.support.waiting import wait_for

LINK = re.compile(r"/resume/([\w-]{40,})")
PERSONAL = {
    "member number": "osot-0000001",
    "name": "Okafor",
    "account's address": "amara.okafor",
    "contact address": "planted.person@graduates.example.org",
    "school": "Planted School of Therapy",
    "COTO number": "PLNTD77",
    "notes": "Planted words about me",
    "password": "planted-wrong-password",
    "somebody's user name": "planted-user",
}
ANSWERED = {
    **ANSWERS,
    "identity": {"user_business_id": PERSONAL["member number"], "email": PERSONAL["contact address"]},
    "education": {
        "degree_type": "masters",
        "university": "other",
        "other_details": PERSONAL["school"],
        "country": "IE",
        "graduation_year": "2020",
    },
    "coto": {"coto_status": "general", "coto_registration": PERSONAL["COTO number"]},
    "privacy": {"access_modifier": "private", "notes": PERSONAL["notes"]},
}


def continue_elsewhere(served: Served, registration: str, graduate: Graduate) -> str:
    """Have a link sent, and open it in another browser, at the second try; answers its token."""
    asking = graduate.get(f"{registration}/link")
    graduate.fill(asking, email=PERSONAL["contact address"])

    def tokens() -> list[str]:
        return [found[1] for text in served.mails() if (found := LINK.search(text))]

    token = wait_for(tokens, what="the mail with the link")[0]
    elsewhere = Graduate(served.url)
    page = elsewhere.get(f"/resume/{token}")
    page = elsewhere.fill(page, user_business_id="osot-0000009")
    assert page.status == 422
    assert elsewhere.fill(page, user_business_id=PERSONAL["member number"]).status == 200
    return token


def be_refused(served: Served) -> None:
    """Requests that fail, with something personal in the address or in the form."""
    stranger = Graduate(served.url)
    assert stranger.get(f"/?email={PERSONAL['contact address']}").status == 200
    assert stranger.get(f"/nowhere/{PERSONAL['contact address']}").status == 404
    assert stranger.post("/registrations", {"notes": PERSONAL["notes"]}).status == 400
    page = stranger.get("/staff/sign-in")
    refused = stranger.post(
        page.url,
        {
            **hidden_values(page.form),
            "username": PERSONAL["somebody's user name"],
            "password": PERSONAL["password"],
        },
    )
    assert refused.status == 422
    spoilt = begin(stranger)
    assert stranger.fill(spoilt, user_business_id=PERSONAL["contact address"], email=PERSONAL["notes"]).status == 422


def test_logs_of_a_whole_journey_hold_nothing_personal(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        graduate = Graduate(served.url)
        confirm = reach_confirm(served, graduate, answers=ANSWERED)
        token = continue_elsewhere(served, confirm.url.removesuffix("/confirm"), graduate)
        receipt = graduate.fill(confirm, declaration="y")
        assert receipt.url.endswith("/complete")
        be_refused(served)
        codes = re.findall(r"(?<!\d)\d{6}(?!\d)", "\n".join(text for text in served.mails() if "code" in text))
    log = served.log.read_text()
    assert "education.created" in log
    assert "code.sent" in log
    assert codes
    leaked = [what for what, text in PERSONAL.items() if text.casefold() in log.casefold()]
    assert leaked == []
    assert not [secret for secret in (token, *codes) if re.search(rf"\b{secret}\b", log)]
