"""Which stored articles may be copies of new ones: an equality join on the signatures' keys.

The SQL runs on DuckDB here, and over the same table on Spark (`explode` for `unnest`) or Trino (`CROSS JOIN UNNEST`)
where one machine is too small. A key that more than `MOST_STORIES` stories hold says nothing (a form letter, a
dateline) and is left out before anything is paired; stories are counted, not texts, so that a story that ran in a
thousand papers is still found. Of such a story a key stands for its first `MOST_HOLDERS` texts, and the `MOST_MEMBERS`
that share most keys are given for each new one: work grows with the texts, never with pairs of them.
"""

from collections.abc import Sequence
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from pipelines.signatures import SIGNATURE_SCHEMA, SKETCH_VERSION, Signature

MOST_STORIES = 60
MOST_HOLDERS = 16
MOST_MEMBERS = 8
FEWEST_SHARED = 2

_MEMORY_LIMIT = "4GB"  # what the join needs beyond that goes to disk

KNOWN_SCHEMA = SIGNATURE_SCHEMA.append(pa.field("story_id", pa.string()))

# Pairs of a new and a stored appearance. `new_signatures` and `known_signatures` have the columns of KNOWN_SCHEMA.
CANDIDATE_PAIRS_SQL = f"""
WITH new_keys AS (
    SELECT appearance_id AS new_id, key FROM new_signatures, LATERAL unnest(keys) AS held(key)
), asked AS (
    SELECT DISTINCT key FROM new_keys
), known_keys AS (
    SELECT appearance_id, story_id, key FROM known_signatures, LATERAL unnest(keys) AS held(key)
    WHERE sketch_version = {SKETCH_VERSION}
), held_keys AS (
    SELECT appearance_id, story_id, known_keys.key FROM known_keys JOIN asked ON known_keys.key = asked.key
), telling AS (
    SELECT key FROM held_keys GROUP BY key HAVING count(DISTINCT story_id) <= {MOST_STORIES}
), members AS (
    SELECT appearance_id, story_id, held_keys.key,
        row_number() OVER (PARTITION BY held_keys.key, story_id ORDER BY appearance_id) AS place
    FROM held_keys JOIN telling ON held_keys.key = telling.key
), pairs AS (
    SELECT new_id, appearance_id, story_id, count(*) AS shared
    FROM members JOIN new_keys ON members.key = new_keys.key
    WHERE place <= {MOST_HOLDERS} AND appearance_id <> new_id
    GROUP BY new_id, appearance_id, story_id
    HAVING count(*) >= {FEWEST_SHARED}
), ranked AS (
    SELECT new_id, appearance_id, shared,
        row_number() OVER (PARTITION BY new_id, story_id ORDER BY shared DESC, appearance_id) AS place
    FROM pairs
)
SELECT new_id, appearance_id, shared FROM ranked WHERE place <= {MOST_MEMBERS}
"""  # noqa: S608 -- put together from the constants above

_ROWS_SQL = f"""
SELECT known_signatures.* FROM known_signatures
WHERE appearance_id IN (SELECT appearance_id FROM ({CANDIDATE_PAIRS_SQL}))
"""  # noqa: S608 -- put together from the constants above


def find_candidates(new: Sequence[Signature], window: ds.Dataset | pa.Table) -> pa.Table:
    """Rows of `window` (`KNOWN_SCHEMA`; more columns do no harm) that share telling keys with one of `new`."""
    with (
        TemporaryDirectory(prefix="worldwire-join-") as spill,
        duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "temp_directory": spill}) as connection,
    ):
        connection.register("new_signatures", signature_table(new))
        connection.register("known_signatures", window)
        found: pa.Table = connection.sql(_ROWS_SQL).to_arrow_table()
    return found.select(KNOWN_SCHEMA.names).cast(KNOWN_SCHEMA)


def signature_table(signatures: Sequence[Signature]) -> pa.Table:
    """The rows of some signatures, as they are stored."""
    return pa.Table.from_pylist([signature.row() for signature in signatures], schema=SIGNATURE_SCHEMA)
