"""The revisit schedule: asked as often as a source gives something new, never outside the bounds, nothing falls out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.revisit import (
    Answer,
    Bounds,
    DocumentHistory,
    SourceHistory,
    dump_history,
    learn,
    load_history,
    merge_histories,
    plan_visits,
)
from pipelines.errors import StorageError

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BOUNDS = Bounds(soonest=QUARTER)
FEED, SECTION = "https://a.example/feed", "https://a.example/world"


class Site:
    """A site under the schedule: `shows` says which articles (by moment of publication) a document lists."""

    def __init__(self, published: Sequence[datetime], shows: Mapping[str, Callable[[list[datetime]], list[datetime]]]):
        self.published, self.shows = sorted(published), shows
        self.history = SourceHistory()
        self.asked: dict[str, list[datetime]] = {url: [] for url in shows}
        self.found: dict[str, datetime] = {}
        self.failing: set[str] = set()
        self.dated = True

    def run(self, since: datetime, until: datetime, bounds: Bounds = BOUNDS) -> None:
        """A run every quarter of an hour, each some seconds late."""
        now = since
        while now < until:
            self.visit(now + timedelta(seconds=now.minute), bounds)
            now += QUARTER

    def visit(self, now: datetime, bounds: Bounds = BOUNDS) -> None:
        answers = []
        for url in plan_visits(self.history, self.shows, now, bounds).documents_for(now):
            self.asked[url].append(now)
            shown = self.shows[url]([moment for moment in self.published if moment <= now])
            links = [(f"https://a.example/{moment:%d%H%M%S}", moment if self.dated else None) for moment in shown]
            answers.append(Answer(url=url, links=links, failed=url in self.failing))
            if url not in self.failing:
                for link, _ in links:
                    self.found.setdefault(link, now)
        if answers:
            self.history = learn(self.history, answers, now, self.found.get)

    def missed(self, since: datetime, until: datetime) -> list[datetime]:
        """The articles of a time that were never found."""
        return [
            moment
            for moment in self.published
            if since <= moment < until and f"https://a.example/{moment:%d%H%M%S}" not in self.found
        ]

    def visits_on(self, url: str, day: int) -> int:
        return sum(MONDAY + day * DAY <= moment < MONDAY + (day + 1) * DAY for moment in self.asked[url])


def newest(length: int) -> Callable[[list[datetime]], list[datetime]]:
    return lambda moments: moments[-length:]


def every(step: timedelta, since: datetime = MONDAY, until: datetime = MONDAY + 14 * DAY) -> list[datetime]:
    return [since + step * number for number in range(1, int((until - since) / step))]


def test_a_document_never_asked_is_due_at_once() -> None:
    assert plan_visits(SourceHistory(), [FEED, SECTION, FEED], MONDAY, BOUNDS).documents_for(MONDAY) == [FEED, SECTION]


def test_without_documents_there_is_nothing_to_plan() -> None:
    plan = plan_visits(SourceHistory(), [], MONDAY, BOUNDS)
    assert plan.next_run_at is None
    assert plan.documents_for(MONDAY) == []


def test_the_more_a_source_publishes_the_more_often_it_is_asked() -> None:
    visits = []
    for step in (timedelta(days=3), timedelta(hours=8), timedelta(minutes=40), timedelta(minutes=4)):
        site = Site(every(step), {FEED: newest(30)})
        site.run(MONDAY, MONDAY + 7 * DAY)
        visits.append(site.visits_on(FEED, 6))
    assert visits == sorted(visits)
    assert visits[0] <= 8
    assert visits[-1] >= 90


def test_a_run_that_starts_a_little_early_does_not_put_a_visit_off() -> None:
    site = Site(every(timedelta(minutes=4)), {FEED: newest(30)})
    site.run(MONDAY, MONDAY + DAY)
    due_at = plan_visits(site.history, [FEED], MONDAY, BOUNDS).due_at[FEED]
    assert plan_visits(site.history, [FEED], MONDAY, BOUNDS).documents_for(due_at - timedelta(seconds=40)) == [FEED]


def test_a_feed_without_anything_new_is_asked_about_once_a_day() -> None:
    site = Site([MONDAY - 20 * DAY], {FEED: newest(20)})
    site.run(MONDAY, MONDAY + 40 * DAY)
    assert len([moment for moment in site.asked[FEED] if moment > MONDAY + 30 * DAY]) <= 16


def test_a_feed_that_changes_without_new_links_counts_like_one_that_is_unchanged() -> None:
    history = learn(SourceHistory(), [Answer(url=FEED, links=[("https://a.example/1", None)])], MONDAY, {}.get)
    seen = {"https://a.example/1": MONDAY}
    later = MONDAY + HOUR
    changed = learn(history, [Answer(url=FEED, links=[("https://a.example/1", None)])], later, seen.get)
    assert changed == learn(history, [Answer(url=FEED, links=None)], later, seen.get)


def test_a_source_of_office_hours_is_left_alone_at_night_and_on_weekends() -> None:
    office = [moment for moment in every(timedelta(minutes=20), until=MONDAY + 28 * DAY) if moment.weekday() < 5]
    site = Site([moment for moment in office if 9 <= moment.hour < 17], {FEED: newest(30)})
    site.run(MONDAY, MONDAY + 24 * DAY)
    asked = [moment for moment in site.asked[FEED] if moment >= MONDAY + 14 * DAY]
    busy = [moment for moment in asked if moment.weekday() < 5 and 9 <= moment.hour < 17]
    weekend = [moment for moment in asked if moment.weekday() >= 5]
    assert len(busy) >= 6 * 20  # six working days of at least 20 visits
    assert len(asked) - len(busy) <= len(busy) * 0.8
    assert len(weekend) / 2 <= len(busy) / 8


def test_breaking_news_is_followed_while_it_lasts() -> None:
    burst = every(timedelta(minutes=3), MONDAY + 7 * DAY + 12 * HOUR, MONDAY + 7 * DAY + 16 * HOUR)
    site = Site(every(timedelta(hours=2)) + burst, {FEED: newest(30)})
    site.run(MONDAY, MONDAY + 10 * DAY)
    day_before, that_day, day_after = (site.visits_on(FEED, day) for day in (6, 7, 9))
    assert that_day >= day_before + 8
    assert day_after <= day_before + 6


def test_nothing_falls_out_of_a_short_feed_between_visits() -> None:
    site = Site(every(timedelta(minutes=5)), {FEED: newest(10)})
    site.run(MONDAY + DAY, MONDAY + 7 * DAY, Bounds(soonest=QUARTER, eagerness=0.01))
    assert site.missed(MONDAY + 2 * DAY, MONDAY + 6 * DAY) == []


def test_after_a_feed_overran_all_documents_are_asked() -> None:
    site = Site(every(timedelta(minutes=30)), {FEED: newest(10), SECTION: newest(40)})
    site.run(MONDAY, MONDAY + 5 * DAY)
    outage_ends = MONDAY + 6 * DAY
    site.visit(outage_ends)
    site.visit(outage_ends + QUARTER)
    assert max(site.asked[SECTION]) >= outage_ends


def test_a_section_that_only_repeats_the_feed_is_asked_seldom() -> None:
    site = Site(every(timedelta(minutes=30)), {FEED: newest(30), SECTION: newest(20)})
    site.run(MONDAY, MONDAY + 7 * DAY)
    assert site.visits_on(SECTION, 6) * 4 <= site.visits_on(FEED, 6)


def test_a_section_with_links_of_its_own_is_asked_like_a_feed() -> None:
    site = Site(
        every(timedelta(minutes=20)),
        {FEED: lambda moments: moments[::2][-20:], SECTION: lambda moments: moments[1::2][-20:]},
    )
    site.run(MONDAY, MONDAY + 7 * DAY)
    assert site.visits_on(SECTION, 6) * 3 >= site.visits_on(FEED, 6) * 2


def test_when_the_feed_freezes_the_section_takes_its_place() -> None:
    frozen_at = MONDAY + 5 * DAY

    def frozen(moments: list[datetime]) -> list[datetime]:
        return [moment for moment in moments if moment <= frozen_at][-30:]

    published = every(timedelta(minutes=30))
    site = Site(published, {FEED: frozen, SECTION: newest(40)})
    site.run(MONDAY, MONDAY + 8 * DAY)
    assert site.missed(MONDAY, MONDAY + 7 * DAY) == []
    assert site.visits_on(SECTION, 7) >= 24
    assert site.visits_on(FEED, 7) <= site.visits_on(SECTION, 7)


def test_a_failing_document_is_backed_off_and_others_stand_in() -> None:
    site = Site(every(timedelta(minutes=30)), {FEED: newest(30), SECTION: newest(40)})
    site.run(MONDAY, MONDAY + 5 * DAY)
    site.failing = {FEED}
    site.run(MONDAY + 5 * DAY, MONDAY + 8 * DAY)
    assert site.visits_on(FEED, 7) <= 2
    assert site.visits_on(SECTION, 7) >= 20


def test_a_document_that_always_fails_does_not_make_others_be_asked_more() -> None:
    lone = Site(every(timedelta(hours=2)), {FEED: newest(30), SECTION: newest(30)})
    beside = Site(every(timedelta(hours=2)), {"https://a.example/gone": newest(1), **lone.shows})
    beside.failing = {"https://a.example/gone"}
    for site in (lone, beside):
        site.run(MONDAY, MONDAY + 5 * DAY)
    assert abs(len(lone.asked[SECTION]) - len(beside.asked[SECTION])) <= 5


def test_dates_of_the_first_look_foretell_the_rate() -> None:
    quick, slow = (
        Site(every(timedelta(minutes=10)), {FEED: newest(20)}),
        Site(every(timedelta(hours=61)), {FEED: newest(20)}),
    )
    start = MONDAY + 13 * DAY
    rest = []
    for site in (quick, slow):
        site.visit(start)
        rest.append(plan_visits(site.history, [FEED], start, BOUNDS).due_at[FEED] - start)
    assert rest[0] <= 3 * QUARTER
    assert rest[1] >= 2 * HOUR


def test_a_backlog_of_old_articles_is_no_news() -> None:
    history = learn(SourceHistory(), [Answer(url=FEED, links=[])], MONDAY, {}.get)
    old = [(f"https://a.example/old{number}", MONDAY - 30 * DAY) for number in range(500)]
    later = learn(history, [Answer(url=FEED, links=old)], MONDAY + HOUR, {}.get)
    assert later.arrivals == 0


@pytest.mark.parametrize("wrong", [timedelta(days=3), timedelta(hours=-8)], ids=["in the future", "hours too old"])
def test_a_wrong_date_does_not_shift_the_week(wrong: timedelta) -> None:
    history = learn(SourceHistory(), [Answer(url=FEED, links=[])], MONDAY + 12 * HOUR, {}.get)
    now = MONDAY + 13 * HOUR
    later = learn(history, [Answer(url=FEED, links=[("https://a.example/1", now + wrong)])], now, {}.get)
    assert [hour for hour, count in enumerate(later.links) if count] == [12]


def test_what_a_feed_says_of_itself_is_heard_until_it_is_known() -> None:
    answer = Answer(url=FEED, links=[], hint=timedelta(minutes=30))
    history = learn(SourceHistory(), [answer], MONDAY, {}.get)
    assert plan_visits(history, [FEED], MONDAY, BOUNDS).due_at[FEED] == MONDAY + timedelta(minutes=30)
    now = MONDAY
    for _ in range(60):
        now += DAY
        history = learn(history, [answer], now, {}.get)
    assert plan_visits(history, [FEED], now, BOUNDS).due_at[FEED] > now + 6 * HOUR


def test_documents_that_are_gone_are_forgotten() -> None:
    history = learn(SourceHistory(), [Answer(url="https://a.example/sitemap-1", links=[])], MONDAY, {}.get)
    history = learn(history, [Answer(url=FEED, links=[])], MONDAY + 31 * DAY, {}.get)
    assert [document.url for document in history.documents] == [FEED]


@pytest.mark.parametrize("soonest", [QUARTER, HOUR, DAY], ids=["15min", "hourly", "daily"])
def test_every_cadence_finds_what_is_new(soonest: timedelta) -> None:
    site = Site(every(timedelta(hours=1)), {FEED: newest(50)})
    now = MONDAY
    while now < MONDAY + 5 * DAY:
        site.visit(now, Bounds(soonest=soonest))
        now += soonest
    assert len(site.asked[FEED]) >= 5
    assert len(site.found) >= 4 * 24 - 2


MOMENTS = st.datetimes(datetime(2026, 10, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
AMOUNTS = st.integers(0, 100_000).map(lambda number: number / 8)
DOCUMENTS = st.builds(
    DocumentHistory,
    url=st.sampled_from([FEED, SECTION, "https://a.example/map"]),
    asked_at=MOMENTS,
    answers=st.integers(0, 100),
    fails=st.integers(0, 100),
    length=st.integers(0, 50_000),
    chances=AMOUNTS,
    listed=AMOUNTS,
    credit=AMOUNTS,
    arrivals=AMOUNTS,
    hint_seconds=st.none() | st.floats(0, 1e7),
)
WEEKS = st.tuples(AMOUNTS, AMOUNTS, AMOUNTS).map(lambda part: part * 56)
HISTORIES = st.builds(
    SourceHistory,
    updated_at=MOMENTS,
    links=WEEKS,
    hours=WEEKS,
    recent=AMOUNTS,
    expected=AMOUNTS,
    unheard=AMOUNTS,
    arrivals=AMOUNTS,
    overrun_at=st.none() | MOMENTS,
    documents=st.lists(DOCUMENTS, unique_by=lambda document: document.url, max_size=3).map(tuple),
)


@given(HISTORIES, st.sampled_from([QUARTER, HOUR, DAY]), st.floats(0.01, 100))
def test_no_history_leads_out_of_the_bounds(history: SourceHistory, soonest: timedelta, eagerness: float) -> None:
    bounds = Bounds(soonest=soonest, eagerness=eagerness)
    plan = plan_visits(history, [document.url for document in history.documents], MONDAY, bounds)
    for document in history.documents:
        for moment in (plan.due_at[document.url], plan.join_at[document.url]):
            assert (QUARTER if document.fails else soonest) <= moment - document.asked_at <= DAY
        assert plan.join_at[document.url] <= plan.due_at[document.url]


@given(HISTORIES)
def test_a_history_can_be_written_and_read(history: SourceHistory) -> None:
    read = load_history(dump_history(history))
    assert dump_history(read) == dump_history(history)
    assert [document.asked_at for document in read.documents] == [document.asked_at for document in history.documents]


@given(HISTORIES, HISTORIES)
def test_two_runs_side_by_side_merge_the_same_either_way(ours: SourceHistory, theirs: SourceHistory) -> None:
    merged = merge_histories(ours, theirs)
    assert merged.updated_at == max(ours.updated_at or MONDAY, theirs.updated_at or MONDAY)
    either = {document.url: document.asked_at for document in merge_histories(theirs, ours).documents}
    assert either == {document.url: document.asked_at for document in merged.documents}
    known = (*ours.documents, *theirs.documents)
    fresh = [document for document in known if merged.updated_at - document.asked_at <= 30 * DAY]
    assert set(either) == {document.url for document in fresh}


def test_merging_with_itself_or_with_nothing_changes_nothing() -> None:
    history = learn(SourceHistory(), [Answer(url=FEED, links=[])], MONDAY, {}.get)
    assert merge_histories(history, history) == history
    assert merge_histories(SourceHistory(), history) == merge_histories(history, SourceHistory()) == history


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"documents": 3}', "null"])
def test_a_history_that_is_none_is_one_clear_error(text: str) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        load_history(text)


def test_a_year_of_a_busy_source_stays_small() -> None:
    site = Site(every(timedelta(minutes=5)), {FEED: newest(30), SECTION: newest(30)})
    site.run(MONDAY, MONDAY + 5 * DAY)
    assert len(dump_history(site.history)) < 6000
