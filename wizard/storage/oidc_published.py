"""What an OpenID provider says of itself, over HTTP: where its pages are (discovery), and which keys it signs with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import requests
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from pydantic import BaseModel, ValidationError

from wizard.core.clock import Clock
from wizard.core.errors import ExternalServiceError

DISCOVERY = "/.well-known/openid-configuration"
# Signed by the provider's own key: with the client's secret, or by nobody, is not enough.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_KEPT = timedelta(hours=1)

_log = structlog.get_logger(__name__)


class Fault(StrEnum):
    """What keeps a provider from being one for us."""

    UNREACHABLE = "unreachable"
    DISCOVERY = "discovery"
    ISSUER = "issuer"
    NO_TLS = "no_tls"
    ALGORITHMS = "algorithms"
    KEYS = "keys"


class ProviderFailed(ExternalServiceError):
    """The provider cannot be reached, or answers what it must not; to people both are one."""

    def __init__(self, fault: Fault) -> None:
        super().__init__("oidc")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Client:
    """What we are to the provider, as registered there."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    after_sign_out: str
    scopes: tuple[str, ...]
    acr_values: tuple[str, ...]
    timeout: float


class Metadata(BaseModel):
    """What the provider says of itself (OpenID Connect Discovery 1.0); all else it says is passed over."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    code_challenge_methods_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> list[str]:
        """The signatures that it makes and we believe."""
        return [name for name in self.id_token_signing_alg_values_supported if name in _ALGORITHMS]

    def is_as_safe_as(self, issuer: str) -> bool:
        """Whether every address that something is sent to has TLS, if the issuer has."""
        named = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri)
        all_of_them = (*named, *filter(None, (self.userinfo_endpoint, self.end_session_endpoint)))
        return not issuer.startswith("https://") or all(each.startswith("https://") for each in all_of_them)


@dataclass(slots=True)
class Published:
    """Both, kept for a while in each process. Everything raises ProviderFailed."""

    client: Client
    clock: Clock
    _metadata: tuple[datetime, Metadata] | None = field(default=None, init=False)
    _keys: tuple[datetime, KeySet] | None = field(default=None, init=False)

    def metadata(self) -> Metadata:
        """What it says of itself."""
        if self._metadata is None or self.clock.now() - self._metadata[0] >= _KEPT:
            self._metadata = (self.clock.now(), self._discovered())
        return self._metadata[1]

    def keys(self, *, anew: bool = False) -> KeySet:
        """What it signs with."""
        if anew or self._keys is None or self.clock.now() - self._keys[0] >= _KEPT:
            keys = list(_for_signing(self.json(self.metadata().jwks_uri)))
            if not keys:
                raise _broken(Fault.KEYS)
            self._keys = (self.clock.now(), KeySet(keys))
        return self._keys[1]

    def _discovered(self) -> Metadata:
        told = self.json(self.client.issuer.rstrip("/") + DISCOVERY)
        try:
            metadata = Metadata.model_validate(told)
        except ValidationError as error:
            raise _broken(Fault.DISCOVERY, error) from None
        if metadata.issuer != self.client.issuer:
            raise _broken(Fault.ISSUER)
        if not metadata.is_as_safe_as(self.client.issuer):
            raise _broken(Fault.NO_TLS)
        if not metadata.algorithms:
            raise _broken(Fault.ALGORITHMS)
        return metadata

    def json(self, address: str, *, bearer: str = "") -> dict[str, Any]:
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        with reached():
            answer = requests.get(address, headers=headers, timeout=self.client.timeout, allow_redirects=False)
            answer.raise_for_status()
            told = answer.json()
        if not isinstance(told, dict):
            raise _broken(Fault.UNREACHABLE)
        return told


@contextmanager
def reached() -> Iterator[None]:
    """Whatever goes wrong on the way is one thing: the provider cannot be reached."""
    try:
        yield
    except (requests.RequestException, ValueError) as error:
        raise _broken(Fault.UNREACHABLE, error) from error


def _for_signing(found: Mapping[str, Any]) -> Iterator[Key]:
    """The keys that something can be signed with; one of a kind that we do not know is passed over."""
    listed = found.get("keys")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and each.get("use", "sig") == "sig":
            with suppress(JoseError, KeyError, TypeError, ValueError):
                yield JWKRegistry.import_key(each)


def _broken(fault: Fault, error: Exception | None = None) -> ProviderFailed:
    _log.warning("oidc.unavailable", fault=fault.value, reason=type(error).__name__ if error else "")
    return ProviderFailed(fault)
