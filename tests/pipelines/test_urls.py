"""One spelling of an address, whichever way it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import urls
from pipelines.urls import canonical_url, publisher_of, site_of


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://News.Example:443/World/a-b?utm_source=rss&id=7#top", "https://news.example/World/a-b?id=7"),
        ("http://news.example", "http://news.example/"),
        ("https://news.example/a//b/c", "https://news.example/a/b/c"),
        ("https://news.example/a?PHPSESSID=1f&b=1", "https://news.example/a?b=1"),
        ("https://news.example/a;jsessionid=1F?b=1", "https://news.example/a?b=1"),
        ("https://news.example/a?sid=9f86d081884c7d659a2feaa0c55ad015", "https://news.example/a"),
        ("https://news.example/a?sid=2026112400012345", "https://news.example/a?sid=2026112400012345"),
        ("https://news.example/plain-enough.html", "https://news.example/plain-enough.html"),
        ("mailto:desk@news.example", None),
        ("https://user:secret@news.example/", None),
        ("https://news.example/" + "a" * 3000, None),
        ("https://news.example:70000/a", None),
        ("https://news.example:65000/a", "https://news.example:65000/a"),
    ],
)
def test_addresses_have_one_spelling(url: str, canonical: str | None) -> None:
    assert canonical_url(url) == canonical


hosts = st.from_regex(r"[a-z0-9.-]{1,12}(:[0-9]{1,6})?", fullmatch=True)
paths = st.text(st.sampled_from("abXY019/_.-~%;:=@+,#"), max_size=20)


@given(st.sampled_from(["http", "https"]), hosts, paths)
def test_what_is_taken_for_canonical_at_first_sight_is_what_the_long_way_gives(
    scheme: str, host: str, path: str
) -> None:
    url = f"{scheme}://{host}/{path}"
    quick = canonical_url(url)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(urls, "_CANONICAL", urls.re.compile("never"))
        assert quick == canonical_url(url)


@given(st.text(max_size=60))
def test_twice_is_once(text: str) -> None:
    for url in (text, f"https://news.example/{text}"):
        once = canonical_url(url)
        assert once is None or canonical_url(once) == once


def test_a_site_is_its_registrable_domain_or_its_host_and_port() -> None:
    assert site_of("https://edition.news.co.uk/a") == site_of("http://www.news.co.uk/b") == "news.co.uk"
    assert site_of("http://127.0.1.1:8800/a") == "127.0.1.1:8800"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.wordpress.com/2026/11/24/x/", "https://b.wordpress.com/2026/11/24/x/"),
        ("https://a.blogspot.com/x", "https://b.blogspot.com/x"),
        ("https://a.github.io/x", "https://b.github.io/x"),
        ("https://a.substack.com/p/x", "https://substack.com/p/x"),
        ("https://a.s3.amazonaws.com/x", "https://b.s3.amazonaws.com/x"),
    ],
)
def test_customers_of_one_host_are_two_publishers_on_one_site(one: str, other: str) -> None:
    assert publisher_of(one) != publisher_of(other)
    assert site_of(one) == site_of(other), "which ids in archives follow from"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.wordpress.com/x", "http://www.a.wordpress.com/y"),
        ("https://a.blogspot.com/x", "https://m.a.blogspot.com./y"),
        ("https://wordpress.com/news", "https://www.wordpress.com/news"),
        ("https://blogspot.com/x", "https://www.blogspot.com/x"),
        ("https://edition.news.co.uk/a", "http://www.news.co.uk/b"),
        ("https://www.mywordpress.com/a", "https://blogs.mywordpress.com/b"),
        ("http://127.0.1.1:8800/a", "http://127.0.1.1:8800/b"),
    ],
)
def test_subdomains_of_one_publisher_stay_together(one: str, other: str) -> None:
    assert publisher_of(one) == publisher_of(other)


@given(st.from_regex(r"[a-z0-9.-]{0,14}(wordpress\.com|blogspot\.com|co\.uk|github\.io|\.)?", fullmatch=True))
def test_a_publisher_lies_within_one_site(host: str) -> None:
    url = f"https://{host}/x"
    assert publisher_of(url).endswith(site_of(url))
