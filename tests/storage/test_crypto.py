import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.storage.crypto import Cipher, Undecipherable

OLD, NEW = "old-secret-" * 4, "new-secret-" * 4


@given(plain=st.binary(), context=st.binary())
def test_what_was_sealed_opens_in_its_context(plain: bytes, context: bytes) -> None:
    cipher = Cipher([NEW])
    assert cipher.decrypt(cipher.encrypt(plain, context=context), context=context) == plain


def test_the_same_plain_text_is_never_sealed_alike() -> None:
    cipher = Cipher([NEW])
    assert cipher.encrypt(b"plain", context=b"a") != cipher.encrypt(b"plain", context=b"a")


def test_it_does_not_open_in_another_context() -> None:
    cipher = Cipher([NEW])
    sealed = cipher.encrypt(b"plain", context=b"a")
    with pytest.raises(Undecipherable):
        cipher.decrypt(sealed, context=b"b")


@pytest.mark.parametrize("place", [0, 4, 16, -1])
def test_it_does_not_open_once_changed(place: int) -> None:
    cipher = Cipher([NEW])
    sealed = bytearray(cipher.encrypt(b"plain", context=b"a"))
    sealed[place] ^= 1
    with pytest.raises(Undecipherable):
        cipher.decrypt(bytes(sealed), context=b"a")


@pytest.mark.parametrize("length", [0, 3, 4, 10, 16, 20])
def test_it_does_not_open_cut_off(length: int) -> None:
    cipher = Cipher([NEW])
    with pytest.raises(Undecipherable):
        cipher.decrypt(cipher.encrypt(b"plain", context=b"a")[:length], context=b"a")


def test_after_a_rotation_the_old_still_opens_and_the_new_is_used() -> None:
    before, after = Cipher([OLD]), Cipher([NEW, OLD])
    assert after.decrypt(before.encrypt(b"plain", context=b"a"), context=b"a") == b"plain"
    with pytest.raises(Undecipherable):
        before.decrypt(after.encrypt(b"plain", context=b"a"), context=b"a")


def test_after_a_rotation_the_old_digests_are_still_looked_up() -> None:
    before, after = Cipher([OLD]), Cipher([NEW, OLD])
    newest, oldest = after.digests("number", "osot-1")
    assert oldest == before.digest("number", "osot-1")
    assert newest == after.digest("number", "osot-1") == Cipher([NEW]).digest("number", "osot-1")


def test_digests_of_different_purposes_differ() -> None:
    cipher = Cipher([NEW])
    assert cipher.digest("number", "osot-1") != cipher.digest("code", "osot-1")


def test_a_cipher_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="secret"):
        Cipher([])


# --- What comes out the same ------------------------------------------------------------------------------


@given(plain=st.binary(), context=st.binary())
def test_what_was_sealed_to_the_same_opens_in_its_context(plain: bytes, context: bytes) -> None:
    cipher = Cipher([NEW, OLD])
    for key_id in cipher.key_ids:
        sealed = cipher.encrypt_same(plain, context=context, key_id=key_id)
        assert sealed == Cipher([OLD, NEW]).encrypt_same(plain, context=context, key_id=key_id)
        assert cipher.decrypt_same(sealed, context=context, key_id=key_id) == plain


def test_another_key_another_context_or_a_change_is_not_the_same() -> None:
    cipher = Cipher([NEW, OLD])
    newest, oldest = cipher.key_ids
    sealed = cipher.encrypt_same(b"plain", context=b"a", key_id=newest)
    for context, key_id in ((b"b", newest), (b"a", oldest)):
        assert cipher.encrypt_same(b"plain", context=context, key_id=key_id) != sealed
        with pytest.raises(Undecipherable):
            cipher.decrypt_same(sealed, context=context, key_id=key_id)
    for place in (0, 15, -1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Undecipherable):
            cipher.decrypt_same(bytes(changed), context=b"a", key_id=newest)
    with pytest.raises(Undecipherable):
        cipher.decrypt_same(sealed, context=b"a", key_id="00000000")


def test_a_secret_that_is_there_twice_is_one_key() -> None:
    cipher = Cipher([NEW, NEW, OLD])
    assert cipher.key_ids == Cipher([NEW, OLD]).key_ids
    assert cipher.digest_under(cipher.key_ids[1], "number", "osot-1") == Cipher([OLD]).digest("number", "osot-1")
