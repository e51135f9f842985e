"""Which stored articles may be copies of new ones: an equality join on the signatures' keys.

The SQL runs on DuckDB here; word for word on Spark 4, and on Trino with `CROSS JOIN UNNEST` for `, LATERAL unnest`,
over the same table where one machine is too small (docs/stories.md). A key that more than `MOST_STORIES` stories hold
says nothing (a form letter, a dateline) and is left out before anything is paired; stories are counted, not texts, so
that a story that ran in a thousand papers is still found. Of such a story a key stands for its first `MOST_HOLDERS`
texts, and the `MOST_MEMBERS` that share most keys are given for each new one: work grows with the texts, never with
pairs of them.
"""

from collections.abc import Sequence
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.signatures import SIGNATURE_SCHEMA, SKETCH_VERSION, Signature

MOST_STORIES = 60
MOST_HOLDERS = 16
MOST_MEMBERS = 8
FEWEST_SHARED = 2

_MEMORY_LIMIT = "2GB"
_ROWS_AT_ONCE = 20_000
_JOINED_COLUMNS = ("appearance_id", "story_id", "sketch_version", "keys")

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


def find_candidates(new: Sequence[Signature], window: ds.Dataset | pa.Table) -> pa.Table:
    """Rows of `window` (`KNOWN_SCHEMA`; more columns do no harm) that share telling keys with one of `new`.

    The window is read twice and never held: its keys, then the rows found.
    """
    stored = window if isinstance(window, ds.Dataset) else ds.dataset(window)
    found = find_pairs(signature_table(new), _scan(stored, _JOINED_COLUMNS))["appearance_id"].unique()
    if not len(found):
        return KNOWN_SCHEMA.empty_table()
    rows = _scan(stored, KNOWN_SCHEMA.names, pc.field("appearance_id").isin(found)).to_table()
    return rows.cast(KNOWN_SCHEMA)


def find_pairs(new: pa.Table, known: ds.Scanner | pa.Table) -> pa.Table:
    """What CANDIDATE_PAIRS_SQL gives, in bounded memory: what the join needs beyond it goes to a folder of its own."""
    with (
        TemporaryDirectory(prefix="worldwire-join-") as spill,
        duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "temp_directory": spill}) as connection,
    ):
        # The size of an Arrow scan is not known beforehand; the SQL has the smaller side on the right of every join.
        connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        connection.register("new_signatures", new)
        connection.register("known_signatures", known)
        return connection.sql(CANDIDATE_PAIRS_SQL).to_arrow_table()


def _scan(stored: ds.Dataset, columns: Sequence[str], wanted: pc.Expression | None = None) -> ds.Scanner:
    # By default Arrow reads so far ahead that a million sketches are in memory at once.
    return stored.scanner(
        columns=list(columns), filter=wanted, batch_size=_ROWS_AT_ONCE, batch_readahead=2, fragment_readahead=1
    )


def signature_table(signatures: Sequence[Signature]) -> pa.Table:
    """The rows of some signatures, as they are stored."""
    return pa.Table.from_pylist([signature.row() for signature in signatures], schema=SIGNATURE_SCHEMA)
