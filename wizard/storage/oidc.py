"""An OpenID provider: found by discovery, asked over HTTP, and believed only by a signature made for us just now."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import structlog
from authlib.common.urls import add_params_to_uri
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError, MissingKeyError
from joserfc.jws import JWSRegistry

from wizard.core.claims import Claims
from wizard.core.clock import Clock
from wizard.core.errors import Unauthenticated
from wizard.services.ports.identities import Identity, Pending
from wizard.storage.oidc_published import Client, Metadata, Published, reached

# How far apart the clocks of two machines may be.
_LEEWAY = timedelta(minutes=1)
# A longer address is refused by proxies; the provider then asks whom it is to sign out.
_LONGEST_HINT = 4000
# What only the signed ID token can say.
_SIGNED_ONLY = frozenset({"acr", "amr", "aud", "auth_time", "azp", "exp", "iat", "iss", "nbf", "nonce"})
_ENTROPY = 32

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """`ports.IdentityProvider`."""

    client: Client
    clock: Clock
    published: Published

    @classmethod
    def of(cls, client: Client, clock: Clock) -> OidcProvider:
        """The provider that we are a client of."""
        return cls(client, clock, Published(client, clock))

    def begin(self, *, choosing: bool = False) -> tuple[str, Pending]:
        """Where to send the browser, and what the answer has to fit."""
        metadata = self.published.metadata()
        pending = Pending(*(secrets.token_urlsafe(_ENTROPY) for _ in range(3)))
        more = {"acr_values": " ".join(self.client.acr_values)} if self.client.acr_values else {}
        if choosing:
            more["prompt"] = "select_account"
        with self._session(metadata) as session:
            address, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
                **more,
            )
        return address, pending

    def identify(self, pending: Pending, code: str) -> Identity:
        """Who came back with a code."""
        metadata = self.published.metadata()
        token = self._token(metadata, pending, code)
        claims = self._verified(metadata, pending, token)
        claims = {**self._told(metadata, token, claims["sub"]), **claims}
        hint = str(token["id_token"]) if metadata.end_session_endpoint else ""
        return Identity(metadata.issuer, claims["sub"], claims, hint)

    def is_issuer(self, named: str | None) -> bool:
        """Whether an answer that names its issuer comes from this one (RFC 9207)."""
        if named is None:
            return not self.published.metadata().authorization_response_iss_parameter_supported
        return named == self.client.issuer

    def way_out(self, id_token: str) -> str | None:
        """Where somebody is signed out there, and comes back to us from (OpenID Connect RP-Initiated Logout 1.0)."""
        endpoint = self.published.metadata().end_session_endpoint
        if endpoint is None:
            return None
        hint = {"id_token_hint": id_token} if len(id_token) <= _LONGEST_HINT else {}
        back = {"post_logout_redirect_uri": self.client.after_sign_out, "client_id": self.client.client_id}
        return add_params_to_uri(endpoint, list({**hint, **back}.items()))

    def _token(self, metadata: Metadata, pending: Pending, code: str) -> Mapping[str, Any]:
        """What the provider gives for a code: an ID token, and an access token."""
        with self._session(metadata) as session, reached():
            try:
                token: Mapping[str, Any] = session.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=pending.verifier,
                    allow_redirects=False,
                )
            except OAuthError as error:
                _log.warning("oidc.code_refused", reason=str(error.error))
                message = "oidc.over" if error.error == "invalid_grant" else "oidc.refused"
                raise Unauthenticated(message) from error
        if not isinstance(token.get("id_token"), str):
            raise _untrusted("id_token")
        return token

    def _verified(self, metadata: Metadata, pending: Pending, token: Mapping[str, Any]) -> Claims:
        """What an ID token says, after all that makes it one for us, from this provider, for this sign-in."""
        options = {"iss": {"value": metadata.issuer}, "aud": {"value": self.client.client_id}}
        expected = {
            "nonce": pending.nonce,
            "client_id": self.client.client_id,
            "access_token": token.get("access_token"),
        }
        try:
            signed = self._signed(metadata, token["id_token"])
            claims = CodeIDToken(signed.claims, signed.header, options, expected)
            claims.validate(now=int(self.clock.now().timestamp()), leeway=int(_LEEWAY.total_seconds()))
        except (JoseError, ValueError, TypeError) as error:
            raise _untrusted(type(error).__name__, error) from error
        if not claims["sub"] or not claims["sub"].isprintable():
            raise _untrusted("sub")
        return claims

    def _signed(self, metadata: Metadata, id_token: str) -> jwt.Token:
        """The token, signed by a key of the provider's: one that it has had for a while, or has just begun to use."""
        registry = JWSRegistry(algorithms=metadata.algorithms, strict_check_header=False)
        try:
            return jwt.decode(id_token, self.published.keys(), registry=registry)
        except (InvalidKeyIdError, BadSignatureError, MissingKeyError):
            return jwt.decode(id_token, self.published.keys(anew=True), registry=registry)

    def _told(self, metadata: Metadata, token: Mapping[str, Any], subject: str) -> Claims:
        """What the provider tells beside the ID token, if it does: many keep groups and addresses out of that."""
        if metadata.userinfo_endpoint is None or not token.get("access_token"):
            return {}
        told = self.published.json(metadata.userinfo_endpoint, bearer=str(token["access_token"]))
        if told.get("sub") != subject:
            raise _untrusted("sub of userinfo")
        return {name: value for name, value in told.items() if name not in _SIGNED_ONLY}

    def _session(self, metadata: Metadata) -> OAuth2Session:
        by_post = "client_secret_post" in metadata.token_endpoint_auth_methods_supported
        return OAuth2Session(
            self.client.client_id,
            # In a header it is written as in a form (RFC 6749, 2.3.1), which the library leaves to us.
            self.client.client_secret if by_post else quote(self.client.client_secret, safe=""),
            token_endpoint_auth_method="client_secret_post" if by_post else "client_secret_basic",
            scope=" ".join(self.client.scopes),
            redirect_uri=self.client.redirect_uri,
            code_challenge_method="S256",
            default_timeout=self.client.timeout,
        )


def _untrusted(what: str, error: Exception | None = None) -> Unauthenticated:
    # The library's message names a claim, never its value.
    _log.warning("oidc.untrusted", what=what, reason=str(error or ""))
    return Unauthenticated("oidc.untrusted")
