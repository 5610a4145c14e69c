"""What is text of which language: the catalogue, and what a page lets people read and hear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from bs4 import BeautifulSoup, Comment, Doctype

ROOT = Path(__file__).resolve().parents[2]
PO = ROOT / "wizard" / "translations" / "fr" / "LC_MESSAGES" / "messages.po"
MO = PO.with_suffix(".mo")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
_KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "lazy_ngettext": (1, 2)}
READ_OUT = ("aria-label", "title", "alt", "placeholder")
_WORD = re.compile(r"[^\W\d_]+(?:[-’][^\W\d_]+)*")
# What is in English, and in no French sentence.
_ENGLISH = frozenset(
    (
        "the",
        "your",
        "you",
        "and",
        "with",
        "this",
        "that",
        "these",
        "of",
        "from",
        "was",
        "were",
        "is",
        "are",
        "not",
        "it",
    )
)


@cache
def catalogue() -> Catalog:
    with PO.open(encoding="utf-8") as file:
        return read_po(file, locale="fr")


def messages() -> Iterator[Message]:
    return (message for message in catalogue() if message.id)


def forms(text: str | Iterable[str] | None) -> tuple[str, ...]:
    """Singular and plural of a message or its translation; the one form of what has no plural."""
    return (text,) if isinstance(text, str) else tuple(text or ())


@cache
def in_the_sources() -> frozenset[tuple[str, ...]]:
    """Every message that the code and the templates ask for, as `make translations` finds them."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = extract_from_dir(
        str(ROOT), methods, options, _KEYWORDS, directory_filter=lambda path: Path(path).name in _SEARCHED or _in(path)
    )
    return frozenset(forms(message) for _file, _line, message, _comments, _context in found)


_SEARCHED = frozenset({"wizard", "templates"})


def _in(path: str) -> bool:
    return Path(path).relative_to(ROOT).parts[0] in _SEARCHED and "__pycache__" not in path


@cache
def fragments(language: str) -> frozenset[str]:
    """What a page of another language must not show: runs of two words or more of every message of this one."""
    ours: set[str] = set()
    theirs: set[str] = set()
    for message in messages():
        english, french = forms(message.id), forms(message.string)
        ours.update(_runs(english if language == "en" else french))
        theirs.update(_runs(french if language == "en" else english))
    return frozenset(ours - theirs)


def _runs(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        runs = (" ".join(run.split()) for run in PLACEHOLDER.sub("\0", text).split("\0"))
        yield from (run for run in runs if len(_WORD.findall(run)) > 1)


def strangers(text: str, language: str) -> list[str]:
    """What of a text is in the other language."""
    other = "en" if language == "fr" else "fr"
    found = [run for run in fragments(other) if run in text and re.search(rf"(?<!\w){re.escape(run)}(?!\w)", text)]
    return found + sorted({word.lower() for word in _WORD.findall(text)} & _ENGLISH if language == "fr" else ())


def readable(soup: BeautifulSoup) -> str:
    """All that a page says in its own language, what only screen readers say included."""
    soup = BeautifulSoup(str(soup), "html.parser")
    for part in soup.select("[lang]:not(html, [role=article]), [translate=no], style, script"):
        part.decompose()
    seen = [text for text in soup.find_all(string=True) if not isinstance(text, (Comment, Doctype))]
    heard = [str(tag[name]) for name in READ_OUT for tag in soup.select(f"[{name}]")]
    return " ".join(" ".join([*seen, *heard]).split())
