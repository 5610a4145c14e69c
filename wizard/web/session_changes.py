"""What a request has changed in a browser's session, to change it again in what another has written meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_REMOVED = object()


class SessionChanges:
    """Changes key by key, perhaps after everything was taken out."""

    def __init__(self) -> None:
        self._by_key: dict[str, Any] = {}
        self._cleared = False

    def put(self, key: str, value: Any) -> None:  # noqa: ANN401 - a session holds anything
        """A value was put in."""
        self._by_key[key] = value

    def remove(self, key: str) -> None:
        """A value was taken out."""
        self._by_key[key] = _REMOVED

    def clear(self) -> None:
        """Everything was taken out, and so is what another request puts in meanwhile."""
        self._by_key.clear()
        self._cleared = True

    def __bool__(self) -> bool:
        return bool(self._by_key) or self._cleared

    @property
    def put_something_in(self) -> bool:
        """Whether anything was put in that would be lost."""
        return any(change is not _REMOVED for change in self._by_key.values())

    def took_away(self, kinds: Collection[str]) -> bool:
        """Whether anything was taken out that is of a kind, as the keys begin."""
        return any(change is _REMOVED and key.partition(":")[0] in kinds for key, change in self._by_key.items())

    def made_to(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values with the changes made to them."""
        changed = {} if self._cleared else dict(values)
        for key, change in self._by_key.items():
            if change is _REMOVED:
                changed.pop(key, None)
            else:
                changed[key] = change
        return changed
