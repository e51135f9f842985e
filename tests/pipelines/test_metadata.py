"""Facts of a page: each from the place that knows it, each distrusted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fields import score_fields
from pipelines.extract.parse import parse_html
from pipelines.metadata import detect_language, find_agency, read_facts, read_matter
from pipelines.metadata.authors import names_in
from pipelines.metadata.dates import url_day
from pipelines.metadata.moments import parse_moment
from pipelines.metadata.titles import cut_site_name
from pipelines.model import DatePrecision, PageFacts
from tests.fields_gold import gold_pages

_URL = "https://news.example.org/world/bridge-vote?id=7"
_FETCHED_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def _facts(head: str = "", body: str = "", *, url: str = _URL, **given: Any) -> PageFacts:
    parsed = parse_html(f"<html><head>{head}</head><body>{body}<p>x</p></body></html>".encode())
    assert parsed is not None
    return read_facts(
        parsed.root,
        read_matter(parsed.root),
        url=url,
        site_name=given.get("site_name", "The Courier"),
        headers=given.get("headers", ()),
        discovered=given.get("discovered", {}),
        fetched_at=_FETCHED_AT,
    )


def test_fields_of_the_gold_pages_are_read() -> None:
    shares = score_fields(gold_pages())
    assert len(gold_pages()) >= 60
    assert len({page.language for page in gold_pages()}) == 8
    assert min(shares["title"], shares["date"], shares["canonical"]) >= 0.97
    assert shares["authors"] >= 0.93
    assert shares["language"] >= 0.97


@pytest.mark.parametrize(
    ("text", "at", "precision"),
    [
        ("2026-11-20T06:07:08+00:00", "2026-11-20T06:07:08", DatePrecision.SECOND),
        ("2026-11-20T06:07:08.123Z", "2026-11-20T06:07:08", DatePrecision.SECOND),
        ("2026-11-20T06:07:08-0500", "2026-11-20T11:07:08", DatePrecision.SECOND),
        ("2026-11-20T06:07+05:30", "2026-11-20T00:37:00", DatePrecision.MINUTE),
        ("2026-11-20 06:07:08 +0100", "2026-11-20T05:07:08", DatePrecision.SECOND),
        ("2026-11-20", "2026-11-20T00:00:00", DatePrecision.DAY),
        ("20261120T060708Z", "2026-11-20T06:07:08", DatePrecision.SECOND),
        ("Fri, 20 Nov 2026 06:07:08 GMT", "2026-11-20T06:07:08", DatePrecision.SECOND),
        ("1795154828", "2026-11-20T06:07:08", DatePrecision.SECOND),
        ("1795154828000", "2026-11-20T06:07:08", DatePrecision.SECOND),
        ("Nov. 20, 2026, 6:07 p.m. EST", "2026-11-20T23:07:00", DatePrecision.MINUTE),
        ("Published 20 November 2026 at 18:07 GMT", "2026-11-20T18:07:00", DatePrecision.MINUTE),
        ("20. November 2026, 18:07 Uhr", "2026-11-20T18:07:00", DatePrecision.MINUTE),
        ("20.11.2026 - 18:07 Uhr", "2026-11-20T18:07:00", DatePrecision.MINUTE),
        ("le 20 novembre 2026 à 18h07", "2026-11-20T18:07:00", DatePrecision.MINUTE),
        ("20 de noviembre de 2026", "2026-11-20T00:00:00", DatePrecision.DAY),
        ("20 ноября 2026 г.", "2026-11-20T00:00:00", DatePrecision.DAY),
        ("20 листопада 2026, 18:07", "2026-11-20T18:07:00", DatePrecision.MINUTE),
        ("2026年11月20日 18:07", "2026-11-20T18:07:00", DatePrecision.MINUTE),
        ("20 نوفمبر 2026", "2026-11-20T00:00:00", DatePrecision.DAY),
    ],
)
def test_a_moment_is_read_as_people_and_machines_write_it(text: str, at: str, precision: DatePrecision) -> None:
    moment = parse_moment(text)
    assert moment is not None
    assert (moment.at.replace(tzinfo=None).isoformat(), moment.precision) == (at, precision)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-45", "0000-00-00", "1066-10-14", "31 foo 2026", "99999999999999", "12:30"]
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert parse_moment(text) is None


def test_the_future_is_no_publication_date() -> None:
    assert _facts('<meta property="article:published_time" content="2031-01-01T00:00:00Z">').published_at is None


@given(st.text(max_size=80))
def test_any_text_may_be_asked_for_a_moment(text: str) -> None:
    moment = parse_moment(text)
    assert moment is None or moment.at.tzinfo is UTC


def test_the_publication_time_is_the_metas_to_the_second() -> None:
    facts = _facts('<meta property="article:published_time" content="2026-11-20T06:07:08+01:00">')
    assert facts.published_at == datetime(2026, 11, 20, 5, 7, 8, tzinfo=UTC)
    assert facts.published_found_in == "meta article:published_time"


def test_a_time_without_offset_borrows_the_pages_other_offset() -> None:
    head = (
        '<meta property="article:published_time" content="2026-11-19T06:00:00">'
        '<meta property="article:modified_time" content="2026-11-19T09:00:00+09:00">'
    )
    facts = _facts(head)
    assert facts.published_at == datetime(2026, 11, 18, 21, 0, tzinfo=UTC)
    assert facts.modified_at == datetime(2026, 11, 19, 0, 0, tzinfo=UTC)


def test_a_time_without_any_offset_is_utc_and_says_so() -> None:
    facts = _facts('<meta property="article:published_time" content="2026-11-19T06:00:00">')
    assert facts.published_at == datetime(2026, 11, 19, 6, 0, tzinfo=UTC)
    assert facts.published_found_in == "meta article:published_time, no offset"


def test_a_day_is_refined_by_a_place_that_knows_the_hour() -> None:
    head = '<meta name="date" content="2026-11-19">'
    facts = _facts(head, '<time datetime="2026-11-19T14:30:00Z">14:30</time>')
    assert facts.published_at == datetime(2026, 11, 19, 14, 30, tzinfo=UTC)


def test_what_the_feed_said_counts_where_the_page_says_nothing() -> None:
    facts = _facts(discovered={"published_at": "2026-11-18T10:00:00+00:00", "title": "From the feed"})
    assert facts.published_at == datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
    assert facts.published_found_in == "link"
    assert facts.title == "From the feed"


def test_a_change_before_the_publication_is_no_change() -> None:
    head = (
        '<meta property="article:published_time" content="2026-11-19T06:00:00Z">'
        '<meta property="article:modified_time" content="2026-11-18T09:00:00Z">'
    )
    assert _facts(head).modified_at is None


def test_a_teasers_time_is_not_the_articles() -> None:
    teaser, own = (f'<time datetime="2026-11-{day}T06:00:00Z">x</time>' for day in (19, 17))
    assert _facts("", f"<ul><li>{teaser}</li></ul>{own}").published_at == datetime(2026, 11, 17, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "day"),
    [
        ("https://a.example/2026/11/20/x", "2026-11-20"),
        ("https://a.example/news/2026-11-20-x.html", "2026-11-20"),
        ("https://a.example/2026/nov/20/x", "2026-11-20"),
        ("https://a.example/20261120-x", "2026-11-20"),
        ("https://a.example/story-1234567890", None),
        ("https://a.example/2026/13/40/x", None),
    ],
)
def test_an_address_may_name_the_day(url: str, day: str | None) -> None:
    assert url_day(url) == day


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("By Ida Brandt", ["Ida Brandt"]),
        ("By Ida Brandt and Tom Hale, Political Editor", ["Ida Brandt", "Tom Hale"]),
        ("Von Jonas Ried und Anna-Lena Böhm", ["Jonas Ried", "Anna-Lena Böhm"]),
        ("Analysis by Mark Stone, US correspondent", ["Mark Stone"]),
        ("IDA BRANDT", ["Ida Brandt"]),
        ("Ida Brandt @idabrandt", ["Ida Brandt"]),
        ("Ida Brandt | Courier Media", ["Ida Brandt", "Courier Media"]),
        ("https://social.example/ida", []),
        ("admin", []),
        ("Staff reporter", []),
        ("Par Claire Aubin et Jean-Marc Teyssier", ["Claire Aubin", "Jean-Marc Teyssier"]),
        ("Автор: Вера Ильина", ["Вера Ильина"]),
        ("Malcolm Owen on Monday, November 18, 2026", ["Malcolm Owen"]),
        ("Tom Gillespie News reporter", ["Tom Gillespie"]),
        ("Rachel Link, MS, RD", ["Rachel Link"]),
        ("Bruce Y. Lee", ["Bruce Y. Lee"]),
        ("Inés Calado y Juan Moro", ["Inés Calado", "Juan Moro"]),
        ("Lake WireMarch 4, 2026", ["Lake Wire"]),
    ],
)
def test_a_byline_becomes_names(text: str, names: list[str]) -> None:
    assert names_in(text) == names


def test_an_organisation_is_an_author_only_without_people() -> None:
    person = '<meta name="author" content="Ida Brandt, Lake News Agency">'
    assert _facts(person).authors == ("Ida Brandt",)
    assert _facts('<meta name="author" content="Lake News Agency">').authors == ("Lake News Agency",)
    assert _facts('<meta name="author" content="The Courier">').authors == ()


@pytest.mark.parametrize(
    "lines",
    [
        "<div>Ida Brandt</div><div>Published November 17, 2026</div>",
        "<p>Harbour | By Ida Brandt | <time>17 November 2026</time></p>",
        "<p>Von <a href='/team/ida'>Ida Brandt</a></p><p>17.11.2026</p>",
    ],
)
def test_a_name_in_unmarked_lines_under_the_headline_is_the_author(lines: str) -> None:
    assert _facts("", f"<div><h1>Bridge vote splits the council</h1>{lines}</div>").authors == ("Ida Brandt",)


@pytest.mark.parametrize(
    "lines",
    [
        "<div><a href='/world/lake-country'>Lake Country</a></div><div>November 17, 2026</div>",
        "<div>Lake Country News</div><div>November 17, 2026</div>",
        "<div>Anna Velten</div><div>spoke to reporters after the vote.</div>",
    ],
)
def test_a_section_or_a_name_without_a_date_is_no_author(lines: str) -> None:
    assert _facts("", f"<div><h1>Bridge vote splits the council</h1>{lines}</div>").authors == ()


def test_a_link_glued_to_a_name_is_no_part_of_it() -> None:
    assert names_in("Marcus De GuzmanView More Articles") == ["Marcus De Guzman"]


def test_the_headline_is_not_taken_for_a_heading_that_shares_the_sites_name() -> None:
    head = "<title>Harbour deals: ferries, nets and more - BAY</title><meta property='og:site_name' content='BAY'>"
    body = "<h1>Games</h1><h1>BAY Entertainment</h1><h1>Harbour deals: ferries, nets and more</h1>"
    assert _facts(head, body, site_name="BAY").title == "Harbour deals: ferries, nets and more"


def test_a_commenter_is_no_author() -> None:
    assert _facts("", '<div class="comment"><span class="author">Grumpy Reader</span></div>').authors == ()


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Bridge vote splits the council | The Courier", "Bridge vote splits the council"),
        ("Bridge vote splits the council - World news - The Courier", "Bridge vote splits the council - World news"),
        ("The Courier: Bridge vote splits the council", "The Courier: Bridge vote splits the council"),
        ("The Courier | Bridge vote splits the council", "Bridge vote splits the council"),
        ("Bridge vote – and what it means", "Bridge vote – and what it means"),
        ("Bridge vote splits the council | World news", "Bridge vote splits the council"),
    ],
)
def test_a_title_loses_the_sites_name(title: str, short: str) -> None:
    assert cut_site_name(title, ["The Courier"]) == short


def test_the_headline_on_the_page_is_the_title() -> None:
    head = '<title>Council split | The Courier</title><meta property="og:title" content="Council split over bridge">'
    assert _facts(head, "<h1>The Courier</h1><h1>Council split over bridge</h1>").title == "Council split over bridge"


@pytest.mark.parametrize(
    ("href", "found"),
    [
        ("/world/bridge-vote", "https://news.example.org/world/bridge-vote"),
        (
            "https://www.example.org/world/bridge-vote?utm_source=x#a",
            "https://www.example.org/world/bridge-vote",
        ),
        ("https://other.example/world/bridge-vote", None),
        ("https://news.example.org/", None),
        ("javascript:void(0)", None),
        ("", None),
    ],
)
def test_a_canonical_address_is_believed_on_the_same_site(href: str, found: str | None) -> None:
    assert _facts(f'<link rel="canonical" href="{href}">').canonical_url == found


@pytest.mark.parametrize(
    ("title", "text", "agency"),
    [
        (None, "(Reuters) - The council voted.", "Reuters"),
        (None, "PARIS, Nov 16 (AFP) - Le conseil a voté.", "AFP"),
        (None, "BERLIN (dpa) - Der Rat stimmte ab.", "dpa"),
        (None, "The council voted.\nThe Associated Press contributed to this report.", "AP"),
        (None, "新华社北京3月4日电 县政府周三宣布。", "Xinhua"),
        (None, "Совет проголосовал.\nИсточник: ТАСС", "TASS"),
        (None, "The council voted.\nWith files from Reuters", "Reuters"),
        (None, "The council voted after a Reuters report on the bridge had been read out.", None),
        (None, "An AP exam question on bridges puzzled pupils.", None),
        ("Council votes (AP)", "The council voted.", "AP"),
    ],
)
def test_an_agency_is_credited_in_dateline_or_credit_line(title: str | None, text: str, agency: str | None) -> None:
    assert find_agency(title, text) == agency


@pytest.mark.parametrize(
    ("text", "claimed", "language"),
    [
        ("The council met on Tuesday and voted for the new bridge by nine to four, after a debate. " * 2, "de", "en"),
        (
            "Der Gemeinderat hat am Dienstagabend den Neubau der Brücke beschlossen, mit einer Stimme Mehrheit.",
            None,
            "de",
        ),
        (
            "Kommunestyret vedtok tirsdag kveld å bygge ny bru over elva, etter åtte timers debatt i salen.",
            "nb-NO",
            "nb",
        ),
        ("x", "fr-FR", "fr"),
        ("", None, None),
    ],
)
def test_the_language_is_that_of_the_content(text: str, claimed: str | None, language: str | None) -> None:
    assert detect_language(text, claimed) == language


@pytest.mark.parametrize("is_last", [False, True], ids=["begins", "ends"])
@pytest.mark.parametrize(
    "quoted",
    [
        "Czekamy na ten most od dziewięciu lat i nie będziemy dłużej czekać, powiedziała mieszkanka miasta. " * 3,
        "우리는 이 다리를 구 년 동안 기다렸고 더는 기다리지 않을 것이라고 주민 한 사람이 말했다. " * 4,
    ],
    ids=["Polish", "Korean"],
)
def test_a_text_with_a_quotation_in_another_language_is_in_that_of_most_of_it(quoted: str, is_last: bool) -> None:
    english = "The council met on Tuesday evening and voted for the new bridge by nine to four, after a debate. " * 9
    assert detect_language(english + quoted if is_last else quoted + english) == "en"


def test_a_text_in_another_script_with_latin_names_is_in_its_own_language() -> None:
    text = "서울 시의회는 화요일 저녁 Samsung Electronics 와 함께 새 다리를 짓기로 구 대 사로 의결했다고 밝혔다. "
    assert detect_language(text * 6) == "ko"


def test_opt_outs_are_collected_from_page_and_headers() -> None:
    headers = (("X-Robots-Tag", "otherbot: noarchive"), ("TDM-Reservation", "1"))
    facts = _facts('<meta name="robots" content="index, NOAI, noimageai">', headers=headers)
    assert facts.opt_out == ("robots:noai", "robots:noimageai", "tdm-reservation:1", "x-robots-tag:noarchive")
    assert _facts("", discovered={"tdm_reservation": "1"}).opt_out == ("tdmrep:1",)


@pytest.mark.parametrize(
    ("head", "paywalled"),
    [
        ('<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":"False"}</script>', True),
        ('<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":true}</script>', False),
        ('<meta property="article:content_tier" content="locked">', True),
        ("", None),
    ],
)
def test_a_paywall_is_what_the_page_declares(head: str, paywalled: bool | None) -> None:
    assert _facts(head).paywalled is paywalled


def test_section_tags_and_image_are_read() -> None:
    said = '"articleSection":["World"],"keywords":["bridge","Bridge","council"],"image":{"url":"/a.jpg"}'
    article = f'{{"@type":"NewsArticle",{said}}}'
    facts = _facts(f'<script type="application/ld+json">{article}</script>')
    assert facts.section == "World"
    assert facts.tags == ("bridge", "council")
    assert facts.lead_image_url == "https://news.example.org/a.jpg"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "10.1.2.3", "2130706433", "localhost"])
def test_an_image_inside_the_readers_own_network_is_none(host: str) -> None:
    inside = f'<meta property="og:image" content="http://{host}/admin.png">'
    assert _facts(inside).lead_image_url is None
    outside = '<meta name="twitter:image" content="https://images.example.org/a.jpg">'
    assert _facts(inside + outside).lead_image_url == "https://images.example.org/a.jpg"


def test_what_turns_or_hides_characters_is_left_out_of_every_field_and_joiners_stay() -> None:
    tags = '"keywords":["bri\\u001b[31mdge","coun\\u2066cil"]'
    said = f'"articleSection":"Wor\\u202eld",{tags},"author":{{"name":"Anna\\u202e Berg"}}'
    head = f'<script type="application/ld+json">{{"@type":"NewsArticle",{said}}}</script>'
    facts = _facts(head, "<h1>The \u202ebridge\u202c o\u200bpens\U000e0069 می\u200cشود \U0001f469\u200d\U0001f680</h1>")
    assert facts.title == "The bridge opens می\u200cشود \U0001f469\u200d\U0001f680"
    assert (facts.section, facts.tags, facts.authors) == ("World", ("bri [31mdge", "council"), ("Anna Berg",))


def test_nothing_said_is_nothing_known() -> None:
    facts = _facts()
    assert facts == PageFacts()


def test_reading_facts_is_quick_on_a_large_page() -> None:
    rows = "".join(
        f'<div class="row"><span class="x">{n}</span><a href="/{n}">story {n}</a></div>' for n in range(20_000)
    )
    began = datetime.now(UTC)
    _facts("", rows)
    assert datetime.now(UTC) - began < timedelta(seconds=10)
