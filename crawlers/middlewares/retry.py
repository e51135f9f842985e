"""Tries again what may pass: a busy host when it says so (Retry-After), a lost connection, a slow answer."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self

from crawlers.middlewares.outcomes import reason_of
from crawlers.middlewares.pace import MAX_PAUSE_SECONDS, Paces

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

_BUSY = frozenset({429, 503})
_FAULTS = frozenset({500, 502, 504, 408, 520, 521, 522, 523, 524})
_PASSING = frozenset({"timeout", "connection", "incomplete_body"})
_BUSY_SECONDS = 5.0  # the pause for a busy host that names none
_MAX_SECONDS = 1e9
_RETRY_PRIORITY = -10


class PoliteRetryMiddleware:
    """Gives a request back for another try, at most RETRY_TIMES (after a time-out once) within the link's time."""

    def __init__(self, crawler: "Crawler") -> None:
        self._times = crawler.settings.getint("RETRY_TIMES")
        self._paces: Paces = crawler.settings["PACES"]

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    def process_response(self, request: "Request", response: "Response") -> "Response | Request":
        if response.status in _BUSY:
            return self._when_free(request, response)
        if response.status in _FAULTS:
            return self._again(request) or response
        return response

    def process_exception(self, request: "Request", exception: Exception) -> "Request | None":
        kind, reason = reason_of(exception)
        if kind != "failed" or reason not in _PASSING:
            return None
        return self._again(request, times=1 if reason == "timeout" else self._times)

    def _when_free(self, request: "Request", response: "Response") -> "Response | Request":
        pace = self._paces.of(request.url)
        seconds = _pause_seconds(response)
        pace.pause(seconds)
        if seconds > MAX_PAUSE_SECONDS:
            return response
        request.meta["link_seconds_left"] -= seconds
        return self._again(request) or response

    def _again(self, request: "Request", times: int | None = None) -> "Request | None":
        tries = request.meta.get("tries", 0) + 1
        if tries > (self._times if times is None else times) or request.meta.get("link_seconds_left", 1.0) <= 1.0:
            return None
        return request.replace(meta={**request.meta, "tries": tries}, priority=request.priority + _RETRY_PRIORITY)


def _pause_seconds(response: "Response") -> float:
    """Retry-After in seconds or as a date; a default where there is none that can be read."""
    value = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if value.isdecimal():
        return min(float(value), _MAX_SECONDS)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return _BUSY_SECONDS
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), _BUSY_SECONDS)
