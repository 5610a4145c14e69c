import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from limits import parse_many
from pydantic import ValidationError

from wizard.config import Settings, SettingsError, variable
from wizard.secret_keys import kept_keys, weakness
from wizard.services.codes import CODE_TRIES

STRONG = "8zvQ2mWc-fRk7NnYt4Lx_Ud0pSgJb9Ea"
STRONGER = "Hc3sVq6-yTzB1xwMoKi_5uRfGj8dPnLe"
PRODUCTION = {
    "WIZARD_ENV": "production",
    "WIZARD_SECRET_KEYS": STRONG,
    "WIZARD_REDIS_URL": "redis://cache.example.org",
    "WIZARD_DATABASE_URL": "postgresql+psycopg://wizard:hush@db.example.org/wizard",
    "WIZARD_MAIL_URL": "smtps://wizard:hush@mail.example.org",
    "WIZARD_MAIL_FROM": "Education records <records@example.org>",
    "WIZARD_DESK_EMAIL": "desk@example.org",
    "WIZARD_BASE_URL": "https://records.example.org",
    "WIZARD_TRUSTED_HOSTS": "records.example.org",
}
NETWORKS = (ip_network("10.1.2.0/24"), ip_network("fd12::/16"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default data directory is `instance` where the server is started."""
    monkeypatch.chdir(tmp_path)


def problems(environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(environ)
    return refused.value.problems


def test_nothing_set_is_a_development_server(tmp_path: Path) -> None:
    settings = Settings.from_env({})
    assert settings.env == "development"
    assert not settings.is_production
    assert settings.data_dir == tmp_path / "instance"
    assert settings.redis_url is None
    assert settings.database_url == f"sqlite:///{tmp_path}/instance/wizard.db"
    assert settings.mail_url is None
    assert settings.session_ttl == timedelta(hours=24)
    assert settings.session_linked_ttl == timedelta(days=14)
    assert settings.session_max_age == timedelta(days=30)
    assert settings.session_grace == timedelta(days=7)
    assert settings.coto_pattern == "[A-Z0-9]{1,8}"
    assert settings.verify_discounts is False
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.trusted_hosts == ("127.0.0.1", "localhost")
    assert settings.proxy_count == 0


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("WIZARD_SESSION_TTL", "90", "session_ttl", timedelta(seconds=90)),
        ("WIZARD_SESSION_TTL", "90s", "session_ttl", timedelta(seconds=90)),
        ("WIZARD_SESSION_TTL", "30m", "session_ttl", timedelta(minutes=30)),
        ("WIZARD_SESSION_TTL", "12h", "session_ttl", timedelta(hours=12)),
        ("WIZARD_SESSION_LINKED_TTL", "10d", "session_linked_ttl", timedelta(days=10)),
        ("WIZARD_SECRET_KEYS", "new, old ,", "secret_keys", ("new", "old")),
        ("WIZARD_TRUSTED_HOSTS", "a.example.org,b.example.org", "trusted_hosts", ("a.example.org", "b.example.org")),
        ("WIZARD_VERIFY_DISCOUNTS", "on", "verify_discounts", True),
        ("WIZARD_PROXY_COUNT", "2", "proxy_count", 2),
        ("WIZARD_BASE_URL", "https://records.example.org/", "base_url", "https://records.example.org"),
        ("WIZARD_COTO_PATTERN", "[A-Z]{2}[0-9]{4}", "coto_pattern", "[A-Z]{2}[0-9]{4}"),
        ("WIZARD_MAIL_URL", "  ", "mail_url", None),
        ("WIZARD_WEBHOOK_NETWORKS", "10.1.2.0/24, fd12::/16", "webhook_networks", NETWORKS),
        ("WIZARD_DELIVERY_KEPT", "90d", "delivery_kept", timedelta(days=90)),
        ("WIZARD_RETENTION_CANCELLED", "7d", "retention_cancelled", timedelta(days=7)),
        ("WIZARD_RETENTION_INACTIVE", "3650d", "retention_inactive", timedelta(days=3650)),
        ("WIZARD_RETENTION_INACTIVE", "", "retention_inactive", None),
        ("WIZARD_LIMIT_STARTS", "5/minute", "limit_starts", "5/minute"),
        ("WIZARD_REDIS_URL", "unix:///run/valkey.sock", "redis_url", "unix:///run/valkey.sock"),
        ("WIZARD_REDIS_URL", "redis+sentinel://a,b:26380/main", "redis_url", "redis+sentinel://a,b:26380/main"),
    ],
)
def test_a_setting_is_read(name: str, text: str, field: str, value: object) -> None:
    assert getattr(Settings.from_env({name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("WIZARD_ENV", "staging", "write development or production"),
        ("WIZARD_REDIS_URL", "memcached://host", "write a URL that begins with redis://"),
        ("WIZARD_REDIS_URL", "redis://", "write a URL that begins with redis://"),
        ("WIZARD_REDIS_URL", "redis://:pass/word@host", "what is special in a user name or password as %2F"),
        ("WIZARD_REDIS_URL", "redis://host:port/0", "write the port as a number"),
        ("WIZARD_REDIS_URL", "redis://host/one", "the database of a Redis is a number"),
        ("WIZARD_REDIS_URL", "redis://host?db=one", "Invalid value for 'db'"),
        ("WIZARD_REDIS_URL", "unix:///redis.sock?socket_timeout=soon", "write options such as ?socket_timeout=5"),
        ("WIZARD_DATABASE_URL", "wizard.db", "write an SQLAlchemy URL"),
        ("WIZARD_DATABASE_URL", "postgres://host/name", "write an SQLAlchemy URL"),
        ("WIZARD_DATABASE_URL", "postgresql+nothing://host/name", "write an SQLAlchemy URL"),
        ("WIZARD_DATABASE_URL", "postgresql+pg8000://host/name", "write an SQLAlchemy URL"),
        ("WIZARD_DATABASE_URL", "mysql://host/name", "write an SQLAlchemy URL"),
        ("WIZARD_LIMIT_CODES", "6 per hour; 0 per day", "would let nobody in"),
        ("WIZARD_MAIL_URL", "mail.example.org", "write a URL that begins with smtp://"),
        ("WIZARD_MAIL_FROM", "nobody", "no e-mail address"),
        ("WIZARD_SESSION_TTL", "a day", "write seconds, or a form such as 30m, 24h or 14d"),
        ("WIZARD_SESSION_TTL", "0", "write seconds, or a form such as 30m, 24h or 14d"),
        ("WIZARD_COTO_PATTERN", "[A-Z", "no regular expression"),
        ("WIZARD_VERIFY_DISCOUNTS", "perhaps", "write on or off"),
        ("WIZARD_PROXY_COUNT", "one", "write a whole number"),
        ("WIZARD_PROXY_COUNT", "-1", "write 0 or more"),
        ("WIZARD_LIMIT_CODES", "often", "write a form such as “30 per hour; 100 per day”"),
        ("WIZARD_WEBHOOK_URL", "https://hooks.example.org", "required with WIZARD_WEBHOOK_URL"),
        ("WIZARD_WEBHOOK_URL", "hooks.example.org", "write a URL that begins with http://, https://"),
        ("WIZARD_WEBHOOK_URL", "https:///path", "write a URL with a host"),
        ("WIZARD_WEBHOOK_URL", "https://user@hooks.example.org", "without a user name or a fragment"),
        ("WIZARD_WEBHOOK_URL", "https://hooks.example.org/#here", "without a user name or a fragment"),
        ("WIZARD_WEBHOOK_NETWORKS", "10.1.2.0/24, here", "write networks such as 10.1.2.0/24"),
        ("WIZARD_WEBHOOK_NETWORKS", "10.1.2.9/24", "has host bits set"),
        ("WIZARD_SESSION_MAX_AGE", "1h", "none may be longer than the one after it"),
        ("WIZARD_RETENTION_MAILS", "30d", "WIZARD_SESSION_MAX_AGE and WIZARD_SESSION_GRACE together"),
        ("WIZARD_SECRET_KEY", STRONG, "did you mean WIZARD_SECRET_KEYS?"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_write(name: str, text: str, advice: str) -> None:
    (problem,) = problems({name: text})
    assert advice in problem
    assert name in problem or name == "WIZARD_WEBHOOK_URL"


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = problems({"WIZARD_ENV": "production", "WIZARD_SESSION_TTL": "soon", "WIZARD_PROXY_COUNT": "x"})
    for name in [*PRODUCTION, "WIZARD_SESSION_TTL", "WIZARD_PROXY_COUNT"]:
        assert name == "WIZARD_ENV" or any(problem.startswith(f"{name}: ") for problem in told)


def test_the_message_lists_the_problems() -> None:
    with pytest.raises(SettingsError, match=r"cannot be used:\n  - WIZARD_ENV: write development or production\."):
        Settings.from_env({"WIZARD_ENV": "prod"})


def test_a_receiver_s_address_is_taken_as_it_stands() -> None:
    url = "https://hooks.example.org/hook/"
    settings = Settings.from_env({"WIZARD_WEBHOOK_URL": url, "WIZARD_WEBHOOK_SECRETS": STRONG})
    assert settings.webhook_url == url


def test_production_sends_webhooks_in_the_clear_only_into_networks_that_are_named() -> None:
    environ = PRODUCTION | {"WIZARD_WEBHOOK_URL": "http://hooks.internal/", "WIZARD_WEBHOOK_SECRETS": STRONGER}
    (problem,) = problems(environ)
    assert "WIZARD_WEBHOOK_URL: must begin with https:// in production, unless" in problem
    assert Settings.from_env(environ | {"WIZARD_WEBHOOK_NETWORKS": "10.0.0.0/8"}).webhook_networks


def test_other_variables_are_left_alone() -> None:
    Settings.from_env({"WIZARD_REQUIRE_BROWSER": "1", "HOME": "/root"})


def test_production_starts_with_everything_given() -> None:
    assert Settings.from_env(PRODUCTION).is_production


@pytest.mark.parametrize("missing", [name for name in PRODUCTION if name != "WIZARD_ENV"])
def test_production_needs(missing: str) -> None:
    (problem,) = problems({name: text for name, text in PRODUCTION.items() if name != missing})
    assert problem.startswith(f"{missing}: required in production: ")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("WIZARD_SECRET_KEYS", "short", "secret 1 is shorter than 32 characters"),
        ("WIZARD_SECRET_KEYS", f"{STRONG},short", "secret 2 is shorter than 32 characters"),
        ("WIZARD_WEBHOOK_SECRETS", "short", "secret 1 is shorter than 32 characters"),
        ("WIZARD_METRICS_TOKENS", "short", "secret 1 is shorter than 32 characters"),
        ("WIZARD_DATABASE_URL", "sqlite:////srv/wizard.db", "SQLite is for development"),
        ("WIZARD_BASE_URL", "http://records.example.org", "must begin with https://"),
        ("WIZARD_BASE_URL", "https://records.example.org/wizard", "write nothing behind the host"),
        ("WIZARD_SECRET_KEYS", f"{STRONG},{STRONG}", "secret 2 is the same as secret 1 of WIZARD_SECRET_KEYS"),
        ("WIZARD_METRICS_TOKENS", STRONG, "secret 1 is the same as secret 1 of WIZARD_SECRET_KEYS"),
    ],
)
def test_production_refuses(name: str, text: str, reason: str) -> None:
    (problem,) = problems(PRODUCTION | {name: text})
    assert problem.startswith(f"{name}: ")
    assert reason in problem


@pytest.mark.parametrize(
    "host", ["https://records.example.org", "records.example.org:443", "*", "*.example.org", "a b"]
)
def test_a_host_that_is_none_is_refused(host: str) -> None:
    (problem,) = problems(PRODUCTION | {"WIZARD_TRUSTED_HOSTS": f"records.example.org,{host}"})
    assert problem.startswith(f"WIZARD_TRUSTED_HOSTS: “{host}” is no host name")


def test_links_lead_to_a_host_that_the_site_answers_to() -> None:
    (problem,) = problems(PRODUCTION | {"WIZARD_TRUSTED_HOSTS": "other.example.org"})
    assert problem.startswith("WIZARD_BASE_URL, WIZARD_TRUSTED_HOSTS: links would lead to records.example.org")
    for hosts in (
        "other.example.org,Records.Example.org",
        ".example.org",
        ".records.example.org",
        "[::1],.example.org",
    ):
        assert Settings.from_env(PRODUCTION | {"WIZARD_TRUSTED_HOSTS": hosts}).is_production


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (STRONG, None),
        ("b1946ac92492d2347c6235b4d2611184", None),
        ("x" * 31, "is shorter than 32 characters"),
        ("x" * 64, "repeats itself"),
        ("kT9#vQ2!" * 5, "repeats itself"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "follows the alphabet"),
        ("please-CHANGE-ME-before-you-go-live", "is made of well-known words"),
        ("django-insecure-0q8w7e6r5t4z3u2i1o9p", "is made of well-known words"),
    ],
)
def test_a_secret_is_judged(secret: str, reason: str | None) -> None:
    assert weakness(secret) == reason


def test_secrets_are_made_once_in_development(tmp_path: Path) -> None:
    first = Settings.from_env({})
    kept = tmp_path / "instance" / "secret-keys"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert weakness(first.secret_keys[0]) is None
    assert Settings.from_env({}).secret_keys == first.secret_keys


def test_kept_secrets_can_be_rotated_by_adding_a_line(tmp_path: Path) -> None:
    (old,) = kept_keys(tmp_path)
    (tmp_path / "secret-keys").write_text(f"{STRONG}\n{old}\n")
    assert kept_keys(tmp_path) == (STRONG, old)


def test_processes_that_start_together_read_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(kept_keys, [tmp_path] * 8))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret-keys"]


def test_given_secrets_leave_no_file(tmp_path: Path) -> None:
    Settings.from_env({"WIZARD_SECRET_KEYS": STRONG})
    assert not list(tmp_path.iterdir())


def test_secrets_are_never_shown() -> None:
    environ = PRODUCTION | {
        "WIZARD_WEBHOOK_URL": "https://hooks.example.org/hush",
        "WIZARD_WEBHOOK_SECRETS": STRONGER,
        "WIZARD_REDIS_URL": "redis://:hush@cache.example.org",
    }
    shown = repr(Settings.from_env(environ))
    for secret in (STRONG, STRONGER, "hush"):
        assert secret not in shown


@pytest.mark.parametrize("name", ["WIZARD_REDIS_URL", "WIZARD_DATABASE_URL", "WIZARD_MAIL_URL", "WIZARD_WEBHOOK_URL"])
def test_a_refusal_does_not_repeat_a_password(name: str) -> None:
    assert "hush" not in str(problems({name: "nonsense//user:hush@host"}))


def test_settings_are_frozen() -> None:
    settings = Settings.from_env({})
    with pytest.raises(ValidationError, match="frozen"):
        settings.env = "production"  # type: ignore[misc]


def test_the_limit_of_codes_leaves_a_guesser_one_chance_in_ten_thousand_a_day(tmp_path: Path) -> None:
    limits = parse_many(Settings(data_dir=tmp_path).limit_codes)
    a_day = min(limit.amount * timedelta(days=1).total_seconds() / limit.get_expiry() for limit in limits)
    assert a_day * CODE_TRIES <= 10**6 / 10_000


def test_every_setting_has_a_description_and_a_variable() -> None:
    for field, about in Settings.model_fields.items():
        assert about.description
        assert variable(field) == f"WIZARD_{field.upper()}"


# --- The OpenID provider ----------------------------------------------------------------------------------------

OIDC = {
    "WIZARD_OIDC_ISSUER": "https://id.example.org/realms/association/",
    "WIZARD_OIDC_CLIENT_ID": "wizard",
    "WIZARD_OIDC_CLIENT_SECRET": "hush",
    "WIZARD_OIDC_MAIN_VALUES": "lead, head",
}


def test_a_provider_is_taken_as_it_is_written() -> None:
    settings = Settings.from_env({**PRODUCTION, **OIDC, "WIZARD_STAFF_PASSWORDS": "off"})
    # To the slash at the end: it is compared.
    assert settings.oidc_issuer == OIDC["WIZARD_OIDC_ISSUER"]
    assert settings.oidc_main_values == ("lead", "head")
    assert (settings.oidc_scopes, settings.oidc_claim) == (("openid", "profile", "email"), "roles")
    assert settings.oidc_timeout == 5.0
    assert settings.staff_passwords is False
    assert "hush" not in repr(settings)


def test_without_a_provider_there_are_passwords() -> None:
    assert Settings.from_env({}).oidc_issuer is None
    (problem,) = problems({"WIZARD_STAFF_PASSWORDS": "off"})
    assert problem.startswith("WIZARD_STAFF_PASSWORDS: may be off only with WIZARD_OIDC_ISSUER")


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"WIZARD_OIDC_CLIENT_ID": ""}, "WIZARD_OIDC_CLIENT_ID"),
        ({"WIZARD_OIDC_CLIENT_SECRET": ""}, "WIZARD_OIDC_CLIENT_SECRET"),
        ({"WIZARD_OIDC_MAIN_VALUES": ""}, "WIZARD_OIDC_ADMIN_VALUES, WIZARD_OIDC_MAIN_VALUES"),
        ({"WIZARD_OIDC_ADMIN_VALUES": "head"}, "WIZARD_OIDC_ADMIN_VALUES, WIZARD_OIDC_MAIN_VALUES"),
        ({"WIZARD_OIDC_SCOPES": "profile"}, "WIZARD_OIDC_SCOPES"),
        ({"WIZARD_OIDC_TIMEOUT": "0"}, "WIZARD_OIDC_TIMEOUT"),
        ({"WIZARD_OIDC_ISSUER": "https://id.example.org/?a=b"}, "WIZARD_OIDC_ISSUER"),
        ({"WIZARD_OIDC_ISSUER": "https://"}, "WIZARD_OIDC_ISSUER"),
        ({"WIZARD_OIDC_ISSUER": "http://id.example.org"}, "WIZARD_OIDC_ISSUER"),
        ({"WIZARD_OIDC_ISUER": "https://id.example.org"}, "WIZARD_OIDC_ISUER"),
    ],
)
def test_a_provider_that_could_let_nobody_in_is_refused(changed: Mapping[str, str], name: str) -> None:
    (problem,) = problems({**PRODUCTION, **OIDC, **changed})
    assert problem.startswith(f"{name}: ")
    assert "hush" not in problem


def test_on_this_machine_a_provider_needs_no_tls() -> None:
    settings = Settings.from_env({**OIDC, "WIZARD_OIDC_ISSUER": "http://127.0.0.1:8080/realms/desk"})
    assert settings.oidc_issuer == "http://127.0.0.1:8080/realms/desk"
