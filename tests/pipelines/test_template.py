"""Templates: what a site repeats goes, what two pages happen to share stays, and counting is the same in any order."""

import io
import pickle
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.store import Store
from pipelines.template import (
    WINDOW_PAGES,
    CaptureMarks,
    Mark,
    PageMarks,
    Template,
    learn,
    load_template,
    merge,
    page_mark,
    save_template,
    slot_mark,
    template_key,
    text_mark,
)

_NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_BODY = slot_mark("div.story/main.page")
_FOOT = slot_mark("div.foot/main.page")
_LIST = slot_mark("ul.popular/aside.rail")


class Page:
    """Stands in for a draft."""

    def __init__(self, url: str, lines: list[tuple[str, int]], capture: str = "", *, is_line: bool = False) -> None:
        self.marks = PageMarks.of(
            page_mark(url), capture, tuple(Mark(text_mark(text), slot, is_line) for text, slot in lines)
        )


def _capture(number: int, day: date = date(2026, 11, 20)) -> str:
    return f"captures/date={day}/source=a/run-{number}.warc.gz"


def _prose(page: int, line: int) -> str:
    return (
        f"Paragraph {line} of story {page} says that the harbour will stay open until the last boat of the evening "
        f"is in, {page * 7919 + line}."
    )


def _site(
    pages: int, extra: dict[int, list[tuple[str, int]]] | None = None, every: list[tuple[str, int]] | None = None
) -> list[Page]:
    return [
        Page(
            f"https://a.example/{n}",
            [(_prose(n, k), _BODY) for k in range(6)] + (every or []) + (extra or {}).get(n, []),
            _capture(1),
        )
        for n in range(pages)
    ]


def _learned(pages: list[Page]) -> Template:
    return learn(Template(), pages, capture_keys=[_capture(1)], now=_NOW)


def _mark(text: str, slot: int, *, is_line: bool = False) -> Mark:
    return Mark(text_mark(text), slot, is_line)


_marks = st.builds(Mark, st.integers(1, 9), st.integers(1, 3), st.booleans())


@given(st.lists(st.lists(_marks, max_size=6), max_size=14), st.lists(_marks, min_size=1))
def test_a_template_that_is_carried_to_another_process_answers_the_same(
    pages: list[list[Mark]], asked: list[Mark]
) -> None:
    learned = Template(
        {"c": CaptureMarks(_NOW.date(), tuple(PageMarks.of(n, "c", tuple(marks)) for n, marks in enumerate(pages)))}
    )
    carried = pickle.loads(pickle.dumps(learned.carried()))
    assert not carried.captures
    assert carried.is_known == learned.is_known
    for mark in {*asked, *(mark for marks in pages for mark in marks)}:
        for anywhere in (True, False):
            assert carried.repeats(mark, anywhere=anywhere) == learned.repeats(mark, anywhere=anywhere)


def test_a_disclaimer_on_every_page_goes() -> None:
    disclaimer = "The views in this newspaper are those of its writers and need not be those of its owners."
    assert _learned(_site(20, every=[(disclaimer, _FOOT)])).repeats(_mark(disclaimer, _FOOT))


def test_an_agency_paragraph_on_two_of_sixty_pages_stays() -> None:
    paragraph = "The minister told reporters on Monday that talks with the union would begin again within a week."
    template = _learned(_site(60, extra={3: [(paragraph, _BODY)], 40: [(paragraph, _BODY)]}))
    assert not template.repeats(_mark(paragraph, _BODY))


def test_an_articles_own_paragraphs_stay() -> None:
    template = _learned(_site(30))
    assert not any(template.repeats(_mark(_prose(4, line), _BODY)) for line in range(6))


def page_of(number: int, *lines: str) -> Page:
    """A page on which these lines stand."""
    return Page(f"https://a.example/{number}", [(line, _BODY) for line in lines], _capture(1))


def test_an_article_at_many_addresses_is_no_template_and_a_wall_is() -> None:
    others = [page_of(number, *(_prose(number, line) for line in range(6))) for number in range(20)]
    article = [_prose(99, line) for line in range(4)]
    copies = [page_of(100 + number, *article) for number in range(7)]
    learned = _learned([*others, *copies])
    assert not any(learned.repeats(_mark(line, _BODY)) for line in article)
    wall = article[:2]
    walls = [page_of(200 + number, *wall) for number in range(3)]
    learned = _learned([*others, *walls])
    assert all(learned.repeats(_mark(line, _BODY)) for line in wall)


def test_an_article_that_grows_at_its_address_counts_once() -> None:
    others = [page_of(number, *(_prose(number, line) for line in range(6))) for number in range(20)]
    grown = [page_of(99, *(_prose(99, line) for line in range(lines))) for lines in range(4, 12)]
    learned = _learned([*others, *grown, page_of(100, *(_prose(99, line) for line in range(4)))])
    assert not any(learned.repeats(_mark(_prose(99, line), _BODY)) for line in range(4))
    assert learned.page_count == 21


def test_a_sentence_that_a_site_repeats_once_a_year_stays() -> None:
    greeting = "We wish all our readers a peaceful holiday and thank them for their letters."
    template = Template()
    for week in range(52):
        day = date(2026, 1, 1) + timedelta(weeks=week)
        key = _capture(week, day)
        pages = [Page(f"https://a.example/{week}/{n}", [(_prose(week * 50 + n, 1), _BODY)], key) for n in range(10)]
        if week in (0, 51):
            pages.append(Page(f"https://a.example/greeting-{week}", [(greeting, _BODY)], key))
        template = learn(template, pages, capture_keys=[key], now=_NOW)
    assert not template.repeats(_mark(greeting, _BODY))


def test_a_rotating_list_goes_with_the_first_appearance_of_a_story_on_it() -> None:
    extra = {
        n: [(f"Teaser for the story number {'abcdefg'[(n + k) % 7]} of the week", _LIST) for k in range(3)]
        for n in range(12)
    }
    template = _learned(_site(12, extra=extra))
    assert template.repeats(_mark("Teaser for a story that nobody has seen before", _LIST, is_line=True))


def test_the_same_page_captured_again_does_not_count_twice() -> None:
    text = "This sentence stands on one page only, which was changed and captured three times this week."
    template = Template()
    for number in range(5):
        key = _capture(number)
        pages = [
            Page("https://a.example/one", [(text, _BODY)], key),
            Page(f"https://a.example/{number}", [(_prose(number, 1), _BODY)], key),
        ]
        template = learn(template, pages, capture_keys=[key], now=_NOW)
    assert not template.repeats(_mark(text, _BODY))


def test_a_capture_learned_again_changes_nothing() -> None:
    pages = _site(8)
    once = _learned(pages)
    assert learn(once, pages, capture_keys=[_capture(1)], now=_NOW + timedelta(days=9)) == once


def test_what_is_long_past_is_forgotten() -> None:
    old = learn(
        Template(),
        [Page("https://a.example/old", [("gone", _FOOT)], _capture(1, date(2025, 1, 1)))],
        capture_keys=[],
        now=_NOW,
    )
    new = learn(
        Template(),
        [Page(f"https://a.example/{n}", [(_prose(n, 1), _BODY)], _capture(2)) for n in range(WINDOW_PAGES)],
        capture_keys=[],
        now=_NOW,
    )
    assert set(merge(old, new).captures) == {_capture(2)}


def _of_captures(numbers: set[int]) -> Template:
    """A template of captures that hold the same pages wherever they are learned."""
    pages = [
        Page(
            f"https://a.example/{number}/{n}", [(f"line {n % 3}", _FOOT)], _capture(number, date(2026, 11, 1 + number))
        )
        for number in numbers
        for n in range(number * 37 % 160 + 1)
    ]
    return learn(Template(), pages, capture_keys=[], now=_NOW)


_captures = st.sets(st.integers(0, 9), max_size=5)


@settings(deadline=None, max_examples=40)
@given(_captures, _captures, _captures)
def test_merging_is_the_same_in_any_order(one: set[int], two: set[int], three: set[int]) -> None:
    first, second, third = _of_captures(one), _of_captures(two), _of_captures(three)
    assert merge(merge(first, second), third) == merge(first, merge(third, second))
    assert merge(first, first) == first


def test_a_stored_template_is_read_back_whole(store: Store) -> None:
    template = _learned(_site(7, every=[("Every page says this", _FOOT)]))
    save_template(store, "a", template)
    assert load_template(store, "a") == template


def test_a_template_is_read_whatever_the_order_of_its_rows(store: Store) -> None:
    rows = [
        {"capture": "c/2", "day": date(2026, 11, 2), "page": 9, "text": 1, "slot": 2, "is_line": False},
        {"capture": "c/1", "day": date(2026, 11, 1), "page": None, "text": None, "slot": None, "is_line": None},
        {"capture": "c/2", "day": date(2026, 11, 2), "page": 4, "text": 7, "slot": 2, "is_line": True},
        {"capture": "c/2", "day": date(2026, 11, 2), "page": 9, "text": (1 << 32) - 1, "slot": 0, "is_line": False},
    ]
    types = {"page": pa.uint32(), "text": pa.uint32(), "slot": pa.uint32(), "is_line": pa.bool_()}
    schema = pa.schema({"capture": pa.string(), "day": pa.date32(), **types})
    written = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), written)
    store.put_if(template_key("a"), written.getvalue(), None)
    nine = PageMarks.of(9, "c/2", [Mark(1, 2, is_line=False), Mark((1 << 32) - 1, 0, is_line=False)])
    assert load_template(store, "a").captures == {
        "c/1": CaptureMarks(date(2026, 11, 1), ()),
        "c/2": CaptureMarks(date(2026, 11, 2), (PageMarks.of(4, "c/2", [Mark(7, 2, is_line=True)]), nine)),
    }


@given(st.lists(_marks))
def test_a_page_has_the_marks_that_it_was_made_with(marks: list[Mark]) -> None:
    assert PageMarks.of(1, "c", marks).marks == tuple(marks)


def test_a_source_without_template_has_an_empty_one(store: Store) -> None:
    assert load_template(store, "nobody") == Template()


def test_a_writer_that_loses_merges(store: Store) -> None:
    first = learn(Template(), _site(3), capture_keys=[_capture(1)], now=_NOW)
    second = learn(
        Template(), [Page("https://a.example/x", [("x", _BODY)], _capture(2))], capture_keys=[_capture(2)], now=_NOW
    )
    save_template(store, "a", first)
    save_template(store, "a", second)
    assert set(load_template(store, "a").captures) == {_capture(1), _capture(2)}


def test_an_empty_capture_is_remembered(store: Store) -> None:
    save_template(store, "a", learn(Template(), [], capture_keys=[_capture(9)], now=_NOW))
    assert set(load_template(store, "a").captures) == {_capture(9)}


def test_a_full_template_stays_small(store: Store) -> None:
    pages = [
        Page(f"https://a.example/{n}", [(_prose(n, k), _BODY) for k in range(60)], _capture(n // 50))
        for n in range(WINDOW_PAGES)
    ]
    save_template(store, "a", learn(Template(), pages, capture_keys=[], now=_NOW))
    assert len(store.get(template_key("a")).body) < 200_000
