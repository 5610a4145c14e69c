import pickle
from dataclasses import fields, replace

import msgspec
import pytest
from hypothesis import given, settings

from tests.storage.registration_examples import ANY, a_whole_registration, any_registration
from wizard.core.education import FIELDS
from wizard.core.registration import Registration
from wizard.core.rules import Outcome
from wizard.storage import codec
from wizard.storage.document import DATA_KEYS, DOCUMENT_KEYS, StoredDocument


def decoded(encoded: bytes, registration: Registration) -> Registration:
    return codec.decode(encoded, session_id=registration.session_id, revision=registration.revision)


@settings(deadline=None)
@given(any_registration)
def test_any_registration_comes_back_as_it_was(registration: Registration) -> None:
    assert decoded(codec.encode(registration), registration) == registration


def test_short_names_are_given_to_every_field_and_are_distinct() -> None:
    assert set(DATA_KEYS) == set(FIELDS)
    assert len(set(DATA_KEYS.values())) == len(DATA_KEYS)
    assert set(DOCUMENT_KEYS) == {field.name for field in msgspec.structs.fields(StoredDocument)}
    assert len(set(DOCUMENT_KEYS.values())) == len(DOCUMENT_KEYS)


def test_every_field_of_a_registration_is_stored_and_tried() -> None:
    named = {field.name for field in fields(Registration)}
    stored = {field.name for field in msgspec.structs.fields(StoredDocument)} - {"format"} | {"session_id", "revision"}
    assert named == stored, "name it in StoredDocument, with a default, and in DOCUMENT_KEYS (wizard/storage/document)"
    assert named == set(ANY), "say which values it has in ANY (registration_examples)"


def test_passed_rules_are_not_stored() -> None:
    encoded = codec.encode(a_whole_registration())
    assert b"user_business_id.required" not in encoded
    assert b"user_business_id.unique" in encoded, "nobody has checked it yet"


def test_rules_changed_since_make_no_pass_of_what_was_never_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    registration = a_whole_registration()
    encoded = codec.encode(registration)
    monkeypatch.setattr(codec, "_TABLE", 0)
    outcomes = decoded(encoded, registration).validation.outcomes
    assert len(outcomes) == len(registration.validation.outcomes)
    assert not [outcome for outcome in outcomes if outcome.outcome is Outcome.PASSED]


@pytest.mark.parametrize(
    "planted",
    [
        b"",
        b"\xc1",
        b"{}",
        msgspec.msgpack.encode({"f": 1}),
        msgspec.msgpack.encode([1, 2, 3]),
        pickle.dumps({"f": 1}),
    ],
)
def test_what_is_no_registration_is_undecodable(planted: bytes) -> None:
    with pytest.raises(codec.Undecodable):
        codec.decode(planted, session_id="1", revision=1)


@pytest.mark.parametrize(
    "changes", [{"f": 2}, {"s": "dreaming"}, {"ea": 2**62}, {"d": {"unheard-of": "x"}}, {"v": "one"}]
)
def test_another_format_is_undecodable(changes: dict[str, object]) -> None:
    document = msgspec.msgpack.decode(codec.encode(replace(a_whole_registration(), version=7)))
    with pytest.raises(codec.Undecodable):
        codec.decode(msgspec.msgpack.encode(document | changes), session_id="1", revision=1)
