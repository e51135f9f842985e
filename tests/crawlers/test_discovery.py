"""Feeds, sitemaps and pages of links, as sites write them and as nobody should."""

# ruff: noqa: E501 - documents as they are

import gzip
import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.discovery import (
    DiscoveryError,
    Link,
    find_feeds,
    find_sitemaps,
    looks_like_article,
    may_be_index,
    news_first,
    read_feed,
    read_section,
    read_sitemap,
)
from crawlers.discovery.feeds import _patiently_read_entries, _well_formed_entries

HOME = "https://news.example/"
EIGHT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

RSS = """<?xml version="1.0" encoding="{encoding}"?>
<rss version="2.0" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>News</title><link>https://news.example/</link>
<item><title><![CDATA[Größe & Wert]]></title><link>https://news.example/a-1?utm_source=rss#x</link>
  <pubDate>Tue, 24 Nov 2026 09:00:00 +0100</pubDate></item>
<item><title>By guid</title><guid isPermaLink="true">https://news.example/a-2</guid><dc:date>2026-11-24T08:00:00Z</dc:date></item>
<item><title>Behind a counter</title><link>https://counter.example/x</link>
  <feedburner:origLink>https://news.example/a-3</feedburner:origLink><pubDate>2026-11-24 08:00</pubDate></item>
<item><title>Relative</title><link>/a-4</link><pubDate>yesterday</pubDate></item>
<item><title>No link</title></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><link href="https://news.example/"/>
<entry><title type="html">One</title><link rel="enclosure" href="https://news.example/a.mp3"/>
<link href="/a-1"/><id>tag:1</id><updated>2026-11-25T00:00:00Z</updated><published>2026-11-24T08:00:00Z</published></entry>
<entry><title>Two</title><id>https://news.example/a-2</id><updated>2026-11-24T08:00:00+00:00</updated></entry></feed>"""

RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>News</title></channel>
<item rdf:about="1"><title>One</title><link>https://news.example/a-1</link><dc:date>2026-11-24T08:00:00Z</dc:date></item></rdf:RDF>"""


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_an_rss_feed_in_any_encoding(encoding: str) -> None:
    links = read_feed(RSS.format(encoding=encoding).encode(encoding), HOME + "feed")
    assert [(link.url, link.title, link.published_at) for link in links] == [
        (HOME + "a-1", "Größe & Wert", EIGHT),
        (HOME + "a-2", "By guid", EIGHT),
        (HOME + "a-3", "Behind a counter", EIGHT),
        (HOME + "a-4", "Relative", None),
    ]
    assert {link.found_in for link in links} == {HOME + "feed"}


@pytest.mark.parametrize("feed", [ATOM, RDF], ids=["atom", "rdf"])
def test_atom_and_rdf_feeds(feed: str) -> None:
    links = read_feed(feed.encode(), HOME + "feed")
    assert [link.url for link in links] == [HOME + "a-1", HOME + "a-2"][: len(links)]
    assert {link.published_at for link in links} == {EIGHT}


def test_an_atom_entry_is_where_its_xml_base_says() -> None:
    entries = '<entry><link href="a-1"/></entry><entry xml:base="below/"><link href="a-2"/></entry>'
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{HOME}2026/">{entries}</feed>'
    links = read_feed(feed.encode(), HOME + "feeds/feed")
    assert [link.url for link in links] == [HOME + "2026/a-1", HOME + "2026/below/a-2"]


def test_a_feed_that_is_no_xml_is_read_all_the_same() -> None:
    broken = RSS.format(encoding="utf-8").replace("By guid", "Caf&eacute; & <b>bar").encode()
    assert [link.url for link in read_feed(broken, HOME + "feed")][:2] == [HOME + "a-1", HOME + "a-2"]
    assert len(read_feed(gzip.compress(broken), HOME + "feed")) == 4


@pytest.mark.parametrize("feed", [RSS.format(encoding="utf-8"), ATOM, RDF], ids=["rss", "atom", "rdf"])
def test_the_quick_reader_reads_what_the_patient_one_reads(feed: str) -> None:
    quick = _well_formed_entries(feed.encode())
    assert quick is not None
    patient = _patiently_read_entries(feed.encode(), HOME)
    assert [entry[2] for entry in quick] == [entry[2] for entry in patient]
    assert [entry[1] for entry in quick] == [entry[1] for entry in patient]


@pytest.mark.parametrize("reference", ["&#xD83D;&#xDE00;", "&#55357;&#56832;", "&#0;", "&#x110000;", "&#99999999999;"])
def test_references_to_no_character_cost_a_feed_nothing(reference: str) -> None:
    item = f"<item><title>Storm {reference}</title><link>{HOME}a-1</link></item>"
    links = read_feed(f"<rss version='2.0'><channel>{item}</channel></rss>".encode(), HOME + "feed")
    assert [(link.url, link.title) for link in links] == [(HOME + "a-1", "Storm")]


def test_what_is_no_feed_has_a_name() -> None:
    for body in (b"", b"<html><body>Not found</body></html>", b"\x00\x01", b"{}"):
        with pytest.raises(DiscoveryError) as caught:
            read_feed(body, HOME + "feed")
        assert caught.value.reason == "not_a_feed"


NEWS_MAP = f"""<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc> {HOME}a-1 </loc><lastmod>2026-11-25</lastmod><news:news><news:publication><news:name>N</news:name></news:publication>
<news:publication_date>2026-11-24T09:00:00+01:00</news:publication_date><news:title>One</news:title></news:news></url>
<url><loc>{HOME}a-2</loc><lastmod>2026-11-24T08:00:00Z</lastmod></url><url><lastmod>2026</lastmod></url></urlset>"""


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda body: b"\xef\xbb\xbf\n" + body])
def test_a_news_sitemap(pack: object) -> None:
    links = read_sitemap(pack(NEWS_MAP.encode()), HOME + "map.xml").links  # type: ignore[operator]
    assert [(link.url, link.title, link.published_at) for link in links] == [
        (HOME + "a-1", "One", EIGHT),
        (HOME + "a-2", None, None),  # when a page changed is not when it was published
    ]
    assert links[1].modified_at == EIGHT


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"\ufeff{HOME}a-1\r\n\r\n  {HOME}a-2\r\n", id="a list"),
        pytest.param(
            f"<rss><channel><item><link>{HOME}a-1</link></item><item><link>/a-2</link></item></channel></rss>", id="rss"
        ),
        pytest.param(
            f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="{HOME}a-1"/></entry><entry><link href="/a-2"/></entry></feed>',
            id="atom",
        ),
        pytest.param(
            f"<urlset><url><image><loc>{HOME}picture</loc></image><loc>{HOME}a-1</loc></url><url><loc>{HOME}a-2</loc></url></urlset>",
            id="images first",
        ),
    ],
)
def test_what_else_may_stand_in_a_sitemaps_place(body: str) -> None:
    assert [link.url for link in read_sitemap(body.encode(), HOME + "map").links] == [HOME + "a-1", HOME + "a-2"]


def test_a_list_of_anything_else_is_no_sitemap() -> None:
    for body in (b"", b"Not found\n", f"{HOME}a-1\nand so on".encode()):
        with pytest.raises(DiscoveryError, match="not a sitemap"):
            read_sitemap(body, HOME + "map.txt")


def test_ampersands_of_a_sitemap_need_not_be_escaped() -> None:
    body = f"<urlset><url><loc>{HOME}story?id=1&part=2&amp;page=3&#38;x=4</loc></url></urlset>".encode()
    assert read_sitemap(body, HOME + "map.xml").links[0].url == f"{HOME}story?id=1&page=3&part=2&x=4"


INDEX = f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>{HOME}m</loc></sitemap></sitemapindex>'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(INDEX.encode(), id="plain"),
        pytest.param(gzip.compress(INDEX.encode()), id="packed"),
        pytest.param(INDEX.encode("utf-16"), id="utf-16"),
        pytest.param(f"<!-- {'made by our plug-in ' * 500} -->{INDEX}".encode(), id="behind a long comment"),
    ],
)
def test_an_index_of_sitemaps_is_known_by_its_head(body: bytes) -> None:
    assert may_be_index(body)


def test_a_sitemap_of_pages_is_no_index() -> None:
    assert not may_be_index(NEWS_MAP.encode())
    assert not may_be_index(gzip.compress(NEWS_MAP.encode()))
    assert not may_be_index(b"\x1f\x8bbroken")


def test_a_sitemap_that_is_cut_gives_what_is_there() -> None:
    assert len(read_sitemap(NEWS_MAP.encode()[:-60], HOME + "map.xml").links) == 2


def test_a_sitemap_of_fifty_thousand_is_read_in_seconds() -> None:
    urls = "".join(f"<url><loc>{HOME}world/story-{number}</loc></url>" for number in range(60_000))
    started = time.process_time()
    assert len(read_sitemap(f"<urlset>{urls}</urlset>".encode(), HOME + "map.xml").links) == 50_000
    assert time.process_time() - started < 60  # minutes, if it were quadratic


def test_of_more_than_a_document_may_give_the_newest_are_taken_wherever_they_stand() -> None:
    old = [(f"{HOME}world/old-story-{number}", "2025-01-01T00:00:00Z") for number in range(55_000)]
    entries = [*old, (HOME + "world/new-story", "2026-11-24T08:00:00Z")]
    urls = "".join(f"<url><loc>{url}</loc><lastmod>{day}</lastmod></url>" for url, day in entries)
    items = "".join(f"<item><link>{url}</link><pubDate>{day}</pubDate></item>" for url, day in entries)
    for links in (
        read_sitemap(f"<urlset>{urls}</urlset>".encode(), HOME + "map.xml").links,
        read_feed(f"<rss><channel>{items}</channel></rss>".encode(), HOME + "feed"),
    ):
        assert len(links) == 50_000
        assert links[0].url == HOME + "world/new-story"


BOMBS = {
    "laughs": '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><rss><channel><item><link>&b;</link></item></channel></rss>',
    "quadratic": f'<!DOCTYPE r [<!ENTITY a "{"x" * 1000}">]><urlset><url><loc>{"&a;" * 1000}</loc></url></urlset>',
    "external": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>',
    "parameter": '<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]><urlset></urlset>',
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_documents_that_declare_entities_are_refused(bomb: str, encoding: str) -> None:
    for read in (read_feed, read_sitemap):
        with pytest.raises(DiscoveryError) as caught:
            read(bomb.encode(encoding), HOME)
        assert caught.value.reason == "xml_entities"


def test_a_declaration_far_down_declares_nothing_either() -> None:
    filler = "<!-- filler -->" * 5000
    bomb = filler + BOMBS["external"]
    for read in (read_feed, read_sitemap):
        with pytest.raises(DiscoveryError):
            read(bomb.encode(), HOME)


def test_a_packed_bomb_is_refused() -> None:
    bomb = gzip.compress(b"<urlset>" + b" " * 80_000_000)
    with pytest.raises(DiscoveryError) as caught:
        read_sitemap(bomb, HOME)
    assert caught.value.reason == "too_large"


def test_a_section_in_utf_16_is_read() -> None:
    body = '<html><a href="/world/2026/11/24/council-meets-again">Council meets</a></html>'.encode("utf-16")
    assert [link.title for link in read_section(body, HOME)] == ["Council meets"]


def test_a_section_gives_articles_of_its_site_and_nothing_else() -> None:
    page = b"""<html><head><base href="https://www.example.com/world/"></head><body>
    <a href="2026/11/24/a-story-of-five-words#comments"> A   story </a><a href="/2026/11/24/a-story-of-five-words"></a>
    <a href="2026/11/24/a-story-of-five-words?fbclid=1">again</a><a href="/tag/council">tag</a><a href="/picture.jpg">p</a>
    <a href="https://other.example/a-story-of-five-words">x</a><a href="mailto:x@y.z">m</a><a href="javascript:x()">j</a>
    <a href="https://edition.example.com/world/story-number-12345">edition</a><a>none</a><a href="http://[bad">b</a></body></html>"""
    links = read_section(page, "https://www.example.com/world/")
    assert [link.url for link in links] == [
        "https://www.example.com/world/2026/11/24/a-story-of-five-words",
        "https://www.example.com/2026/11/24/a-story-of-five-words",
        "https://edition.example.com/world/story-number-12345",
    ]
    assert links[0].title == "A story"


def test_deeply_nested_and_very_wide_pages_cost_seconds_at_most() -> None:
    deep = b"<div>" * 200_000 + b'<a href="/world/a-story-of-five-words">x</a>'
    wide = (
        b"<p "
        + b" ".join(b"a%d=1" % number for number in range(1_000_000))
        + b'><a href="/world/a-story-of-five-words">x</a>'
    )
    for page in (deep, wide):
        started = time.process_time()
        read_section(page, HOME)
        assert time.process_time() - started < 60  # minutes, if it were quadratic


def test_a_homepage_names_its_feeds_and_robots_txt_its_sitemaps() -> None:
    head = b"""<link rel="alternate" type="application/rss+xml" href="/feed"><link rel=alternate type=application/atom+xml href=atom>
    <LINK REL="Alternate" TYPE="Application/RSS+XML; charset=utf-8" HREF="/more"><link rel="alternate" type="application/rss+xml" href="/comments/feed"><link rel="alternate" hreflang="de" href="/de">"""
    assert find_feeds(b"<html><head>" + head, HOME) == (HOME + "feed", HOME + "atom", HOME + "more")
    robots = b"User-agent: *\nSitemap: /all.xml  # of everything\nsitemap : https://news.example/news.xml\nSitemap: file:///etc/passwd\nSitemap:"
    assert find_sitemaps(robots, HOME + "robots.txt") == (HOME + "news.xml", HOME + "all.xml")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("world/2026/11/24/council-meets-again", True),
        ("news/council-meets-again-over-the-budget", True),
        ("news/world-europe-12345678", True),
        ("articles/c4gzn48jwz2o", None),
        ("world", False),
        ("", False),
        ("tag/council", False),
        ("private/secret", False),
        ("author/jane-doe", False),
        ("media/picture.jpg", False),
        ("tag/2026/11/24/council-meets-again-over-it", True),
    ],
)
def test_what_the_shape_of_an_address_tells(path: str, says: bool | None) -> None:
    assert looks_like_article(HOME + path, HOME) is says


def test_the_latest_come_first_and_the_undated_last() -> None:
    old, new, undated = (Link(url=HOME + name, found_in=HOME) for name in "abc")
    old, new = (
        Link(url=link.url, found_in=HOME, published_at=EIGHT.replace(day=day)) for link, day in ((old, 1), (new, 2))
    )
    assert news_first([old, undated, new]) == [new, old, undated]


documents = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(
        st.sampled_from(
            [
                "<rss>",
                "<channel>",
                "<item>",
                "</item>",
                "<link>",
                "https://a.b/c",
                "&amp;",
                "&#0;",
                "<![CDATA[",
                "]]>",
                "<url>",
                "<urlset>",
                "<loc>",
                "</loc>",
                "</url>",
                "<entry>",
                "<a href=",
                "'",
                ">",
                "<pubDate>",
                "99999",
                "<base href='//[:'>",
            ]
        ),
        max_size=25,
    ).map(lambda parts: "".join(parts).encode()),
)


@settings(max_examples=150, deadline=None)
@given(documents)
def test_whatever_the_bytes_only_a_named_error_comes_out(body: bytes) -> None:
    for read in (read_feed, read_sitemap, read_section, find_feeds, find_sitemaps):
        with suppress(DiscoveryError):
            read(body, HOME)  # type: ignore[operator]
