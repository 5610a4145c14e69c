"""What a browser's session leaves under its old id, where an applicant is given another one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol, cast

from flask.sessions import SessionMixin

from wizard.services.ports.browsers import Leaving

# Begin the keys, in a browser's session, of what is somebody's own; the id of the registration follows.
OF_A_REGISTRATION = ("registration", "proof", "helping", "aside", "asked", "newcomer", "link_sent_to")
_OF_STAFF = "staff"


class _LeavesBehind(Protocol):
    def regenerate(self, *, leaving: Callable[[Mapping[str, Any]], Leaving], taking: Collection[str]) -> None: ...


def leave(browser: SessionMixin, taking: Collection[str]) -> None:
    """Give a session another id; what an applicant had stays under the one before, registrations for a while only.

    Should the answer with the new one be lost, there is no other way to go on, nor back to what was typed. Who does go
    on from there takes nothing along but the keys of the registration that was granted or proved.
    """
    cast("_LeavesBehind", browser).regenerate(leaving=_left, taking=taking)


def _left(values: Mapping[str, Any]) -> Leaving:
    stays = {key: value for key, value in values.items() if not key.startswith(_OF_STAFF)}
    return Leaving(stays, frozenset(key for key in stays if key.partition(":")[0] in OF_A_REGISTRATION))
