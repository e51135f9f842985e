"""How much a run may ask of one source, and what it has asked for: each address once, and nothing without end."""

from crawlers.frontier import Role, url_hash
from crawlers.middlewares.outcomes import RefusedError
from crawlers.spiders.visits import IndexDocument

MAX_SITEMAPS = 50  # of one source in one run
MAX_FOUND_FEEDS = 50  # which the homepage names; those of the catalogue are all asked
MAX_SITEMAP_DEPTH = 3


class Budget:
    """`pages`: articles asked for. What takes from it raises RefusedError, with the bound's name, at its end."""

    def __init__(self, max_pages: int) -> None:
        self._max_pages = max_pages
        self.pages = 0
        self._left = {Role.SITEMAP: MAX_SITEMAPS, Role.FEED: MAX_FOUND_FEEDS}
        self._asked: set[str] = set()
        self._seen: set[int] = set()  # hashes of the links of this run: there may be 50 000 a sitemap

    def is_asked(self, url: str) -> bool:
        """Whether this run has asked for it, or is going to."""
        return url in self._asked

    def is_first_sight(self, url: str) -> bool:
        """Whether no document of this run has named it before this call."""
        number = url_hash(url)
        if number in self._seen:
            return False
        self._seen.add(number)
        return True

    def take_page(self, url: str) -> None:
        """For an article."""
        if self.pages >= self._max_pages:
            raise RefusedError("page_budget")
        self.pages += 1
        self._asked.add(url)

    def take_document(self, document: IndexDocument) -> None:
        """For a feed, sitemap or section."""
        role = document.role
        if role == Role.SITEMAP and document.depth > MAX_SITEMAP_DEPTH:
            raise RefusedError("sitemap_depth")
        if role == Role.SITEMAP or (role == Role.FEED and document.depth > 1):
            if self._left[role] <= 0:
                raise RefusedError(f"{role}_budget")
            self._left[role] -= 1
        self._asked.add(document.url)

    def follow(self, url: str) -> None:
        """For an address to which an article redirects: it is paid for."""
        self._asked.add(url)
