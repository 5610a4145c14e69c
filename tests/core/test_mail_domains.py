from __future__ import annotations

import pytest

from wizard.core.mail_domains import UNIVERSITY_DOMAINS, ends_with_studies


@pytest.mark.parametrize(
    "address",
    [
        "ada@mcmaster.ca",
        "ada@mail.utoronto.ca",
        "ada@queensu.ca",
        "ada@uottawa.ca",
        "ada@uwo.ca",
        "ada@student.ubc.ca",
        "ada@mail.mcgill.ca",
        "ada@myumanitoba.ca",
        "ada@cmail.carleton.ca",
        "ada@live.concordia.ca",
        "ada@ULAVAL.CA",
        "ada@Harvard.EDU",
        "ada@ed.ac.uk",
        " ada@uwo.ca ",
    ],
)
def test_student_address_ends_with_the_studies(address: str) -> None:
    assert ends_with_studies(address)


@pytest.mark.parametrize(
    "address",
    [
        "ada@notmcmaster.ca",
        "ada@mcmaster.ca.example.org",
        "mcmaster.ca@example.org",
        "ada@gmail.com",
        "ada@hamiltonhealth.ca",
        "ada@alumni.utoronto.ca",
        "ada@alum.queensu.ca",
        "ada@edu.example.org",
        "ada",
        "",
    ],
)
def test_other_address_does_not(address: str) -> None:
    assert not ends_with_studies(address)


def test_table_holds_domains() -> None:
    assert all(domain == domain.casefold() and "." in domain and "@" not in domain for domain in UNIVERSITY_DOMAINS)
