"""Secrets: made and kept where none is given (development), and judged where one is (production)."""

import os
import re
import secrets
from itertools import pairwise
from pathlib import Path

MIN_LENGTH = 32
MIN_DISTINCT = 8
WELL_KNOWN = re.compile(r"change.?me|default|development|example|insecure|passw|placeholder|secret|test.?key|your.?key")


def kept_keys(data_dir: Path) -> tuple[str, ...]:
    """The secrets in `<data dir>/secret-keys`, one a line, newest first; made at the first call."""
    kept = data_dir / "secret-keys"
    if not kept.exists():
        _make(kept)
    return tuple(kept.read_text().split())


def _make(kept: Path) -> None:
    # Whole or not at all: of two processes that start together, one makes it and both read the same.
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_name(f".secret-keys.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    try:
        kept.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def weakness(secret: str) -> str | None:
    """What makes this secret easy to guess, if anything."""
    if len(secret) < MIN_LENGTH:
        return f"is shorter than {MIN_LENGTH} characters"
    if WELL_KNOWN.search(secret.lower()):
        return "is made of well-known words"
    if len(set(secret)) < MIN_DISTINCT or secret in (secret + secret)[1:-1]:
        return "repeats itself"
    if sum(abs(ord(one) - ord(next_one)) <= 1 for one, next_one in pairwise(secret)) > len(secret) / 2:
        return "follows the alphabet"
    return None
