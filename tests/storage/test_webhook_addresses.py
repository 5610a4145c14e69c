"""Where webhooks may go: nowhere inside, whatever an address looks like."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from wizard.storage.webhook_addresses import Gate

INNER = {
    "this machine": "127.0.0.1",
    "all of this machine": "0.0.0.0",  # noqa: S104 - an address to refuse
    "this machine, the newer kind": "::1",
    "nowhere": "::",
    "private, ten": "10.0.0.7",
    "private, 172": "172.16.0.1",
    "private, 192": "192.168.1.1",
    "shared by a provider": "100.64.0.1",
    "a cloud's metadata": "169.254.169.254",
    "another cloud's metadata": "100.100.100.200",
    "a third cloud's metadata": "168.63.129.16",
    "metadata, the newer kind": "fd00:ec2::254",
    "link-local": "fe80::1",
    "link-local with its interface": "fe80::1%lo",
    "unique local": "fc00::1",
    "to many": "224.0.1.1",
    "to many, the newer kind": "ff0e::1",
    "to all": "255.255.255.255",
    "documentation": "203.0.113.5",
    "reserved": "240.0.0.1",
    "mapped": "::ffff:10.0.0.7",
    "mapped, this machine": "::ffff:127.0.0.1",
    "6to4": "2002:0a00:0007::1",
    "translated": "64:ff9b::7f00:1",
    "translated, as a network chooses": "64:ff9b:1::a00:7",
    "translated, as a host says it": "::ffff:0:7f00:1",
    "compatible, this machine": "::127.0.0.1",
    "compatible, private": "::10.0.0.7",
    "site-local": "fec0::1",
    "site-local, its last": "feff::1",
    "segment routing": "5f00::1",
    "documentation, the newer kind": "2001:db8::1",
    "documentation, the newest kind": "3fff::1",
    "to be thrown away": "100::1",
    "for protocols": "192.0.0.8",
    "a relay of the past": "192.88.99.1",
    "Teredo": "2001:0:4136:e378:8000:63bf:f5ff:fff8",
}
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"]


@pytest.mark.parametrize("what", INNER)
def test_what_is_not_public_is_refused(what: str) -> None:
    assert not Gate().admits(INNER[what], encrypted=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_admitted_but_only_encrypted(address: str) -> None:
    assert Gate().admits(address, encrypted=True)
    assert not Gate().admits(address, encrypted=False)


def test_a_network_that_is_named_is_admitted_encrypted_or_not() -> None:
    gate = Gate((ip_network("10.1.2.0/24"), ip_network("fd12::/16")))
    for encrypted in (True, False):
        assert gate.admits("10.1.2.9", encrypted=encrypted)
        assert gate.admits("fd12::9", encrypted=encrypted)
        assert not gate.admits("10.1.3.9", encrypted=encrypted)
        assert not gate.admits("fd13::9", encrypted=encrypted)


@pytest.mark.parametrize("what", INNER)
def test_in_development_everything_is_admitted(what: str) -> None:
    assert Gate(guarded=False).admits(INNER[what], encrypted=False)
