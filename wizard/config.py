"""The settings: read once from the environment, frozen, each that is missing or unsafe named in the refusal."""

from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError

from wizard.oidc_settings import OidcSettings
from wizard.retention_settings import RetentionSettings
from wizard.secret_keys import kept_keys, weakness
from wizard.setting_conflicts import conflicts
from wizard.setting_types import (
    DatabaseUrl,
    Directory,
    Duration,
    Limits,
    Listed,
    Mailbox,
    MailUrl,
    Networks,
    Pattern,
    ReceiverUrl,
    RedisUrl,
    WebUrl,
    listed,
)

HOW_TO_MAKE_ONE = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
NEEDED_IN_PRODUCTION = {
    "secret_keys": f"a comma-separated list, newest first; {HOW_TO_MAKE_ONE}",
    "redis_url": "the address of a Redis or Valkey; the embedded one is for development",
    "database_url": "the URL of a PostgreSQL database; SQLite is for development",
    "mail_url": "the mail server, as smtp://… or smtps://…; mail to files is for development",
    "mail_from": "the sender of every mail",
    "desk_email": "the address that people who are stuck should write to",
    "base_url": "the address that people reach the site by, as https://…",
    "trusted_hosts": "the host names that the site answers to, comma-separated",
}
PLAINER = {
    "bool_parsing": "write on or off",
    "int_parsing": "write a whole number",
    "greater_than_equal": "write 0 or more",
    "literal_error": "write development or production",
}


class SettingsError(Exception):
    """Everything that is wrong with the settings, each problem naming its setting and how to put it right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["The settings cannot be used:", *(f"  - {each}" for each in problems)]))
        self.problems = problems


def variable(field: str) -> str:
    """Name in the environment of a field of `Settings`."""
    return f"WIZARD_{field.upper()}"


def _sqlite(so_far: dict[str, Any]) -> str:
    return f"sqlite:///{so_far['data_dir'] / 'wizard.db'}"


class Settings(OidcSettings, RetentionSettings):
    """Each field is the variable `WIZARD_<FIELD>`; what could hold a secret stays out of `repr()`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    env: Literal["development", "production"] = Field(
        "development",
        description="`production` refuses to start with a missing or weak secret, "
        "the embedded servers, or mail to files",
    )
    data_dir: Directory = Field(Path("instance"), description="Where the embedded servers and mail files live")
    redis_url: RedisUrl | None = Field(
        None,
        repr=False,
        description="`redis://`, `rediss://`, `unix://`, `redis+sentinel://host,host/service` "
        "or `redis+cluster://host,host`; unset, a Valkey is started in the data directory",
    )
    redis_timeout: float = Field(
        1.0, gt=0, le=10, description="For how many seconds an answer of Redis is waited for, before a page says so"
    )
    patience: float = Field(
        1.4,
        gt=0,
        le=30,
        description="For how many seconds in all a request waits for Redis and the database, before its page says so",
    )
    audit_delay: float = Field(
        0.05,
        ge=0,
        le=5,
        description="For how many seconds what was done gathers, before it goes into the audit trail behind the "
        "answers; 0 has each step submitted wait for its own",
    )
    database_url: DatabaseUrl = Field(
        default_factory=_sqlite,
        repr=False,
        description="Any SQLAlchemy URL; unset, SQLite in the data directory",
    )
    secret_keys: Listed = Field(
        (),
        repr=False,
        description="Comma-separated, newest first, so that keys can be rotated; "
        "in development made once and kept in the data directory",
    )
    encrypt_columns: bool = Field(
        default=False,
        description="Encrypt names, e-mail addresses, COTO numbers, notes, schools that were typed, and what was typed "
        "before and after in the audit trail; run `wizard keys rotate` after each change of this",
    )
    mail_url: MailUrl | None = Field(
        None,
        repr=False,
        description="`smtp://…` (encrypted where the server offers it), `smtp+starttls://…` (never otherwise) or "
        "`smtps://…`; unset, mail is written to `<data dir>/mail/*.eml`",
    )
    mail_from: Mailbox = Field("no-reply@wizard.test", description="The sender of every mail")
    desk_email: Mailbox = Field("desk@wizard.test", description="Whom a person who is stuck should write to")
    webhook_url: ReceiverUrl | None = Field(
        None, repr=False, description="Where events are posted to (docs/events.md); unset, nowhere"
    )
    webhook_secrets: Listed = Field(
        (), repr=False, description="Comma-separated, newest first; every call is signed with each of them"
    )
    webhook_networks: Networks = Field(
        (),
        description="Comma-separated networks, such as `10.1.2.0/24`, that webhooks may go to though they are not "
        "public, and without TLS; in production all others that are not public are refused",
    )
    delivery_kept: Duration = Field(
        timedelta(days=30),
        description="For how long the desk can have sent again what was given up, and every try is known",
    )
    metrics_tokens: Listed = Field(
        (),
        repr=False,
        description="Comma-separated, newest first; who sends one as a bearer token reads `/metrics`. Unset, nobody "
        "does in production, and this machine in development",
    )
    session_ttl: Duration = Field(
        timedelta(hours=24),
        description="How long a registration lives after its last change, and a browser's session",
    )
    session_linked_ttl: Duration = Field(
        timedelta(days=14), description="The same once a link to continue was made, or the desk has to act"
    )
    session_max_age: Duration = Field(
        timedelta(days=30), description="How long a registration lives at most after it began"
    )
    session_grace: Duration = Field(
        timedelta(days=7),
        description="How long Redis keeps an expired registration, so that expiry can be recorded",
    )
    coto_pattern: Pattern = Field(
        "[A-Z0-9]{1,8}", description="Regular expression that a COTO registration number matches as a whole"
    )
    verify_discounts: bool = Field(
        default=False,
        description="Put every `student` and `new_graduated` record into the verification queue",
    )
    staff_totp_required: bool = Field(
        default=False,
        description="Whoever signs in as staff needs an authenticator app, and sets it up right after the password",
    )
    staff_passwords: bool = Field(
        default=True,
        description="Whether staff may sign in with a password; off only where there is a provider to sign in with",
    )
    base_url: WebUrl = Field(
        "http://127.0.0.1:8000",
        description="Begins the links that are made outside a request, such as in mails",
    )
    trusted_hosts: Listed = Field(
        ("127.0.0.1", "localhost"), description="Comma-separated host names that the site answers to"
    )
    proxy_count: int = Field(0, ge=0, le=10, description="How many reverse proxies stand in front")
    limit_starts: Limits = Field("300 per hour", description="New registrations, per address")
    limit_fields: Limits = Field(
        "300 per minute",
        description="Fields checked while typing, per browser; "
        "here and below an address, which many may share, has ten times as many",
    )
    limit_codes: Limits = Field(
        "6 per 15 minutes; 20 per day",
        description="Codes sent, per browser, account (or e-mail address, for a new one) and address; each may be "
        "tried five times. Here and below, a target has five times as much room for all addresses together",
    )
    limit_numbers: Limits = Field(
        "4 per hour; 10 per day", description="Member numbers sent by e-mail, per browser, e-mail address and address"
    )
    limit_links: Limits = Field(
        "5 per hour; 20 per day", description="Links to continue sent by e-mail, per registration and address"
    )
    limit_resume: Limits = Field(
        "10 per 15 minutes; 50 per day", description="Tries to open a link to continue, per address and link"
    )
    limit_sign_in: Limits = Field(
        "10 per 15 minutes; 50 per day", description="Tries to sign in as staff, per address and user name"
    )
    limit_api: Limits = Field("600 per minute", description="Calls of the API, per token")
    limit_open_api: Limits = Field(
        "120 per minute", description="Calls of the API that need no token, or have a wrong one, per address"
    )

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """The settings in `environ`, where empty counts as unset; all that is wrong comes as one `SettingsError`."""
        given = {field: text for field in cls.model_fields if (text := environ.get(variable(field), "").strip())}
        problems = _misspelt(environ) + (_unsafe(given) if given.get("env") == "production" else [])
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError(problems + _told(error)) from None
        problems += _contradictions(settings)
        if problems:
            raise SettingsError(problems)
        if settings.secret_keys:
            return settings
        try:
            return settings.model_copy(update={"secret_keys": kept_keys(settings.data_dir)})
        except OSError as error:
            problem = f"{variable('data_dir')}: {settings.data_dir} cannot be used: {error.strerror}."
            raise SettingsError([problem]) from None


def _told(error: ValidationError) -> list[str]:
    # A default that is made from other settings is not made, and not to blame, when one of them is wrong.
    wrong = [each for each in error.errors() if each["type"] != "default_factory_not_called"]
    return [
        f"{variable(str(each['loc'][0]))}: {PLAINER.get(each['type'], each['msg'].removeprefix('Value error, '))}."
        for each in wrong
    ]


def _misspelt(environ: Mapping[str, str]) -> list[str]:
    """Variables that are almost a setting: ignoring one in silence could leave the site open."""
    known = [variable(field) for field in Settings.model_fields]
    unknown = sorted(name for name in environ if name.startswith("WIZARD_") and name not in known)
    likely = {name: get_close_matches(name, known, n=1, cutoff=0.85) for name in unknown}
    return [f"{name}: there is no such setting; did you mean {meant[0]}?" for name, meant in likely.items() if meant]


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    if not settings.session_ttl <= settings.session_linked_ttl <= settings.session_max_age:
        problems.append(
            "WIZARD_SESSION_TTL, WIZARD_SESSION_LINKED_TTL, WIZARD_SESSION_MAX_AGE: "
            "none may be longer than the one after it."
        )
    if settings.webhook_url and not settings.webhook_secrets:
        problems.append(f"WIZARD_WEBHOOK_SECRETS: required with WIZARD_WEBHOOK_URL; {HOW_TO_MAKE_ONE}.")
    if settings.oidc_issuer is None and not settings.staff_passwords:
        problems.append("WIZARD_STAFF_PASSWORDS: may be off only with WIZARD_OIDC_ISSUER, or nobody could sign in.")
    longest_life = settings.session_max_age + settings.session_grace
    problems += settings.oidc_contradictions() + settings.retention_contradictions(longest_life)
    return problems + conflicts(settings)


def _unsafe(given: Mapping[str, str]) -> list[str]:
    """What development may do and production must not."""
    problems = [
        f"{variable(field)}: required in production: {what}."
        for field, what in NEEDED_IN_PRODUCTION.items()
        if field not in given
    ]
    if given.get("database_url", "").startswith("sqlite"):
        problems.append(f"{variable('database_url')}: {NEEDED_IN_PRODUCTION['database_url']}.")
    if not given.get("base_url", "https://").startswith("https://"):
        problems.append(f"{variable('base_url')}: must begin with https:// in production.")
    if not given.get("oidc_issuer", "https://").startswith("https://"):
        problems.append(f"{variable('oidc_issuer')}: must begin with https:// in production.")
    if given.get("webhook_url", "").startswith("http://") and "webhook_networks" not in given:
        problems.append(
            f"{variable('webhook_url')}: must begin with https:// in production, unless the network of the receiver is "
            f"named in {variable('webhook_networks')}."
        )
    for field in ("secret_keys", "webhook_secrets", "metrics_tokens"):
        for number, secret in enumerate(listed(given.get(field, "")), 1):
            if flaw := weakness(secret):
                problems.append(f"{variable(field)}: secret {number} {flaw}; {HOW_TO_MAKE_ONE}.")
    return problems
