"""Who registers: people with browsers, who press again until they have their receipt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from urllib.parse import urlsplit

import requests
from bs4 import BeautifulSoup, Tag

from tests.faults.harness.place import Place
from tests.faults.harness.told import Outcome, Told

TIMEOUT = 6
PAUSE = 0.15
# A mail that has not come by then is asked for once more; the next is waited for twice as long, for it voids the first.
MAIL_WITHIN = 4.0
RECORD = re.compile(r"osot-oted-\d{7,}")
CODE = re.compile(r"(?<!\d)(\d{6})(?!\d)")
STEPS = ("identity", "education", "coto", "privacy", "review", "category", "account", "confirm", "complete")
_UNAVAILABLE = {502, 503, 504}

Reached = Callable[[str], None]


@dataclass(frozen=True)
class Answered:
    """An answer; None as status where none came."""

    status: int | None
    place: str = ""
    text: str = ""

    @property
    def is_unknown(self) -> bool:
        return self.status is None or self.status >= 500


@dataclass
class Browser:
    """Cookies, and requests that may come to nothing; `strange` is told of answers that should never be given."""

    site: Place
    strange: list[str]
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str) -> Answered:
        """A page, with every redirect followed."""
        for _ in range(8):
            answer = self._send("GET", path)
            if not answer.place:
                return answer
            path = answer.place
        self.strange.append(f"redirects without end at {path}")
        return Answered(None)

    def post(self, path: str, values: Mapping[str, str]) -> Answered:
        """What a form answers; a redirect is not followed."""
        return self._send("POST", path, values)

    def _send(self, method: str, path: str, values: Mapping[str, str] | None = None) -> Answered:
        try:
            answer = self.session.request(
                method, self.site.web.url + path, data=values, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.RequestException:
            return Answered(None)
        if answer.status_code >= 400 and answer.status_code not in {*_UNAVAILABLE, 409, 422}:
            self.strange.append(f"{method} {urlsplit(path).path} answered {answer.status_code}")
        place = urlsplit(answer.headers.get("Location", ""))
        where = place._replace(scheme="", netloc="", fragment="").geturl()
        return Answered(answer.status_code, where, answer.text)

    def twin(self) -> Browser:
        """The same browser's other tab."""
        other = Browser(self.site, self.strange)
        other.session.cookies.update(self.session.cookies)
        return other


@dataclass
class Person:
    """A registration by the pages, from the first to the receipt, whatever gets in the way.

    `reached` is told of each step before it is sent; `tabs` sends the privacy step from two tabs at once, `presses`
    says how often *Submit* is pressed at once.
    """

    site: Place
    told: Told
    wanted: dict[str, dict[str, str]]
    reached: Reached
    tabs: bool = False
    presses: int = 1
    browser: Browser = field(init=False)
    _next: str = ""
    _asked_again_at: float = 0.0
    _mail_within: float = MAIL_WITHIN
    _used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.browser = Browser(self.site, self.told.strange)

    def register(self, until: Event) -> None:
        """Go on until there is a receipt, or somebody says that it takes too long."""
        while not until.is_set() and not self.told.is_over:
            if not self._further():
                until.wait(PAUSE)

    def _further(self) -> bool:
        """One page and one answer; False where it is better to wait a moment."""
        if not self.told.session_id:
            return self._begin()
        if self._waits_for_mail():
            return False
        # Where it leads on, and else from the end: whatever is to be done first is shown.
        page = self.browser.get(self._next or f"/registrations/{self.told.session_id}/complete")
        self._next = ""
        if page.is_unknown:
            return False
        return self._take(BeautifulSoup(page.text, "html.parser"))

    def _post(self, form: Tag, values: Mapping[str, str]) -> Answered:
        """Send a form, and go on where it leads."""
        answer = self.browser.post(str(form["action"]), {**hidden(form), **values})
        self._next = answer.place
        return answer

    def _begin(self) -> bool:
        page = BeautifulSoup(self.browser.get("/").text, "html.parser")
        form = page.select_one('form[action$="/registrations"]')
        if form is None:
            return False
        self.reached("start")
        answer = self.browser.post("/registrations", hidden(form))
        found = re.match(r"/registrations/([0-9a-f-]{36})/", answer.place)
        if found is None:
            return False
        self.told.session_id = found[1]
        return True

    def _take(self, page: BeautifulSoup) -> bool:
        """Whatever page it is."""
        if found := RECORD.search(page.get_text(" ")):
            self.told.receive(found[0])
            return True
        form = page.select_one("main form[method=post]:has([name=version], [name=csrf_token])")
        if form is None:
            return False
        step = urlsplit(str(form.get("action"))).path.rpartition("/")[2]
        if step not in STEPS:
            self.told.strange.append(f"a page of {step} instead of a step")
            return False
        self.reached(step)
        sends = {"account": self._prove, "confirm": self._declare}.get(step, self._answer)
        return sends(step, form)

    def _answer(self, step: str, form: Tag) -> bool:
        values = self.wanted.get(step, {})
        sent: dict[str, str | None] = {name: value or None for name, value in values.items() if name != "email"}
        if step == "privacy" and self.tabs:
            self.tabs = False
            return self._two_tabs(step, form, values)
        answer = self._post(form, values)
        self.told.note(sent, self._outcome(step, answer))
        return not answer.is_unknown

    def _outcome(self, step: str, answer: Answered) -> Outcome:
        if answer.is_unknown:
            return Outcome.UNKNOWN
        if answer.status == 303:
            return Outcome.ACCEPTED
        if answer.status == 422:
            summary = BeautifulSoup(answer.text, "html.parser").select_one("[role=alert]")
            self.told.strange.append(f"{step} refused: {summary.get_text(' ', strip=True) if summary else '?'}")
        return Outcome.REFUSED

    def _two_tabs(self, step: str, form: Tag, values: Mapping[str, str]) -> bool:
        """Other notes from each; at most one may be accepted."""
        sent = [{**values, "notes": f"{values['notes']} ({tab})"} for tab in ("one", "other")]
        tabs = (self.browser, self.browser.twin())
        with ThreadPoolExecutor(2) as pool:
            posts = [
                pool.submit(tab.post, str(form["action"]), {**hidden(form), **each})
                for tab, each in zip(tabs, sent, strict=True)
            ]
            outcomes = [self._outcome(step, post.result()) for post in posts]
        if outcomes.count(Outcome.ACCEPTED) > 1:
            self.told.strange.append("two tabs with different answers were both accepted")
        # What was accepted came in: the other one, of the same version, did not.
        order = sorted(zip(outcomes, sent, strict=True), key=lambda each: each[0] is Outcome.ACCEPTED)
        for outcome, each in order:
            self.told.note(dict(each), outcome)
            if outcome is Outcome.ACCEPTED:
                self.wanted[step] = each
        return True

    def _prove(self, _step: str, form: Tag) -> bool:
        """Enter the code that came by mail, or ask for one."""
        code = self._new_code()
        if code is None:
            asked = self._post(form, {})
            if not asked.is_unknown:
                self._asked_again_at = monotonic() + self._mail_within
                self._mail_within *= 2
            return False
        self._used.add(code)
        self.reached("code")
        # One that a newer one has voided is refused, and that one waited for; so is one whose right answer was lost.
        return not self._post(form, {"code": code}).is_unknown

    def _waits_for_mail(self) -> bool:
        return monotonic() < self._asked_again_at and self._new_code() is None

    def _new_code(self) -> str | None:
        """The newest code that was sent and not tried yet."""
        to = f"{self.told.member.lower()}@example.org"
        for mail in reversed(tuple(self.site.mail.mails)):
            body = mail.get_body(("plain",))
            if str(mail["To"]).lower() == to and body and (found := CODE.search(str(body.get_content()))):
                return None if found[1] in self._used else found[1]
        return None

    def _declare(self, _step: str, form: Tag) -> bool:
        values = {**hidden(form), "declaration": "y"}
        with ThreadPoolExecutor(self.presses) as pool:
            twins = [self.browser, *(self.browser.twin() for _ in range(self.presses - 1))]
            answers = list(pool.map(lambda twin: twin.post(str(form["action"]), values), twins))
        return not all(answer.is_unknown for answer in answers)


def hidden(form: Tag) -> dict[str, str]:
    return {str(each["name"]): str(each.get("value", "")) for each in form.select("input[type=hidden][name]")}
