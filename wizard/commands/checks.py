"""What `wizard check` looks at; here: mail server, receiver of webhooks, OpenID provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flask import Flask

from wizard.commands import base
from wizard.commands.checks_database import database_findings
from wizard.commands.checks_redis import redis_findings
from wizard.commands.checks_site import site_findings
from wizard.commands.findings import Finding, Verdict
from wizard.config import Settings
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.messages import PostFailed
from wizard.storage.mail import SmtpSender, sender_for
from wizard.storage.oidc_published import Fault, ProviderFailed
from wizard.storage.webhooks import poster_for
from wizard.wiring import oidc_provider


def findings(made: Flask, settings: Settings) -> list[Finding]:
    """Everything that was looked at, good and bad."""
    redis = base.stores_of(made).redis
    checks = (
        site_findings(made, settings),
        database_findings(made, settings),
        redis_findings(redis, settings),
        _mail(settings),
        _webhooks(settings),
        _oidc(made, settings),
    )
    return [finding for check in checks for finding in check]


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
