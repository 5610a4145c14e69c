"""The site as it is run, set up by its environment alone: several processes, and the way through the provider."""

from __future__ import annotations

from pathlib import Path

from tests.support.oidc import known_to, providing
from tests.support.serving import Graduate, Served, free_port
from wizard.config import variable


def test_in_and_out_with_two_processes(tmp_path: Path) -> None:
    port = free_port()
    with providing() as idp:
        settings = known_to(idp, f"http://127.0.0.1:{port}")
        environ = {variable(name): each if isinstance(each, str) else ",".join(each) for name, each in settings.items()}
        served = Served(tmp_path, environ, workers=2, port=port)
        served.prepare()
        served.start()
        try:
            assert "ok       The OpenID provider answers" in served.run("check")
            for account, name in (("maya", "Maya Main"), ("abel", "Abel Admin")) * 2:
                _in_and_out(Graduate(served.url), account, name)
            assert idp.signed_out == ["a-0001", "a-0002"] * 2
            assert [line.split()[:4] for line in served.run("staff", "list").splitlines()] == [
                ["abel", "admin", "active", "OpenID"],
                ["desk", "admin", "active", "password"],
                ["main", "main", "active", "password"],
                ["maya", "main", "active", "OpenID"],
            ]
            served.run("audit", "verify")
        finally:
            served.stop()


def _in_and_out(person: Graduate, account: str, name: str) -> None:
    """Every redirect is followed as a browser does it, without scripts."""
    there = person.get("/staff/sign-in/oidc?next=/staff/records")
    assert there.html.h1 is not None
    assert there.html.h1.get_text() == "Association accounts"
    here = person.post(there.url, {"account": account, "do": "sign-in"})
    assert (here.status, here.url) == (200, f"{person.base_url}/staff/records")
    button = here.html.select_one("header form[action$='/sign-out'] button")
    assert button is not None
    assert button.get_text() == f"Sign out {name}"
    token = here.html.select_one("header form[action$='/sign-out'] [name=csrf_token]")
    assert token is not None
    out = person.post("/staff/sign-out", {"csrf_token": str(token["value"])})
    assert out.url == f"{person.base_url}/staff/signed-out"
    assert person.get("/staff/signed-out/oidc").url == f"{person.base_url}/staff/sign-in"
    assert person.get("/staff/records").url.startswith(f"{person.base_url}/staff/sign-in?")
