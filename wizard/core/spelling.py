"""How names are compared and put in order: without regard to accents, case and punctuation."""

from __future__ import annotations

import re
import unicodedata

_LIGATURES = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ø": "o", "Ø": "o"})
_DROPPED = re.compile(r"[.'’]")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def folded(name: str) -> str:
    """A name's words in lower case without accents; “Côte d’Ivoire” and “COTE DIVOIRE” are one.

    Hyphens part words, so that names sort word by word as French dictionaries have them.
    """
    decomposed = unicodedata.normalize("NFD", name.translate(_LIGATURES))
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _BETWEEN_WORDS.sub(" ", _DROPPED.sub("", bare)).strip().casefold()
