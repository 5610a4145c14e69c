"""A registration that this browser does not own is not there: every address, every method."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.desk import SYSTEM, own, sign_in, staged, token
from tests.support.seed import Seeded
from wizard.core.actors import Privilege
from wizard.core.steps import Step
from wizard.services.bundle import Services
from wizard.services.tokens import NewToken

UNKNOWN = "0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11"


def without_tokens(html: str) -> str:
    return re.sub(r'(name="csrf_token" value=")[^"]*', r"\1", html)


def addresses(app: Flask, session_id: str) -> list[tuple[str, str]]:
    """Every address of a registration with every method that it takes."""
    found = []
    for rule in app.url_map.iter_rules():
        if "session_id" not in rule.arguments or not rule.endpoint.startswith("applicant."):
            continue
        steps = [step.value for step in Step] if "step" in rule.arguments else [""]
        for step in steps:
            values = {"session_id": session_id, "step": step, "name": "country"}
            _, address = rule.build({name: values[name] for name in rule.arguments}) or ("", "")
            found += [(method, address) for method in sorted((rule.methods or set()) - {"OPTIONS"})]
    assert len(found) > 2 * len(Step)
    return found


@pytest.mark.parametrize("owner", ["nobody", "of another", "staff who do not help", "another system"])
def test_a_foreign_registration_is_not_there(
    app: Flask, client: FlaskClient, services: Services, app_seeded: Seeded, owner: str
) -> None:
    foreign = staged(services)
    if owner == "staff who do not help":
        sign_in(client, app_seeded.main)
    if owner == "another system":
        # Its token opens the API's addresses, and no page.
        token_of_main = services.tokens.create(SYSTEM, NewToken("membership", Privilege.MAIN))
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token_of_main}"
    if owner == "of another":
        own(client, staged(services, user_business_id="osot-0000002"))
    used = token(client)
    for method, address in addresses(app, foreign):
        answer = client.open(address, method=method, data={"csrf_token": used, "version": "1"})
        assert answer.status_code == 404, (method, address)
        assert client.open(address, method=method).status_code == 404, (method, address, "without a token")


def test_it_looks_the_same_whether_it_exists(app: Flask, client: FlaskClient, services: Services) -> None:
    foreign = staged(services)
    for (method, address), (_, unknown) in zip(addresses(app, foreign), addresses(app, UNKNOWN), strict=True):
        there, not_there = client.open(address, method=method), client.open(unknown, method=method)
        assert without_tokens(there.text.replace(foreign, UNKNOWN)) == without_tokens(not_there.text)


@pytest.mark.parametrize(
    "text", ["nonsense", UNKNOWN.upper(), UNKNOWN.replace("-", ""), "00000000-0000-1000-8000-000000000000", "%00"]
)
def test_what_is_no_session_id_is_not_there_even_to_its_owner(client: FlaskClient, text: str) -> None:
    own(client, text)
    assert client.get(f"/registrations/{text}/education").status_code == 404
