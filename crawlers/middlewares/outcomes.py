"""Names for why a link gave no page: the words an operator reads in `runs`.

`refused`: we would not (robots, private_address, too_large …); `failed`: it did not work (timeout, dns, http_404 …).
"""

import logging
from urllib.parse import urljoin, urlsplit

from OpenSSL import SSL
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from scrapy.http import Response
from service_identity.exceptions import VerificationError
from twisted.internet import error as network
from twisted.web._newclient import ParseError
from twisted.web.http import _MalformedChunkedDataError
from w3lib.url import safe_url_string

from crawlers.discovery import DiscoveryError
from crawlers.settings import BOUNDS
from pipelines.capture import BodyEncodingError, BodyTooLargeError
from pipelines.errors import WorldwireError

logger = logging.getLogger(__name__)

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The crawl ended before the link's turn came: nothing is known of the link, and it is due at the next run.
UNASKED = frozenset({*BOUNDS, "stopped"})
# Trying again would not help.
FINAL = frozenset(
    {
        *(
            "bad_address",
            "bad_port",
            "foreign_site",
            "not_html",
            "private_address",
            "scheme",
            "taken_down",
            "too_large",
        ),
        *("opt_out_noai", "opt_out_noarchive", "opt_out_noimageai", "opt_out_noindex", "opt_out_tdm"),
    }
)
_MAX_LOCATION_CHARS = 4000


# Where sites send a visitor whom they do not show an article: whole segments of a path, first labels of a host.
_WALLS = frozenset(
    {
        *("consent", "cookie-consent", "cookieconsent", "cookie-wall", "cookiewall", "gdpr", "privacy-gate"),
        *("captcha", "challenge", "paywall", "subscribe", "abo", "register", "registration"),
        *("login", "log-in", "signin", "sign-in", "anmelden", "connexion", "sso", "auth", "account", "accounts"),
    }
)


class RefusedError(IgnoreRequest):
    """We will not fetch this; `reason` is the name under which it is counted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class PutOffError(RefusedError):
    """Not now: it is asked when nothing else is left to ask."""

    def __init__(self) -> None:
        super().__init__("put_off")


class FailedError(WorldwireError):
    """The answer cannot be used; `reason` is the name under which it is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_FAILURES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (BodyTooLargeError, "too_large"),
    (BodyEncodingError, "bad_encoding"),
    (CannotResolveHostError, "dns"),
    (DownloadTimeoutError, "timeout"),
    (DownloadConnectionRefusedError, "connection"),
    (ResponseDataLossError, "incomplete_body"),
    (DownloadCancelledError, "too_large"),
    ((NotSupported, UnsupportedURLSchemeError), "scheme"),
    ((SSL.Error, VerificationError), "tls"),
    (ParseError, "bad_response"),
    ((network.ConnectError, network.ConnectionLost, network.ConnectionDone, network.ConnectionAborted), "connection"),
    (network.ConnectingCancelledError, "timeout"),
    ((ValueError, UnicodeError), "bad_address"),
)
# What Twisted's parser raises where an answer is not HTTP; lengths that are no numbers are ValueErrors.
_NOT_HTTP = (ParseError, _MalformedChunkedDataError, ValueError, KeyError)
_REFUSED_FAILURES = frozenset({"bad_address", "scheme", "too_large", "xml_entities"})


def reason_of(error: BaseException) -> tuple[str, str]:
    """("refused" or "failed", reason) of what a request raised."""
    if isinstance(error, RefusedError):
        return "refused", error.reason
    if isinstance(error, FailedError | DiscoveryError):
        return ("refused" if error.reason in _REFUSED_FAILURES else "failed"), error.reason
    if isinstance(error, DownloadFailedError | ResponseDataLossError):
        return "failed", _reason_within(error)
    for kinds, reason in _FAILURES:
        if isinstance(error, kinds):
            return ("refused" if reason in _REFUSED_FAILURES else "failed"), reason
    logger.warning("an error that has no name yet: %s: %s", type(error).__name__, error)
    return "failed", "error"


def is_wall(url: str) -> bool:
    """Whether an article's redirect leads to a form (consent, login, captcha), by its address."""
    parts = urlsplit(url)
    words = [segment.partition(".")[0] for segment in parts.path.lower().split("/")]
    return not _WALLS.isdisjoint([*words, (parts.hostname or "").partition(".")[0]])


def redirect_target(response: Response, chain: tuple[str, ...]) -> str:
    """Where a redirect leads; `chain` holds the addresses asked so far, the response's own included.

    Raises FailedError for loops, chains that are too long, and answers that lead nowhere.
    """
    location = (response.headers.get("Location") or b"").decode("utf-8", "replace").strip()
    if not location or len(location) > _MAX_LOCATION_CHARS:
        raise FailedError("bad_redirect")
    try:
        target = safe_url_string(urljoin(response.url, location)).partition("#")[0]
    except ValueError as cause:
        raise FailedError("bad_redirect") from cause
    if not target.startswith(("http://", "https://")):
        raise FailedError("scheme")
    if target in chain:
        raise FailedError("redirect_loop")
    if len(chain) > MAX_REDIRECTS:
        raise FailedError("too_many_redirects")
    return target


def _reason_within(error: DownloadFailedError | ResponseDataLossError) -> str:
    """A failed response wraps the failures of its connection; the first with a name counts."""
    values = [getattr(failure, "value", None) for failure in getattr(error.__cause__, "reasons", ())]
    if any(isinstance(value, _NOT_HTTP) for value in values):
        return "bad_response"
    if isinstance(error, ResponseDataLossError):
        return "incomplete_body"
    for value in values:
        for kinds, reason in _FAILURES:
            if isinstance(value, kinds):
                return reason
    return "connection"
