"""Which addresses may be connected to; pure, and free of Twisted so that anybody may ask."""

import ipaddress
from collections.abc import Sequence

from pipelines.errors import ConfigurationError
from pipelines.urls import literal_address

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Translations that end at an IPv4 address given in their last four bytes (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Not public, though some versions of `ipaddress` call them global.
_NEVER: tuple[Network, ...] = (
    ipaddress.IPv4Network("0.0.0.0/8"),
    ipaddress.IPv4Network("100.64.0.0/10"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv4Network("240.0.0.0/4"),
    ipaddress.IPv6Network("::/96"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
    ipaddress.IPv6Network("100::/64"),
    ipaddress.IPv6Network("5f00::/16"),
    ipaddress.IPv6Network("fec0::/10"),
)


def read_networks(text: str) -> tuple[Network, ...]:
    """The networks of WORLDWIRE_ALLOW_PRIVATE: CIDRs parted by commas. Raises ConfigurationError."""
    networks = []
    for part in (part.strip() for part in text.split(",")):
        if part:
            try:
                networks.append(ipaddress.ip_network(part))
            except ValueError as cause:
                raise ConfigurationError(
                    f"WORLDWIRE_ALLOW_PRIVATE has {part!r}, which is not a network;"
                    ' give CIDRs as "127.0.1.0/24,10.1.0.0/16".'
                ) from cause
    return tuple(networks)


def is_allowed(address: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether the IP address is public, or lies in a network that was allowed on purpose.

    Addresses that only wrap an IPv4 address (mapped, NAT64, 6to4, Teredo) are judged by the address within.
    """
    try:
        ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if _in_any(ip, allowed):
        return True
    if _in_any(ip, _NEVER):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


def is_forbidden_literal(host: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether the host names a forbidden address without any lookup: written as a number in any notation, or localhost.

    Only spares a request and names the reason; what holds is the check of the connected address.
    """
    address = literal_address(host)
    return address is not None and not is_allowed(str(address), allowed)


def _in_any(ip: Address, networks: Sequence[Network]) -> bool:
    if isinstance(ip, ipaddress.IPv4Address):
        return any(isinstance(network, ipaddress.IPv4Network) and ip in network for network in networks)
    return any(isinstance(network, ipaddress.IPv6Network) and ip in network for network in networks)


def _unwrapped(ip: Address) -> Address:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    return ip
