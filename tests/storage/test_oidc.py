"""The client of an OpenID provider, against a real one: what it believes, and all that it does not."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, Idp, at_provider, providing, renewed
from tests.support.serving import free_port
from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError, Unauthenticated
from wizard.services.ports.identities import Identity
from wizard.storage.oidc import OidcProvider
from wizard.storage.oidc_published import Client, Metadata

HERE = "https://register.example.org"
CALLBACK, AFTER = f"{HERE}/staff/sign-in/oidc/callback", f"{HERE}/staff/sign-in"
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})


@pytest.fixture(scope="module")
def running() -> Iterator[Idp]:
    with providing() as idp:
        yield idp


@pytest.fixture
def idp(running: Idp) -> Idp:
    return renewed(running, redirect_uris=[CALLBACK], after_sign_out=[AFTER])


@pytest.fixture
def now() -> FixedClock:
    """The provider's clock is the machine's."""
    return FixedClock(datetime.now(UTC))


def registered(idp: Idp, **others: object) -> Client:
    client = Client(
        issuer=idp.url,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uri=CALLBACK,
        after_sign_out=AFTER,
        scopes=("openid", "profile", "email"),
        acr_values=(),
        timeout=5.0,
    )
    return replace(client, **others)  # type: ignore[arg-type]


@pytest.fixture
def provider(idp: Idp, now: FixedClock) -> OidcProvider:
    return OidcProvider.of(registered(idp), now)


def come_back(provider: OidcProvider, account: str = "maya") -> Identity:
    """Sign in there, and come back with the code."""
    address, pending = provider.begin()
    return provider.identify(pending, at_provider(address, account)["code"])


def refused(provider: OidcProvider) -> str:
    with pytest.raises(Unauthenticated) as error:
        come_back(provider)
    return error.value.message


# --- As it should be --------------------------------------------------------------------------------------------


def test_whoever_signs_in_there_is_known_here(provider: OidcProvider, idp: Idp) -> None:
    identity = come_back(provider)
    assert (identity.issuer, identity.subject) == (idp.url, "a-0001")
    assert identity.claims["roles"] == ["desk-main", "mail"]
    # Told at the userinfo endpoint alone.
    assert identity.claims["name"] == "Maya Main"
    assert identity.claims["email"] == "maya@association.example"
    assert idp.claims_of(identity.id_token)["sub"] == "a-0001"
    assert "Maya" not in repr(identity)


def test_what_the_browser_is_sent_with(provider: OidcProvider) -> None:
    address, pending = provider.begin()
    sent = {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}
    assert sent["response_type"] == "code"
    assert sent["code_challenge_method"] == "S256"
    assert sent["scope"] == "openid profile email"
    assert (sent["state"], sent["nonce"], sent["redirect_uri"]) == (pending.state, pending.nonce, CALLBACK)
    assert pending.verifier not in address
    assert CLIENT_SECRET not in address
    assert "prompt" not in sent
    assert len({pending.state, pending.nonce, pending.verifier}) == 3
    assert provider.begin()[1] != pending
    assert pending.verifier not in repr(pending)


def test_more_is_asked_for_where_it_is_wanted(idp: Idp, now: FixedClock) -> None:
    address, _ = OidcProvider.of(registered(idp, acr_values=("gold", "silver")), now).begin(choosing=True)
    sent = parse_qs(urlsplit(address).query)
    assert sent["acr_values"] == ["gold silver"]
    assert sent["prompt"] == ["select_account"]


def test_the_secret_goes_in_the_form_where_that_is_offered(provider: OidcProvider, idp: Idp) -> None:
    idp.auth_method = "client_secret_post"
    assert come_back(provider).subject == "a-0001"


def test_discovery_and_keys_are_kept_for_an_hour(provider: OidcProvider, idp: Idp, now: FixedClock) -> None:
    come_back(provider)
    come_back(provider)
    asked = ["/.well-known/openid-configuration", "/jwks"]
    assert [path for path in idp.asked if path in asked] == asked
    now.instant += timedelta(hours=1)
    provider.published.keys()
    assert [path for path in idp.asked if path in asked] == [*asked, *asked]


def test_rotated_keys_are_fetched_once_they_are_met(provider: OidcProvider, idp: Idp) -> None:
    come_back(provider)
    idp.rotate()
    assert come_back(provider).subject == "a-0001"
    # Another key under the same name is met, too.
    idp.rotate("second")
    assert come_back(provider).subject == "a-0001"
    assert idp.asked.count("/jwks") == 3


def test_keys_for_other_uses_and_of_other_kinds_are_passed_over(provider: OidcProvider, idp: Idp) -> None:
    idp.more_keys = [{"kty": "RSA", "kid": "enc", "use": "enc"}, {"kty": "of tomorrow"}, {"kty": "EC", "crv": "?"}]
    assert come_back(provider).subject == "a-0001"


def test_a_provider_without_userinfo_says_all_in_the_token(provider: OidcProvider, idp: Idp) -> None:
    idp.metadata = {"userinfo_endpoint": None}
    idp.in_token = ("roles", "name")
    identity = come_back(provider)
    assert identity.claims["name"] == "Maya Main"
    assert "email" not in identity.claims


def test_what_has_to_be_signed_is_not_taken_from_userinfo(provider: OidcProvider, idp: Idp) -> None:
    idp.userinfo = lambda told: {**told, "acr": "gold", "amr": ["mfa"], "roles": ["desk-admin"]}
    claims = come_back(provider).claims
    assert "acr" not in claims
    assert "amr" not in claims
    assert claims["roles"] == ["desk-main", "mail"]


# --- The way out ------------------------------------------------------------------------------------------------


def test_the_way_out_leads_back(provider: OidcProvider) -> None:
    identity = come_back(provider)
    address = provider.way_out(identity.id_token)
    assert address is not None
    sent = {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}
    assert sent == {"id_token_hint": identity.id_token, "post_logout_redirect_uri": AFTER, "client_id": CLIENT_ID}


def test_a_long_token_stays_out_of_the_address(provider: OidcProvider) -> None:
    address = provider.way_out("x" * 4001)
    assert address is not None
    assert "id_token_hint" not in address


def test_without_a_way_out_no_token_is_kept(provider: OidcProvider, idp: Idp) -> None:
    idp.metadata = {"end_session_endpoint": None}
    assert come_back(provider).id_token == ""
    assert provider.way_out("x") is None


# --- What is not believed ---------------------------------------------------------------------------------------

TWISTS: Mapping[str, Mapping[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "for somebody else": {"aud": "another"},
    "for nobody": {"aud": None},
    "for somebody else, though made for us": {"aud": "another", "azp": CLIENT_ID},
    "for others too, without saying for whom": {"aud": [CLIENT_ID, "another"]},
    "made for another": {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "made for another, though to us": {"azp": "another"},
    "of another issuer": {"iss": "https://another.example"},
    "of no issuer": {"iss": None},
    "expired": {"exp": int(time.time()) - 120},
    "without an end": {"exp": None},
    "never ending": {"exp": "never"},
    "not a number": {"exp": float("nan")},
    "of tomorrow": {"iat": int(time.time()) + 86_400},
    "not valid yet": {"nbf": int(time.time()) + 86_400},
    "of nobody": {"sub": None},
    "of somebody without a name": {"sub": ""},
    "of somebody else than userinfo's": {"sub": "a-0002"},
    "with another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("twist", TWISTS.values(), ids=list(TWISTS))
def test_a_token_that_says_anything_else_is_refused(provider: OidcProvider, idp: Idp, twist: Mapping[str, Any]) -> None:
    def twisted(claims: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**claims, **twist}.items() if value is not None}

    idp.claims = twisted
    assert refused(provider) == "oidc.untrusted"


@pytest.mark.parametrize("subject", ["", "a\x00"])
def test_a_subject_that_cannot_be_kept_is_refused(provider: OidcProvider, idp: Idp, subject: str) -> None:
    """Nothing but the token says who it is, here."""
    idp.metadata = {"userinfo_endpoint": None}
    idp.claims = lambda claims: {**claims, "sub": subject}
    assert refused(provider) == "oidc.untrusted"


def test_a_token_for_us_and_others_that_was_made_for_us_is_taken(provider: OidcProvider, idp: Idp) -> None:
    idp.claims = lambda claims: {**claims, "aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
    assert come_back(provider).subject == "a-0001"


def test_clocks_may_differ_a_little(provider: OidcProvider, idp: Idp) -> None:
    idp.claims = lambda claims: {**claims, "exp": int(time.time()) - 30, "iat": int(time.time()) + 30}
    assert come_back(provider).subject == "a-0001"


def _signed_by_another(idp: Idp, token: str) -> str:
    return idp.mint(idp.claims_of(token), key=OTHER_KEY)


def _by_nobody(idp: Idp, token: str) -> str:
    return idp.mint(idp.claims_of(token), alg="none")


def _with_our_secret(idp: Idp, token: str) -> str:
    return _signed_with(CLIENT_SECRET.encode(), idp, token)


def _signed_with(secret: bytes, idp: Idp, token: str) -> str:
    """By hand, as no library lets itself be misused so."""
    head = json.dumps({"alg": "HS256", "kid": idp.key.kid}).encode()
    signed = b".".join((urlsafe_b64encode(head).rstrip(b"="), token.split(".")[1].encode()))
    signature = urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
    return b".".join((signed, signature)).decode()


def _with_the_public_key(idp: Idp, token: str) -> str:
    """The oldest confusion: what everybody knows, taken for a secret."""
    return _signed_with(idp.key.as_pem(private=False), idp, token)


def _changed(_idp: Idp, token: str) -> str:
    head, body, signature = token.split(".")
    return ".".join((head, body[:-2] + ("AA" if body[-2:] != "AA" else "BB"), signature))


def _of_another_algorithm(idp: Idp, token: str) -> str:
    """By the right key, in a way that the provider does not say it signs."""
    return idp.mint(idp.claims_of(token), key=RSAKey.import_key(idp.key.as_pem(private=True)), alg="RS512")


def _no_token(_idp: Idp, _token: str) -> str:
    return "not.a.token"


def _empty(_idp: Idp, _token: str) -> str:
    return ""


def _encrypted(_idp: Idp, _token: str) -> str:
    return "a.b.c.d.e"


FORGERIES: tuple[Callable[[Idp, str], str], ...] = (
    _signed_by_another,
    _by_nobody,
    _with_our_secret,
    _with_the_public_key,
    _changed,
    _of_another_algorithm,
    _no_token,
    _empty,
    _encrypted,
)


@pytest.mark.parametrize("forge", FORGERIES)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_token_that_the_provider_has_not_signed_is_refused(
    provider: OidcProvider, idp: Idp, forge: Callable[[Idp, str], str]
) -> None:
    idp.token = lambda token: forge(idp, token)
    assert refused(provider) == "oidc.untrusted"


def test_userinfo_of_somebody_else_is_refused(provider: OidcProvider, idp: Idp) -> None:
    idp.userinfo = lambda told: {**told, "sub": "a-0002"}
    assert refused(provider) == "oidc.untrusted"


def test_a_code_works_once_and_with_its_own_verifier(provider: OidcProvider) -> None:
    address, pending = provider.begin()
    code = at_provider(address)["code"]
    with pytest.raises(Unauthenticated, match=r"oidc\.refused"):
        # A code that was stolen from another browser: there is another verifier here.
        provider.identify(replace(pending, verifier="x" * 43), code)
    assert provider.identify(pending, code).subject == "a-0001"
    with pytest.raises(Unauthenticated, match=r"oidc\.over"):
        provider.identify(pending, code)
    with pytest.raises(Unauthenticated, match=r"oidc\.over"):
        provider.identify(pending, "made up")


def test_a_wrong_secret_is_refused(idp: Idp, now: FixedClock) -> None:
    assert refused(OidcProvider.of(registered(idp, client_secret="another"), now)) == "oidc.refused"


@pytest.mark.parametrize(
    ("supported", "named", "is_it"),
    [(False, None, True), (True, None, False), (False, "own", True), (True, "own", True), (False, "other", False)],
)
def test_an_answer_that_names_its_issuer(
    provider: OidcProvider, idp: Idp, *, supported: bool, named: str | None, is_it: bool
) -> None:
    idp.metadata = {"authorization_response_iss_parameter_supported": supported}
    assert provider.is_issuer(idp.url if named == "own" else named) is is_it


# --- What cannot be reached, or says what it must not -----------------------------------------------------------


@contextmanager
def unavailable() -> Iterator[None]:
    with pytest.raises(ExternalServiceError) as error:
        yield
    assert error.value.service == "oidc"


@pytest.mark.parametrize("endpoint", ["openid-configuration", "jwks", "token", "userinfo"])
@pytest.mark.parametrize("answer", [500, 404, 503, "<p>Be back soon</p>", "[]", "{}"])
def test_a_failing_endpoint(provider: OidcProvider, idp: Idp, endpoint: str, answer: int | str) -> None:
    idp.fails = {endpoint: answer}
    if answer == "{}" and endpoint in {"token", "userinfo"}:
        assert refused(provider) == "oidc.untrusted"
        return
    with unavailable():
        come_back(provider)


@pytest.mark.parametrize("keys", ['{"keys": [{"kty": "RSA"}]}', '{"keys": []}', '{"keys": 5}', '{"keys": [5]}'])
def test_keys_that_are_none(provider: OidcProvider, idp: Idp, keys: str) -> None:
    idp.fails = {"jwks": keys}
    with unavailable():
        come_back(provider)


def test_nobody_is_there(idp: Idp, now: FixedClock) -> None:
    away = OidcProvider.of(registered(idp, issuer=f"http://127.0.0.1:{free_port()}"), now)
    with unavailable():
        away.begin()


def test_it_is_not_waited_for_long(idp: Idp, now: FixedClock) -> None:
    idp.silent = Event()
    began = time.monotonic()
    with unavailable():
        OidcProvider.of(registered(idp, timeout=0.3), now).begin()
    assert time.monotonic() - began < 5
    idp.silent.set()


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": None},
        {"jwks_uri": None},
        {"authorization_endpoint": 5},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ],
)
def test_a_provider_that_does_not_fit(provider: OidcProvider, idp: Idp, metadata: Mapping[str, Any]) -> None:
    idp.metadata = dict(metadata)
    with unavailable():
        provider.begin()


def test_one_that_came_right_is_believed(provider: OidcProvider, idp: Idp) -> None:
    idp.metadata = {"issuer": "https://another.example"}
    with unavailable():
        provider.begin()
    idp.metadata = {}
    provider.begin()


def test_where_the_issuer_has_tls_all_of_it_has() -> None:
    """Nothing that is sent to a provider with TLS goes anywhere without."""
    addresses = dict.fromkeys(("authorization_endpoint", "token_endpoint", "jwks_uri"), "https://id.example/x")
    safe = Metadata.model_validate({"issuer": "https://id.example", **addresses})
    assert safe.is_as_safe_as("https://id.example")
    for endpoint in (*addresses, "userinfo_endpoint", "end_session_endpoint"):
        unsafe = safe.model_copy(update={endpoint: "http://id.example/x"})
        assert not unsafe.is_as_safe_as("https://id.example")
        assert unsafe.is_as_safe_as("http://127.0.0.1:9000")
