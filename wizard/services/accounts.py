"""Member accounts: added one by one or from a CSV file, listed, read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from email_validator import EmailNotValidError, validate_email

from wizard.core.accounts import Account, AccountStatus
from wizard.core.clock import Clock, toronto_date
from wizard.core.education import EducationData
from wizard.core.errors import Conflict, ErrorCode, NotFound, Problem, ValidationFailed
from wizard.core.events import EventName
from wizard.core.rules import RULES_BY_ID, Facts, Outcome
from wizard.services.account_csv import CsvRow, read_rows
from wizard.services.authority import require_desk_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitsOfWork

LANGUAGES = ("en", "fr")
LONGEST_NAME = 200
_PAGE = 500


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as it is asked for; without a number it gets the next one."""

    name: str
    email: str
    number: str | None = None
    status: AccountStatus = AccountStatus.ACTIVE
    language: str = "en"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that did not go in: where it is wrong, and why, as a message id."""

    row: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came of an import; `known` counts the rows that were in already."""

    added: int
    known: int
    rejected: tuple[RejectedRow, ...]


@dataclass(frozen=True, slots=True)
class AccountService:
    """Member accounts, for the desk and the system. Every method raises PermissionDenied to others."""

    clock: Clock
    units: UnitsOfWork
    events: EventBus

    def get(self, call: Call, account_id: str) -> Account:
        """An account. Raises NotFound."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            account = unit.accounts.get(account_id)
        if account is None:
            raise NotFound("account.unknown")
        return account

    def page(self, call: Call, *, after: str | None = None, limit: int = 100) -> Sequence[Account]:
        """Accounts in the order of their numbers, from behind the number `after`."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            return unit.accounts.page(after=after, limit=limit)

    def add(self, call: Call, new: NewAccount) -> Account:
        """A new account. Raises ValidationFailed, and Conflict for a number that is taken."""
        require_desk_or_system(call.actor)
        self._require_valid(new)
        with self.units.write() as unit:
            account = unit.accounts.add(
                name=new.name,
                email=new.email,
                status=new.status,
                language=new.language,
                number=new.number,
            )
            event = make_event(
                EventName.ACCOUNT_CREATED,
                call=call,
                at=self.clock.now(),
                chain=f"account:{account.id}",
                details={"account": account.id, "status": account.status.value},
            )
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return account

    def import_csv(
        self, call: Call, content: bytes, *, most: int | None = None, on_row: Callable[[], object] = lambda: None
    ) -> ImportReport:
        """Add the accounts of a CSV file with the columns number?, name, email, status?, language?.

        Each row stands on its own: good ones go in, whatever the others are. One that is in already (by its
        number, or without a number by name and address) is passed over, so the same file twice adds nothing.
        Raises ValidationFailed("csv.columns") where the file has no such columns, and, before anything is written,
        ValidationFailed("csv.rows") where it has more than `most` rows.
        """
        require_desk_or_system(call.actor)
        rows = list(read_rows(content))
        if most is not None and len(rows) > most:
            raise ValidationFailed("csv.rows", params={"most": str(most), "rows": str(len(rows))})
        known = _Known(self.units)
        added = passed_over = 0
        rejected: list[RejectedRow] = []
        for row in rows:
            try:
                new = _parsed(row)
                if known.has(new):
                    passed_over += 1
                else:
                    known.note(self.add(call, new))
                    added += 1
            except (ValidationFailed, Conflict) as error:
                rejected += [RejectedRow(row.row, problem.field or "", problem.message) for problem in error.problems]
            on_row()
        return ImportReport(added, passed_over, tuple(rejected))

    def _require_valid(self, new: NewAccount) -> None:
        problems = _problems_of_person(new.name, new.email)
        if new.language not in LANGUAGES:
            problems.append(_invalid("language.choice", "language"))
        if not self._is_number(new.number):
            problems.append(_invalid("user_business_id.format", "number"))
        _require(problems)

    def _is_number(self, number: str | None) -> bool:
        facts = Facts(EducationData(user_business_id=number), toronto_date(self.clock.now()))
        return RULES_BY_ID["user_business_id.format"].evaluate(facts).outcome is not Outcome.FAILED


@dataclass(slots=True)
class _Known:
    """Which accounts are there already, while a file is imported."""

    units: UnitsOfWork
    _people: set[tuple[str, str]] | None = field(default=None, init=False)

    def has(self, new: NewAccount) -> bool:
        """Whether an account is there; raises Conflict where its number is somebody else's."""
        if new.number is None:
            return _person(new) in self._all_people()
        with self.units.read() as unit:
            found = unit.accounts.by_number(new.number)
        if found is not None and _person(found) != _person(new):
            raise Conflict("account.number_taken", field="number")
        return found is not None

    def note(self, account: Account) -> None:
        """One more is there."""
        if self._people is not None:
            self._people.add(_person(account))

    def _all_people(self) -> set[tuple[str, str]]:
        """Read once, and only for a file that has rows without a number."""
        if self._people is None:
            self._people = set()
            after = None
            while found := self._page(after):
                self._people.update(map(_person, found))
                after = found[-1].number
        return self._people

    def _page(self, after: str | None) -> Sequence[Account]:
        with self.units.read() as unit:
            return unit.accounts.page(after=after, limit=_PAGE)


def _person(account: Account | NewAccount) -> tuple[str, str]:
    return account.name.casefold(), account.email.casefold()


def _parsed(row: CsvRow) -> NewAccount:
    """The account of a row. Raises ValidationFailed."""
    if row.cells is None:
        raise ValidationFailed("csv.row")
    return NewAccount(
        name=row.cells.get("name", ""),
        email=row.cells.get("email", ""),
        number=row.cells.get("number") or None,
        status=_status(row.cells),
        language=row.cells.get("language", "").casefold() or "en",
    )


def _status(cells: Mapping[str, str]) -> AccountStatus:
    given = cells.get("status", "").casefold() or AccountStatus.ACTIVE
    try:
        return AccountStatus(given)
    except ValueError:
        raise ValidationFailed("status.choice", field="status") from None


def require_person(name: str, email: str) -> None:
    """Raise ValidationFailed unless these can be the name and the address of an account."""
    _require(_problems_of_person(name, email))


def _problems_of_person(name: str, email: str) -> list[Problem]:
    problems = []
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        problems.append(_invalid("name.format", "name"))
    if not _is_address(email):
        problems.append(_invalid("email.format", "email"))
    return problems


def _require(problems: Sequence[Problem]) -> None:
    if problems:
        raise ValidationFailed(problems[0].message, problems=tuple(problems))


def _is_address(email: str) -> bool:
    try:
        validate_email(email, check_deliverability=False, test_environment=True, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return True


def _invalid(message: str, field_name: str) -> Problem:
    return Problem(ErrorCode.VALIDATION_ERROR, message, field_name)
