"""The key that an authenticator app is given: as a QR code, and as text to type."""

from __future__ import annotations

from dataclasses import dataclass

import segno
from flask_babel import gettext as _

from wizard.services import authenticator

_GROUP = 4


@dataclass(frozen=True, slots=True)
class DrawnKey:
    """The QR code as the address of a picture that is in the page, and the key in groups."""

    picture: str
    text: str


def drawn_key(key: str, username: str) -> DrawnKey:
    """A key as it is shown."""
    address = authenticator.address(key, username=username, issuer=_("OT Education Register"))
    # Light is drawn as well: the page may be dark.
    picture = segno.make(address, micro=False, error="m").svg_data_uri(dark="#000", light="#fff", border=4)
    return DrawnKey(picture, " ".join(key[at : at + _GROUP] for at in range(0, len(key), _GROUP)))
