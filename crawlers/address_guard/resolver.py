"""The reactor's name resolver, which gives out only addresses that may be connected to.

Twisted connects to exactly the addresses it was given here, so a name that changes its address between check and
connection gains nothing. Hosts written as numbers come through here too, read as the system's resolver reads them.
"""

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from zope.interface import implementer

from crawlers.address_guard.addresses import Network, is_allowed, read_networks

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

Found = tuple[tuple[int, str], ...]
_MAX_HOST_CHARS = 253


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """The request's own time limit ends the waiting."""


@implementer(IHostnameResolver)
class GuardedResolver:
    """Looks a host up once a run (IPv4 and IPv6), leaves out what is not allowed, remembers the rest.

    `refused` maps a host (in its ASCII form) that has no allowed address to one of those it has.
    """

    def __init__(self, reactor: Any, allowed: Sequence[Network]) -> None:
        self._reactor = reactor
        self._allowed = allowed
        self._known: dict[str, Found] = {}
        self.refused: dict[str, str] = {}

    @classmethod
    def from_crawler(cls, crawler: "Crawler", reactor: Any) -> Self:
        return cls(reactor, read_networks(crawler.settings.get("ALLOW_PRIVATE") or ""))

    def install_on_reactor(self) -> None:
        self._reactor.installNameResolver(self)

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Any = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> _Resolution:
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        def deliver(found: Found) -> None:
            for family, host in found:
                kind = IPv6Address if family == socket.AF_INET6 else IPv4Address
                resolutionReceiver.addressResolved(kind("TCP", host, portNumber))
            resolutionReceiver.resolutionComplete()

        def keep(found: Found) -> Found:
            self._known[hostName] = self._allowed_of(hostName, found)
            return self._known[hostName]

        if hostName in self._known:
            deliver(self._known[hostName])
            return resolution
        looked_up = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), _look_up, hostName)
        looked_up.addCallbacks(keep, _nothing_found)
        looked_up.addCallback(deliver)
        return resolution

    def _allowed_of(self, host: str, found: Found) -> Found:
        allowed = tuple(entry for entry in found if is_allowed(entry[1], self._allowed))
        if found and not allowed:
            self.refused[ascii_host(host)] = found[0][1]
        return allowed


def ascii_host(host: str) -> str:
    """One spelling of a host: Twisted asks for the Unicode form, a URL holds the ASCII one."""
    try:
        return host.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return host.lower()


def _look_up(host: str) -> Found:
    if len(host) > _MAX_HOST_CHARS:
        return ()
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys((int(entry[0]), str(entry[4][0])) for entry in found))


def _nothing_found(failure: Failure) -> Found:
    if not isinstance(failure.value, OSError | UnicodeError | DNSLookupError):
        failure.raiseException()
    return ()
