"""Another system that calls the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from wizard.core.actors import Actor, Privilege
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.services.tokens import NewToken

SYSTEM = Call(Actor.system("tests"))
ORCHESTRATOR = "/ot-education/orchestrator"
DATA: Mapping[str, str] = {
    "userBusinessId": "osot-0000001",
    "degreeType": "masters",
    "university": "mcmaster",
    "country": "CA",
    "graduationYear": "2026",
    "cotoStatus": "pending",
    "accessModifier": "private",
}


@dataclass(frozen=True)
class Called:
    """What a call was answered; `json` is None where that is no JSON."""

    answer: TestResponse

    @property
    def status_code(self) -> int:
        return self.answer.status_code

    @property
    def headers(self) -> Headers:
        return self.answer.headers

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return self.answer.get_json(silent=True)


@dataclass
class ApiClient:
    """What calls with one token; without one, nobody knows who calls."""

    client: FlaskClient
    token: str = ""

    @classmethod
    def made(
        cls, client: FlaskClient, services: Services, privilege: Privilege, *, member_number: str | None = None
    ) -> ApiClient:
        name = f"{privilege}-{len(services.tokens.all(SYSTEM))}"
        return cls(client, services.tokens.create(SYSTEM, NewToken(name, privilege, member_number=member_number)))

    def call(
        self, method: str, address: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Called:
        """A call as it is, with its answer."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        given: dict[str, Any] = {} if body is None else {"json": body}
        answer = self.client.open(address, method=method, headers={**sent, **(headers or {})}, **given)
        return Called(answer)

    def post(self, address: str, body: object = None, **headers: str) -> Called:
        return self.call("POST", address, body, headers={name.replace("_", "-"): to for name, to in headers.items()})

    def get(self, address: str, **headers: str) -> Called:
        return self.call("GET", address, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def staged(self, **data: str | None) -> dict[str, Any]:
        """A session with everything answered, some answers replaced."""
        answer = self.post(f"{ORCHESTRATOR}/stage", {"educationData": {**DATA, **data}})
        assert answer.status_code == 201, answer.json
        found: dict[str, Any] = answer.json
        return found

    def on(self, operation: str, session_id: str, body: object = None) -> Called:
        """An operation on a session."""
        return self.post(f"{ORCHESTRATOR}/{operation}/{session_id}", body)

    def recorded(self, account_id: str, **data: str | None) -> dict[str, Any]:
        """The record of a registration that went all the way."""
        session_id = self.staged(**data)["sessionId"]
        answer = self.on("execute-workflow", session_id, {"accountId": account_id})
        assert answer.status_code == 200, answer.json
        found: dict[str, Any] = answer.json["record"]
        return found


def problem(called: Called | TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem that a call was answered, which has to be one with this status and code."""
    answer = called.answer if isinstance(called, Called) else called
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    found: dict[str, Any] = answer.get_json()
    assert (found["status"], found["code"]) == (status, code)
    assert found["type"].endswith(f"/api#{code.lower()}")
    assert all(found[name] for name in ("title", "detail", "errors"))
    return found
