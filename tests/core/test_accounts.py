from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wizard.core.accounts import ACCESSIBLE, AccountStatus, LinkKind, LinkState, ResumeLink, email_key

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
LINK = ResumeLink(
    id="link-1",
    session_id="session-1",
    digest="d1",
    kind=LinkKind.APPLICANT,
    created_at=NOW,
    expires_at=NOW + timedelta(days=14),
    created_by="applicant",
)
EARLIER, AT_END = NOW + timedelta(days=14, seconds=-1), NOW + timedelta(days=14)


@pytest.mark.parametrize(("status", "accessible"), [("active", True), ("pending", True), ("inactive", False)])
def test_account_is_accessible_unless_inactive(*, status: str, accessible: bool) -> None:
    assert (AccountStatus(status) in ACCESSIBLE) is accessible


@pytest.mark.parametrize(
    ("link", "at", "state", "opens"),
    [
        (LINK, NOW, LinkState.ISSUED, True),
        (LINK, EARLIER, LinkState.ISSUED, True),
        (LINK, AT_END, LinkState.EXPIRED, False),
        (replace(LINK, times_used=1), NOW, LinkState.USED, True),
        (replace(LINK, times_used=3), EARLIER, LinkState.USED, True),
        (replace(LINK, times_used=1), AT_END, LinkState.EXPIRED, False),
        (replace(LINK, revoked_at=NOW), NOW, LinkState.REVOKED, False),
        (replace(LINK, revoked_at=NOW, times_used=1), NOW, LinkState.REVOKED, False),
        (replace(LINK, revoked_at=NOW), AT_END, LinkState.REVOKED, False),
    ],
)
def test_link_is_in_the_state_that_staff_see(*, link: ResumeLink, at: datetime, state: LinkState, opens: bool) -> None:
    assert link.state(at) is state
    assert link.opens(at) is opens


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ada@Example.org", " ada@example.ORG ", True),
        ("ada@e\u0301cole.ca", "ada@\u00c9COLE.ca", True),
        ("ada@stra\u00dfe.de", "ada@strasse.de", False),
        ("ada@\u03c3\u03bf\u03c2.gr", "ada@\u03c3\u03bf\u03c3.gr", False),
        ("ada@ex\u0430mple.org", "ada@example.org", False),
    ],
)
def test_addresses_of_different_people_are_never_one(*, one: str, other: str, same: bool) -> None:
    assert (email_key(one) == email_key(other)) is same
