"""What came back: a response as the page to keep, its body as the server meant it, and whether it is a page at all."""

import re
from datetime import datetime

from scrapy import Request
from scrapy.http import Response

from crawlers.middlewares.outcomes import FailedError
from crawlers.settings import MAX_PAGE_BYTES, CrawlRun
from pipelines.capture import decoded_body_and_end
from pipelines.model import RawPage

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
# Servers that do not know say this; the body decides.
_VAGUE_TYPES = frozenset({"", "text/plain", "application/octet-stream", "application/xml", "text/xml"})
_HTML_START = re.compile(
    rb"^[\s\x00\xef\xbb\xbf\xff\xfe]*(?>(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*)<(?:!doctype\s+html|html|head|body)",
    re.I | re.S,
)
_LOOK_BYTES = 4096


def raw_page(run: CrawlRun, response: Response, fetched_at: datetime) -> RawPage:
    """The page as it was transferred; `requested_url` is the address under which the frontier knows it."""
    request = response.request or Request(response.url)
    return RawPage(
        source=run.source,
        run_id=run.run_id,
        requested_url=request.meta.get("key", request.url),
        url=response.url,
        status=response.status,
        headers=_pairs(response),
        body=response.body,
        fetched_at=fetched_at,
        ip_address=str(response.ip_address) if response.ip_address else None,
        request_headers=_pairs(request),
        discovered=request.meta.get("hints", {}),
    )


def checked_article(page: RawPage) -> bytes:
    """The page's decoded body if it may be an article. Raises FailedError and what `decoded_body` raises."""
    body, is_whole = decoded_body_and_end(page, MAX_PAGE_BYTES)
    if not body.strip():
        raise FailedError("empty_body")
    # Some servers leave out the last bytes of gzip, and their pages are whole all the same.
    if not is_whole and b"</html" not in body[-_LOOK_BYTES:].lower():
        raise FailedError("incomplete_body")
    kind = (page.header("Content-Type") or "").partition(";")[0].strip().lower()
    if kind in _HTML_TYPES or (kind in _VAGUE_TYPES and _looks_like_html(body)):
        return body
    raise FailedError("not_html")


def plain_response(response: Response, page: RawPage) -> Response:
    """The response with its content encodings undone, within what its request may receive.

    `meta["is_whole"]` says whether that is all of it: a feed that is cut gives what is there, and is read again.
    """
    assert response.request is not None
    body, is_whole = decoded_body_and_end(page, response.request.meta["download_maxsize"])
    response.meta["is_whole"] = is_whole or body.rstrip().endswith(b">")
    headers = response.headers.copy()
    headers.pop("Content-Encoding", None)
    return response.replace(body=body, headers=headers)


def is_conditional(request: Request) -> bool:
    """Whether 304 is an answer to the request."""
    return "If-None-Match" in request.headers or "If-Modified-Since" in request.headers


def header_of(response: Response, name: str) -> str | None:
    """The last value of a header."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def _looks_like_html(body: bytes) -> bool:
    return _HTML_START.match(body[:_LOOK_BYTES].replace(b"\x00", b"")) is not None


def _pairs(message: Request | Response) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in message.headers.items()
        for value in values or ()
    )
