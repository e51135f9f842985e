"""Opt-outs: recorded with every article, obeyed where the catalogue says so."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.catalogue import load_catalogue, source_block
from crawlers.middlewares.opt_out import PATH, check_opt_out, read_rules
from crawlers.middlewares.outcomes import RefusedError
from pipelines.model import RawPage, SourceFacts
from pipelines.settings import ArchiveSettings
from tests.crawlers.conftest import Crawl, captured, captured_paths
from tests.local_site import Answer, LocalSite, article, text

META = b'<html><head><meta content="%b" name=%b></head><p>x'


def page_of(body: bytes = b"", **headers: str) -> RawPage:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    facts = SourceFacts(id="a", name="A", homepage="https://a.example/")
    url, now = "https://a.example/x", datetime(2026, 11, 24, tzinfo=UTC)
    return RawPage(
        source=facts, run_id="r", requested_url=url, url=url, status=200, headers=pairs, body=body, fetched_at=now
    )


@pytest.mark.parametrize(
    ("body", "headers", "word"),
    [
        (META % (b"index, NoAI", b'"robots"'), {}, "noai"),
        (META % (b"noimageai", b"ROBOTS"), {}, "noimageai"),
        (META % (b"noarchive", b"'gptbot'"), {}, "noarchive"),
        (META % (b"1", b'"tdm-reservation"'), {}, "tdm"),
        ((META % (b"noai", b'"robots"')).decode().encode("utf-16"), {}, "noai"),
        (b"", {"X_Robots_Tag": "otherbot: noindex, noai"}, "noai"),
        (b"", {"TDM_Reservation": " 1 "}, "tdm"),
    ],
)
def test_a_page_that_opts_out_is_refused_for_what_is_honoured_and_for_nothing_else(
    body: bytes, headers: dict[str, str], word: str
) -> None:
    page = page_of(body, **headers)
    with pytest.raises(RefusedError) as refusal:
        check_opt_out(page, body, [word])
    assert refusal.value.reason == f"opt_out_{word}"
    check_opt_out(page, body, [other for other in ("noai", "noimageai", "noarchive", "tdm") if other not in (word,)])


@pytest.mark.parametrize(
    "body",
    [
        META % (b"0", b'"tdm-reservation"'),
        META % (b"noai", b'"description"'),
        b"<!-- " + META % (b"noai", b'"robots"') + b" -->",
        b"<script>let x = '" + META % (b"noai", b'"robots"') + b"'</script>",
        b"<meta" * 100_000,
        b"<!-- " * 100_000,
        b"<script>" * 100_000,
    ],
)
def test_a_page_that_does_not_opt_out_is_kept(body: bytes) -> None:
    check_opt_out(page_of(body), body, ["noai", "tdm"])


def test_the_catalogue_says_what_is_obeyed_for_all_and_for_one(tmp_path: Path) -> None:
    blocks = "".join(
        f'[[source]]\nid = "{name}"\nname = "X"\nhomepage = "https://{name}.example/"\n{more}'
        for name, more in (("a", ""), ("b", "honour_opt_out = []\n"))
    )
    (tmp_path / "one.toml").write_text(f'[politeness]\nhonour_opt_out = ["noai", "tdm"]\n{blocks}')
    one, two = load_catalogue(tmp_path / "one.toml")
    assert (one.honour_opt_out, two.honour_opt_out) == (("noai", "tdm"), ())
    (tmp_path / "two.toml").write_text(source_block(one))
    assert load_catalogue(tmp_path / "two.toml") == (one,)


def test_opt_outs_are_obeyed_where_the_catalogue_says_so(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    plain, noai, tdm, reserved = site.add_articles(4)
    site.routes[noai] = Answer(article(noai).replace(b"<head>", b'<head><meta name="robots" content="noai">'))
    site.routes[tdm] = Answer(article(tdm), headers={"tdm-reservation": "1"})
    rules = [{"location": "/*", "tdm-reservation": 0}, {"location": reserved, "tdm-reservation": 1}, {"location": 3}]
    site.routes[PATH] = text(json.dumps(rules))
    report = crawl(honour_opt_out=["noai", "tdm"])
    assert report.refused == {"opt_out_noai": 1, "opt_out_tdm": 2}
    assert captured_paths(archive) == [plain]
    assert reserved not in site.paths()
    site.forget()
    assert crawl(honour_opt_out=["noai", "tdm"]).refused == {}  # once is enough
    assert site.paths() == ["/robots.txt", "/feed.xml"]


def test_opt_outs_are_recorded_where_they_are_not_obeyed(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    site.add_article()
    site.routes[PATH] = text('[{"location": "/world/", "tdm-reservation": 1, "tdm-policy": "https://a.example/"}]')
    assert crawl().refused == {}
    assert [page.discovered.get("tdm_reservation") for page in captured(archive)] == ["1"]
    site.forget()
    site.add_article()
    crawl()
    assert PATH not in site.paths()  # it is asked once a day


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"no", 500),
        Answer(b"[" * 90_000),
        Answer(b"x" * 20_000_000),
        Answer(b"", 302, headers={"Location": "http://127.0.0.1:9/"}),
        Answer(b"[]", delay_seconds=0.5),
    ],
)
def test_a_tdmrep_that_is_none_reserves_nothing(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings, answer: Answer
) -> None:
    site.routes[PATH] = answer
    path = site.add_article()
    report = crawl(honour_opt_out=["tdm"])
    assert captured_paths(archive) == [path]
    assert (report.outcome, report.refused, report.failed) == ("ok", {}, {})


@given(
    st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_whatever_stands_there_is_read_or_passed_over(body: bytes) -> None:
    assert isinstance(read_rules(body), str)
