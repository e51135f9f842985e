"""Health: a fault is found within three runs, an ordinary day is no alarm, and every state is said in words."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.archive import TABLES, Archive, TableRows
from pipelines.health import Sign, SourceHealth, judge_sources, source_health
from pipelines.store import open_store

START = datetime(2026, 10, 12, tzinfo=UTC)  # a Monday
Row = dict[str, Any]


def run(
    at: datetime,
    captured: int = 0,
    *,
    source: str = "a-paper",
    outcome: str = "ok",
    extracted: int | None = None,
    **more: Any,
) -> Row:
    kept = captured if extracted is None else extracted
    return {
        "source_id": source,
        "run_id": f"{source}-{at:%m%dT%H%M}",
        "started_at": at,
        "started_date": at.date(),
        "outcome": outcome,
        "reported": True,
        "reason": "",
        "discovered": 20,
        "captured": captured,
        "unchanged": 2,
        "refused": {},
        "failed": {},
        "pages": captured,
        "extracted": kept,
        "new_appearances": kept,
        "dropped": {"text_too_short": captured - kept} if kept < captured else {},
        "clutter_removed": {"related": 3 * kept},
        "words": 400 * kept,
        "languages": {"en": kept} if kept else {},
        "delays": {"60": kept} if kept else {},
        **more,
    }


def judged(rows: list[Row], now: datetime | None = None) -> SourceHealth:
    last = max(row["started_at"] for row in rows)
    (health,) = judge_sources(as_table(rows), now=now or last + timedelta(minutes=5))
    return health


def as_table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=TABLES["runs"].schema)


class Newsroom:
    """A simulated source: busier by day than by night and on weekdays, in bursts, with a hiccup now and then."""

    def __init__(self, seed: int, *, a_day: float, every: timedelta = timedelta(hours=1), weekend: float = 0.5) -> None:
        self.chance = np.random.default_rng(seed)
        self.a_day, self.every, self.weekend = a_day, every, weekend

    def rate(self, at: datetime) -> float:
        by_day = 1.0 if at.weekday() < 5 else self.weekend
        return float(self.a_day / 24 * by_day * (1 + 0.9 * np.cos((at.hour - 14) / 24 * 2 * np.pi)))

    def day(self, at: datetime) -> float:
        return float(np.random.default_rng((at.toordinal(), int(self.a_day))).gamma(25, 1 / 25))

    def runs(self, days: float, fault: Callable[[Row, int], Row] | None = None, faulty_runs: int = 0) -> list[Row]:
        count = int(timedelta(days=days) / self.every)
        rows = []
        for number in range(count + faulty_runs):
            at = START + number * self.every
            mean = sum(
                self.rate(at - timedelta(hours=hour)) for hour in range(max(1, int(self.every / timedelta(hours=1))))
            )
            mean *= min(1.0, self.every / timedelta(hours=1)) * self.day(at)
            captured = int(self.chance.poisson(mean * self.chance.gamma(4, 0.25)))
            row = run(at, captured, extracted=int(self.chance.binomial(captured, 0.97)))
            row["clutter_removed"] = {"related": int(self.chance.poisson(3 * row["extracted"]))}
            if self.chance.random() < 0.01:
                row = run(at, outcome="failed", reason="timeout", discovered=0, unchanged=0)
            rows.append(fault(row, number - count) if fault and number >= count else row)
        return rows


def refused(row: Row, number: int) -> Row:
    return run(row["started_at"], failed={"http_403": max(2, row["captured"])})


def down(row: Row, number: int) -> Row:
    return run(row["started_at"], outcome="failed", reason="connection", discovered=0, unchanged=0)


def redesigned(row: Row, number: int) -> Row:
    return run(row["started_at"], max(4, row["captured"]), extracted=0)


def cluttered(row: Row, number: int) -> Row:
    pages = max(4, row["captured"])
    return run(row["started_at"], pages, clutter_removed={"related": 14 * pages})


def shortened(row: Row, number: int) -> Row:
    pages = max(6, row["captured"])
    return run(row["started_at"], pages, words=90 * pages)


def in_another_language(row: Row, number: int) -> Row:
    pages = max(6, row["captured"])
    return run(row["started_at"], pages, languages={"en": 1, "fr": pages - 1})


def belated(row: Row, number: int) -> Row:
    pages = max(6, row["captured"])
    return run(row["started_at"], pages, delays={"1440": pages})


def stuck(row: Row, number: int) -> Row:
    return run(row["started_at"], 0)


FAULTS: dict[Sign, Callable[[Row, int], Row]] = {
    Sign.FAILING: down,
    Sign.BLOCKED: refused,
    Sign.DROPPING: redesigned,
    Sign.CLUTTERED: cluttered,
    Sign.LENGTH: shortened,
    Sign.LANGUAGE: in_another_language,
    Sign.LATE: belated,
}


@pytest.mark.parametrize(("sign", "fault"), FAULTS.items(), ids=[str(sign) for sign in FAULTS])
def test_a_fault_is_found_within_three_runs(sign: Sign, fault: Callable[[Row, int], Row]) -> None:
    found = 0
    for seed in range(40):
        newsroom = Newsroom(seed, a_day=[30, 120, 400][seed % 3])
        health = judged(newsroom.runs(15, fault, faulty_runs=3))
        found += health.state == "ill" and health.sign is sign
    assert found >= 38


@pytest.mark.parametrize(
    ("a_day", "every", "runs"),
    [(1500, timedelta(hours=1), 3), (60, timedelta(days=1), 3), (200, timedelta(hours=1), 24)],
    ids=["a busy wire, hourly", "a paper, daily", "a paper, hourly: within a day"],
)
def test_silence_is_found_when_enough_was_to_be_expected(a_day: float, every: timedelta, runs: int) -> None:
    found = 0
    for seed in range(20):
        newsroom = Newsroom(seed, a_day=a_day, every=every)
        rows = newsroom.runs(28 + seed % 7 + 0.5, stuck, faulty_runs=runs)
        found += judged(rows).sign is Sign.SILENT
    assert found >= 19


def test_ordinary_weeks_are_no_alarm() -> None:
    """Hiccups, bursts, weekends and slow days of 12 sources over two weeks, looked at after every third run."""
    alarms: list[SourceHealth] = []
    looked_days = 0
    for seed in range(12):
        rows = Newsroom(seed, a_day=[8, 40, 150, 600][seed % 4], weekend=[0.1, 0.5, 1.0][seed % 3]).runs(28)
        table = as_table(rows)
        for end in range(len(rows) - 14 * 24, len(rows), 3):
            (health,) = judge_sources(table.slice(0, end), now=rows[end - 1]["started_at"] + timedelta(minutes=5))
            if health.state == "ill":
                alarms.append(health)
        looked_days += 14
    assert not alarms, f"{len(alarms)} alarms in {looked_days} days: {alarms[0]}"


def test_one_failed_run_is_worth_a_word_and_three_are_an_illness() -> None:
    rows = Newsroom(1, a_day=100).runs(10)
    at = rows[-1]["started_at"]
    for count, state in ((1, "quiet"), (2, "quiet"), (3, "ill")):
        rows.append(down(run(at + count * timedelta(hours=1)), count))
        health = judged(rows)
        assert (health.state, health.sign) == (state, Sign.FAILING)
    assert health.reason == "does not answer in 3 runs: connection refused or broken"
    assert health.since == at + timedelta(hours=1)
    assert "homepage" in health.advice
    rows.append(run(at + timedelta(hours=4), 9))
    assert judged(rows).state == "well"


def test_runs_that_leave_a_failed_source_in_peace_are_no_failures_of_their_own() -> None:
    rows = Newsroom(1, a_day=100).runs(10)
    at = rows[-1]["started_at"]
    for number, reason in enumerate(("timeout", "resting", "resting", "timeout")):
        rows.append(run(at + (number + 1) * timedelta(hours=1), outcome="failed", reason=reason))
    assert (judged(rows).state, judged(rows).reason) == ("quiet", "does not answer in 2 runs: no answer in time")


def test_runs_in_which_nothing_was_due_are_no_silence() -> None:
    rows = Newsroom(2, a_day=1500).runs(15)
    at = rows[-1]["started_at"]
    rows += [run(at + (number + 1) * timedelta(hours=1), reason="nothing_due") for number in range(6)]
    assert judged(rows).state == "well"


def test_one_very_long_article_is_no_shift() -> None:
    rows = Newsroom(3, a_day=100).runs(15)
    rows[-1] = run(rows[-1]["started_at"], 3, words=60_000)
    assert judged(rows).state == "well"


def test_a_source_in_two_languages_may_lean_to_either() -> None:
    rows = Newsroom(4, a_day=150).runs(15)
    for row in rows:
        half = row["extracted"] // 3
        row["languages"] = {"en": row["extracted"] - half, "de": half}
    for row in rows[-5:]:
        row["languages"] = {"de": row["extracted"]}
    assert judged(rows).state == "well"


def test_what_a_site_kept_from_before_the_first_crawl_is_not_late() -> None:
    rows = [run(START, 80, delays={"more": 80}), *Newsroom(5, a_day=100).runs(3)[1:]]
    assert judged(rows).state == "well"


def test_rows_of_an_older_worldwire_say_nothing_of_words_and_languages() -> None:
    rows = Newsroom(6, a_day=100).runs(10)
    for row in rows[:-20]:
        row.update(words=None, languages=None, delays=None)
    assert judged(rows).state == "well"


def test_a_source_that_never_answered_is_ill_at_once() -> None:
    health = judged([down(run(START), 0)])
    assert (health.state, health.reason) == ("ill", "does not answer: connection refused or broken; it never did")


@pytest.mark.parametrize(
    ("reason", "words", "advice"),
    [
        ("dns", "does not answer: the name of the host is not known; it never did", "typing mistake in its addresses"),
        ("tls", "does not answer: its certificate cannot be trusted, or it has no HTTPS; it never did", "certificate"),
        ("robots", "gives nothing: robots.txt forbids it; it never did", "worldwire obeys"),
        (
            "http_403",
            "gives nothing: access is forbidden (HTTP 403); it never did",
            "more slowly, or write to the site",
        ),
        ("http_404", "gives nothing: not found (HTTP 404); it never did", "look them up on its homepage"),
        ("", "does not answer; it never did", "Open its homepage"),
    ],
)
def test_what_is_said_of_a_failure_and_what_to_try_is_of_its_cause(reason: str, words: str, advice: str) -> None:
    health = judged([run(START, outcome="failed", reason=reason)])
    assert (health.state, health.reason) == ("ill", words)
    assert advice in health.advice


def test_a_source_without_a_link_is_ill_at_once() -> None:
    health = judged([run(START, discovered=0, unchanged=0)])
    assert (health.state, health.sign) == ("ill", Sign.BARREN)


def test_a_first_run_whose_pages_all_give_no_article_is_ill() -> None:
    health = judged([run(START, 12, extracted=0)])
    assert (health.state, health.reason) == ("ill", "12 of 12 pages gave no article (text too short 12)")


def test_a_first_run_that_went_well_is_well_and_says_that_it_is_new() -> None:
    health = judged([run(START, 30)])
    assert (health.state, health.reason) == ("well", "30 new today; too new for a usual")


def test_a_first_quiet_weekend_is_no_alarm() -> None:
    rows = [row if row["started_at"].weekday() < 5 else stuck(row, 0) for row in Newsroom(3, a_day=300).runs(7)]
    assert judged(rows).state != "ill"


def test_a_page_forbidden_for_good_is_no_alarm() -> None:
    rows = Newsroom(4, a_day=60).runs(14)
    for row in rows[::5]:
        row["failed"] = {"http_403": 1}
    assert judged(rows).state == "well"


def test_a_source_that_is_no_longer_crawled_is_off() -> None:
    rows = Newsroom(5, a_day=60).runs(14)
    health = judged(rows, now=rows[-1]["started_at"] + timedelta(days=2))
    assert (health.state, health.reason) == ("off", "not crawled for 48 h; it used to be every 60 min")


def test_half_the_feeds_gone_is_noticed() -> None:
    rows = Newsroom(6, a_day=400).runs(29)
    for row in rows[-30:]:
        row["captured"] //= 8
    health = judged(rows)
    assert (health.state, health.sign) == ("ill", Sign.FEW)


def test_today_is_counted_beside_what_is_usual_by_now() -> None:
    rows = Newsroom(7, a_day=240, weekend=1.0).runs(21.5)
    health = judged(rows)
    assert health.usual_today == pytest.approx(120 * 0.62, rel=0.35)  # noon; the morning is the slower half
    assert health.new_today == sum(row["new_appearances"] for row in rows if row["started_at"] >= START + timedelta(21))
    assert health.runs_today == 12


def test_runs_of_several_sources_in_any_order_are_told_apart() -> None:
    rows = [run(START + timedelta(hours=hour), 5, source=source) for hour in range(4) for source in ("b", "a", "c")]
    healths = judge_sources(as_table(rows[::-1]), now=START + timedelta(hours=4))
    assert [(health.source_id, health.new_today) for health in healths] == [("a", 20), ("b", 20), ("c", 20)]


def test_a_row_whose_captures_are_not_published_yet_is_no_illness() -> None:
    waiting = run(START, 30)
    for name in ("pages", "extracted", "new_appearances", "dropped", "clutter_removed"):
        waiting[name] = None
    assert judged([waiting]).state == "well"


def test_backfilled_pages_are_no_crawl() -> None:
    assert judge_sources(as_table([run(START, 0, reported=False)]), now=START) == []


def test_health_is_read_from_the_archive(archive_folder: Any) -> None:
    store = open_store(str(archive_folder))
    assert source_health(store, now=START) == []
    archive = Archive(store)
    archive.commit(
        {"runs": TableRows(added=[run(START, 30)])},
        after=archive.open_for_publishing(),
        captures=[],
        kind="publish",
        now=START,
    )
    (health,) = source_health(store, now=START + timedelta(minutes=5))
    assert (health.source_id, health.state, health.new_today) == ("a-paper", "well", 30)
    assert source_health(store, now=START + timedelta(days=50)) == []
