"""Refuses addresses that are not public, on the resolved address of every connection.

In: host names, as the crawl meets them in links, redirects, robots.txt and retries. Out: only addresses that may be
connected to. Scrapy's HTTP handler connects to exactly the addresses that `GuardedResolver` gave it, so a name that
changes its address between check and connection gains nothing.
"""

import ipaddress
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import CannotResolveHostError, IgnoreRequest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution, IResolutionReceiver
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from zope.interface import implementer

from pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_HOST_CHARS = 253
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


class PrivateAddressError(IgnoreRequest):
    """The host has no address that may be connected to."""


def read_networks(text: str) -> tuple[Network, ...]:
    """The networks of WORLDWIRE_ALLOW_PRIVATE: CIDRs parted by commas. Raises ConfigurationError."""
    networks = []
    for part in text.split(","):
        if part.strip():
            try:
                networks.append(ipaddress.ip_network(part.strip()))
            except ValueError as cause:
                raise ConfigurationError(
                    f'WORLDWIRE_ALLOW_PRIVATE has {part.strip()!r}, which is not a network; give CIDRs as "127.0.1.0/24,10.1.0.0/16".'
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
    if any(ip.version == network.version and ip in network for network in allowed):
        return True
    if any(ip.version == network.version and ip in network for network in _NEVER):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


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


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """The request's own time limit ends the waiting."""


@implementer(IHostnameResolver)
class GuardedResolver:
    """The reactor's name resolver: looks a host up (IPv4 and IPv6), leaves out what is not allowed, remembers the rest.

    Also hosts written as numbers come through here, in whatever notation the system's resolver understands.
    """

    def __init__(self, reactor: Any, allowed: Sequence[Network]) -> None:
        self._reactor = reactor
        self._allowed = allowed
        self._known: dict[str, tuple[tuple[int, str], ...]] = {}
        self.refused: dict[str, str] = {}

    @classmethod
    def from_crawler(cls, crawler: "Crawler", reactor: Any) -> Self:
        return cls(reactor, read_networks(crawler.settings.get("ALLOW_PRIVATE") or ""))

    def install_on_reactor(self) -> None:
        self._reactor.installNameResolver(self)

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        def deliver(found: tuple[tuple[int, str], ...]) -> None:
            for family, host in found:
                kind = IPv6Address if family == socket.AF_INET6 else IPv4Address
                resolutionReceiver.addressResolved(kind(transportSemantics, host, portNumber))
            resolutionReceiver.resolutionComplete()

        known = self._known.get(hostName)
        if known is not None:
            deliver(known)
            return resolution

        def keep(found: list[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
            self._known[hostName] = self._allowed_of(hostName, found)
            return self._known[hostName]

        looked_up = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), _look_up, hostName)
        looked_up.addCallbacks(keep, _nothing_found)
        looked_up.addCallback(deliver)
        return resolution

    def _allowed_of(self, host: str, found: list[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
        allowed = tuple(entry for entry in found if is_allowed(entry[1], self._allowed))
        if found and not allowed:
            self.refused[_ascii(host)] = found[0][1]
        return allowed


def _look_up(host: str) -> list[tuple[int, str]]:
    if len(host) > _MAX_HOST_CHARS:
        return []
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((int(entry[0]), str(entry[4][0])) for entry in found))


def _nothing_found(failure: Failure) -> tuple[tuple[int, str], ...]:
    failure.trap(OSError, UnicodeError, DNSLookupError)
    return ()


class GuardedDownloadHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP handler, with a name for refused addresses and one time limit for a link in all.

    `meta["link_seconds_left"]` is what redirects and retries of one link have left; it goes along with the request.
    """

    def __init__(self, crawler: "Crawler") -> None:
        super().__init__(crawler)
        self._timeout: float = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        self._link_seconds: float = crawler.settings.getfloat("LINK_SECONDS")

    async def download_request(self, request: "Request") -> "Response":
        from twisted.internet import reactor  # the one that is installed by now

        left = request.meta.get("link_seconds_left", self._link_seconds)
        request.meta["download_timeout"] = max(0.1, min(self._timeout, left))
        started = time.monotonic()
        try:
            return await super().download_request(request)
        except CannotResolveHostError as cause:
            resolver = reactor.nameResolver  # type: ignore[attr-defined]
            host = _ascii(urlsplit(request.url).hostname or "")
            if isinstance(resolver, GuardedResolver) and host in resolver.refused:
                raise PrivateAddressError(
                    f"{host} is at {resolver.refused[host]}, which is not a public address"
                ) from cause
            raise
        finally:
            request.meta["link_seconds_left"] = left - (time.monotonic() - started)


def _ascii(host: str) -> str:
    """One spelling of a host: Twisted asks for the Unicode form, a URL holds the ASCII one."""
    try:
        return host.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return host.lower()
