"""What each app is asked: pages, steps and whole journeys, every request with the name of its row."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from http import HTTPStatus
from uuid import uuid4

import msgspec

from bench.load import Answer, Browser, Visit
from tests.support.api import DATA, ORCHESTRATOR

# A request with its name, sent its answer.
Journey = Generator[tuple[str, bytes], Answer, None]

ANSWERS: dict[str, dict[str, str]] = {
    "identity": {"user_business_id": "M-1", "email": ""},
    "education": {
        "degree_type": "masters",
        "university": "mcmaster",
        "other_details": "",
        "country": "CA",
        "graduation_year": "2026",
    },
    "coto": {"coto_status": "pending", "coto_registration": ""},
    "privacy": {"access_modifier": "private", "notes": "Another name stands on my diploma."},
}
PEER_ANSWERS = {**ANSWERS, "confirm": {"declaration": "y"}}


def floor(times: int) -> Journey:
    """A page of A, over and over."""
    browser = Browser()
    for _ in range(times):
        answer = yield "GET", browser.get("/")
        assert answer.status == HTTPStatus.OK


def peer(prefix: Callable[[str, str], str] = lambda _step, name: name) -> Journey:
    """Through B's or C's wizard; `prefix` says what C calls a field."""
    browser, at = Browser(), "/identity"
    for step, answers in PEER_ANSWERS.items():
        page = browser.seen((yield f"GET {step}", browser.get(at)))
        assert page.status == HTTPStatus.OK, page.text
        values = {**page.hidden, **{prefix(step, name): value for name, value in answers.items()}}
        sent = browser.seen((yield f"POST {step}", browser.post(f"/{step}", values)))
        assert sent.status == HTTPStatus.FOUND, sent.text
        at = sent.location
    receipt = yield "GET complete", browser.get(at)
    assert receipt.status == HTTPStatus.OK, receipt.text


def applicant(number: str, code_of: Callable[[str], str]) -> Journey:
    """From the first page to the receipt; `code_of` reads the mail that a request has sent."""
    browser = Browser()
    start = browser.seen((yield "GET start", browser.get("/")))
    begun = browser.seen((yield "POST start", browser.post("/registrations", start.hidden)))
    at = begun.location
    for step, answers in ANSWERS.items():
        page = yield f"GET {step}", browser.get(at)
        given = {**page.hidden, **answers, **({"user_business_id": number} if step == "identity" else {})}
        at = _on((yield f"POST {step}", browser.post(at, given)))
    for step in ("review", "category"):
        page = yield f"GET {step}", browser.get(at)
        at = _on((yield f"POST {step}", browser.post(at, page.hidden)))
    page = yield "GET account", browser.get(at)
    request_id = uuid4().hex
    at = _on((yield "POST account (send a code)", browser.post(at, page.hidden, request_id=request_id)))
    page = yield "GET account (enter it)", browser.get(at)
    proof = {**page.hidden, "code": code_of(request_id)}
    at = _on(browser.seen((yield "POST account (check it)", browser.post(at.partition("?")[0], proof))))
    page = yield "GET confirm", browser.get(at)
    at = _on((yield "POST confirm (create)", browser.post(at, {**page.hidden, "declaration": "y"})))
    assert at.endswith("/complete"), at
    receipt = yield "GET complete", browser.get(at)
    assert receipt.status == HTTPStatus.OK, receipt.text
    assert number in receipt.text, receipt.text


def system(token: str, number: str, account_id: str) -> Journey:
    """Another system registers somebody in two calls."""
    caller = Browser(headers={"Authorization": f"Bearer {token}"})
    body = {"educationData": {**DATA, "userBusinessId": number}, "accountId": account_id}
    staged = yield "API stage", caller.send(f"{ORCHESTRATOR}/stage", msgspec.json.encode(body))
    assert staged.status == HTTPStatus.CREATED, staged.text
    session_id = msgspec.json.decode(staged.body)["sessionId"]
    done = yield "API execute-workflow", caller.send(f"{ORCHESTRATOR}/execute-workflow/{session_id}", b"{}")
    assert done.status in {HTTPStatus.OK, HTTPStatus.CREATED}, done.text
    assert msgspec.json.decode(done.body)["status"] == "workflow_completed", done.text


def pages(name: str, browser: Browser, path: str, times: int) -> Journey:
    """One page, over and over."""
    for _ in range(times):
        answer = yield name, browser.get(path)
        assert answer.status == HTTPStatus.OK, answer.text


def unnamed(journey: Journey) -> Visit:
    """A journey as a visit."""
    try:
        _, request = next(journey)
        while True:
            _, request = journey.send((yield request))
    except StopIteration:
        return


def in_step(journeys: Iterable[Journey]) -> Iterator[tuple[str, list[Visit]]]:
    """The same request of all journeys, then the next of all: whoever asks for one has to make the one before."""
    under_way = [(journey, next(journey)) for journey in journeys]
    while under_way:
        answers: list[Answer | None] = [None] * len(under_way)
        name = under_way[0][1][0]
        yield name, [_once(request, answers, place) for place, (_, (_, request)) in enumerate(under_way)]
        under_way = [
            (journey, following)
            for (journey, _), answer in zip(under_way, answers, strict=True)
            if (following := _following(journey, answer)) is not None
        ]


def _once(request: bytes, answers: list[Answer | None], place: int) -> Visit:
    answers[place] = yield request


def _following(journey: Journey, answer: Answer | None) -> tuple[str, bytes] | None:
    assert answer is not None
    try:
        return journey.send(answer)
    except StopIteration:
        return None


def _on(answer: Answer) -> str:
    assert answer.status == HTTPStatus.SEE_OTHER, (answer.status, answer.text)
    return answer.location
