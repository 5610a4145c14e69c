"""Other systems that register people by the API, with keys against doing twice, and try again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import Any

import requests

from tests.faults.harness.people import PAUSE, TIMEOUT, Reached
from tests.faults.harness.place import Place
from tests.faults.harness.told import Outcome, Told

Json = dict[str, Any]

BASE = "/ot-education/orchestrator"
# A call whose process died is still under way for its key; after so many tries another key is taken.
TRIES_WITH_A_KEY = 12
_IN_THE_WAY = {"account.one_record", "user_business_id.unique"}
_TAKEN = "coto_registration.unique"


@dataclass
class System:
    """A registration by the API: staged, changed, then the whole workflow or step by step.

    `rival` says that somebody else registers the same member, `other_number` is the COTO number to take where the
    first one turns out to be somebody else's.
    """

    site: Place
    told: Told
    wanted: dict[str, str]
    reached: Reached
    random: Random
    stepwise: bool = False
    rival: bool = False
    other_number: str | None = None
    _keys: dict[str, tuple[str, int]] = field(default_factory=dict)
    _state: Json = field(default_factory=dict)

    def register(self, until: Event) -> None:
        """Go on until there is a record, or somebody says that it takes too long."""
        while not until.is_set() and not self.told.is_over:
            if not self._further():
                until.wait(PAUSE)

    def _further(self) -> bool:
        if not self.told.session_id:
            return self._stage()
        if self._changes():
            return self._change()
        if self.stepwise:
            return self._step()
        return self._created(self._post("execute-workflow", {"accountId": self.told.account}))

    # Calls

    def _call(self, method: str, path: str, body: object = None, key: str | None = None) -> tuple[int | None, Json]:
        headers = {"Authorization": f"Bearer {self.site.token}", **({"Idempotency-Key": key} if key else {})}
        try:
            answer = requests.request(
                method, self.site.web.url + path, json=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
            found: Json = answer.json() if answer.content else {}
        except (requests.RequestException, ValueError):
            return None, {}
        if answer.status_code >= 500 and answer.status_code != 503:
            self.told.strange.append(f"{method} {path.rpartition('/')[0]} answered {answer.status_code}: {found}")
        return (None if answer.status_code >= 500 else answer.status_code), found

    def _post(self, operation: str, body: Json) -> tuple[int | None, Json]:
        """An operation under a key that stays the same until it is answered."""
        self.reached(operation)
        key, tries = self._keys.get(operation) or (self._key(), 0)
        path = f"{BASE}/{operation}" if operation == "stage" else f"{BASE}/{operation}/{self.told.session_id}"
        status, found = self._call("POST", path, body, key)
        under_way = status == 409 and _messages(found) == {"idempotency.in_flight"}
        if status is None or under_way:
            self._keys[operation] = (key, tries + 1)
            if tries >= TRIES_WITH_A_KEY:
                del self._keys[operation]
            return None, {}
        self._keys.pop(operation, None)
        return status, found

    def _key(self) -> str:
        return f"{self.told.member} {self.random.getrandbits(64)}"

    # Steps

    def _stage(self) -> bool:
        first = {name: value for name, value in self.wanted.items() if name != "notes"}
        status, found = self._post("stage", {"educationData": first, "accountId": self.told.account})
        if status != 201:
            return self._unless_unknown(status, found)
        self.told.session_id, self._state = found["sessionId"], found
        self.told.note(_snake(first), Outcome.ACCEPTED)
        return True

    def _changes(self) -> dict[str, str]:
        """What is wanted and was not accepted yet."""
        held = self.told.answers
        return {name: value for name, value in self.wanted.items() if held.get(_snake_name(name)) != value}

    def _change(self) -> bool:
        self.reached("change")
        changes = self._changes()
        body = {"educationData": changes, "version": self._state["version"]}
        status, found = self._call("PATCH", self._session, body)
        outcome = {200: Outcome.ACCEPTED, None: Outcome.UNKNOWN}.get(status, Outcome.REFUSED)
        self.told.note(_snake(changes), outcome)
        if status == 200:
            self._state = found
            return True
        return self._look() and outcome is not Outcome.REFUSED

    def _look(self) -> bool:
        status, found = self._call("GET", self._session)
        if status == 200:
            self._state = found
        elif status is not None:
            self.told.strange.append(f"the session cannot be read: {status} {found}")
        return status == 200

    @property
    def _session(self) -> str:
        return f"{BASE}/session/{self.told.session_id}"

    def _step(self) -> bool:
        """The next one, by what the session says of itself."""
        if not self._look():
            return False
        operation = {
            "staged": "validate",
            "validated": "determine-category",
            "category_determined": "link-account",
            "account_linked": "create",
            "creation_failed": "create",
        }.get(self._state["status"], "execute-workflow")
        body: Json = {"accountId": self.told.account} if operation in {"link-account", "execute-workflow"} else {}
        status, found = self._post(operation, body)
        if operation == "execute-workflow":
            return self._created((status, found))
        if status in {200, 201} and not found.get("success"):
            return self._refused(found)
        return self._unless_unknown(status, found)

    def _created(self, answer: tuple[int | None, Json]) -> bool:
        status, found = answer
        if status == 200 and found.get("record"):
            self.told.receive(found["record"]["number"])
            return True
        return self._unless_unknown(status, found)

    def _unless_unknown(self, status: int | None, found: Json) -> bool:
        if status is None:
            return False
        return status < 400 or self._refused(found)

    def _refused(self, found: Json) -> bool:
        """Refused for good: by what was to be in the way, or strangely."""
        messages = _messages(found)
        if self.rival and messages & _IN_THE_WAY:
            self.told.is_refused = True
        elif self.other_number and _TAKEN in messages:
            self.wanted["cotoRegistration"], self.other_number = self.other_number, None
        elif found.get("code") != "CONFLICT" or not messages & {"session.busy", "version.stale"}:
            self.told.strange.append(f"refused: {found.get('status')} {found.get('code')} {sorted(messages)}")
        return self._look()


def _messages(found: Mapping[str, Any]) -> set[str]:
    """The ids of what is wrong."""
    return {str(each["context"].get("rule")) for each in found.get("errors", ())}


def _snake(data: Mapping[str, str]) -> dict[str, str | None]:
    return {_snake_name(name): value for name, value in data.items()}


def _snake_name(camel: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in camel)
