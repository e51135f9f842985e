"""The starter catalogue: many countries and languages, each source with an address to begin at, and gently asked."""

from collections import Counter
from urllib.parse import urlsplit

import pytest

from crawlers.catalogue import WORLD, Source, catalogue_path, load_catalogue
from pipelines.urls import site_of


@pytest.fixture(scope="module")
def sources() -> tuple[Source, ...]:
    return load_catalogue(catalogue_path(WORLD))


def addresses(source: Source) -> tuple[str, ...]:
    return (*(source.feeds or ()), *(source.sitemaps or ()), *source.sections)


def test_it_spans_the_world(sources: tuple[Source, ...]) -> None:
    assert len(sources) >= 60
    assert len({source.country for source in sources if source.country}) >= 25
    assert len({language for source in sources for language in source.languages}) >= 12
    assert sum(source.agency for source in sources) >= 10


def test_every_source_says_where_it_is_at_home_and_has_a_feed_or_a_sitemap(sources: tuple[Source, ...]) -> None:
    for source in sources:
        assert source.country, source.id
        assert source.languages, source.id
        assert source.feeds or source.sitemaps, source.id


def test_no_site_name_or_address_stands_there_twice(sources: tuple[Source, ...]) -> None:
    for values in (
        [source.name for source in sources],
        [site_of(source.homepage) for source in sources],
        [address for source in sources for address in addresses(source)],
    ):
        assert [value for value, times in Counter(values).items() if times > 1] == []


def test_nearly_all_addresses_are_https_and_none_names_a_key_or_a_search(sources: tuple[Source, ...]) -> None:
    every = [address for source in sources for address in (source.homepage, *addresses(source))]
    assert sum(address.startswith("https://") for address in every) >= 0.95 * len(every)
    assert [address for address in every if "apikey" in address.lower() or "news.google." in address] == []
    assert all("." in (urlsplit(address).hostname or "") for address in every)


def test_no_host_is_asked_more_than_once_a_second(sources: tuple[Source, ...]) -> None:
    assert all((source.delay_seconds or 0) >= 1 and source.concurrency == 1 for source in sources)


def test_the_file_says_when_and_from_where_its_addresses_were_taken() -> None:
    head = catalogue_path(WORLD).read_text(encoding="utf-8").partition("[politeness]")[0]
    for words in ("2026-11-25", "flairNLP/fundus", "kagisearch/kite-public", "worldwire sources check"):
        assert words in head
