"""Articles as they were at a moment: the last text whose page had been fetched by then.

The current text stands in `articles`, earlier ones in `revisions`; both have the same partition. Which of several texts
came last is said by `journal`, not by the clock: a page that was fetched earlier may have been published later. Stories
that have been found to be one are one at every moment.
"""

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.archive import JOURNAL, TABLES, Archive
from pipelines.readers.rows import RowRange, check_archive, chosen, day_of, in_order, readable
from pipelines.store import Store

_ARTICLES = TABLES["articles"]


def read_as_of(store: Store, moment: datetime, *, rows: RowRange | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of `articles` as of the moment, oldest day first; those first seen later are not among them.

    Raises as `read_rows` does.
    """
    wanted = rows or RowRange()
    check_archive(store)
    archive = Archive(store)
    current = archive.dataset(_ARTICLES.name)
    earlier = archive.dataset("revisions")  # after the articles: an entry is put here first
    if current is None:
        return
    in_range = chosen(_ARTICLES, RowRange(since=wanted.since, until=wanted.until))
    of_source = chosen(_ARTICLES, RowRange(source_id=wanted.source_id))
    known = pc.field("fetched_at") <= pa.scalar(moment, pa.timestamp("us", tz="UTC"))
    days = sorted({day_of(fragment, _ARTICLES) for fragment in current.get_fragments(in_range)})
    for day in days:
        of_day = pc.field(_ARTICLES.partition) == pa.scalar(day, pa.date32())
        yield from in_order(store, _ARTICLES, current, _both(of_day & known, of_source))
        if earlier is not None:
            with readable(store, "revisions"):
                later = current.to_table(columns=["article_id"], filter=of_day & ~known)["article_id"]
                if len(later):
                    then = _last_texts(earlier, of_day & known & pc.field("article_id").isin(later.combine_chunks()))
                    yield from (then if of_source is None else then.filter(of_source)).to_batches()


def _both(one: pc.Expression, other: pc.Expression | None) -> pc.Expression:
    return one if other is None else one & other


def _last_texts(earlier: ds.Dataset, wanted: pc.Expression) -> pa.Table:
    """Of each article the text that was written last."""
    found = earlier.to_table(columns=_ARTICLES.schema.names, filter=wanted)
    order = {row: number or 0 for row, number in enumerate(found[JOURNAL].to_pylist())}
    last: dict[str, int] = {}
    for row, article_id in enumerate(found["article_id"].to_pylist()):
        if article_id not in last or order[row] > order[last[article_id]]:
            last[article_id] = row
    return found.take(pa.array(sorted(last.values()), pa.int64())).cast(_ARTICLES.schema)
