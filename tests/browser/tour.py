"""What every part of the tour does: go somewhere, fill in, press, and look."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page

from tests.browser.stage import NOW, Stage
from tests.browser.visitors import Stop, Visitor, settled

MAIN_BUTTON = "main form .actions button.button:not(.button-secondary)"
SUMMARY = "#error-summary"
HEADING = "main h1"
ANSWERS: dict[str, dict[str, str]] = {
    "identity": {"user_business_id": "osot-0000001", "email": ""},
    "education": {
        "degree_type": "masters",
        "university": "mcmaster",
        "country": "CA",
        "graduation_year": "2026",
    },
    "coto": {"coto_status": "pending"},
    "privacy": {"access_modifier": "private", "notes": ""},
}
EXTRA = {"education": ("other_details",), "coto": ("coto_registration",)}
_HIDDEN = {name: re.compile(rf'name="{name}"[^>]* value="([^"]*)"') for name in ("csrf_token", "version")}


@dataclass
class Tour:
    """One browser window on its way through the pages; `look` has every visitor look at the page as it is."""

    page: Page
    stage: Stage
    language: str
    width: int
    visitors: Sequence[Visitor]
    found: dict[str, list[str]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def take(self, part: Part) -> None:
        """Go through a part; one that gets stuck is noted, and does not keep anybody from looking at the others."""
        try:
            part(self)
        except (BrowserError, AssertionError) as error:
            self.found[f"stuck in {part.__name__} after {self.seen[-1:]}"] = [str(error)]
        self.stage.clock.instant = NOW

    def look(self, name: str, *, focus: str | None = None, wrong: bool | None = None) -> None:
        """Have the page looked at, in the state that it is in now."""
        assert name not in self.seen, name
        self.seen.append(name)
        settled(self.page)
        stop = Stop(name, self.page, self.language, self.width, focus, wrong)
        for visitor in self.visitors:
            if what := list(visitor(stop)):
                self.found.setdefault(f"{visitor.__name__} {name}", []).extend(what)

    def visit(self, path: str, name: str | None = None, *, wrong: bool | None = None) -> None:
        """Go to an address by itself; look where a name for the state is given."""
        self.page.goto(path)
        if name:
            self.look(name, wrong=wrong)

    def press(self, selector: str = MAIN_BUTTON, name: str | None = None, *, focus: str | None = None) -> None:
        """Press what leads to a page, and wait for it; look where a name for the state is given."""
        self.page.evaluate("document.querySelector('main').dataset.before = ''")
        self.page.locator(selector).first.click()
        self.page.wait_for_selector("main:not([data-before])")
        settled(self.page)
        if name:
            self.look(name, focus=focus)

    def leave(self, name: str, value: str) -> None:
        """Change a field as somebody does who then goes on to the next, and wait for what is said of it."""
        with self.page.expect_response(lambda answer: f"/fields/{name}" in answer.url):
            self.put({name: value})
        settled(self.page)

    def put(self, values: Mapping[str, str], *, unchecked: bool = False) -> None:
        """Fields of any kind with these values, as after typing; unchecked, as while still in the last of them."""
        self.page.evaluate(
            """([values, unchecked]) => { for (const [name, value] of Object.entries(values)) {
                const fields = [...document.querySelectorAll(`main [name="${name}"]`)];
                const field = fields.find(each => each.type === "radio" && each.value === value) ?? fields[0];
                if (["radio", "checkbox"].includes(field.type)) field.checked = value !== "";
                else field.value = value;
                for (const kind of unchecked ? [] : ["input", "change"])
                    field.dispatchEvent(new Event(kind, {bubbles: true}));
            } }""",
            [dict(values), unchecked],
        )

    def send(self, path: str, values: Mapping[str, str] | None = None) -> str:
        """Send a form in this browser, unseen; answers where it leads."""
        form: dict[str, str | float | bool] = {"csrf_token": self.token(), **(values or {})}
        answer = self.page.context.request.post(path, form=form, max_redirects=0)
        assert answer.status in {200, 303, 401, 410, 422, 429}, (path, answer.status, answer.text())
        return urlsplit(answer.headers.get("location", "")).path

    def post(self, path: str, values: Mapping[str, str] | None = None, *, token: str | None = None) -> None:
        """Send a form in this window, the whole page being the answer."""
        form = {"csrf_token": self.token() if token is None else token, **(values or {})}
        with self.page.expect_navigation():
            self.page.evaluate(
                """([path, values]) => {
                    const form = Object.assign(document.createElement("form"), {method: "post", action: path});
                    form.dataset.hxBoost = "false";
                    for (const [name, value] of Object.entries(values))
                        form.append(Object.assign(document.createElement("textarea"), {name, value}));
                    document.body.append(form);
                    HTMLFormElement.prototype.submit.call(form);
                }""",
                [path, form],
            )

    def token(self) -> str:
        """This browser's token for forms."""
        return self._hidden("/", "csrf_token")

    def _hidden(self, path: str, name: str) -> str:
        found = _HIDDEN[name].search(self.page.context.request.get(path).text())
        assert found is not None, (path, name)
        return found[1]

    # --- A registration, unseen ---------------------------------------------------------------------------

    def begun(self, *steps: str, **answers: str) -> str:
        """A registration of this browser with the answers of these steps; its address."""
        place = self.send("/registrations").removesuffix("/identity")
        for step in steps:
            self.answer(place, step, **answers)
        return place

    def answer(self, place: str, step: str, **answers: str) -> None:
        """Answer a step with the usual answers, or others."""
        given = {name: answers.get(name, value) for name, value in ANSWERS[step].items()}
        extra = {name: answers[name] for name in EXTRA.get(step, ()) if name in answers}
        version = self._hidden(f"{place}/{step}", "version")
        assert self.send(f"{place}/{step}", {**given, **extra, "version": version}), (step, given)

    def decided(self, number: str, **answers: str) -> str:
        """The same with all answers, checked, the category shown."""
        place = self.begun(*ANSWERS, user_business_id=number, **answers)
        assert self.send(f"{place}/review").endswith("/category")
        return place

    def proved(self, number: str, **answers: str) -> str:
        """The same with the account proved, ready to be submitted."""
        place = self.decided(number, **answers)
        self.send(f"{place}/account")
        assert self.send(f"{place}/account", {"code": self.stage.code()}).endswith("/confirm")
        return place

    def submitted(self, number: str, **answers: str) -> str:
        """The same with its record made."""
        place = self.proved(number, **answers)
        version = self._hidden(f"{place}/confirm", "version")
        assert self.send(f"{place}/confirm", {"declaration": "y", "version": version}).endswith("/complete")
        return place

    def flagged(self, number: str) -> str:
        """A registration for an account that has a record, given up with a right code; its session id."""
        place = self.decided(number)
        self.send(f"{place}/account")
        self.send(f"{place}/account", {"code": self.stage.code()})
        return place.rpartition("/")[2]

    def with_new_account(self, name: str) -> None:
        """An account made in a registration of this browser."""
        place = self.begun()
        self.send(f"{place}/new-account", {"name": name, "email": self.stage.address()})
        self.send(f"{place}/new-account", {"code": self.stage.code()})


Part = Callable[[Tour], None]
