"""Visits in columns, ordered by URL: what a source saw in a fortnight weighs some 300 bytes a URL, not kilobytes."""

from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import fields
from datetime import datetime
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from crawlers.frontier.visit import Role, Visit

VISIT_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("role", pa.string()),
        ("first_seen_at", pa.timestamp("us", "UTC")),
        ("fetched_at", pa.timestamp("us", "UTC")),
        ("next_visit_at", pa.timestamp("us", "UTC")),
        ("status", pa.int32()),
        ("visits", pa.int32()),
        ("fails", pa.int32()),
        ("etag", pa.string()),
        ("last_modified", pa.string()),
        ("payload_sha256", pa.string()),
        ("found_in", pa.string()),
        ("title", pa.string()),
        ("published_at", pa.timestamp("us", "UTC")),
    ]
)
_NAMES = tuple(field.name for field in fields(Visit))


class Visits:
    """Many visits, one a URL; never changed, so that copies of a frontier share them."""

    def __init__(self, table: pa.Table) -> None:
        """`table` has the columns of `VISIT_SCHEMA` and is ordered by URL."""
        self.table = table.combine_chunks()
        self._urls = self.table["url"].chunk(0) if len(table) else pa.array([], pa.string())

    @classmethod
    def of(cls, visits: Iterable[Visit]) -> Self:
        chosen = sorted(visits, key=lambda visit: visit.url)
        columns = {name: [getattr(visit, name) for visit in chosen] for name in _NAMES}
        return cls(pa.Table.from_pydict(columns, schema=VISIT_SCHEMA))

    def __len__(self) -> int:
        return len(self._urls)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Visits) and self.table.equals(other.table)

    def urls(self) -> list[str]:
        found: list[str] = self._urls.to_pylist()
        return found

    def find(self, url: str) -> Visit | None:
        """What is known of one URL."""
        at = bisect_left(self._urls, url, key=lambda scalar: scalar.as_py())
        if at == len(self._urls) or self._urls[at].as_py() != url:
            return None
        return _visits_in(self.table.slice(at, 1))[0]

    def due(self, now: datetime) -> list[Visit]:
        """The articles whose next visit has come."""
        is_due = pc.less_equal(self.table["next_visit_at"], pa.scalar(now, pa.timestamp("us", "UTC")))
        return _visits_in(self.table.filter(pc.and_(is_due, pc.equal(self.table["role"], Role.ARTICLE.value))))

    def of_role(self, role: Role) -> list[Visit]:
        return _visits_in(self.table.filter(pc.equal(self.table["role"], role.value)))

    def part(self, since: datetime) -> tuple[Self, list[str]]:
        """The visits fetched since then, and the URLs of those before."""
        is_recent = pc.greater_equal(self.table["fetched_at"], pa.scalar(since, pa.timestamp("us", "UTC")))
        older = self.table["url"].filter(pc.invert(is_recent)).to_pylist()
        return (type(self)(self.table.filter(is_recent)), older) if older else (self, older)

    def overlaid(self, changed: Collection[Visit]) -> Self:
        """These visits, with `changed` added or in the place of what was known of their URLs."""
        if not changed:
            return self
        urls = pa.array([visit.url for visit in changed], pa.string())
        kept = self.table.filter(pc.invert(pc.is_in(self.table["url"], urls)))
        joined = pa.concat_tables([kept, type(self).of(changed).table])
        return type(self)(joined.take(pc.sort_indices(joined["url"])))

    def differing(self, other: Self) -> list[Visit]:
        """Those that `other` does not have, or has otherwise."""
        theirs = other.table.take(pc.index_in(self.table["url"], other.table["url"].combine_chunks()))
        is_same = pa.chunked_array([[True] * len(self)], pa.bool_())
        for name in _NAMES:
            one, two = self.table[name], theirs[name]
            is_equal = pc.or_(pc.fill_null(pc.equal(one, two), False), pc.and_(pc.is_null(one), pc.is_null(two)))
            is_same = pc.and_(is_same, is_equal)
        return _visits_in(self.table.filter(pc.invert(is_same)))


def _visits_in(table: pa.Table) -> list[Visit]:
    rows = table.to_pylist()
    return [Visit(**row | {"role": Role(row["role"])}) for row in rows]
