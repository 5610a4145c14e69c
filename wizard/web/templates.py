"""Templates, compiled once for each language, with the sentences of that language in them.

Looking up forty sentences as a step's page is drawn was 11 % of it (docs/benchmarks.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import MutableMapping
from typing import Any

from flask import Flask
from flask.templating import Environment
from flask_babel import get_locale, gettext
from jinja2 import nodes
from jinja2.environment import create_cache
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from wizard.web.addresses import address

_TEMPLATES = 400


class TranslatedEnvironment(Environment):
    """Flask's, with a cache for each language."""

    def __init__(self, app: Flask, **options: Any) -> None:  # noqa: ANN401 - Jinja's
        self._caches: defaultdict[str, MutableMapping[Any, Any] | None] = defaultdict(lambda: create_cache(_TEMPLATES))
        super().__init__(app, **options)

    @property
    def cache(self) -> MutableMapping[Any, Any] | None:
        """The templates of the page's language."""
        return self._caches[str(get_locale())]

    @cache.setter
    def cache(self, empty: object) -> None:
        """Jinja's own is for one language."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed = super()._parse(source, name, filename)
        safe = self.autoescape(name) if callable(self.autoescape) else self.autoescape
        translated: nodes.Template = _Sentences(safe=safe).visit(parsed)
        return translated


class _Sentences(NodeTransformer):
    """Puts a sentence in the place of each `_("…")`, and of each with values a sentence to put them into."""

    def __init__(self, *, safe: bool) -> None:
        self._safe = safe

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - Jinja's
        self.generic_visit(node)
        if not _is_sentence(node):
            return node
        text = gettext(node.args[0].as_const())
        sentence = Markup(text) if self._safe else text  # noqa: S704 - out of the catalogue  # nosec B704
        if not node.kwargs:
            return nodes.Const(sentence % {})
        values = nodes.Dict([nodes.Pair(nodes.Const(each.key), each.value) for each in node.kwargs])
        return nodes.Mod(nodes.Const(sentence), values)


def _is_sentence(node: nodes.Call) -> bool:
    named = isinstance(node.node, nodes.Name) and node.node.name == "_"
    return named and len(node.args) == 1 and isinstance(node.args[0], nodes.Const) and node.dyn_kwargs is None


def init_app(app: Flask) -> None:
    """To be called before anything asks for the app's templates."""
    app.jinja_environment = TranslatedEnvironment  # type: ignore[assignment]
    app.jinja_env.globals["url_for"] = address
