"""Links to continue: each opens its own registration, for whom it is meant, as long as it may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from redis import Redis

from tests.services.conftest import COMPLETE, LIFETIMES, World
from tests.services.outages import StoreWithMoment
from tests.support.outbox import waiting
from tests.support.racing import race
from wizard.core.accounts import LinkKind, LinkState
from wizard.core.errors import NotFound, PermissionDenied, RuleViolated, Unauthenticated, WorkflowStateInvalid
from wizard.core.registration import Registration, Status
from wizard.services.events import EventBus
from wizard.services.links import LINKS_KEPT, WRONG_TRIES, OpenedLink, ResumeLinks
from wizard.services.ports.calls import Staging
from wizard.services.ports.registrations import RegistrationStore
from wizard.storage.stored_values import key_of

NUMBER = "osot-0000001"


@pytest.fixture
def links(world: World) -> ResumeLinks:
    events = EventBus()
    events.subscribe(world.told.append)
    return ResumeLinks(world.clock, world.units, world.registrations, events, world.orchestrator)


def make(world: World, links: ResumeLinks, registration: Registration, *, email: str | None = None) -> str:
    return links.create(world.applicant(registration.session_id), registration.session_id, email=email)


def make_staff(world: World, links: ResumeLinks, registration: Registration) -> str:
    return links.create(world.staff, registration.session_id, kind=LinkKind.STAFF)


def open_link(world: World, links: ResumeLinks, token: str, number: str | None = NUMBER) -> OpenedLink:
    return links.open(world.applicant("another browser"), token, member_number=number)


def refusal(world: World, links: ResumeLinks, token: str, number: str | None = NUMBER) -> str:
    """What a link does not open with."""
    with pytest.raises((NotFound, RuleViolated, Unauthenticated)) as caught:
        open_link(world, links, token, number)
    return str(caught.value)


def test_a_link_has_256_bits_of_which_only_a_digest_is_kept(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    token = make(world, links, registration)
    assert len(token) == 43
    (link,) = links.of_session(world.staff, registration.session_id)
    assert token not in repr(link)
    assert (link.kind, link.created_by, link.times_used) == (LinkKind.APPLICANT, "applicant", 0)


def test_a_link_makes_the_registration_live_long_and_lives_no_longer(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    make(world, links, registration)
    stored = world.load(registration.session_id)
    assert stored.expires_at == world.clock.now() + LIFETIMES.once_linked
    (link,) = links.of_session(world.staff, registration.session_id)
    assert link.expires_at == stored.expires_at


def test_with_an_address_the_link_is_mailed_there(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    token = make(world, links, registration, email="me@example.org")
    (message,) = waiting(world.units)
    assert (message.kind, message.recipient, message.language) == ("link", "me@example.org", "en")
    assert dict(message.secret) == {"token": token}
    assert message.values["reader"] == "applicant"


def test_without_an_address_nothing_is_mailed(world: World, links: ResumeLinks) -> None:
    make(world, links, world.staged())
    assert waiting(world.units) == []


@pytest.mark.parametrize("number", [NUMBER, " OSOT-0000001 "])
def test_a_link_opens_its_own_registration_for_its_member_again_and_again(
    world: World, links: ResumeLinks, number: str
) -> None:
    first, second = world.staged(), world.staged()
    tokens = [make(world, links, each) for each in (first, second)]
    for _ in range(2):
        opened = [open_link(world, links, token, number) for token in tokens]
        assert opened == [OpenedLink(each.session_id, LinkKind.APPLICANT) for each in (first, second)]
    (link,) = links.of_session(world.staff, first.session_id)
    assert link.times_used == 2
    assert link.state(world.clock.now()) is LinkState.USED


def test_events_tell_of_a_link_without_its_token(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    token = make(world, links, registration)
    open_link(world, links, token)
    assert world.trail(registration.session_id)[-3:] == ["link.created", "link.used", "session.resumed"]
    assert [event.name.value for event in world.told[-3:]] == ["link.created", "link.used", "session.resumed"]
    assert token not in repr(world.told)


@pytest.mark.parametrize("number", [None, "", "osot-0000002"])
def test_a_wrong_member_number_does_not_open(world: World, links: ResumeLinks, number: str | None) -> None:
    token = make(world, links, world.staged())
    assert refusal(world, links, token, number) == "link.member_number"
    open_link(world, links, token)


def test_the_tenth_wrong_member_number_revokes_the_link_and_no_other(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    token, other = make(world, links, registration), make(world, links, registration)
    refused = [refusal(world, links, token, "osot-0000002") for _ in range(WRONG_TRIES)]
    assert set(refused) == {"link.member_number"}
    assert refusal(world, links, token) == "link.revoked"
    assert world.trail(registration.session_id)[-2:] == ["access.denied", "link.revoked"]
    open_link(world, links, other)


def test_nine_wrong_member_numbers_do_not(world: World, links: ResumeLinks) -> None:
    token = make(world, links, world.staged())
    for _ in range(WRONG_TRIES - 1):
        refusal(world, links, token, "osot-0000002")
    open_link(world, links, token)


def test_of_many_wrong_member_numbers_at_once_ten_count(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    token = make(world, links, registration)
    outcome = race(*(lambda: refusal(world, links, token, "osot-0000002") for _ in range(WRONG_TRIES + 6)))
    assert outcome.errors == ()
    assert sorted(outcome.results) == ["link.member_number"] * WRONG_TRIES + ["link.revoked"] * 6
    trail = world.trail(registration.session_id)
    assert (trail.count("access.denied"), trail.count("link.revoked")) == (WRONG_TRIES, 1)


class StoreAfterLookingUp(StoreWithMoment):
    """Something happens once a link was looked up, before its registration is."""

    moment: Callable[[], object] | None = None

    def load(self, session_id: str) -> Registration | None:
        moment, self.moment = self.moment, None
        if moment is not None:
            moment()
        return self.store.load(session_id)


@pytest.mark.parametrize("number", [NUMBER, "osot-0000002"])
def test_a_link_revoked_while_it_is_tried_opens_nothing(world: World, links: ResumeLinks, number: str) -> None:
    registration = world.staged()
    token = make(world, links, registration)
    (link,) = links.of_session(world.staff, registration.session_id)
    store = StoreAfterLookingUp(world.registrations)
    store.moment = lambda: links.revoke(world.staff, registration.session_id, link.id)
    slow = replace(links, registrations=cast("RegistrationStore", store))
    assert refusal(world, slow, token, number) == "link.revoked"
    assert world.trail(registration.session_id)[-2:] == ["link.created", "link.revoked"]


def test_a_registration_without_a_member_number_asks_for_none(world: World, links: ResumeLinks) -> None:
    registration = world.orchestrator.stage(world.client, Staging(data={"country": "CA"})).registration
    token = make(world, links, registration)
    assert open_link(world, links, token, None).session_id == registration.session_id


def test_the_newest_five_links_live(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    tokens = []
    for _ in range(LINKS_KEPT + 1):
        world.clock.instant += timedelta(minutes=1)
        tokens.append(make(world, links, registration))
    assert refusal(world, links, tokens[0]) == "link.revoked"
    assert {open_link(world, links, token).session_id for token in tokens[1:]} == {registration.session_id}


def test_a_link_that_gives_way_to_a_newer_one_is_revoked_in_the_audit_trail(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    for _ in range(LINKS_KEPT + 1):
        world.clock.instant += timedelta(minutes=1)
        make(world, links, registration)
    told = [name for name in world.trail(registration.session_id) if name.startswith("link.")]
    assert told == ["link.created"] * LINKS_KEPT + ["link.revoked", "link.created"]


def test_a_link_for_staff_opens_for_the_desk_only(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    token = make_staff(world, links, registration)
    assert refusal(world, links, token) == "sign_in"
    opened = links.open(world.staff, token, member_number=None)
    assert opened == OpenedLink(registration.session_id, LinkKind.STAFF)


def test_a_link_for_staff_is_made_by_the_desk_only(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    with pytest.raises(PermissionDenied):
        links.create(world.applicant(registration.session_id), registration.session_id, kind=LinkKind.STAFF)


def test_a_link_to_somebody_elses_registration_is_not_made(world: World, links: ResumeLinks) -> None:
    with pytest.raises(NotFound):
        links.create(world.applicant("another"), world.staged().session_id)


def test_a_closed_registration_gets_no_link(world: World, links: ResumeLinks) -> None:
    registration = world.at(Status.CANCELLED)
    with pytest.raises(WorkflowStateInvalid):
        make(world, links, registration)


def test_an_unknown_link_opens_nothing(world: World, links: ResumeLinks) -> None:
    assert refusal(world, links, "made-up") == "link.unknown"
    with pytest.raises(NotFound):
        links.kind_of("made-up")


def test_a_link_expires_with_its_time(world: World, links: ResumeLinks) -> None:
    token = make(world, links, world.staged())
    assert links.kind_of(token) is LinkKind.APPLICANT
    world.clock.instant += LIFETIMES.once_linked
    assert refusal(world, links, token) == "link.expired"
    with pytest.raises(NotFound):
        links.kind_of(token)


def test_a_link_does_not_open_a_registration_that_is_gone(
    world: World, links: ResumeLinks, redis_client: Redis
) -> None:
    registration = world.staged()
    token = make(world, links, registration)
    redis_client.delete(key_of(registration.session_id))
    assert refusal(world, links, token) == "link.expired"
    with pytest.raises(NotFound):
        links.kind_of(token)


def test_a_link_does_not_open_a_cancelled_registration(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    token = make(world, links, registration)
    world.orchestrator.cancel(world.client, registration.session_id)
    assert refusal(world, links, token) == "link.cancelled"
    with pytest.raises(NotFound):
        links.kind_of(token)


def completed(world: World, links: ResumeLinks) -> tuple[Registration, str]:
    registration = world.at(Status.ACCOUNT_LINKED)
    token = make(world, links, registration)
    closed = world.orchestrator.execute_workflow(world.client, registration.session_id).registration
    assert closed.status is Status.WORKFLOW_COMPLETED
    return closed, token


def test_a_completed_registration_opens_for_its_member(world: World, links: ResumeLinks) -> None:
    registration, token = completed(world, links)
    assert links.kind_of(token) is LinkKind.APPLICANT
    assert refusal(world, links, token, "osot-0000002") == "link.member_number"
    assert open_link(world, links, token).session_id == registration.session_id


def test_a_completed_registration_whose_record_is_gone_says_so(world: World, links: ResumeLinks) -> None:
    registration, token = completed(world, links)
    with world.units.write() as unit:
        record = unit.records.get(registration.record_id or "")
        assert record is not None
        unit.records.delete(record)
        unit.commit()
    assert refusal(world, links, token) == "link.completed"


def test_looking_changes_nothing(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    token = make_staff(world, links, registration)
    before = (links.of_session(world.staff, registration.session_id), world.load(registration.session_id))
    assert links.kind_of(token) is LinkKind.STAFF
    assert (links.of_session(world.staff, registration.session_id), world.load(registration.session_id)) == before


def test_the_desk_revokes_a_link_once(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    token = make(world, links, registration)
    (link,) = links.of_session(world.staff, registration.session_id)
    links.revoke(world.staff, registration.session_id, link.id)
    links.revoke(world.staff, registration.session_id, link.id)
    assert refusal(world, links, token) == "link.revoked"
    with pytest.raises(NotFound):
        links.kind_of(token)
    assert world.trail(registration.session_id).count("link.revoked") == 1


def test_a_link_is_revoked_under_its_own_registration_only(world: World, links: ResumeLinks) -> None:
    mine, other = world.staged(), world.staged()
    make(world, links, mine)
    (link,) = links.of_session(world.staff, mine.session_id)
    for session_id, link_id in ((other.session_id, link.id), (mine.session_id, "made-up")):
        with pytest.raises(NotFound, match=r"link\.unknown"):
            links.revoke(world.staff, session_id, link_id)


def test_applicants_neither_list_nor_revoke(world: World, links: ResumeLinks) -> None:
    registration = world.staged()
    call = world.applicant(registration.session_id)
    with pytest.raises(PermissionDenied):
        links.of_session(call, registration.session_id)
    with pytest.raises(PermissionDenied):
        links.revoke(call, registration.session_id, "any")


def test_a_reminder_is_mailed_once(world: World, links: ResumeLinks) -> None:
    staging = Staging(data=COMPLETE, contact_email="me@example.org", language="fr")
    registration = world.orchestrator.stage(world.client, staging).registration
    for _ in range(2):
        prolonged = links.remind(world.main, registration.session_id, email="me@example.org")
        assert prolonged == world.load(registration.session_id)
    (message,) = waiting(world.units)
    assert (message.kind, message.recipient, message.language) == ("reminder", "me@example.org", "fr")
    assert open_link(world, links, message.secret["token"]).session_id == registration.session_id
