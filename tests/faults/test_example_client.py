"""The example in docs/client.py, against the real server: to the record, past limits and failures, once for a key."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.client import EXAMPLE, ORCHESTRATOR, ApiError, Client
from tests.support.serving import Served, serving
from wizard.web.api.values import MOST_ON_A_PAGE

SCRIPT = Path(__file__).parents[2] / "docs" / "client.py"
STAGE = f"{ORCHESTRATOR}/stage"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("site")) as served:
        yield served


def token(served: Served, name: str, privilege: str = "main") -> str:
    return served.run("tokens", "create", "--name", name, "--privilege", privilege).strip()


@pytest.fixture(scope="module")
def client(served: Served) -> Client:
    return Client(served.url, token(served, "example"))


def test_it_registers_somebody_when_it_is_run(served: Served) -> None:
    member = served.member()
    environ = {**os.environ, "WIZARD_TOKEN": token(served, "script")}
    command = [sys.executable, str(SCRIPT), served.url, member]
    first, again = (
        subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60) for _ in range(2)
    )
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("osot-oted-")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith("CONFLICT: ")


def test_what_is_sent_twice_under_a_key_is_done_once(client: Client) -> None:
    body = {"educationData": {**EXAMPLE, "notes": "twice"}}
    first, again = (client.post(STAGE, body, key="of-one-purpose") for _ in range(2))
    assert first == again
    assert client.stage({})["sessionId"] != client.stage({})["sessionId"]


def test_a_change_of_what_was_changed_meanwhile_is_refused(client: Client) -> None:
    session = client.stage(EXAMPLE)
    assert client.change(session, {"notes": "mine"})["version"] == 2
    with pytest.raises(ApiError, match="changed") as refused:
        client.change(session, {"notes": "theirs"})
    assert (refused.value.status, refused.value.code) == (409, "CONFLICT")


def test_errors_come_in_the_language_of_the_caller(served: Served, client: Client) -> None:
    french = Client(served.url, client.token, language="fr")
    said = []
    for each in (client, french):
        with pytest.raises(ApiError) as refused:
            each.account_id("osot-9999999")
        said.append(str(refused.value))
    assert len(set(said)) == 2


def test_an_address_that_is_too_long_is_refused_as_the_document_says(client: Client) -> None:
    address = "/ot-education/records"
    with pytest.raises(ApiError) as refused:
        client.call("GET", f"{address}?search={'a' * 5000}")
    described = client.call("GET", "/openapi.json")["paths"][address]["get"]["responses"]
    assert str(refused.value.status) in described


def test_every_page_of_records_is_read(served: Served, client: Client) -> None:
    made = set()
    for _ in range(3):
        member = served.member()
        made.add(client.register({**EXAMPLE, "userBusinessId": member}, client.account_id(member))["id"])
    found = [record["id"] for record in client.records(limit="2")]
    assert made <= set(found)
    assert len(found) == len(set(found))
    assert len(found) < MOST_ON_A_PAGE


def test_too_many_calls_wait_for_as_long_as_they_are_told(tmp_path: Path) -> None:
    with serving(tmp_path, {"WIZARD_LIMIT_API": "2 per second"}, workers=1) as served:
        eager = Client(served.url, token(served, "eager"), attempts=20)
        assert len({eager.stage({})["sessionId"] for _ in range(5)}) == 5
        assert "429" in served.log.read_text("utf-8")
        hasty = Client(served.url, eager.token, attempts=1)
        with pytest.raises(ApiError) as refused:
            [hasty.stage({}) for _ in range(20)]
        assert refused.value.code == "RATE_LIMITED"


def test_a_service_that_is_down_is_called_again_once_it_is_there(tmp_path: Path) -> None:
    with serving(tmp_path, workers=1) as served:

        def revived(seconds: float) -> None:
            waits.append(seconds)
            served.stop()
            served.start()

        waits: list[float] = []
        patient = Client(served.url, token(served, "patient"), wait=revived)
        served.kill_valkey()
        assert patient.stage(EXAMPLE)["status"] == "pending"
        assert len(waits) == 1
