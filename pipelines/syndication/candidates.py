"""Which stored articles may be copies of new ones: an equality join on the signatures' keys.

The SQL is plain: it runs on DuckDB here, and with `unnest` written as the engine has it, on Spark or Trino over the
same table. A key that more than `MOST_STORIES` stories hold says nothing (a form letter, a dateline) and is left out;
stories are counted, not texts, so that a story that ran in a thousand papers is still found.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from pipelines.signatures import SIGNATURE_SCHEMA, SKETCH_VERSION, Signature

MOST_STORIES = 60
FEWEST_SHARED = 2

KNOWN_SCHEMA = SIGNATURE_SCHEMA.append(pa.field("story_id", pa.string()))

CANDIDATES_SQL = """
WITH new_keys AS (
    SELECT appearance_id AS new_id, unnest(keys) AS key FROM new
), known_keys AS (
    SELECT appearance_id, story_id, unnest(keys) AS key FROM known WHERE sketch_version = $version
), hits AS (
    SELECT new_id, appearance_id, story_id, key FROM known_keys JOIN new_keys USING (key) WHERE appearance_id <> new_id
), telling AS (
    SELECT key FROM hits GROUP BY key HAVING count(DISTINCT story_id) <= $most_stories
), pairs AS (
    SELECT appearance_id FROM hits JOIN telling USING (key)
    GROUP BY new_id, appearance_id HAVING count(*) >= $fewest_shared
)
SELECT known.* FROM known WHERE appearance_id IN (SELECT appearance_id FROM pairs)
"""


def find_candidates(new: Sequence[Signature], window: ds.Dataset | pa.Table) -> pa.Table:
    """Rows of `window` (`KNOWN_SCHEMA`; more columns do no harm) that share telling keys with one of `new`."""
    with duckdb.connect() as connection:
        connection.register("new", signature_table(new))
        connection.register("known", window)
        found: pa.Table = connection.sql(
            CANDIDATES_SQL,
            params={"version": SKETCH_VERSION, "most_stories": MOST_STORIES, "fewest_shared": FEWEST_SHARED},
        ).to_arrow_table()
    return found.select(KNOWN_SCHEMA.names).cast(KNOWN_SCHEMA)


def signature_table(signatures: Sequence[Signature]) -> pa.Table:
    """The rows of some signatures, as they are stored."""
    return pa.Table.from_pylist([signature.row() for signature in signatures], schema=SIGNATURE_SCHEMA)
