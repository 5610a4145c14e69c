"""Which addresses a webhook may be sent to: in production none of an inner network but those that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# All that the newer kind has given out to be reached from everywhere; what is beside it is inside, or leads there.
_GLOBAL = ip_network("2000::/3")
# Within what is given out, but never to be reached; `is_global` does not know of them on every Python.
_APART = (ip_network("3fff::/20"), ip_network("2001::/23"), ip_network("192.0.0.0/24"), ip_network("192.88.99.0/24"))
# A public address that a cloud answers to its own machines on, with what is theirs to know.
_METADATA = frozenset({ip_address("168.63.129.16")})
# Addresses of the one kind with one of the other kind in their last four bytes.
_TRANSLATED = ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Gate:
    """`networks` are admitted whatever they are; without `guarded`, in development, everything is."""

    networks: tuple[Network, ...] = ()
    guarded: bool = True

    def admits(self, address: str, *, encrypted: bool) -> bool:
        """Whether something may be sent to an address; in the clear only to networks that are named."""
        there = ip_address(address)
        if not self.guarded or self._is_named(there):
            return True
        return encrypted and all(_is_public(each) for each in _meant(there))

    def _is_named(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _is_public(address: Address) -> bool:
    """Neither private, shared, loopback, link-local, reserved, nor to many at once."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL:
        return address in _TRANSLATED
    apart = any(address in network for network in _APART)
    return address.is_global and not apart and not address.is_multicast and address not in _METADATA


def _meant(address: Address) -> Iterator[Address]:
    """The address, and one of the older kind inside it that a gateway may lead to."""
    yield address
    if isinstance(address, IPv6Address):
        teredo = address.teredo[1] if address.teredo else None
        translated = IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None
        yield from filter(None, (address.ipv4_mapped, address.sixtofour, teredo, translated))
