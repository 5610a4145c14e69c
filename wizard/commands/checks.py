"""What `wizard check` looks at: database, Redis, mail server, receiver of webhooks, OpenID provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Flask
from redis import Redis, RedisCluster
from redis.exceptions import RedisError

from wizard.commands import base
from wizard.config import Settings
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.messages import PostFailed
from wizard.storage import database
from wizard.storage.mail import SmtpSender, sender_for
from wizard.storage.oidc_published import Fault, ProviderFailed
from wizard.storage.webhooks import poster_for
from wizard.wiring import oidc_provider


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    sentence: str


def findings(made: Flask, settings: Settings) -> list[Finding]:
    """Everything that was looked at, good and bad."""
    redis = base.stores_of(made).redis
    checks = (_database(made), _redis(redis, settings), _mail(settings), _webhooks(settings), _oidc(made, settings))
    return [finding for check in checks for finding in check]


def _database(made: Flask) -> Iterator[Finding]:
    try:
        behind, current = database.is_behind(made), database.is_current(made)
    except ExternalServiceError:
        yield Finding(Verdict.FAILED, "The database cannot be reached.")
        return
    yield Finding(Verdict.OK, "The database answers.")
    if behind:
        yield Finding(Verdict.FAILED, base.BEHIND)
    elif current:
        yield Finding(Verdict.OK, "The database is at the newest migration.")
    else:
        yield Finding(Verdict.WARNING, "The database was migrated by a newer version than this one.")


def _redis(client: Redis | RedisCluster, settings: Settings) -> Iterator[Finding]:
    try:
        servers = _info(client)
    except RedisError:
        if settings.redis_url is None:
            yield Finding(Verdict.WARNING, "The embedded Valkey is not running; “wizard serve” starts it.")
        else:
            yield Finding(Verdict.FAILED, "Redis cannot be reached.")
        return
    yield Finding(Verdict.OK, "Redis answers.")
    policies = {str(server.get("maxmemory_policy", "unknown")) for server in servers}
    if policies == {"noeviction"}:
        yield Finding(Verdict.OK, "Redis never evicts.")
    else:
        policy = ", ".join(sorted(policies - {"noeviction"}))
        yield Finding(
            Verdict.FAILED,
            f"Redis may throw registrations away (maxmemory-policy is {policy}): set it to noeviction.",
        )
    if all(server.get("aof_enabled") for server in servers):
        yield Finding(Verdict.OK, "Redis keeps an append-only file.")
    else:
        yield Finding(
            Verdict.WARNING, "Redis keeps no append-only file (appendonly no): a crash of it loses accepted answers."
        )
    yield Finding(Verdict.OK, _replicas(min(server.get("connected_slaves", 0) for server in servers)))


def _replicas(number: int) -> str:
    if number == 0:
        return "Redis has no replica: a write is accepted once the server itself has it."
    return f"Replicas of Redis: {number}. A write is accepted once one of them has it."


def _info(client: Redis | RedisCluster) -> list[dict[str, Any]]:
    """What each server says of its memory and its files; a Cluster has several."""
    if isinstance(client, RedisCluster):
        by_node: dict[str, dict[str, Any]] = client.info("everything", target_nodes=RedisCluster.PRIMARIES)
        return list(by_node.values())
    return [client.info("everything")]


def _mail(settings: Settings) -> Iterator[Finding]:
    sender = sender_for(settings)
    if not isinstance(sender, SmtpSender):
        yield Finding(Verdict.OK, f"Mails are written to {settings.data_dir / 'mail'}.")
        return
    try:
        encrypted = sender.ping()
    except ExternalServiceError:
        yield Finding(Verdict.WARNING, "The mail server cannot be reached: mails wait until it can.")
        return
    yield Finding(Verdict.OK, "The mail server answers.")
    if not encrypted:
        yield Finding(
            Verdict.WARNING, "The mail server offers no encryption: mails and the password can be read on the way."
        )


def _webhooks(settings: Settings) -> Iterator[Finding]:
    poster = poster_for(settings)
    if poster is None:
        yield Finding(Verdict.OK, "No other system is told of events.")
        return
    try:
        poster.ping()
    except PostFailed as failed:
        yield _WEBHOOK_TROUBLES[failed.reason]
    else:
        yield Finding(Verdict.OK, "The receiver of webhooks takes connections.")


_WEBHOOK_TROUBLES = {
    "webhook.address": Finding(
        Verdict.FAILED,
        "The receiver of webhooks is in a network that none may be sent to: name it in WIZARD_WEBHOOK_NETWORKS, or "
        "give WIZARD_WEBHOOK_URL a public address.",
    ),
    "webhook.unresolved": Finding(Verdict.FAILED, "The host of WIZARD_WEBHOOK_URL has no address."),
    "webhook.tls": Finding(Verdict.FAILED, "The receiver of webhooks has no certificate that this machine trusts."),
    "webhook.unreachable": Finding(
        Verdict.WARNING, "The receiver of webhooks cannot be reached: events wait until it can."
    ),
}


_FAULTS: Mapping[Fault, str] = {
    Fault.UNREACHABLE: "cannot be reached.",
    Fault.DISCOVERY: "does not say where its pages are.",
    Fault.ISSUER: "names itself otherwise: WIZARD_OIDC_ISSUER has to be what it says, to the letter.",
    Fault.NO_TLS: "has addresses that do not begin with https://.",
    Fault.ALGORITHMS: "signs in no way that can be trusted: RSA or ECDSA is needed.",
    Fault.KEYS: "has no key that what it signs could be verified with.",
}


def _oidc(made: Flask, settings: Settings) -> Iterator[Finding]:
    """Whether staff could sign in with the provider."""
    provider = oidc_provider(settings, base.services_of(made).clock)
    if provider is None:
        return
    try:
        metadata, _ = provider.published.metadata(), provider.published.keys()
    except ProviderFailed as error:
        passes = error.fault is Fault.UNREACHABLE and settings.staff_passwords
        verdict = Verdict.WARNING if passes else Verdict.FAILED
        yield Finding(verdict, f"The OpenID provider {settings.oidc_issuer} {_FAULTS[error.fault]}")
        return
    yield Finding(Verdict.OK, "The OpenID provider answers, and is the one that the settings name.")
    addresses = f"{provider.client.redirect_uri} to come back to, {provider.client.after_sign_out} after signing out"
    yield Finding(Verdict.OK, f"Have registered there: {addresses}.")
    if "S256" not in (metadata.code_challenge_methods_supported or ("S256",)):
        yield Finding(Verdict.WARNING, "The OpenID provider says that it does without PKCE (S256).")
    if settings.staff_totp_required and not settings.oidc_acr and not settings.oidc_amr:
        why = "staff need a second factor, and nothing makes sure that the provider asks for one"
        yield Finding(Verdict.WARNING, f"WIZARD_OIDC_ACR, WIZARD_OIDC_AMR: {why}.")
