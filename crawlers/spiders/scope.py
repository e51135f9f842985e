"""The scope of a crawl: the source's own sites, never an address that is not public, and what is worth asking for."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from crawlers.address_guard.addresses import is_forbidden_literal, read_networks
from crawlers.catalogue import Source
from crawlers.discovery import Link, looks_like_article
from crawlers.frontier import Role
from crawlers.middlewares.outcomes import RefusedError
from crawlers.spiders.visits import IndexDocument, catalogue_documents
from pipelines.urls import publisher_of

MAX_AGE = timedelta(days=30)  # of articles in a sitemap that nobody named: it may hold a whole archive


class Scope:
    """Starts with the publishers that the catalogue names; a homepage that has moved adds the one it has moved to."""

    def __init__(self, source: Source, allow_private: str) -> None:
        named = [document.url for document in catalogue_documents(source)]
        self._publishers = {publisher_of(url) for url in (*named, source.homepage)}
        self._allowed = read_networks(allow_private)

    def check(self, url: str) -> None:
        """Raises RefusedError for addresses that are not the source's."""
        if self._is_private(url):
            raise RefusedError("private_address")
        if publisher_of(url) not in self._publishers:
            raise RefusedError("foreign_site")

    def check_redirect(self, target: str, *, is_named: bool, is_homepage: bool) -> None:
        """The same for where an index document redirects to.

        What the catalogue names may lead to another site, and the homepage's new site is the source's own from then on.
        """
        if not is_named or self._is_private(target):
            self.check(target)
        elif is_homepage:
            self._publishers.add(publisher_of(target))

    def reason_against(self, address: str) -> str:
        """Why an address that is none of the web's is refused."""
        try:
            parts = urlsplit(address.strip())
        except ValueError:
            return "bad_address"
        if parts.scheme and parts.scheme not in ("http", "https"):
            return "scheme"
        return "private_address" if is_forbidden_literal(parts.hostname or "", self._allowed) else "bad_address"

    def _is_private(self, url: str) -> bool:
        return is_forbidden_literal(urlsplit(url).hostname or "", self._allowed)


def is_worth_asking(link: Link, document: IndexDocument, homepage: str, now: datetime) -> bool:
    """Whether a link that the document names may be an article, and is not an old one of a whole archive."""
    if document.role == Role.SITEMAP and link.title is None and looks_like_article(link.url, homepage) is False:
        return False
    moment = link.published_at or link.modified_at
    return document.is_named or moment is None or now - moment <= MAX_AGE
