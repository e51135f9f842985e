"""Which links are a source's own."""

import pytest

from crawlers.catalogue import Source
from crawlers.discovery import read_section
from crawlers.middlewares.outcomes import RefusedError
from crawlers.spiders.scope import Scope

HOME = "https://harbour-news.wordpress.com/"


def blog() -> Source:
    return Source.model_validate({"id": "blog", "name": "Harbour News", "homepage": HOME})


@pytest.mark.parametrize("address", [HOME + "2026/11/24/x/", "http://www.harbour-news.wordpress.com/x"])
def test_a_blogs_own_addresses_are_in_its_scope(address: str) -> None:
    Scope(blog(), "").check(address)


@pytest.mark.parametrize("address", ["https://other.wordpress.com/2026/11/24/x/", "https://wordpress.com/tags/x"])
def test_another_blog_of_the_same_host_is_another_site(address: str) -> None:
    with pytest.raises(RefusedError, match="foreign_site"):
        Scope(blog(), "").check(address)


def test_a_homepage_that_has_moved_to_another_name_of_the_host_takes_its_scope_along() -> None:
    scope = Scope(blog(), "")
    scope.check_redirect("https://harbour.wordpress.com/", is_named=True, is_homepage=True)
    scope.check("https://harbour.wordpress.com/2026/11/24/x/")


def test_a_section_links_to_its_own_blog_alone() -> None:
    named = ["/2026/11/24/council-meets/", "https://other.wordpress.com/2026/11/24/council-meets/"]
    body = "".join(f'<a href="{address}">Council meets</a>' for address in named).encode()
    assert [link.url for link in read_section(body, HOME)] == [HOME + "2026/11/24/council-meets/"]
