"""What stands in an article's place on a site (soft 404s, consent, login): no article, and the real one is not lost."""

from urllib.parse import quote

import pytest

from crawlers.middlewares.outcomes import is_wall
from pipelines.publish import PublishSummary, publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.crawlers.conftest import Crawl, captured_paths
from tests.crawlers.test_news import make_due
from tests.local_site import Answer, LocalSite, Route, SiteHandler, redirect

TEXT = (
    "The council met on Monday and spoke about the harbour for hours, until nobody was left to listen to its members."
)
FORM = "We and our 842 partners store and access information on a device, such as cookies, and process personal data."


def page(title: str, *paragraphs: str) -> bytes:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>{text}</body></html>".encode()
    )


def published(archive: ArchiveSettings) -> PublishSummary:
    return publish_new_captures(archive, workers=1)


def urls_of(archive: ArchiveSettings) -> set[str]:
    from pipelines.archive import Archive

    rows = Archive(open_store(archive.uri)).dataset("appearances")
    return set() if rows is None else {str(row["url"]) for row in rows.to_table(columns=["url"]).to_pylist()}


class EveryPathAnswers(dict):  # type: ignore[type-arg]
    """Routes of a site that has an answer of 200 for any address."""

    def __init__(self, routes: dict[str, Route], title: str, text: str) -> None:
        super().__init__(routes)
        self._title, self._text = title, text

    def get(self, path: str, default: object = None) -> object:
        return super().get(path) or Answer(page(self._title, self._text.replace("{path}", path)))


def test_a_site_that_answers_200_for_what_it_does_not_have_gives_its_articles_alone(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    healthy = [site.add_article(text=f"{TEXT} {number}") for number in range(2)]
    site.name(*(f"/world/2026/11/24/an-article-that-is-gone-{number}" for number in range(4)))
    site.routes = EveryPathAnswers(site.routes, "Oops", "Sorry, the page you are looking for, {path}, is not here.")
    report = crawl(homepage=site.url("/"))  # robots.txt and tdmrep.json are such pages too: they say nothing
    assert (report.outcome, report.captured) == ("ok", 6)
    summary = published(archive)
    assert summary.dropped == {"not_an_article": 4}
    assert urls_of(archive) == {site.url(path) for path in healthy}


def test_a_page_for_all_that_is_not_there_is_told_by_its_text_whatever_it_says(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    healthy = site.add_article(text=TEXT)
    site.name(*(f"/world/2026/11/24/an-article-that-is-gone-{number}" for number in range(3)))
    site.routes = EveryPathAnswers(
        site.routes, "Courier", "Read on about what moves our town: sport, culture, the sea. " * 3
    )
    crawl()
    assert published(archive).dropped == {"no_text": 3}  # the site repeats it: it is template
    assert urls_of(archive) == {site.url(healthy)}


@pytest.mark.parametrize("wall", ["a form each", "one form", "a circle", "a circle that counts", "a circle of no name"])
def test_articles_behind_a_form_are_no_articles_and_come_when_it_is_gone(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings, wall: str
) -> None:
    paths = [site.add_article(text=f"{TEXT} {number}") for number in range(3)]
    behind = {path: site.routes[path] for path in paths}
    gate = "/gate" if wall == "a circle of no name" else "/consent"
    for path in paths:
        form = gate if wall == "one form" else f"{gate}?return={quote(path)}"
        site.routes[path] = redirect(form)
        site.routes[form] = Answer(page("Courier", FORM)) if "form" in wall else redirect(path)
        if wall == "a circle that counts":
            site.routes[path] = counting(site, f"{gate}?return={quote(path)}&try=")
    report = crawl()
    assert report.failed == {"redirect_loop" if gate == "/gate" else "wall": 3}
    assert published(archive).new_appearances == 0
    site.routes |= behind
    make_due(archive)
    crawl()
    assert captured_paths(archive) == sorted(paths)
    assert published(archive).new_appearances == 3


def test_articles_behind_a_form_of_another_site_come_when_it_is_gone(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    path = site.add_article(text=TEXT)
    behind = site.routes[path]
    with LocalSite() as other:
        site.routes[path] = redirect(other.url(f"/collect/consent?return={quote(site.url(path))}"))
        assert crawl().failed == {"wall": 1}
        assert other.paths() == []
        site.routes[path] = redirect("http://127.0.4.1/consent")
        make_due(archive)
        assert crawl().refused == {"private_address": 1}
    site.routes[path] = behind
    open_store(archive.uri).delete("state/local/frontier.parquet")  # for a private address nobody asks twice
    crawl()
    assert captured_paths(archive) == [path]


def test_a_form_at_the_articles_own_address_is_replaced_by_the_article(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    path = site.add_article(text=TEXT)
    behind = site.routes[path]
    site.routes[path] = Answer(page("Courier", FORM))
    crawl()
    assert published(archive).dropped == {"not_an_article": 1}
    site.routes[path] = behind
    make_due(archive)
    crawl()
    assert published(archive).new_articles == 1


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://a.example/consent?return=/world/x", True),
        ("https://consent.a.example/collect", True),
        ("https://a.example/user/login.php", True),
        ("https://a.example/world/2026/court-rules-on-consent", False),
        ("https://a.example/tech/login-trouble-at-the-bank", False),
        ("https://a.example/privacy/what-the-new-law-says", False),
    ],
)
def test_a_form_is_told_by_whole_words_of_its_address(url: str, is_one: bool) -> None:
    assert is_wall(url) is is_one


def counting(site: LocalSite, start: str) -> Route:
    def answer(handler: SiteHandler) -> None:
        line = f"HTTP/1.1 302 X\r\nLocation: {start}{len(site.paths())}\r\nContent-Length: 0\r\n\r\n"
        handler.wfile.write(line.encode())

    return answer
