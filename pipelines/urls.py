"""Which address is which page: one spelling of a URL, and whether two belong to one site.

The lowest layer, so that the crawler's frontier and the archive's ids mean the same by "the same URL".
"""

import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import tldextract
from courlan import normalize_url
from w3lib.url import safe_url_string

MAX_URL_CHARS = 2000
# The public suffix list that comes with tldextract: no request, the same answer on every machine.
_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
_MORE_TRACKING = re.compile(
    r"^(?:at_|itm_|ito$|ocid$|cmp(?:id)?$|cid$|ncid$|smid$|smtyp$|partner$|rss$|ref_?src$|igshid$|wt_?mc|xtor$|feed$|soc_|share_?id$"
    r"|phpsessid$|jsessionid$|aspsessionid|oscsid$|zenid$|cfid$|cftoken$|sessid$)",
    re.IGNORECASE,
)
# Names that may also mean the story: dropped where the value is a session's, long and of letters and figures.
_SESSION = re.compile(
    r"^(?:sid|session|session_?id|sess_?id|s_id)=(?=[^=]*[a-z])(?=[^=]*\d)[0-9a-z_-]{16,}$", re.IGNORECASE
)
# Hosts that give each customer a name of their own and are not in the list's private section.
_MORE_HOSTS_OF_MANY = frozenset({"ghost.io", "over-blog.com", "substack.com", "typepad.com", "wordpress.com"})
# Most addresses are canonical already, and a sitemap may hold 50 000: looking costs a hundredth of making.
_CANONICAL = re.compile(r"https?://[a-z0-9][a-z0-9.-]*[a-z0-9](?::[0-9]{2,4})?/[A-Za-z0-9/_.-]+")
_NOT_CANONICAL = re.compile(r"xn--|\.\.|/\.|:80/|:443/|:0|[^:]//")


def canonical_url(url: str, base: str | None = None) -> str | None:
    """The URL without fragment, tracking parameters and default port, in one spelling; None if it is no web address.

    Applying it twice changes nothing.
    """
    url = url.strip()
    if not url or len(url) > MAX_URL_CHARS:
        return None
    plain = url.partition("#")[0]
    if _CANONICAL.fullmatch(plain) and not _NOT_CANONICAL.search(plain):
        return plain
    try:
        joined = urljoin(base, url) if base else url
        if urlsplit(joined).scheme.lower() not in ("http", "https"):
            return None
        cleaned = _cleaned(joined)
        again = _cleaned(cleaned) if cleaned else None
    except ValueError:
        return None
    return again if again and len(again) <= MAX_URL_CHARS else None


def site_of(url: str) -> str:
    """What makes two URLs one site: the registrable domain; for an IP address or a bare name, host and port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return _registrable(host) or f"{host}:{parts.port or ''}"


def publisher_of(url: str) -> str:
    """What makes two URLs one publisher's: the site, or where many share it the name that each has been given there.

    Of a.wordpress.com and b.wordpress.com, a.github.io and b.github.io each is a publisher. Ids in the archive follow
    from `site_of`, which knows nothing of that.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    return _customer(host) or site_of(url)


def is_public_host(host: str) -> bool:
    """False for hosts that lead into the network of whoever follows the address: numbers in any notation, localhost."""
    address = literal_address(host)
    if address is not None:
        return address.is_global
    return not host.lower().rstrip(".").endswith((".local", ".internal"))


def literal_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is without any lookup: localhost, or a number in any notation; None for other names."""
    host = re.split(r"[%\0]", unquote(host).lower().strip("[]").rstrip("."))[0]
    if host == "localhost" or host.endswith(".localhost"):
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:  # decimal, octal, hexadecimal and shortened, as the system's resolver reads them
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=4096)
def _registrable(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _SUFFIXES(host).top_domain_under_public_suffix
    return ""


@lru_cache(maxsize=4096)
def _customer(host: str) -> str:
    """The host as far as its owner's name, if it lies within a host of many; empty for that host itself and its www."""
    domain = _registrable(host)
    suffix = _SUFFIXES(host, include_psl_private_domains=True).suffix if domain else ""
    within = domain if domain in _MORE_HOSTS_OF_MANY else suffix
    name = host.removesuffix(f".{within}").rpartition(".")[2]
    is_customer = domain and len(within) >= len(domain) and host != within and name != "www"
    return f"{name}.{within}" if is_customer else ""


def _is_noise(pair: str) -> bool:
    return bool(_MORE_TRACKING.match(pair.partition("=")[0]) or _SESSION.match(pair))


def _cleaned(url: str) -> str | None:
    parts = urlsplit(safe_url_string(url))
    if not parts.hostname or parts.username is not None or parts.password is not None:
        return None
    kept = "&".join(pair for pair in parts.query.split("&") if pair and not _is_noise(pair))
    path = re.sub(r";jsessionid=[^/?#]*", "", parts.path, flags=re.IGNORECASE) or "/"
    host = parts.hostname.rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    default = {"http": 80, "https": 443}[parts.scheme]
    netloc = host if parts.port in (None, default) else f"{host}:{parts.port}"
    return str(normalize_url(urlunsplit((parts.scheme, netloc, path, kept, ""))))
