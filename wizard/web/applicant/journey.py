"""One visit to a step: who, which registration, and how it is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from werkzeug import Response

from wizard.core.errors import NotFound, SessionExpired, WizardError
from wizard.core.registration import Registration
from wizard.core.steps import Step
from wizard.services.ports.calls import Call
from wizard.web.access import current_call, services
from wizard.web.language import current


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at a step of a registration that they may open; `stale` where it was sent from answers of before."""

    session_id: str
    step: Step
    stale: bool = False

    @property
    def call(self) -> Call:
        """Who calls, as of now: proving an account changes it."""
        return current_call(self.session_id)

    def registration(self) -> Registration | None:
        """The document; None before the first answers. Raises SessionExpired."""
        return read(self.call, self.session_id)


class Handler(ABC):
    """What a step shows, and what it makes of what is sent."""

    @abstractmethod
    def show(self, visit: Visit, registration: Registration | None) -> Response:
        """The step's page."""

    @abstractmethod
    def submit(self, visit: Visit) -> Response:
        """Take what was sent, and lead on."""

    def refuse(self, visit: Visit, registration: Registration | None, error: WizardError) -> Response:  # noqa: ARG002
        """The page again with what its form can mend; a step without a form has nothing to mend."""
        raise error


def spoken(call: Call, registration: Registration | None) -> str:
    """The applicant's language, also where staff who read another one act for them."""
    return call.language or (registration.language if registration else current())


def read(call: Call, session_id: str) -> Registration | None:
    """The document of a registration; None before the first answers. Raises SessionExpired."""
    try:
        return services().orchestrator.get(call, session_id).registration
    except SessionExpired:
        raise
    except NotFound:
        return None
