"""A real OpenID provider on this machine: pyop, which shares no code with the client, behind a page to sign in on.

It does as the standards say; what a broken or hostile one would do differently is a twist, by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cache
from http import HTTPStatus
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from Cryptodome.PublicKey import RSA
from flask import Flask, Response, redirect, request
from joserfc import jws, jwt
from joserfc.jwk import OctKey, RSAKey
from jwkest.jwk import RSAKey as SigningKey
from oic.oic.message import EndSessionRequest
from pyop.authz_state import AuthorizationState
from pyop.exceptions import OAuthError
from pyop.provider import Provider
from pyop.subject_identifier import HashBasedSubjectIdentifierFactory
from pyop.userinfo import Userinfo
from werkzeug import Response as AnyResponse
from werkzeug.serving import make_server

from tests.support.serving import free_port
from wizard.core.clock import FixedClock
from wizard.web.staff.oidc import AFTER_SIGN_OUT, CALLBACK
from wizard.wiring import oidc_sign_in

CLIENT_ID = "ot-wizard"
# What is not plain has to be written as in a form, in a header.
CLIENT_SECRET = "s3cret: of %20 & the/desk+"
PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "maya": {
        "sub": "a-0001",
        "name": "Maya Main",
        "preferred_username": "maya",
        "email": "maya@association.example",
        "email_verified": True,
        "roles": ["desk-main", "mail"],
    },
    "abel": {"sub": "a-0002", "name": "Abel Admin", "email": "abel@association.example", "roles": ["desk-admin"]},
    "nora": {"sub": "a-0003", "name": "Nora Nobody", "email": "nora@association.example", "roles": ["mail"]},
}
_PAGE = """<!doctype html><html lang="en"><title>Association accounts</title><h1>Association accounts</h1>
<form method="post"><label>Account <input name="account"></label>
<button name="do" value="sign-in">Sign in</button> <button name="do" value="cancel">Cancel</button></form>"""

Twist = Callable[[dict[str, Any]], dict[str, Any]]


@cache
def _first_key() -> RSAKey:
    return _new_key("first")


def _new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@dataclass
class Idp:
    """The provider, and what a test does to it."""

    url: str
    people: dict[str, dict[str, Any]] = field(default_factory=lambda: {k: dict(v) for k, v in PEOPLE.items()})
    # Claims of these go into the ID token; names and addresses are told at the userinfo endpoint alone, as by many.
    in_token: tuple[str, ...] = ("roles", "realm_access", "acr", "amr")
    more_keys: list[dict[str, str]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    redirect_uris: list[str] = field(default_factory=list)
    after_sign_out: list[str] = field(default_factory=list)
    auth_method: str = "client_secret_basic"
    # Whose clock it goes by, if not by the machine's.
    clock: FixedClock | None = None
    claims: Twist | None = None
    token: Callable[[str], str] | None = None
    userinfo: Twist | None = None
    fails: dict[str, int | str] = field(default_factory=dict)
    silent: Event | None = None
    asked: list[str] = field(default_factory=list)
    signed_out: list[str] = field(default_factory=list)
    key: RSAKey = field(default_factory=_first_key)
    provider: Any = field(init=False)

    def __post_init__(self) -> None:
        configuration = {
            "issuer": self.url.replace("http:", "https:"),
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "end_session_endpoint": f"{self.url}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "profile", "email"],
        }
        state = AuthorizationState(HashBasedSubjectIdentifierFactory("salt"))
        self.provider = Provider(_signing(self.key), configuration, state, _Clients(self), Userinfo(self.people))
        # It insists on TLS, which there is none of within this machine.
        self.provider.configuration_information["issuer"] = self.url

    def rotate(self, kid: str = "second") -> None:
        """Sign with another key from now on, and name only that one."""
        self.key = _new_key(kid)
        self.provider.signing_key = _signing(self.key)

    def configuration(self) -> dict[str, Any]:
        told = dict(self.provider.provider_configuration.to_dict())
        told["token_endpoint_auth_methods_supported"] = [self.auth_method]
        told["code_challenge_methods_supported"] = ["S256"]
        return {name: value for name, value in {**told, **self.metadata}.items() if value is not None}

    def mint(self, claims: Mapping[str, Any], *, key: RSAKey | OctKey | None = None, alg: str = "RS256") -> str:
        """An ID token of any kind, by this provider's key or another."""
        header = {"alg": alg, "kid": self.key.kid}
        if alg == "none":
            return jwt.encode(header, dict(claims), OctKey.import_key("x" * 32), algorithms=["none"])
        return jwt.encode(header, dict(claims), key or self.key, algorithms=[alg])

    def claims_of(self, id_token: str) -> dict[str, Any]:
        claims: dict[str, Any] = json.loads(jws.deserialize_compact(id_token, self.key).payload)
        return claims

    def answer_code(self, body: str, authorization: str | None) -> dict[str, Any]:
        """What the token endpoint gives for a code, twisted."""
        headers = {"Authorization": authorization} if authorization else {}
        made = self.provider.handle_token_request(body, headers, self._extra_claims).to_dict()
        claims = self.claims_of(made["id_token"])
        if self.clock is not None:
            claims |= {"iat": int(self.clock.instant.timestamp()), "exp": int(self.clock.instant.timestamp()) + 600}
        if self.clock is not None or self.claims is not None:
            made["id_token"] = self.mint(self.claims(claims) if self.claims else claims)
        if self.token is not None:
            made["id_token"] = self.token(made["id_token"])
        return dict(made)

    def _extra_claims(self, user_id: str, _client_id: str) -> dict[str, Any]:
        return {name: self.people[user_id][name] for name in self.in_token if name in self.people[user_id]}


class _Clients(dict[str, dict[str, Any]]):
    """The one client, as it is registered now."""

    def __init__(self, idp: Idp) -> None:
        super().__init__({CLIENT_ID: {}})
        self.idp = idp

    def __getitem__(self, key: str) -> dict[str, Any]:
        super().__getitem__(key)
        return {
            "client_secret": CLIENT_SECRET,
            "response_types": ["code"],
            "redirect_uris": self.idp.redirect_uris,
            "post_logout_redirect_uris": self.idp.after_sign_out,
            "token_endpoint_auth_method": self.idp.auth_method,
        }


def _signing(key: RSAKey) -> SigningKey:
    made = SigningKey(kid=key.kid, alg="RS256", use="sig")
    made.load_key(RSA.import_key(key.as_pem(private=True)))
    return made


def _app(idp: Idp) -> Flask:
    app = Flask("provider")
    app.before_request(lambda: _watched(idp))
    app.add_url_rule("/.well-known/openid-configuration", "discovery", idp.configuration)
    app.add_url_rule("/jwks", "jwks", lambda: {"keys": [*idp.more_keys, *idp.provider.jwks["keys"]]})
    app.add_url_rule("/authorize", "authorize", lambda: _authorize(idp), methods=["GET", "POST"])
    app.add_url_rule("/token", "token", lambda: _token(idp), methods=["POST"])
    app.add_url_rule("/userinfo", "userinfo", lambda: _userinfo(idp))
    app.add_url_rule("/logout", "logout", lambda: _logout(idp))
    return app


def _watched(idp: Idp) -> Response | None:
    """Note what is asked for; where it is to fail, it does."""
    idp.asked.append(request.path)
    if idp.silent is not None:
        idp.silent.wait(30)
    broken = idp.fails.get(request.path.rpartition("/")[2])
    if isinstance(broken, str):
        return Response(broken, mimetype="text/html")
    return Response("broken", broken) if broken else None


def _authorize(idp: Idp) -> str | AnyResponse:
    """The page to sign in on, and what it leads to."""
    asked = idp.provider.parse_authentication_request(request.query_string.decode())
    assert request.args["code_challenge_method"] == "S256"
    if request.method == "GET":
        return _PAGE
    if request.form["do"] == "cancel":
        refusal = urlencode({"error": "access_denied", "state": request.args["state"]})
        return redirect(f"{request.args['redirect_uri']}?{refusal}")
    answer = idp.provider.authorize(asked, request.form["account"])
    return redirect(answer.request(request.args["redirect_uri"]))


def _token(idp: Idp) -> dict[str, Any] | tuple[dict[str, Any], int]:
    try:
        return idp.answer_code(request.get_data().decode(), request.headers.get("Authorization"))
    except OAuthError as error:
        return {"error": error.oauth_error, "error_description": "said so"}, 400


def _userinfo(idp: Idp) -> dict[str, Any]:
    found = idp.provider.handle_userinfo_request("", dict(request.headers)).to_dict()
    return idp.userinfo(found) if idp.userinfo else dict(found)


def _logout(idp: Idp) -> AnyResponse:
    asked = EndSessionRequest(**dict(parse_qsl(request.query_string.decode())))
    idp.provider.logout_user(end_session_request=asked)
    idp.signed_out.append(idp.claims_of(request.args["id_token_hint"])["sub"])
    return redirect(idp.provider.do_post_logout_redirect(asked) or "/")


def at_provider(address: str, account: str = "maya", *, do: str = "sign-in") -> dict[str, str]:
    """What a person does on the provider's page; answers what it sends the browser back with."""
    page = requests.get(address, timeout=10)
    assert page.status_code == HTTPStatus.OK, page.text
    sent = requests.post(address, data={"account": account, "do": do}, timeout=10, allow_redirects=False)
    assert sent.status_code == HTTPStatus.FOUND, sent.text
    return dict(parse_qsl(urlsplit(sent.headers["Location"]).query))


def renewed(running: Idp, **others: Any) -> Idp:  # noqa: ANN401 - whatever a field takes
    """A running provider as it was at first, but for some fields."""
    fresh = Idp(running.url, **others)
    for each in fields(Idp):
        setattr(running, each.name, getattr(fresh, each.name))
    running.provider.clients.idp = running
    return running


def known_to(idp: Idp, here: str) -> dict[str, Any]:
    """The settings of a site at an address that is a client of the provider, and has registered there."""
    idp.redirect_uris, idp.after_sign_out = [f"{here}{CALLBACK}"], [f"{here}{AFTER_SIGN_OUT}"]
    return {
        "base_url": here,
        "oidc_issuer": idp.url,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_label": "Keycloak",
        "oidc_admin_values": ("desk-admin",),
        "oidc_main_values": ("desk-main",),
    }


@contextmanager
def offered(app: Flask, idp: Idp, here: str, **others: object) -> Iterator[None]:
    """An app's staff may sign in with the provider for as long as this lasts."""
    services, settings = app.extensions["wizard"], app.extensions["wizard_settings"]
    changed = settings.model_copy(update={**known_to(idp, here), **others})
    oidc = oidc_sign_in(changed, services.clock, services.sign_in.units, services.events)
    sign_in = replace(services.sign_in, takes_passwords=changed.staff_passwords)
    app.extensions.update(wizard=replace(services, oidc=oidc, sign_in=sign_in), wizard_settings=changed)
    try:
        yield
    finally:
        app.extensions.update(wizard=services, wizard_settings=settings)


@contextmanager
def providing(port: int | None = None) -> Iterator[Idp]:
    """The provider, on a port of its own."""
    at = port or free_port()
    idp = Idp(f"http://127.0.0.1:{at}")
    server = make_server("127.0.0.1", at, _app(idp), threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield idp
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
