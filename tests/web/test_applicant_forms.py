"""The forms of the steps: errors linked both ways, what was typed kept, conditional fields, inline checks."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.datastructures import MultiDict

from tests.support.applicant import ANSWERS, HTMX, Applicant, filled, one, parsed, text
from tests.support.desk import SYSTEM
from tests.support.roundtrips import counted
from wizard.services.bundle import Services

pytestmark = pytest.mark.usefixtures("app_seeded")


@pytest.fixture
def applicant(client: FlaskClient) -> Applicant:
    return Applicant(client).start()


def assert_wrong(soup: BeautifulSoup, field: str, message: str) -> None:
    """Summary and inline message, linked both ways (promise 12)."""
    assert text(soup, "title").startswith("Error:")
    summary = one(soup, "[role=alert]")
    assert message in one(summary, f"a[href='#{field}']").text
    control = one(soup, f"#{field}")
    error = one(soup, f"#{field}-error")
    assert message in error.text
    tied = control if control.get("type") != "radio" else control.find_parent("fieldset")
    assert tied is not None
    assert tied["aria-invalid"] == "true"
    assert f"{field}-error" in str(tied["aria-describedby"]).split()


@pytest.mark.parametrize(
    ("step", "values", "field", "message"),
    [
        ("identity", {"user_business_id": ""}, "user_business_id", "Enter your member number"),
        ("identity", {"user_business_id": "no spaces"}, "user_business_id", "1 to 20 letters"),
        (
            "identity",
            {"user_business_id": "osot-0000001", "email": "nobody@"},
            "email",
            "Enter an e-mail address in full",
        ),
        ("education", {"university": ""}, "university", "Choose where you studied"),
        ("education", {"university": "atlantis"}, "university", "from the list"),
        ("education", {"university": "other", "other_details": "  "}, "other_details", "Enter the name of your school"),
        ("education", {"university": "other", "other_details": "x" * 101}, "other_details", "up to 100 characters"),
        ("education", {"country": "FR"}, "country", "McMaster University is in Ontario"),
        ("education", {"country": ""}, "country", "Choose the country"),
        ("education", {"graduation_year": ""}, "graduation_year", "Choose the year"),
        ("education", {"graduation_year": "2035"}, "graduation_year", "Choose one from the list: up to 2029"),
        ("education", {"degree_type": ""}, "degree_type", "Choose the degree"),
        ("coto", {"coto_status": ""}, "coto_status", "Choose your standing"),
        ("coto", {"coto_status": "general"}, "coto_registration", "Enter your COTO registration number"),
        ("coto", {"coto_status": "general", "coto_registration": "TOO-LONG-1"}, "coto_registration", "1 to 8 letters"),
        ("privacy", {"access_modifier": "secret"}, "access_modifier", "from the list"),
        ("privacy", {"notes": "n" * 1001}, "notes", "up to 1,000 characters"),
    ],
)
def test_wrong_answer_answers_422_with_summary_and_message(
    applicant: Applicant, step: str, values: dict[str, str], field: str, message: str
) -> None:
    for before in list(ANSWERS)[: list(ANSWERS).index(step)]:
        applicant.answer(before)
    sent = {**ANSWERS[step], **values}
    answer = applicant.submit(step, **sent)
    assert answer.status_code == 422
    assert_wrong(parsed(answer), field, message)


def test_everything_typed_is_shown_again_exactly(applicant: Applicant) -> None:
    answer = applicant.submit("identity", user_business_id=" <b>bad & number ", email=' "quoted"@ ')
    soup = parsed(answer)
    assert one(soup, "#user_business_id")["value"] == " <b>bad & number "
    assert one(soup, "#email")["value"] == ' "quoted"@ '
    applicant.answer("identity")
    soup = parsed(applicant.submit("education", **{**ANSWERS["education"], "graduation_year": "2035<", "country": ""}))
    assert one(soup, "#graduation_year option[selected]")["value"] == "2035<"
    assert one(soup, "#university option[selected]")["value"] == "mcmaster"


def test_missing_fields_are_never_their_defaults(applicant: Applicant) -> None:
    applicant.answer("identity")
    version = one(applicant.soup("education"), "input[name=version]")["value"]
    soup = parsed(applicant.send("education", {"version": str(version)}))
    for field in ("degree_type", "university", "country", "graduation_year"):
        assert one(soup, f"#{field}-error")


def test_defaults_are_chosen(applicant: Applicant) -> None:
    applicant.answer("identity")
    education = applicant.soup("education")
    assert one(education, "#degree_type option[selected]")["value"] == "masters"
    assert one(education, "#country option[selected]")["value"] == "CA"
    applicant.answer("education", "coto")
    assert one(applicant.soup("privacy"), "[name=access_modifier][checked]")["value"] == "private"


def test_option_lists_are_whole_and_in_order(applicant: Applicant) -> None:
    applicant.answer("identity")
    soup = applicant.soup("education")
    countries = [option["value"] for option in soup.select("#country option")]
    assert len(countries) == 249
    assert countries[:3] == ["CA", "AF", "AX"]
    years = [option["value"] for option in soup.select("#graduation_year option")]
    assert years[:3] == ["", "2029", "2028"]
    assert years[-3:] == ["1970-1979", "1960-1969", "pre-1960"]


def test_years_and_schools_have_headings(applicant: Applicant) -> None:
    applicant.answer("identity")
    soup = applicant.soup("education")
    groups = {
        str(group["label"]): [each["value"] for each in group.select("option")] for group in soup.select("optgroup")
    }
    assert groups["In Ontario"] == ["mcmaster", "queens", "ottawa", "toronto", "western"]
    assert groups["Elsewhere"] == ["other", "not_applicable"]
    assert groups["Still studying"] == ["2029", "2028", "2027"]
    assert groups["The last ten years"] == [str(year) for year in range(2026, 2016, -1)]
    assert groups["Earlier"][0] == "2016"


def test_list_that_was_sent_empty_stands_empty_again(applicant: Applicant) -> None:
    """A plain select would else show the first choice, which nobody made, beside the error."""
    applicant.answer("identity")
    soup = parsed(applicant.submit("education", **{**ANSWERS["education"], "country": ""}))
    assert soup.select("#country option")[0]["value"] == ""
    assert not soup.select("#country option[selected]")


def test_what_is_no_choice_is_refused_with_one_sentence(applicant: Applicant) -> None:
    applicant.answer("identity")
    soup = parsed(applicant.submit("education", **{**ANSWERS["education"], "country": "Atlantis"}))
    assert text(soup, "#country-error").startswith("This country is not on the list.")
    assert "Ontario" not in text(soup, "#country-error")
    assert one(soup, "#country option[selected]").text == "Atlantis"


def test_schools_elsewhere_in_canada_are_suggested_by_name(applicant: Applicant) -> None:
    applicant.answer("identity")
    soup = parsed(applicant.submit("education", **{**ANSWERS["education"], "university": "other"}))
    assert one(soup, "#other_details")["list"] == "other_details-names"
    names = [str(option["value"]) for option in soup.select("datalist#other_details-names option")]
    assert "Dalhousie University" in names
    applicant.client.post(
        "/language/fr", data={"csrf_token": applicant.token(), "next": applicant.address("education")}
    )
    names = [str(option["value"]) for option in applicant.soup("education").select("datalist option")]
    assert "Université Dalhousie" in names


def test_typing_is_helped(applicant: Applicant) -> None:
    soup = applicant.soup("identity")
    assert one(soup, "#email")["autocomplete"] == "email"
    assert one(soup, "#email")["inputmode"] == "email"
    assert one(soup, "#user_business_id")["spellcheck"] == "false"
    number = one(
        parsed(applicant.send("fields/coto_registration", {"coto_status": "general"}, headers=HTMX)),
        "#coto_registration",
    )
    assert number["autocapitalize"] == "characters"


def test_code_has_the_number_pad_and_room_for_what_is_pasted(applicant: Applicant) -> None:
    applicant.answer().decide()
    code = one(applicant.soup("account?entering=1"), "#code")
    assert (code["inputmode"], code["autocomplete"]) == ("numeric", "one-time-code")
    assert int(str(code["maxlength"])) >= len(" 1 2 3 - 4 5 6 ")


def test_standing_with_the_college_is_explained_where_it_is_asked(applicant: Applicant) -> None:
    applicant.answer("identity", "education")
    explained = one(applicant.soup("coto"), "main details")
    assert text(explained, "summary") == "Which is mine?"
    assert len(explained.select("li strong")) == 6
    assert len(applicant.soup("coto").select(".choice .hint")) == 6


def test_conditional_fields_are_asked_only_where_they_apply(applicant: Applicant) -> None:
    applicant.answer("identity")
    assert not applicant.soup("education").select("#other_details")
    applicant.answer("education", university="other", other_details="Dalhousie University")
    assert one(applicant.soup("education"), "#other_details")["value"] == "Dalhousie University"
    applicant.answer("coto", coto_status="general", coto_registration="G1")
    assert one(applicant.soup("coto"), "#coto_registration")["value"] == "G1"


def test_value_left_in_a_field_that_no_longer_applies_is_dropped(applicant: Applicant, services: Services) -> None:
    applicant.answer("identity")
    applicant.answer("education", university="mcmaster", other_details="left behind")
    applicant.answer("coto", coto_status="pending", coto_registration="G1")
    data = services.orchestrator.get(SYSTEM, applicant.session_id).registration.data
    assert data.other_details is None
    assert data.coto_registration is None


# --- Inline validation --------------------------------------------------------------------------------------


def check(applicant: Applicant, name: str, values: Mapping[str, str | list[str]], *, query: str = "") -> BeautifulSoup:
    data = {"csrf_token": applicant.token(), **values}
    answer = applicant.client.post(applicant.address(f"fields/{name}{query}"), data=data, headers=HTMX)
    assert answer.status_code == 200
    soup = parsed(answer)
    assert not soup.select("html, body, main")
    return soup


def test_field_is_checked_alone(applicant: Applicant) -> None:
    soup = check(applicant, "user_business_id", {"user_business_id": "a b", "email": "not one"})
    assert "1 to 20" in one(soup, "#user_business_id-error").text
    assert one(soup, "#user_business_id")["value"] == "a b"
    assert not soup.select("#email-error")


def test_field_that_is_right_has_no_message(applicant: Applicant) -> None:
    soup = check(applicant, "user_business_id", {"user_business_id": "osot-0000001"})
    assert not soup.select("#user_business_id-error")
    assert not one(soup, "#user_business_id").has_attr("aria-invalid")


def test_checking_a_field_tells_nothing_of_members(applicant: Applicant) -> None:
    known = check(applicant, "user_business_id", {"user_business_id": "osot-0000002"})
    unknown = check(applicant, "user_business_id", {"user_business_id": "osot-9999992"})
    assert str(known).replace("0000002", "") == str(unknown).replace("9999992", "")


def test_conditional_field_appears_without_blame(applicant: Applicant) -> None:
    soup = check(applicant, "coto_registration", {"coto_status": "general"}, query="?appearing=1")
    assert one(soup, "#coto_registration")
    assert not soup.select("#coto_registration-error")
    gone = check(applicant, "coto_registration", {"coto_status": "pending"}, query="?appearing=1")
    assert not gone.select("#coto_registration")
    assert one(gone, "#slot-coto_registration")


def test_ontario_school_suggests_canada(applicant: Applicant) -> None:
    soup = check(applicant, "country", {"university": "queens", "country": "FR"}, query="?appearing=1")
    assert "Queen’s University is in Canada" in one(soup, "#country-notice").text
    assert text(soup, "button") == "Choose Canada and continue"
    assert one(soup, "#country option[selected]")["value"] == "FR"
    assert not check(applicant, "country", {"university": "other", "country": "FR"}, query="?appearing=1").select(
        "button"
    )


@pytest.mark.parametrize("school", ["McGill University", "mcgill university", "Université McGill"])
def test_named_school_in_canada_suggests_canada(applicant: Applicant, school: str) -> None:
    values = {"university": "other", "other_details": school, "country": "FR"}
    soup = check(applicant, "country", values, query="?appearing=1")
    assert f"{school} is in Canada" in one(soup, "#country-notice").text
    assert one(soup, "button")["value"] == "CA"


def test_suggestion_that_was_taken_can_be_taken_back(applicant: Applicant) -> None:
    soup = check(applicant, "country", {"university": "queens", "country": ["FR", "CA"]})
    assert one(soup, "#country option[selected]")["value"] == "CA"
    assert "Canada is chosen now" in one(soup, "#country-notice").text
    assert not soup.select("#country-error")
    assert text(soup, "button") == "Change back to France"
    back = one(soup, "button")
    soup = check(applicant, "country", {"university": "queens", "country": ["CA", str(back["value"])]})
    assert one(soup, "#country option[selected]")["value"] == "FR"
    assert one(soup, "button")["value"] == "CA"


def test_suggestion_goes_with_the_form_where_there_is_no_script(applicant: Applicant, services: Services) -> None:
    applicant.answer("identity")
    refused = parsed(applicant.submit("education", **{**ANSWERS["education"], "country": "FR"}))
    button = one(refused, "#field-country button")
    form = one(refused, "form#typing")
    sent = MultiDict([*filled(form).items(), (str(button["name"]), str(button["value"]))])
    assert applicant.client.post(str(form["action"]), data=sent).status_code == 303
    assert services.orchestrator.get(SYSTEM, applicant.session_id).registration.data.country == "CA"


@pytest.mark.parametrize("address", ["ada@mcmaster.ca", "ada@mail.utoronto.ca", "ada@Harvard.EDU"])
def test_student_address_gets_a_gentle_warning(applicant: Applicant, address: str) -> None:
    soup = check(applicant, "email", {"email": address})
    assert "may stop working" in one(soup, "#email-notice").text
    assert not soup.select("#email-error")
    applicant.answer(email=address)
    assert "may stop working" in applicant.soup("review").text


def test_other_address_gets_none(applicant: Applicant) -> None:
    assert not check(applicant, "email", {"email": "ada@notmcmaster.ca"}).select("#email-notice")


def test_unknown_field_is_404(applicant: Applicant) -> None:
    assert applicant.send("fields/version").status_code == 404


# --- Two tabs (promise 5) -----------------------------------------------------------------------------------


def test_stale_answers_are_409_with_both_versions_and_a_choice(applicant: Applicant) -> None:
    applicant.answer()
    old = one(applicant.soup("education"), "input[name=version]")["value"]
    applicant.submit("education", graduation_year="2020")
    answer = applicant.send("education", {**ANSWERS["education"], "graduation_year": "2019", "version": str(old)})
    assert answer.status_code == 409
    soup = parsed(answer)
    row = one(soup, "tr.differs")
    assert [cell.text for cell in row.select("td")] == ["2019", "2020"]
    mine = {str(field["name"]): str(field["value"]) for field in soup.select("main form input")}
    kept = applicant.client.post(applicant.address("education"), data=mine)
    assert kept.headers["Location"].endswith("/review")
    assert one(applicant.soup("education"), "#graduation_year option[selected]")["value"] == "2019"


def test_stale_answers_that_are_stored_already_go_on(applicant: Applicant) -> None:
    applicant.answer()
    old = one(applicant.soup("education"), "input[name=version]")["value"]
    applicant.submit("education", graduation_year="2020")
    answer = applicant.send("education", {**ANSWERS["education"], "graduation_year": "2020", "version": str(old)})
    assert answer.status_code == 303


@pytest.mark.parametrize("typed", ["osot\u20130000001", " osot-0000001\u200b", "osot\u22120000001"])
def test_a_member_number_may_be_pasted_with_what_came_along(applicant: Applicant, typed: str) -> None:
    assert applicant.submit("identity", user_business_id=typed).status_code == 303
    assert one(applicant.soup("identity"), "#user_business_id")["value"] == "osot-0000001"


def test_an_address_entered_in_another_tab_is_not_overwritten(applicant: Applicant) -> None:
    applicant.answer(email="")
    stale = filled(one(applicant.soup("identity"), "main form"))
    applicant.submit("identity", email="first@example.org")
    assert applicant.client.post(applicant.address("identity"), data=stale).status_code == 303
    assert one(applicant.soup("identity"), "#email")["value"] == "first@example.org"
    answer = applicant.client.post(applicant.address("identity"), data={**stale, "email": "second@example.org"})
    assert answer.status_code == 409
    soup = parsed(answer)
    assert "first@example.org" in soup.text
    assert "second@example.org" in soup.text
    mine = filled(one(soup, "main form"))
    assert applicant.client.post(applicant.address("identity"), data=mine).status_code == 303
    assert one(applicant.soup("identity"), "#email")["value"] == "second@example.org"


def test_an_address_given_with_a_second_first_answer_is_kept(applicant: Applicant) -> None:
    blank = filled(one(applicant.soup("identity"), "main form"))
    first = {**blank, "user_business_id": "osot-0000001"}
    assert applicant.client.post(applicant.address("identity"), data=first).status_code == 303
    again = {**first, "email": "ada@example.org"}
    assert applicant.client.post(applicant.address("identity"), data=again).status_code == 303
    assert one(applicant.soup("identity"), "#email")["value"] == "ada@example.org"


def test_two_first_answers_are_not_mixed(applicant: Applicant) -> None:
    applicant.answer("identity")
    answer = applicant.send("identity", {"version": "", "user_business_id": "osot-0000002", "email": ""})
    assert answer.status_code == 409
    assert "osot-0000002" in answer.text


# --- What a page costs --------------------------------------------------------------------------------------


def test_data_step_costs_few_round_trips(applicant: Applicant, redis_client: Redis) -> None:
    applicant.answer("identity", "education")
    version = str(one(applicant.soup("coto"), "input[name=version]")["value"])
    token = applicant.token()
    with counted(redis_client, *_clients(applicant)) as trips:
        applicant.client.get(applicant.address("coto"))
    assert trips.count <= 2, trips.sent
    with counted(redis_client, *_clients(applicant)) as trips:
        answer = applicant.client.post(
            applicant.address("coto"), data={"csrf_token": token, "version": version, **ANSWERS["coto"]}
        )
    assert answer.status_code == 303
    assert trips.count <= 3, trips.sent


def _clients(applicant: Applicant) -> tuple[Redis, ...]:
    return (applicant.client.application.extensions["wizard_stores"].redis,)


def test_what_follows_from_a_wrong_answer_is_not_said_beside_it(applicant: Applicant) -> None:
    applicant.answer("identity")
    values = {**ANSWERS["education"], "country": "FR", "version": "1"}
    soup = parsed(applicant.send("fields/country", values, headers=HTMX))
    assert "McMaster University is in Ontario" in text(soup, "#country-error")
    assert not soup.select(".field-notice")
    assert text(soup, "button") == "Choose Canada and continue"


def test_both_versions_show_the_address_too(applicant: Applicant) -> None:
    applicant.answer("identity")
    answer = applicant.send("identity", {"version": "", "user_business_id": "osot-0000009", "email": ""})
    assert answer.status_code == 409
    assert "ada@example.org" in text(parsed(answer), "table")
