"""How long a run waits for documents that hang or trickle: no longer than others can wait for it.

A site may name fifty feeds and fifty sitemaps, and let each of them use up its time. Once those of one role have taken
as long as one that hangs, the others of that role are put off until nothing else is left to ask; once they have taken
SLOW_DOCUMENTS_SECONDS, no more of them is asked in this run. What the catalogue itself names is asked in any case, and
only its further tries are put off.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, Self

from crawlers.frontier import Role
from crawlers.middlewares.outcomes import PutOffError, RefusedError, reason_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

SLOW_SHARE = 0.25  # of the time limit of a request: what takes longer is slow


class PatienceMiddleware:
    """Of the request for a document `meta["is_found"]` says whether the site names it, and not the catalogue.

    `meta["is_last"]`: it was put off, and is not again. The download handler tells what each took, and asks once more
    when the host's turn has come: others may have been found slow meanwhile.
    """

    def __init__(self, crawler: "Crawler") -> None:
        self._timeout = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        self._most_seconds = crawler.settings.getfloat("SLOW_DOCUMENTS_SECONDS")
        self._lost: defaultdict[Role, float] = defaultdict(float)  # seconds

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    def process_request(self, request: "Request") -> None:
        self.check(request)

    def process_exception(self, request: "Request", exception: Exception) -> None:
        if "link_seconds_left" not in request.meta and reason_of(exception)[1] == "timeout":
            self.note(request, self._timeout)  # it waited in vain for its host's robots.txt

    def check(self, request: "Request") -> None:
        """Raises PutOffError or RefusedError for a document that is not to be asked now."""
        if "is_found" not in request.meta:
            return
        is_found, role, is_again = request.meta["is_found"], request.meta["role"], request.meta.get("tries", 0) > 0
        if is_found and not is_again and self._lost[role] >= self._most_seconds:
            raise RefusedError(f"slow_{role}s")
        if (is_found or is_again) and not request.meta["is_last"] and self._lost[role] >= self._timeout:
            raise PutOffError

    def note(self, request: "Request", seconds: float) -> None:
        """The request has taken so long."""
        if "is_found" in request.meta and seconds > SLOW_SHARE * self._timeout:
            self._lost[request.meta["role"]] += seconds
