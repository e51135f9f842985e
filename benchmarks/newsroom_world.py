"""A made-up archive of many sources and days for the newsroom: rows only, no captures; some sources have faults."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from pipelines.archive import TABLES, Archive
from pipelines.store import open_store

_CADENCES = (15, 60, 60, 60, 1440)  # minutes
_FAULTS = ("failing", "blocked", "silent", "dropping", "off")
_FAULT_EVERY = 14  # sources
_FAULT_HOURS = 40
_DAY_SHAPE = np.array([2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 8, 8, 8, 8, 8, 7, 6, 5, 4, 4, 3, 3]) / 5.2


def fill(folder: Path, *, sources: int, days: int, now: datetime) -> int:
    """Writes the tables; gives how many runs there are."""
    folder.mkdir(parents=True, exist_ok=True)
    store = open_store(str(folder))
    Archive(store).open_for_publishing()
    chance = np.random.default_rng(7)
    pages_a_day = chance.lognormal(3.2, 0.8, sources).clip(2, 300)
    runs = 0
    for back in range(days - 1, -1, -1):
        day = (now - timedelta(days=back)).date()
        rows = _runs(day, pages_a_day, chance, now)
        runs += len(rows["run_id"])
        articles = _articles(rows)
        for name, columns in (("runs", rows), ("articles", articles), ("appearances", _appearances(articles, chance))):
            write_deltalake(store.table_uri(name), _table(name, columns), mode="append")
    return runs


def source_id(number: int) -> str:
    return f"source-{number:03}"


def _runs(day: date, pages_a_day: Any, chance: np.random.Generator, now: datetime) -> dict[str, Any]:
    midnight = datetime.combine(day, time(), UTC)
    number, minute, share = [], [], []
    for source in range(len(pages_a_day)):
        cadence = _CADENCES[source % len(_CADENCES)]
        at = np.arange(source % 15, 1440, cadence)
        number.append(np.full(len(at), source))
        minute.append(at)
        share.append(_DAY_SHAPE[at // 60] * (1 if cadence == 1440 else cadence / 1440))
    source, minutes = np.concatenate(number), np.concatenate(minute)
    rate = pages_a_day[source] * np.concatenate(share) * (0.6 if day.weekday() >= 5 else 1.0)
    started = np.array([midnight + timedelta(minutes=int(one)) for one in minutes])
    is_recent = np.array([now - timedelta(hours=_FAULT_HOURS) < at for at in started])
    fault = np.where(is_recent & (source % _FAULT_EVERY == 3), source // _FAULT_EVERY % len(_FAULTS), -1)
    kept = np.array([at <= now for at in started]) & (fault != _FAULTS.index("off"))
    source, rate, started, fault = source[kept], rate[kept], started[kept], fault[kept]
    fails, blocked = fault == _FAULTS.index("failing"), fault == _FAULTS.index("blocked")
    captured = np.where(fails | blocked | (fault == _FAULTS.index("silent")), 0, chance.poisson(rate))
    dropped = chance.binomial(captured, np.where(fault == _FAULTS.index("dropping"), 0.9, 0.04))
    unchanged = np.where(fails, 0, chance.poisson(4, len(source)))
    extracted = captured - dropped
    refused = np.where(blocked, 6, chance.binomial(1, 0.05, len(source)))
    return {
        "run_id": [f"{at:%Y%m%dT%H%M}-{one:03}" for at, one in zip(started, source, strict=True)],
        "source_id": [source_id(one) for one in source],
        "started_at": list(started),
        "ended_at": [at + timedelta(seconds=40) for at in started],
        "started_date": [day] * len(source),
        "outcome": np.where(fails, "failed", "ok").tolist(),
        "reason": np.where(fails, "timeout", "").tolist(),
        "reported": [True] * len(source),
        "discovered": np.where(fails, 0, captured + 30),
        "asked": captured + unchanged,
        "captured": captured,
        "unchanged": unchanged,
        "pages": captured,
        "extracted": extracted,
        "new_articles": extracted - extracted // 5,
        "new_appearances": extracted,
        "dropped": _counts({"not_an_article": dropped - dropped // 2, "text_too_short": dropped // 2}),
        "clutter_removed": _counts({"related": extracted * 3, "share": extracted * 2}),
        "refused": _counts({"robots": refused}),
        "failed": _counts({"timeout": fails.astype(int)}),
        "bytes_received": captured * 38_000,
        "dag_run_id": [f"scheduled__{at.isoformat()}" for at in started],
    }


def _articles(runs: Mapping[str, Any]) -> dict[str, Any]:
    """The articles of a day's runs."""
    of = np.repeat(np.arange(len(runs["run_id"])), runs["new_articles"])
    nth = np.concatenate([np.arange(count) for count in runs["new_articles"]]) if len(of) else of
    names = [f"{runs['run_id'][at]}-{one}" for at, one in zip(of, nth, strict=True)]
    seen = [runs["started_at"][at] for at in of]
    delays = 240 + (np.arange(len(of)) * 7919 % 3000)
    return {
        "article_id": [f"a-{name}" for name in names],
        "story_id": [f"s-{name}" for name in names],
        "url": [f"https://news.example/{name}" for name in names],
        "source_id": [runs["source_id"][at] for at in of],
        "title": [f"What the council of {name} decided on its last evening" for name in names],
        "published_at": [at - timedelta(seconds=int(delay)) for at, delay in zip(seen, delays, strict=True)],
        "published_precision": ["second"] * len(of),
        "first_seen_at": seen,
        "first_seen_date": [runs["started_date"][at] for at in of],
        "text": ["The council decided."] * len(of),
        "word_count": np.full(len(of), 420),
        "removed": _counts({"related": np.full(len(of), 3)}),
        "capture_key": [
            f"captures/date={runs['started_date'][at]}/source={runs['source_id'][at]}/gone.warc.gz" for at in of
        ],
        "capture_offset": np.arange(len(of)) * 20_000,
        "payload_sha256": ["0" * 64] * len(of),
    }


def _appearances(articles: Mapping[str, Any], chance: np.random.Generator) -> dict[str, Any]:
    count = len(articles["article_id"])
    names = ("article_id", "story_id", "source_id", "url", "title", "published_at", "first_seen_at", "first_seen_date")
    places = ("capture_key", "capture_offset", "payload_sha256")
    return {
        **{name: articles[name] for name in (*names, *places)},
        "appearance_id": [f"p-{name[2:]}" for name in articles["article_id"]],
        "kind": chance.choice(["original", "original", "original", "verbatim", "edited"], count).tolist(),
        "similarity": np.ones(count),
    }


def _counts(columns: Mapping[str, Any]) -> pa.MapArray:
    """One map a row, of the counts that are not 0."""
    values = np.stack(list(columns.values()), axis=1)
    present = values > 0
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32)
    keys = np.tile(np.array(list(columns)), (len(values), 1))[present]
    return pa.MapArray.from_arrays(offsets, pa.array(keys, pa.string()), pa.array(values[present], pa.int64()))


def _table(name: str, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    schema = TABLES[name].schema
    rows = len(next(iter(columns.values())))
    return pa.table(
        [
            pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
            for field in schema
        ],
        schema=schema,
    )
