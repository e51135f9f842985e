"""Which stored articles may be copies of new ones: an equality join on the signatures' keys.

The SQL runs on DuckDB here; word for word on Spark 4, and on Trino with `CROSS JOIN UNNEST` for `, LATERAL unnest`,
over the same table where one machine is too small (docs/stories.md). A key that more than `MOST_STORIES` stories hold
says nothing (a form letter, a dateline) and is left out before anything is paired; stories are counted, not texts, so
that a story that ran in a thousand papers is still found. Of such a story a key stands for its first `MOST_HOLDERS`
texts, and the `MOST_MEMBERS` that share most keys are given for each new one: work grows with the texts, never with
pairs of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.signatures import SIGNATURE_SCHEMA, SKETCH_VERSION, Signature

MOST_STORIES = 60
MOST_HOLDERS = 16
MOST_MEMBERS = 8
FEWEST_SHARED = 2

# Of the new: what a join needs grows with them, and ten times as many did not fit into its memory.
JOINED_AT_ONCE = 33_000
# So little is left to join that more threads take a third more CPU and bring no time.
_CONFIG: dict[str, str | int] = {"memory_limit": "2GB", "threads": 1}
_ROWS_AT_ONCE = 20_000
_ENDS_A_KEY = 8
_MOST_ENDS = 1 << 27
_JOINED_COLUMNS = ("appearance_id", "story_id", "sketch_version", "keys")

Numbers = npt.NDArray[np.int64]

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

    The window is read twice for each portion of the new, and never held: its keys, then the rows found.
    """
    stored = window if isinstance(window, ds.Dataset) else ds.dataset(window)
    portions = [new[at : at + JOINED_AT_ONCE] for at in range(0, len(new), JOINED_AT_ONCE)]
    pairs = [find_pairs(signature_table(portion), _scan(stored, _JOINED_COLUMNS)) for portion in portions]
    found = pa.chunked_array([one for pair in pairs for one in pair["appearance_id"].chunks], pa.string()).unique()
    if not len(found):
        return KNOWN_SCHEMA.empty_table()
    rows = _scan(stored, KNOWN_SCHEMA.names, pc.field("appearance_id").isin(found)).to_table()
    return rows.cast(KNOWN_SCHEMA)


def find_pairs(new: pa.Table, known: ds.Scanner | pa.Table) -> pa.Table:
    """What CANDIDATE_PAIRS_SQL gives, in bounded memory: what the join needs beyond it goes to a folder of its own.

    `known` is read once, and joined without the keys that decide nothing, which are nearly all (`_telling_rows`).
    """
    schema = pa.schema([KNOWN_SCHEMA.field(name) for name in _JOINED_COLUMNS])
    with (
        TemporaryDirectory(prefix="worldwire-join-") as spill,
        duckdb.connect(config=_CONFIG | {"temp_directory": spill}) as connection,
        pa.RecordBatchReader.from_batches(schema, _telling_rows(new, known.to_batches(), schema)) as telling,
    ):
        connection.execute("SET enable_progress_bar = false")
        # The SQL has the smaller side on the right of every join.
        connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        connection.register("new_signatures", new)
        connection.register("telling_rows", telling)
        connection.execute("CREATE TEMP TABLE known_signatures AS FROM telling_rows")
        return connection.sql(CANDIDATE_PAIRS_SQL).to_arrow_table()


def _telling_rows(new: pa.Table, known: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of `known` with the keys that a new text has, each for as long as it may yet be telling.

    A key of which more than `MOST_STORIES` stories have been passed on is not passed on any more: the SQL has seen
    enough of it to leave it out. Those few keys are most of what a new text shares with others.
    """
    asked = np.unique(pc.list_flatten(new["keys"]).to_numpy())
    crowds = _Crowds(asked)
    for stored in known:
        batch = stored.filter(pc.equal(stored["sketch_version"], SKETCH_VERSION))
        keys = batch["keys"]
        values = keys.flatten().to_numpy()
        is_telling = crowds.may_be_open(values)
        places = np.searchsorted(asked, values[is_telling])
        places[places == len(asked)] = 0
        is_asked = asked[places] == values[is_telling]
        is_asked &= ~crowds.closed[places]
        is_telling[is_telling] = is_asked
        ends = np.cumsum(pc.fill_null(keys.value_lengths(), 0).to_numpy())
        kept = np.concatenate([[0], np.cumsum(is_telling)])[np.concatenate([[0], ends])]
        row_of_kept = np.repeat(np.arange(len(batch)), np.diff(kept))
        crowds.see(places[is_asked], row_of_kept, batch["story_id"])
        telling = pa.ListArray.from_arrays(pa.array(kept, pa.int32()), pa.array(values[is_telling]))
        columns = [telling if name == "keys" else batch[name] for name in schema.names]
        yield pa.RecordBatch.from_arrays(columns, schema.names).filter(pa.array(np.diff(kept) > 0)).cast(schema)


class _Crowds:
    """Which asked keys more than `MOST_STORIES` stories are known to hold: those are closed.

    Stories are counted from a key's 61st text on. How many open keys end in the same bits is kept as well, which tells
    nearly all other keys apart at once, without a search among millions.
    """

    def __init__(self, asked: Numbers) -> None:
        self.closed = np.zeros(len(asked), dtype=np.bool_)
        self._open = np.zeros(min(_MOST_ENDS, 1 << (_ENDS_A_KEY * len(asked)).bit_length()), dtype=np.uint16)
        self._ends = asked & (len(self._open) - 1)
        np.add.at(self._open, self._ends, 1)
        self._texts = np.zeros(len(asked), dtype=np.int32)
        self._stories: dict[int, set[str]] = defaultdict(set)

    def may_be_open(self, keys: Numbers) -> npt.NDArray[np.bool_]:
        open_with_end: npt.NDArray[np.uint16] = self._open[keys & (len(self._open) - 1)]
        return open_with_end > 0

    def see(self, places: Numbers, rows: Numbers, stories: pa.Array) -> None:
        """Counts texts: the place of a key among the asked ones, and the row of `stories` that has its story."""
        np.add.at(self._texts, places, 1)
        in_crowd = self._texts[places] > MOST_STORIES
        held_by = stories.take(pa.array(rows[in_crowd])).to_pylist()
        for place, story in zip(places[in_crowd].tolist(), held_by, strict=True):
            if not self.closed[place]:
                self._stories[place].add(story)
                if len(self._stories[place]) > MOST_STORIES:
                    self.closed[place] = True
                    self._open[self._ends[place]] -= 1
                    del self._stories[place]


def _scan(stored: ds.Dataset, columns: Sequence[str], wanted: pc.Expression | None = None) -> ds.Scanner:
    # By default Arrow reads so far ahead that a million sketches are in memory at once.
    return stored.scanner(
        columns=list(columns), filter=wanted, batch_size=_ROWS_AT_ONCE, batch_readahead=2, fragment_readahead=1
    )


def signature_table(signatures: Sequence[Signature]) -> pa.Table:
    """The rows of some signatures, as they are stored."""
    return pa.Table.from_pylist([signature.row() for signature in signatures], schema=SIGNATURE_SCHEMA)
