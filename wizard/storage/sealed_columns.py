"""Columns of personal data, sealed where the setting asks for it.

What is written is as the setting says, under the newest secret; what is read may be plain or sealed with any secret,
so that setting and secrets can be changed while the site runs. `wizard keys rotate` rewrites what was there before.

A sealed text is `MARK`, the id of its key, a colon, and what depends on the kind of the column. Each is bound to its
column, not to its row: whoever can write to the database could put a plain text there anyway.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import ColumnElement, Dialect, Engine, String, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeDecorator, TypeEngine

from wizard.core.errors import KeyMissing
from wizard.storage.crypto import Cipher, Undecipherable, UnknownKey

# No rule lets a control character into an answer, and no name or address has one.
MARK = "\x1eenc:"
# Sixty-four bits: two words of one token are found together once in thousands of millions of names.
_TOKEN_LENGTH = 16

_log = structlog.get_logger(__name__)


class InTheOpen(str):
    """A text that is stored as it is, whatever the setting says."""

    __slots__ = ()


def in_the_open(text: str | None) -> InTheOpen | None:
    """For a column that is otherwise sealed."""
    return None if text is None else InTheOpen(text)


@dataclass(frozen=True, slots=True)
class Seals:
    """What seals the columns of an engine, and whether it is to."""

    cipher: Cipher
    on: bool

    @property
    def newest(self) -> str:
        """How whatever is sealed now begins."""
        return self.beginnings[0]

    @property
    def beginnings(self) -> tuple[str, ...]:
        """How whatever can be opened begins, newest first."""
        return tuple(f"{MARK}{key_id}:" for key_id in self.cipher.key_ids)


_SEALS: WeakKeyDictionary[Dialect, Seals] = WeakKeyDictionary()


def seal(engine: Engine, seals: Seals) -> None:
    """Have the columns of an engine sealed; without this they are all plain."""
    _SEALS[engine.dialect] = seals


def seals_of(session: Session) -> Seals:
    """What seals the columns that a session writes."""
    return _SEALS[session.get_bind().dialect]


class Sealed(TypeDecorator[str]):
    """A text that comes out different each time it is sealed (AES-GCM): nothing is found by it."""

    impl = String
    cache_ok = True

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is written. Nothing is as well said by nothing."""
        if not value:
            return value
        seals = _SEALS.get(dialect)
        if isinstance(value, InTheOpen) or seals is None or not (seals.on or value.startswith(MARK)):
            return str(value)
        return seals.newest + self.sealed(seals.cipher, value, seals.cipher.key_ids[0])

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """What is read. Raises `KeyMissing`, and `Undecipherable` where somebody has changed it."""
        seals = _SEALS.get(dialect)
        try:
            return value if seals is None else self.read(seals.cipher, value)
        except Undecipherable as error:
            return self.unreadable(value, error)

    def unreadable(self, value: str | None, error: Undecipherable) -> str | None:  # noqa: ARG002 - others have it
        """What is read where it cannot be opened."""
        if not isinstance(error, UnknownKey):
            raise error
        _log.error("key.missing", column=self.column)
        raise KeyMissing from error

    def read(self, cipher: Cipher, value: str | None) -> str | None:
        """What stands in a column, opened where it is sealed; raises `Undecipherable`.

        SQLite may hold what is no text.
        """
        if not isinstance(value, str) or not value.startswith(MARK):
            return value
        key_id, _, content = value.removeprefix(MARK).partition(":")
        return self.opened(cipher, content, key_id)

    def coerce_compared_value(self, op: object, value: object) -> TypeEngine[Any]:  # noqa: ARG002
        """What a column is compared with is as it stands there: see `holds`."""
        return String()

    def sealed(self, cipher: Cipher, plain: str, key_id: str) -> str:  # noqa: ARG002 - the newest
        return _encoded(cipher.encrypt(plain.encode(), context=self._context))

    def opened(self, cipher: Cipher, content: str, key_id: str) -> str:  # noqa: ARG002 - it is in there
        return cipher.decrypt(_decoded(content), context=self._context).decode()

    @property
    def _context(self) -> bytes:
        return f"column:{self.column}".encode()


class SealedIfReadable(Sealed):
    """The same; what cannot be opened is read as it stands there, for whoever tells of what was tampered with."""

    cache_ok = True

    def unreadable(self, value: str | None, error: Undecipherable) -> str | None:  # noqa: ARG002
        return value


class Matched(Sealed):
    """A text that comes out the same under the same secret (AES-SIV): it is found whole, and can be unique."""

    cache_ok = True

    def sealed(self, cipher: Cipher, plain: str, key_id: str) -> str:
        return _encoded(cipher.encrypt_same(plain.encode(), context=self._context, key_id=key_id))

    def opened(self, cipher: Cipher, content: str, key_id: str) -> str:
        return cipher.decrypt_same(_decoded(content), context=self._context, key_id=key_id).decode()

    def forms(self, seals: Seals, plain: str) -> list[str]:
        """All that a text may stand there as."""
        sealed = [self.sealed(seals.cipher, plain, key_id) for key_id in seals.cipher.key_ids]
        return [plain, *(beginning + each for beginning, each in zip(seals.beginnings, sealed, strict=True))]


class Blind(Matched):
    """A text that is only looked for, whole (HMAC); what it was stands in another column."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Compared by its bytes, as `schema.Key`."""
        return dialect.type_descriptor(String(collation="C") if dialect.name == "postgresql" else String())

    def sealed(self, cipher: Cipher, plain: str, key_id: str) -> str:
        return cipher.digest_under(key_id, f"column:{self.column}", plain)

    def opened(self, cipher: Cipher, content: str, key_id: str) -> str:  # noqa: ARG002
        return content


class Words(Blind):
    """Words that are only looked for, each of them whole (HMAC)."""

    cache_ok = True

    def sealed(self, cipher: Cipher, plain: str, key_id: str) -> str:
        tokens = (super(Words, self).sealed(cipher, word, key_id)[:_TOKEN_LENGTH] for word in plain.split())
        return f" {' '.join(tokens)} "


def holds(session: Session, column: InstrumentedAttribute[Any], value: str) -> ColumnElement[bool]:
    """That a column holds a text; where it may be sealed, under whichever secret."""
    return holds_any(session, column, [value])


def holds_any(session: Session, column: InstrumentedAttribute[Any], values: Collection[str]) -> ColumnElement[bool]:
    """That a column holds any of some texts."""
    kind = column.type
    if not isinstance(kind, Matched):
        return column.in_(values)
    seals = seals_of(session)
    return column.in_([form for value in values for form in kind.forms(seals, value)])


def is_sealed(column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """That something sealed stands in a column."""
    return column.startswith(MARK, autoescape=True)


def has_words(session: Session, column: InstrumentedAttribute[str], words: Sequence[str]) -> ColumnElement[bool]:
    """That a column of sealed words has all of these, each of them whole."""
    kind, cipher = cast("Words", column.type), seals_of(session).cipher
    return and_(is_sealed(column), *(_has_word(column, kind, cipher, word) for word in words))


def _has_word(column: InstrumentedAttribute[str], kind: Words, cipher: Cipher, word: str) -> ColumnElement[bool]:
    return or_(*(column.contains(kind.sealed(cipher, word, key_id)) for key_id in cipher.key_ids))


def _encoded(sealed: bytes) -> str:
    return b64encode(sealed).decode()


def _decoded(content: str) -> bytes:
    try:
        return b64decode(content, validate=True)
    except ValueError as error:
        raise Undecipherable("not sealed by us") from error
