"""What those who register were told: kept for the checker, which compares it with what is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto


class Outcome(Enum):
    """What came of something sent: nobody knows, where no answer came, or one that a service cannot be reached."""

    ACCEPTED = auto()
    REFUSED = auto()
    UNKNOWN = auto()


@dataclass
class Told:
    """One registration as its applicant saw it.

    `answers` are those accepted last; `possible` what was sent since and nobody knows the outcome of. `told` is every
    answer ever accepted. `number` is the record's, once a receipt said it; `is_refused` that another record stood in
    the way, as it had to. `strange` are answers of the site that should never be given.
    """

    name: str
    member: str
    account: str
    session_id: str = ""
    answers: dict[str, str | None] = field(default_factory=dict)
    possible: dict[str, set[str | None]] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    number: str = ""
    is_refused: bool = False
    strange: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return bool(self.number) or self.is_refused

    def note(self, sent: dict[str, str | None], outcome: Outcome) -> None:
        """What came of answers that were sent."""
        if outcome is Outcome.REFUSED:
            return
        for name, value in sent.items():
            if outcome is Outcome.UNKNOWN:
                self.possible.setdefault(name, set()).add(value)
                continue
            self.answers[name] = value
            self.possible.pop(name, None)
            if value is not None:
                self.told.add((name, value))

    def receive(self, number: str) -> None:
        """A receipt; another one than before is strange."""
        if self.number not in {"", number}:
            self.strange.append(f"a receipt for {self.number}, then for {number}")
        self.number = number
