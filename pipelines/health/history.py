"""The rows of `runs` as one set of arrays a source, oldest run first; maps are summed, not unpacked."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

COLUMNS = (
    "source_id",
    "run_id",
    "started_at",
    "outcome",
    "reason",
    "discovered",
    "captured",
    "unchanged",
    "refused",
    "failed",
    "dag_run_id",
    "reported",
    "pages",
    "extracted",
    "new_appearances",
    "dropped",
    "clutter_removed",
    "words",
    "languages",
    "delays",
)
# Names in `refused` and `failed` by which a site says that it does not want us.
BLOCKING = ("http_401", "http_403", "http_429", "http_451", "robots")


# Reasons of a run that asked the site nothing: it says nothing of the site.
_UNASKED = ("nothing_due", "resting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """A map column of some runs: `values[run, name]`."""

    names: tuple[str, ...]
    values: Numbers

    def of(self, names: Collection[str]) -> Numbers:
        """The counts of these names together, a run."""
        chosen: Numbers = self.values[:, [name in names for name in self.names]].sum(axis=1)
        return chosen

    def between(self, first: int, end: int) -> "Counts":
        """Those of some runs alone."""
        return Counts(names=self.names, values=self.values[first:end])


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One source's runs: times in seconds since 1970, counts a run; `rows` gives the details of a few runs.

    `asked`: the run asked the site something. `words` are of runs that counted them; else 0, as in rows of old.
    """

    source_id: str
    times: Numbers
    failed: Flags
    asked: Flags
    discovered: Numbers
    captured: Numbers
    unchanged: Numbers
    blocked: Numbers
    pages: Numbers
    extracted: Numbers
    new: Numbers
    clutter: Numbers
    words: Numbers
    languages: Counts
    delays: Counts
    table: pa.Table

    def __len__(self) -> int:
        return len(self.times)

    def between(self, first: int, end: int) -> "History":
        """Only the runs from number `first` on, before number `end`."""
        cut = {name: getattr(self, name)[first:end] for name in _ARRAYS}
        maps = {name: getattr(self, name).between(first, end) for name in ("languages", "delays")}
        return replace(self, **cut, **maps, table=self.table.slice(first, end - first))

    def row(self, index: int) -> dict[str, Any]:
        """One run's row, its maps as dicts."""
        rows: list[dict[str, Any]] = self.table.slice(index, 1).to_pylist(maps_as_pydicts="strict")
        return rows[0]

    def counted(self, column: str, start: int) -> dict[str, int]:
        """The map column added up over the runs from `start` on, largest first."""
        total: dict[str, int] = {}
        for row in self.table.select([column]).slice(start).to_pylist(maps_as_pydicts="strict"):
            for name, count in (row[column] or {}).items():
                total[name] = total.get(name, 0) + int(count)
        return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


_ARRAYS = (
    "times", "failed", "asked", "discovered", "captured", "unchanged", "blocked", "pages", "extracted", "new",
    "clutter", "words",
)  # fmt: skip


def read_histories(runs: pa.Table) -> Iterator[History]:
    """Each source's history, in the order of the ids."""
    if not runs.num_rows:
        return
    runs = runs.select(COLUMNS).sort_by([("source_id", "ascending"), ("started_at", "ascending")]).combine_chunks()
    ids = runs["source_id"].to_pylist()
    arrays: dict[str, Any] = {
        "times": pc.cast(runs["started_at"], pa.int64()).to_numpy() / 1e6,
        "failed": pc.is_in(runs["outcome"], pa.array(["failed", "killed"])).to_numpy(),
        "asked": ~pc.fill_null(pc.is_in(runs["reason"], pa.array(_UNASKED)), False).to_numpy(),
        "words": _numbers(runs["words"]),
        "blocked": _map_sums(runs["refused"], BLOCKING) + _map_sums(runs["failed"], BLOCKING),
        "clutter": _map_sums(runs["clutter_removed"]),
        "new": _numbers(runs["new_appearances"]),
        **{name: _numbers(runs[name]) for name in ("discovered", "captured", "unchanged", "pages", "extracted")},
    }
    start = 0
    for end in range(1, len(ids) + 1):
        if end == len(ids) or ids[end] != ids[start]:
            cut = {name: values[start:end] for name, values in arrays.items()}
            table = runs.slice(start, end - start)
            maps: dict[str, Any] = {name: _map_counts(table[name]) for name in ("languages", "delays")}
            yield History(source_id=ids[start], table=table, **cut, **maps)
            start = end


def moment(seconds: float) -> datetime:
    """A time of a history as a datetime."""
    return datetime.fromtimestamp(float(seconds), UTC)


def _numbers(column: pa.ChunkedArray) -> Numbers:
    values: Numbers = pc.fill_null(pc.cast(column, pa.float64()), 0.0).to_numpy()
    return values


def _map_counts(column: pa.ChunkedArray) -> Counts:
    """Each row's map values by name."""
    maps = column.combine_chunks()
    lengths = np.diff(maps.offsets.to_numpy())
    encoded = pc.dictionary_encode(maps.keys.cast(pa.string()))
    names = tuple(str(name) for name in encoded.dictionary.to_pylist())
    values = np.zeros((len(maps), len(names)))
    counts = pc.fill_null(pc.cast(maps.items, pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(maps)), lengths)
    np.add.at(values, (rows, encoded.indices.to_numpy()), counts)
    return Counts(names=names, values=values)


def _map_sums(column: pa.ChunkedArray, names: tuple[str, ...] | None = None) -> Numbers:
    """The sum of each row's map values, of all names or of these."""
    maps = column.combine_chunks()
    values = pc.fill_null(pc.cast(maps.items, pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    if names is not None:
        values = values * pc.is_in(maps.keys, pa.array(names)).to_numpy(zero_copy_only=False)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    offsets = maps.offsets.to_numpy()
    result: Numbers = sums[offsets[1:]] - sums[offsets[:-1]]
    return result
