"""The browser's session, with what was found wrong in Flask-Session 0.8.0: each fault has its test."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any, cast

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask_session.base import ServerSideSessionInterface
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError  # noqa: A004
from werkzeug.wrappers import Response

from tests.support.roundtrips import counted
from tests.support.valkey import running_valkey
from tests.web.session_views import During, app_on
from wizard.config import Settings
from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError, RateLimited
from wizard.services.ports.browsers import SessionStore, StoredSession
from wizard.services.ports.cookies import LEFT_FOR, MOST, NOT_TAKEN, REMEMBERED, Cookies, Held, begun, session_id_of
from wizard.storage.crypto import Cipher
from wizard.web.lazy_session import BrowserSession

UNKNOWN = "u" * 22 + "." + "u" * 43


@pytest.fixture
def during() -> During:
    return {}


@pytest.fixture
def tiny_app(redis_client: Redis, cipher: Cipher, settings: Settings, during: During, clock: FixedClock) -> Flask:
    return app_on(redis_client, cipher, settings, during, clock)


@pytest.fixture
def browser(tiny_app: Flask) -> FlaskClient:
    return tiny_app.test_client()


def sid_of(browser: FlaskClient) -> str | None:
    cookie = browser.get_cookie("wizard")
    return cookie.value if cookie else None


def key_of(browser: FlaskClient) -> str:
    return f"ot_browser_session:{{{session_id_of(sid_of(browser) or '')}}}"


def again(browser: FlaskClient) -> FlaskClient:
    """The same browser's second tab, or somebody with a copy of its cookie."""
    other = browser.application.test_client()
    if sid := sid_of(browser):
        other.set_cookie("wizard", sid)
    return other


def shown(browser: FlaskClient) -> dict[str, Any]:
    return cast("dict[str, Any]", browser.get("/show").json)


def set_cookie(response: Response) -> list[str]:
    return response.headers.getlist("Set-Cookie")


# It is Flask-Session's, with any client.


def test_the_interface_is_flask_sessions(tiny_app: Flask) -> None:
    assert isinstance(tiny_app.session_interface, ServerSideSessionInterface)
    assert tiny_app.config["SESSION_TYPE"] == "redis"
    assert tiny_app.session_interface.serializer is None


def test_what_was_put_in_is_there_at_the_next_request(browser: FlaskClient) -> None:
    browser.post("/set/language/fr")
    assert shown(browser) == {"language": "fr"}


def test_tests_may_look_inside_with_flasks_own_means(browser: FlaskClient) -> None:
    with browser.session_transaction() as inside:
        inside["staff_epoch"] = 3
    assert shown(browser) == {"staff_epoch": 3}


def test_a_value_changed_in_place_is_kept_when_flask_is_told(browser: FlaskClient) -> None:
    browser.post("/append/a")
    browser.post("/append/b")
    assert shown(browser) == {"list": ["a", "b"]}


def test_what_is_put_in_as_the_answer_goes_out_is_kept_too(browser: FlaskClient) -> None:
    browser.post("/late")
    assert shown(browser) == {"late": "yes"}


def test_the_id_is_told_to_those_who_limit_by_it(tiny_app: Flask) -> None:
    with tiny_app.test_request_context("/"):
        session: Any = tiny_app.session_interface.open_session(tiny_app, request)
        assert session.available
        assert session.sid == session.sid
        assert re.fullmatch(r"[\w-]{22}\.[\w-]{43}", session.sid)
        assert len(session) == 0
        session.modified = False
        assert not session.modified


# Nothing that lies in Redis is run, or read by whom it is not for.


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("prefix", [b"", b"1:"])
def test_a_planted_pickle_is_not_run_and_the_page_works(
    browser: FlaskClient, redis_client: Redis, tmp_path: Path, prefix: bytes
) -> None:
    browser.post("/set/language/fr")
    redis_client.set(key_of(browser), prefix + pickle.dumps(_Bomb(tmp_path / "exploded")))
    planted = sid_of(browser)
    assert shown(browser) == {}
    assert not (tmp_path / "exploded").exists()
    browser.post("/set/language/en")
    assert shown(browser) == {"language": "en"}
    assert sid_of(browser) != planted


@pytest.mark.parametrize("planted", [b"", b":", b"x:y", b"1:", b"\x80\x04", b"1:\xff" * 20])
def test_what_cannot_be_read_is_an_empty_session(browser: FlaskClient, redis_client: Redis, planted: bytes) -> None:
    browser.post("/set/language/fr")
    redis_client.set(key_of(browser), planted)
    assert shown(browser) == {}


def test_a_session_under_another_id_does_not_open(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/sign-in")
    redis_client.copy(key_of(browser), f"ot_browser_session:{{{session_id_of(UNKNOWN)}}}")
    browser.set_cookie("wizard", UNKNOWN)
    assert shown(browser) == {}


def test_values_cannot_be_read_in_redis(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/set/language/something-personal")
    assert b"personal" not in cast("bytes", redis_client.get(key_of(browser)))


@pytest.mark.parametrize("sid", ["x", "*", "../" * 22, "u" * 66, "é" + UNKNOWN[1:], UNKNOWN[:-1] + "}", UNKNOWN + "u"])
def test_an_id_of_another_form_is_not_asked_for(browser: FlaskClient, redis_client: Redis, sid: str) -> None:
    browser.set_cookie("wizard", sid)
    with counted(redis_client) as trips:
        assert shown(browser) == {}
    assert trips.count == 0


def test_an_id_that_somebody_made_up_is_not_taken_up(browser: FlaskClient) -> None:
    browser.set_cookie("wizard", UNKNOWN)
    browser.post("/set/language/fr")
    assert sid_of(browser) not in {UNKNOWN, None}


def test_whoever_knows_the_id_of_a_session_knows_nothing_of_it(browser: FlaskClient, redis_client: Redis) -> None:
    """As those do who see the keys in Redis: the token is only in the cookie, and sealed."""
    browser.post("/set/language/fr")
    mine = sid_of(browser)
    assert mine is not None
    assert not [key for key in redis_client.keys("*") if mine.partition(".")[2].encode() in key]
    stranger = browser.application.test_client()
    stranger.set_cookie("wizard", f"{session_id_of(mine)}.{'u' * 43}")
    assert shown(stranger) == {}
    stranger.post("/clear")
    stranger.post("/set/language/en")
    assert session_id_of(sid_of(stranger) or "") != session_id_of(mine)
    assert shown(browser) == {"language": "fr"}


# Read when looked at, written when changed.


@pytest.mark.parametrize("path", ["/healthz", "/page", "/static/test_browser_session.py", "/nothing-here"])
def test_what_does_not_look_at_the_session_costs_nothing(browser: FlaskClient, redis_client: Redis, path: str) -> None:
    browser.post("/set/language/fr")
    with counted(redis_client) as trips, browser.get(path) as response:
        pass
    assert trips.count == 0
    assert set_cookie(response) == []
    assert "Cookie" not in response.vary


def test_a_visitor_who_only_reads_gets_no_session(browser: FlaskClient, redis_client: Redis) -> None:
    for path in ("/page", "/show", "/healthz"):
        assert set_cookie(browser.get(path)) == []
    assert redis_client.keys() == []


def test_a_form_makes_a_session_for_its_token(browser: FlaskClient, redis_client: Redis) -> None:
    with counted(redis_client) as trips:
        browser.get("/form")
    assert trips.count == 1
    assert set(shown(browser)) == {"csrf_token"}


def test_reading_costs_one_round_trip_and_writes_nothing(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/set/language/fr")
    before = redis_client.get(key_of(browser))
    with counted(redis_client) as trips:
        response = browser.get("/show")
    assert trips.sent == [("GETEX",)]
    assert set_cookie(response) == []
    assert "Cookie" in response.vary
    assert redis_client.get(key_of(browser)) == before


def test_writing_costs_one_round_trip_more_and_no_cookie(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/set/language/fr")
    with counted(redis_client) as trips:
        response = browser.post("/set/language/en")
    assert trips.count == 2
    assert set_cookie(response) == []


def test_the_same_value_again_is_no_change(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/set/language/fr")
    with counted(redis_client) as trips:
        browser.post("/set/language/fr")
    assert trips.count == 1


def test_looking_prolongs_its_life(browser: FlaskClient, redis_client: Redis, settings: Settings) -> None:
    browser.post("/set/language/fr")
    life = settings.session_ttl.total_seconds()
    assert redis_client.ttl(key_of(browser)) == pytest.approx(life, abs=5)
    redis_client.expire(key_of(browser), 100)
    browser.get("/page")
    assert redis_client.ttl(key_of(browser)) == pytest.approx(100, abs=5)
    browser.get("/show")
    assert redis_client.ttl(key_of(browser)) == pytest.approx(life, abs=5)


# The cookie.


def test_the_cookie_in_development(browser: FlaskClient, settings: Settings) -> None:
    (cookie,) = set_cookie(browser.post("/set/language/fr"))
    assert cookie.startswith("wizard=")
    attributes = set(cookie.split("; ")[1:])
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
    assert f"Max-Age={settings.session_max_age // timedelta(seconds=1)}" in attributes
    assert "Secure" not in attributes
    assert "Domain" not in cookie


def test_the_cookie_in_production(redis_client: Redis, cipher: Cipher, settings: Settings) -> None:
    app = app_on(redis_client, cipher, settings.model_copy(update={"env": "production"}))
    browser = app.test_client()
    (cookie,) = set_cookie(browser.open("/set/language/fr", base_url="https://localhost"))
    assert cookie.startswith("__Host-wizard=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_an_emptied_session_is_gone_with_its_cookie(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/set/language/fr")
    key = key_of(browser)
    browser.post("/drop/language")
    assert 0 < redis_client.ttl(key) <= REMEMBERED.total_seconds(), "only that it has ended, for requests on their way"
    assert sid_of(browser) is None


# A new cookie when the privilege changes.


def test_a_sign_in_changes_the_cookie_and_keeps_the_rest(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/set/language/fr")
    old_tab, old_key = again(browser), key_of(browser)
    with counted(redis_client) as trips:
        response = browser.post("/sign-in")
    assert trips.count == 2
    assert len(set_cookie(response)) == 1
    assert key_of(browser) == old_key, "the session is the same, another cookie opens it"
    assert shown(browser) == {"language": "fr", "staff": "somebody"}
    assert shown(old_tab) == {"language": "fr"}


def test_a_first_sign_in_needs_no_session_before(browser: FlaskClient) -> None:
    browser.post("/sign-in")
    assert shown(browser) == {"staff": "somebody"}


def test_a_new_cookie_without_any_other_change(browser: FlaskClient) -> None:
    browser.post("/set/language/fr")
    before = sid_of(browser)
    browser.post("/rotate")
    assert sid_of(browser) != before
    assert shown(browser) == {"language": "fr"}


def test_a_new_cookie_for_nothing_makes_no_session(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/rotate")
    assert redis_client.keys() == []
    assert sid_of(browser) is None


@pytest.mark.parametrize("path", ["/sign-in", "/set/more/1", "/drop/staff"])
def test_an_answer_of_redis_that_was_lost_changes_nothing(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The write is done, the connection lost, and the client sends the same again."""
    browser.post("/sign-in")
    if path == "/set/more/1":
        browser.post("/set/language/fr")
    expected = {"/sign-in": {"staff": "somebody"}, "/set/more/1": {"staff": "somebody", "language": "fr", "more": "1"}}
    lost: list[object] = []

    def losing(method: Callable[..., object]) -> Callable[..., object]:
        def lossy(*args: object, **options: object) -> object:
            answer = method(*args, **options)
            if not lost and "EVAL" in str(args):
                lost.append(answer)
                raise ConnectionError("lost")
            return answer

        return lossy

    monkeypatch.setattr(Pipeline, "_execute_pipeline", losing(Pipeline._execute_pipeline))
    monkeypatch.setattr(Redis, "_send_command_parse_response", losing(Redis._send_command_parse_response))
    assert browser.post(path).status_code in {200, 302}
    assert lost
    assert shown(browser) == expected.get(path, {})


# Overlapping requests.


def test_neither_of_two_overlapping_writes_is_lost(browser: FlaskClient, during: During) -> None:
    browser.post("/set/language/fr")
    other = again(browser)
    during["/set/one"] = lambda: other.post("/set/two/2")
    browser.post("/set/one/1")
    assert shown(browser) == {"language": "fr", "one": "1", "two": "2"}


def test_overlapping_removal_and_addition_both_count(browser: FlaskClient, during: During) -> None:
    browser.post("/set/language/fr")
    other = again(browser)
    during["/drop/language"] = lambda: other.post("/set/two/2")
    browser.post("/drop/language")
    assert shown(browser) == {"two": "2"}
    browser.post("/set/language/en")
    during["/set/three"] = lambda: other.post("/drop/two")
    browser.post("/set/three/3")
    assert shown(browser) == {"language": "en", "three": "3"}


def test_a_sign_in_keeps_what_an_overlapping_request_wrote(
    browser: FlaskClient, during: During, redis_client: Redis
) -> None:
    browser.post("/set/language/fr")
    other = again(browser)
    during["/sign-in"] = lambda: other.post("/set/two/2")
    browser.post("/sign-in")
    assert shown(browser) == {"language": "fr", "two": "2", "staff": "somebody"}
    assert len(redis_client.keys("ot_browser_session:*")) == 1


@pytest.fixture
def store(tiny_app: Flask) -> SessionStore:
    return cast("SessionStore", vars(tiny_app.session_interface)["_store"])


def session_of(store: SessionStore, cookie: str | None) -> BrowserSession:
    return BrowserSession(store, cookie=cookie)


def begun_with(store: SessionStore, values: dict[str, str]) -> BrowserSession:
    """A browser's session that is stored."""
    session = session_of(store, None)
    session.update(values)
    assert session.save()
    return session


def gone_on_from(store: SessionStore, cookie: str) -> BrowserSession:
    """What a session goes on as when a cookie of it is left."""
    session = session_of(store, cookie)
    session.leave([])
    assert session.save()
    return session


@pytest.mark.parametrize("lost", [False, True], ids=["at first", "after an answer that was lost"])
def test_what_was_left_meanwhile_is_nothing_to_write_to(store: SessionStore, lost: bool) -> None:
    first = begun_with(store, {"language": "fr"})
    if lost:
        gone_on_from(store, first.sid)
    one, two = session_of(store, first.sid), session_of(store, first.sid)
    for each in (one, two):
        each["more"] = "1"
    one.leave([])
    assert one.save()
    assert not two.save()
    assert two.cookie_to_set is None


def test_two_that_go_on_from_one_cookie_at_once_go_on_apart(store: SessionStore) -> None:
    """As after a double click on *Start*: whichever answer the browser takes, it has what that says."""
    first = begun_with(store, {"language": "fr", "registration:before": "1"})
    one, two = session_of(store, first.sid), session_of(store, first.sid)
    for each, name in ((one, "a"), (two, "b")):
        each[f"registration:{name}"] = "1"
        each.leave([f"registration:{name}"])
    for each, name in ((one, "a"), (two, "b")):
        assert each.save()
        gone_on = dict(session_of(store, each.cookie_to_set))
        before: dict[str, Any] = {"registration:before": "1"} if name == "a" else {NOT_TAKEN: True}
        assert gone_on == {"language": "fr", **before, f"registration:{name}": "1"}


def test_what_is_put_in_under_an_old_cookie_is_not_taken_along_and_ends_with_it(
    store: SessionStore, clock: FixedClock
) -> None:
    first = begun_with(store, {"language": "fr", "registration:a": "1"})
    unheard = gone_on_from(store, first.sid)
    left = session_of(store, first.sid)
    left["newcomer:a"] = "Vera"
    assert left.save()
    clock.instant += REMEMBERED
    on = session_of(store, first.sid)
    on["registration:b"] = "1"
    on.leave(["registration:b"])
    assert on.save()
    assert {key for key in session_of(store, on.sid) if ":" in key} == {"registration:b"}
    assert session_of(store, unheard.sid)["language"] == "fr"
    assert "registration:a" not in session_of(store, unheard.sid), "nobody has ever heard of it"
    assert {"newcomer:a", "registration:a"} <= set(session_of(store, first.sid))
    clock.instant += LEFT_FOR
    assert dict(session_of(store, first.sid)) == {"language": "fr", NOT_TAKEN: True}


def test_what_was_left_is_not_prolonged_by_going_on(store: SessionStore, clock: FixedClock) -> None:
    first = begun_with(store, {"registration:a": "1"})
    for _ in range(2):
        gone_on_from(store, first.sid)
        clock.instant += LEFT_FOR / 2
    assert "registration:a" not in session_of(store, first.sid)


def test_whoever_comes_with_what_is_over_goes_on_in_a_session_of_their_own(
    store: SessionStore, clock: FixedClock
) -> None:
    first = begun_with(store, {"language": "fr", "registration:a": "1"})
    owner = gone_on_from(store, first.sid)
    clock.instant += LEFT_FOR
    late = session_of(store, first.sid)
    late["more"] = "1"
    late.regenerate()
    assert late.save()
    assert session_id_of(late.sid) != session_id_of(first.sid)
    assert dict(session_of(store, late.sid)) == {"language": "fr", "more": "1", NOT_TAKEN: True}
    assert "registration:a" in session_of(store, owner.sid)


@pytest.mark.parametrize("moved", ["left", "ended"])
def test_an_end_reaches_what_went_on_with_another_cookie_meanwhile(store: SessionStore, moved: str) -> None:
    """A sign-out that loses the race to a start or a sign-in, or comes a moment after: nobody is signed in then."""
    for comes_after in (False, True):
        first = begun_with(store, {"language": "fr", "staff": "somebody"})
        out, on = session_of(store, first.sid), session_of(store, first.sid)
        if moved == "left":
            on.leave([])
        else:
            on.regenerate()
        if not comes_after:
            assert "staff" in out
        assert on.save()
        out.pop("staff", None)
        out.regenerate()
        assert out.save()
        assert dict(session_of(store, on.sid)) == {"language": "fr"}
        assert dict(session_of(store, out.cookie_to_set)) == {"language": "fr"}


def test_a_removal_under_a_cookie_that_was_left_meanwhile_is_not_said_to_be_done(store: SessionStore) -> None:
    first = begun_with(store, {"language": "fr", "helping:a": "1"})
    stopping, on = session_of(store, first.sid), session_of(store, first.sid)
    del stopping["helping:a"]
    on.leave([])
    assert on.save()
    assert not stopping.save()
    assert stopping.give_up(), "what goes on has it still"


def test_a_session_is_left_so_often_and_no_more(store: SessionStore, clock: FixedClock) -> None:
    """None is let go for that: whoever has one of them can end all."""
    first = begun_with(store, {"registration:0": "1"})
    every = [first.sid]
    for _ in range(MOST - 1):
        every.append(gone_on_from(store, every[-1]).sid)
    for cookie in (every[0], every[-1]):
        with pytest.raises(RateLimited):
            session_of(store, cookie).leave([])
    clock.instant += LEFT_FOR - REMEMBERED
    out = session_of(store, every[0])
    out.clear()
    out.regenerate()
    assert out.save()
    assert not any("registration:0" in session_of(store, each) for each in every)


@pytest.mark.parametrize("gone", ["deleted", "over"])
def test_an_end_of_what_is_gone_meanwhile_begins_anew(
    store: SessionStore, redis_client: Redis, clock: FixedClock, gone: str
) -> None:
    first = begun_with(store, {"language": "fr", "staff": "somebody"})
    on, out = session_of(store, first.sid), session_of(store, first.sid)
    out.pop("staff")
    out["more"] = "1"
    out.regenerate()
    if gone == "deleted":
        redis_client.flushall()
    else:
        on.leave([])
        assert on.save()
        clock.instant += LEFT_FOR
        later = session_of(store, on.sid)
        later["more"] = "theirs"
        assert later.save()
    assert out.save()
    assert dict(session_of(store, out.cookie_to_set)) == {"more": "1"}


def test_what_ended_with_a_sign_in_is_not_taken_for_granted(store: SessionStore) -> None:
    """A second press, whose first answer was lost: registrations are not open any more, and the page can say so."""
    first = begun_with(store, {"registration:a": "1"})
    presses = [session_of(store, first.sid) for _ in range(2)]
    for pressed in presses:
        pressed["staff"] = "somebody"
        pressed.regenerate()
        assert pressed.save()
    assert dict(session_of(store, presses[-1].cookie_to_set)) == {"staff": "somebody", NOT_TAKEN: True}


def test_twenty_threads_writing_at_once_all_count(browser: FlaskClient) -> None:
    browser.post("/set/language/fr")
    together = Barrier(20)

    def write(number: int) -> int:
        tab = again(browser)
        together.wait()
        return tab.post(f"/set/key{number}/{number}").status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(write, range(20))) == {200}
    assert len(shown(browser)) == 21


class _OthersAreAlwaysFaster:
    """A store in which somebody else has always just written."""

    standing = begun(UNKNOWN, {})

    def read(self, cookie: str, **_more: object) -> StoredSession:
        self.standing = self.standing.after(cookie, Held({}), {"theirs": self.standing.revision}, None)
        return StoredSession(self.standing)

    def write(self, session_id: str, cookies: Cookies) -> bool:  # noqa: ARG002
        return False


def test_a_write_that_never_gets_its_turn_is_given_up() -> None:
    session = BrowserSession(_OthersAreAlwaysFaster(), cookie=UNKNOWN)  # type: ignore[arg-type]
    session["one"] = 1
    with pytest.raises(ExternalServiceError):
        session.save()


# What has ended stays ended.


@pytest.mark.parametrize("ending", ["/clear", "/drop/language", "/sign-in"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_slow_request_does_not_bring_an_ended_session_back(
    browser: FlaskClient, during: During, ending: str, method: str
) -> None:
    browser.post("/set/language/fr")
    other = again(browser)
    during["/set/slow"] = lambda: other.post(ending)
    response = browser.open("/set/slow/1", method=method)
    # What was asked for cannot be kept, and the answer to a form must not say that it was.
    assert response.status_code == (200 if method == "GET" else 400)
    assert set_cookie(response) == [], "the browser may have the cookie that came after"
    assert shown(browser) == {"language": "fr"}
    assert shown(other) == ({"language": "fr", "staff": "somebody"} if ending == "/sign-in" else {})


def test_what_is_put_in_as_the_answer_goes_out_does_not_bring_it_back(browser: FlaskClient, during: During) -> None:
    browser.post("/set/language/fr")
    other = again(browser)
    during["/late"] = lambda: other.post("/clear")
    assert set_cookie(browser.post("/late")) == []
    assert shown(browser) == {"language": "fr"}


def test_a_slow_removal_from_an_ended_session_is_done_anyway(browser: FlaskClient, during: During) -> None:
    browser.post("/set/language/fr")
    browser.post("/set/more/1")
    other = again(browser)
    during["/drop/more"] = lambda: other.post("/clear")
    assert browser.post("/drop/more").status_code == 200
    assert shown(browser) == {"language": "fr"}


def test_a_cleared_session_keeps_nothing_that_an_overlapping_request_put_in(
    browser: FlaskClient, during: During
) -> None:
    browser.post("/set/language/fr")
    other = again(browser)
    during["/clear"] = lambda: other.post("/set/two/2")
    browser.post("/clear")
    assert shown(other) == {"language": "fr"}, "for a moment, to be answered in"


def test_a_request_that_was_on_its_way_does_not_take_the_new_cookie_away(
    browser: FlaskClient, redis_client: Redis, clock: FixedClock
) -> None:
    browser.post("/set/language/fr")
    late = again(browser)
    browser.post("/sign-in")
    response = late.get("/form")
    assert response.status_code == 200
    assert set_cookie(response) == []
    assert late.post("/set/more/1").status_code == 400
    assert len(redis_client.keys("ot_browser_session:*")) == 1
    # That is remembered for a moment only: then it is a browser like any that comes without a session.
    clock.instant += REMEMBERED
    assert len(set_cookie(late.get("/form"))) == 1


# Redis down, full, or read-only.


@pytest.fixture
def own_valkey(tmp_path: Path, cipher: Cipher, settings: Settings) -> Iterator[tuple[FlaskClient, Callable[[], None]]]:
    """A browser with a session, on a server of its own, and what stops that."""
    with running_valkey(tmp_path / "own") as valkey:
        browser = app_on(valkey.client, cipher, settings).test_client()
        browser.post("/set/language/fr")
        yield browser, valkey.server.stop
        valkey.server.start()
        assert shown(browser) == {"language": "fr"}, "it recovers by itself"


def test_without_redis_a_page_that_needs_the_session_is_503(
    own_valkey: tuple[FlaskClient, Callable[[], None]],
) -> None:
    browser, stop = own_valkey
    stop()
    for answer in (browser.get("/show"), browser.post("/set/one/1"), browser.post("/sign-in"), browser.post("/clear")):
        assert answer.status_code == 503
        assert answer.text == "redis unknown", "the error page asks before it looks"
        assert answer.headers["X-Protected"] == "yes"
        assert set_cookie(answer) == []


def test_without_redis_a_page_that_does_not_need_it_works(
    own_valkey: tuple[FlaskClient, Callable[[], None]],
) -> None:
    browser, stop = own_valkey
    stop()
    for path in ("/healthz", "/page", "/static/test_browser_session.py"):
        with browser.get(path) as response:
            assert response.status_code == 200


def test_without_redis_a_new_browser_that_needs_a_session_is_told(
    own_valkey: tuple[FlaskClient, Callable[[], None]],
) -> None:
    browser, stop = own_valkey
    new = browser.application.test_client()
    stop()
    assert new.get("/show").json == {}, "nothing to read"
    for answer in (new.get("/form"), new.post("/set/one/1"), new.post("/sign-in"), new.post("/fail")):
        assert answer.status_code == 503
        assert answer.headers["X-Protected"] == "yes"
        assert set_cookie(answer) == []


def test_without_redis_an_answer_on_its_way_out_is_not_lost(own_valkey: tuple[FlaskClient, Callable[[], None]]) -> None:
    browser, stop = own_valkey
    new = browser.application.test_client()
    stop()
    answer = new.post("/late")
    assert answer.status_code == 200
    assert set_cookie(answer) == []


def test_redis_going_while_a_request_runs_is_503(
    tmp_path: Path, cipher: Cipher, settings: Settings, during: During
) -> None:
    with running_valkey(tmp_path / "own") as valkey:
        browser = app_on(valkey.client, cipher, settings, during).test_client()
        browser.post("/set/language/fr")
        for path in ("/set/one/1", "/sign-in", "/clear"):
            during[path.removesuffix("/1")] = valkey.server.stop
            answer = browser.post(path)
            assert (answer.status_code, answer.text) == (503, "redis unknown")
            valkey.server.start()
            assert shown(browser) == {"language": "fr"}


def test_a_full_redis_is_503_where_the_session_changes(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/set/language/fr")
    redis_client.config_set("maxmemory", 1)
    try:
        assert shown(browser) == {"language": "fr"}
        assert browser.post("/set/one/1").status_code == 503
        assert browser.post("/sign-in").status_code == 503
        assert browser.post("/clear").status_code == 503
    finally:
        redis_client.config_set("maxmemory", 0)
    assert shown(browser) == {"language": "fr"}


def test_a_read_only_redis_is_503(browser: FlaskClient, redis_client: Redis) -> None:
    browser.post("/set/language/fr")
    redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert browser.post("/set/one/1").status_code == 503
    finally:
        redis_client.execute_command("REPLICAOF", "NO", "ONE")


def test_a_failed_page_keeps_what_it_put_in(browser: FlaskClient) -> None:
    assert browser.post("/fail").status_code == 422
    assert shown(browser) == {"typed": "yes"}
