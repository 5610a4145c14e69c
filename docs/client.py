"""An example of calling the API, with the standard library alone: from the answers of one person to the record.

    WIZARD_TOKEN=otw_… python docs/client.py https://registration.example.org osot-0000042

Take it over and change it: `Client` knows tokens, errors, retries, keys against doing twice, and paging (docs/api.md).
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

Json = dict[str, Any]

ORCHESTRATOR = "/ot-education/orchestrator"
# What passes by itself: a call under way with the same key, too many calls, a service that cannot be reached.
PASSING = frozenset({409, 429, 503})
TIMEOUT = 30


class ApiError(Exception):
    """A refusal: `problem` is the answer, whose `code` a program goes by, and whose `detail` a person reads."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(problem.get("detail", f"HTTP {status}"))
        self.status = status
        self.problem = problem
        self.code: str = problem.get("code", "")


@dataclass(frozen=True)
class Client:
    """Whoever calls with a token; sentences come in the language."""

    base_url: str
    token: str
    language: str = "en"
    attempts: int = 5
    wait: Callable[[float], None] = time.sleep

    def register(self, data: Mapping[str, str], account_id: str) -> Json:
        """The record of a person, all the way: staged, checked, decided, linked, created."""
        session = self.stage(data)
        done = self.post(f"{ORCHESTRATOR}/execute-workflow/{session['sessionId']}", {"accountId": account_id})
        record: Json = done["record"]
        return record

    def stage(self, data: Mapping[str, str]) -> Json:
        """A new session."""
        return self.post(f"{ORCHESTRATOR}/stage", {"educationData": dict(data)})

    def change(self, session: Json, data: Mapping[str, str]) -> Json:
        """A session with other answers. Raises ApiError with CONFLICT where it was changed since it was read."""
        body = {"educationData": dict(data), "version": session["version"]}
        return self.call("PATCH", f"{ORCHESTRATOR}/session/{session['sessionId']}", body)

    def account_id(self, member_number: str) -> str:
        """The id of the account with a member number."""
        found = self.call("GET", f"/ot-education/accounts?{urlencode({'memberNumber': member_number})}")
        return str(found["accountId"])

    def records(self, **filters: str) -> Iterator[Json]:
        """All records that the token reads, page after page."""
        cursor: str | None = None
        while True:
            asked = {**filters, **({"cursor": cursor} if cursor else {})}
            page = self.call("GET", f"/ot-education/records?{urlencode(asked)}")
            yield from page["records"]
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def post(self, path: str, body: Json | None = None, *, key: str = "") -> Json:
        """A POST that is done once, however often it has to be sent: each try has the same key."""
        return self.call("POST", path, body or {}, {"Idempotency-Key": key or str(uuid.uuid4())})

    def call(self, method: str, path: str, body: Json | None = None, headers: Mapping[str, str] | None = None) -> Json:
        """A call, tried again where it may fare better. Raises ApiError."""
        for left in reversed(range(self.attempts)):
            try:
                return self._sent(method, path, body, headers or {})
            except HTTPError as error:
                with error:
                    pause = error.headers.get("Retry-After")
                    if not (left and pause and error.code in PASSING):
                        raise ApiError(error.code, _problem(error)) from None
                self.wait(float(pause))
            except (URLError, TimeoutError, ConnectionError, HTTPException):
                # Nobody knows what became of it. A PATCH may be sent again too: its version lets it through once.
                if not left:
                    raise
                self.wait(1)
        raise AssertionError

    def _sent(self, method: str, path: str, body: Json | None, headers: Mapping[str, str]) -> Json:
        request = Request(
            self.base_url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Accept-Language": self.language,
                "Content-Type": "application/json",
                **headers,
            },
        )
        with urlopen(request, timeout=TIMEOUT) as answer:
            text = answer.read()
        found: Json = json.loads(text) if text else {}
        return found


def _problem(error: HTTPError) -> Json:
    """What was answered; a proxy in between may answer something else than JSON."""
    try:
        found = json.load(error)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


EXAMPLE: Mapping[str, str] = {
    "degreeType": "masters",
    "university": "mcmaster",
    "country": "CA",
    "graduationYear": "2026",
    "cotoStatus": "pending",
    "accessModifier": "private",
}


def main(base_url: str, member_number: str) -> int:
    """Register one person; 1 where it was refused."""
    client = Client(base_url, os.environ["WIZARD_TOKEN"])
    try:
        account_id = client.account_id(member_number)
        record = client.register({**EXAMPLE, "userBusinessId": member_number}, account_id)
    except ApiError as refused:
        print(f"{refused.code}: {refused}", file=sys.stderr)
        return 1
    print(record["number"], record["educationCategory"])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
