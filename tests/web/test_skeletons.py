"""A page out of its skeleton is the page that is drawn, whatever was answered."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest
from flask import Flask

from tests.support.applicant import DATA_STEPS, Applicant, newest_code
from tests.support.seed import Seeded
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.web.applicant import skeletons

# Signed anew each second.
TOKEN = re.compile(r'(?<=value=")[\w-]{40,}\.[\w-]{6}\.[\w-]{27}(?=")')
CASES: dict[str, dict[str, str]] = {
    "usual": {},
    "nothing optional": {"email": "", "notes": ""},
    "what HTML has to escape": {"email": "a&b@example.org", "notes": '</textarea><b title="x">\n & more'},
    "numbers like those that stand for others": {"notes": "seconds 987 654 321 csrf_token"},
    "a certificate": {"coto_status": "general", "coto_registration": "G26'12".replace("'", "")},
    "a remark": {"email": "ada@mail.utoronto.ca", "country": "US", "university": "not_applicable"},
    "another school": {"university": "other", "other_details": "Dalhousie <University>"},
    "French": {"language": "fr"},
}


@pytest.mark.parametrize("case", CASES)
def test_a_page_out_of_its_skeleton_is_the_page_that_is_drawn(app: Flask, app_seeded: Seeded, case: str) -> None:
    assert app_seeded.accounts
    values = dict(CASES[case])
    applicant = Applicant(app.test_client())
    applicant.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = values.pop("language", "en")
    assert len(set(pages(applicant.start(), "identity"))) == 1
    applicant.answer(**values)
    other = Applicant(app.test_client())
    other.client.environ_base.update(applicant.client.environ_base)
    other.start().answer(user_business_id="osot-0000002", **values)
    for somebody in (applicant, other):
        for step in (*DATA_STEPS, "review"):
            once, again, drawn = pages(somebody, step)
            assert once == again == drawn, step


@pytest.mark.parametrize("case", ["usual", "a certificate", "a remark", "another school", "French"])
def test_so_are_the_pages_behind_the_answers(
    app: Flask, app_seeded: Seeded, app_units: SqlUnitsOfWork, case: str
) -> None:
    values = dict(CASES[case])
    language = values.pop("language", "en")
    for account in app_seeded.accounts[:2]:
        applicant = Applicant(app.test_client())
        applicant.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        applicant.start().answer(**{**values, "user_business_id": account.number, **own(values, account.number)})
        applicant.decide()
        same_out_of_skeletons(applicant, "review", "category", "category?changed=1", "account")
        assert applicant.send("account").status_code == 303
        same_out_of_skeletons(applicant, "account?sent=1", "account?entering=1")
        applicant.send("account", {"code": newest_code(app_units)})
        same_out_of_skeletons(applicant, "review", "category", "account", "confirm")
        assert applicant.declare().status_code == 303
        same_out_of_skeletons(applicant, "complete")


def own(values: dict[str, str], member_number: str) -> dict[str, str]:
    """What no two records may have alike."""
    return {"coto_registration": f"C{member_number[-4:]}"} if "coto_registration" in values else {}


def same_out_of_skeletons(applicant: Applicant, *addresses: str) -> None:
    for address in addresses:
        once, again, drawn = pages(applicant, address)
        assert once == again == drawn, address


def test_the_first_page_is_drawn_once_for_each_language(app: Flask, app_seeded: Seeded) -> None:
    assert app_seeded.accounts
    first = {
        tongue: [app.test_client().get("/", headers={"Accept-Language": tongue}).text for _ in range(2)]
        for tongue in ("en", "fr")
    }
    for tongue, (once, again) in first.items():
        assert f'<html lang="{tongue}">' in once
        assert TOKEN.sub("token", once) == TOKEN.sub("token", again)
        # Each browser has a token of its own.
        assert once != again


def test_what_was_begun_stands_on_the_first_page(app: Flask, app_seeded: Seeded) -> None:
    assert app_seeded.accounts
    applicant = Applicant(app.test_client()).start()
    assert "saved on" not in applicant.client.get("/").text
    applicant.answer("identity")
    assert "osot-0000001, saved on" in applicant.client.get("/").text


def test_only_what_was_chosen_decides_on_a_skeleton(app: Flask, app_seeded: Seeded) -> None:
    assert app_seeded.accounts
    drawn, typed = [], {"osot-0000002": "something private", "osot-0000005": "another thing"}
    for number, notes in typed.items():
        applicant = Applicant(app.test_client()).start().answer(user_business_id=number, notes=notes)
        for step in DATA_STEPS:
            applicant.soup(step)
        with app.app_context():
            drawn.append(dict(skeletons.skeletons().kept))
    assert drawn[0] == drawn[1]
    text = b" ".join(piece for one in drawn[1].values() for piece in one.texts).decode()
    assert [each for each in (*typed, *typed.values()) if each in text] == []


def test_the_skeletons_kept_are_those_used_last() -> None:
    kept, skeleton = skeletons.Skeletons(), skeletons.Skeleton((b"page",))
    for number in range(1000):
        kept.put(number, skeleton)
        kept.put(0, skeleton)
    assert len(kept.kept) < 200
    assert {0, 999} <= kept.kept.keys()


def pages(applicant: Applicant, step: str) -> list[str]:
    def page() -> str:
        answer = applicant.client.get(applicant.address(step))
        assert answer.status_code == 200
        assert not re.search("[\ue000\ue001]", answer.text)
        return TOKEN.sub("token", answer.text)

    with patch.object(skeletons, "is_plain", return_value=False):
        drawn = page()
    return [page(), page(), drawn]
