"""No text stands in the sources without being asked for in both languages, not even a word that no catalogue shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Comment, Doctype
from flask import Flask

from tests.support.tongues import READ_OUT, ROOT

TEMPLATES = tuple(sorted(path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt"}))
# The API speaks English, as its names do.
MODULES = tuple(path for path in (ROOT / "wizard" / "web").rglob("*.py") if "api" not in path.relative_to(ROOT).parts)
# Blocks that say what a page is called in its own markup.
NAMES = re.compile(r"{% block (typing|page_class) %}.*?{% endblock %}", re.DOTALL)
WORD = re.compile(r"[^\W\d_]{2,}")
TWO_WORDS = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}")
ASKS = {"_", "gettext", "lazy_gettext", "ngettext", "lazy_ngettext"}
# Addresses and numbers; markup that a macro writes a part of.
IN_TEMPLATES = {"coto.org …", "desk@wizard.test", "osot-oted-0000001", 'aria-describedby="…" aria-invalid="true"'}
# Markup; of a log; for machines; samples of what people write.
IN_MODULES = {
    "The session of this form has ended.",
    '<optgroup label="',
    "<option data-typed ",
    "no answer",
    "A token is needed.\n",
    "second factor:",
    "Amara Okafor",
    "In which city is the school that you name?",
    "You entered your COTO status anew.",
    "Dalhousie University",
    "no number!",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_a_template_has_no_text_of_its_own(app: Flask, path: Path) -> None:
    assert set(written(app, path.read_text("utf-8"), path.suffix)) - IN_TEMPLATES == set()


def test_a_text_of_its_own_would_be_found(app: Flask) -> None:
    assert list(written(app, '<p>{{ _("Hello,") }} Welcome</p>', ".html")) == ["… Welcome"]
    assert list(written(app, '<a title="Next" href="/next"></a>', ".html")) == ["Next"]
    assert list(written(app, '{% if number %}Number{% endif %} {{ _("Hello,") }}', ".txt")) == ["Number …"]
    assert list(written(app, '<i lang="en">Start</i><p class="lead">{{ x }}, 1 – 2</p>{# a remark #}', ".html")) == []


def test_no_module_of_the_pages_has_a_text_of_its_own() -> None:
    found = {text for path in MODULES for text in spoken(path.read_text("utf-8"))}
    assert found - IN_MODULES == set()


def test_a_text_in_a_module_would_be_found() -> None:
    source = (
        '"""About it all."""\nlabel = _("Your name")\nhint = "As on your diploma"\nraise ValueError("no such thing")\n'
    )
    assert list(spoken(source)) == ["As on your diploma"]


def written(app: Flask, source: str, suffix: str) -> Iterator[str]:
    """What a template says by itself, with … for what it is given or asks for."""
    tokens = app.jinja_env.lex(NAMES.sub("", source))
    marks = {"variable_begin": "…"}
    text = "".join(value if kind == "data" else marks.get(kind, "") for _line, kind, value in tokens)
    for each in _shown(text) if suffix == ".html" else (text,):
        if WORD.search(each):
            yield " ".join(each.split())


def _shown(html: str) -> Iterator[str]:
    soup = BeautifulSoup(html, "html.parser")
    for part in soup.select("[lang]:not(html, [role=article]), style, script"):
        part.decompose()
    yield from (text for text in soup.find_all(string=True) if not isinstance(text, (Comment, Doctype)))
    yield from (str(tag[name]) for name in READ_OUT for tag in soup.select(f"[{name}]"))


def spoken(source: str) -> Iterator[str]:
    """Texts of two words or more in a module that are no documentation, no error of the program, and not asked for."""
    tree = ast.parse(source)
    passed = {id(text) for node in ast.walk(tree) for text in _not_shown(node)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in passed else None
        if isinstance(text, str) and TWO_WORDS.search(text):
            yield text


def _not_shown(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr):
        yield node.body[0].value
    if isinstance(node, ast.Raise) and node.exc:
        yield from ast.walk(node.exc)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ASKS:
        yield from node.args
