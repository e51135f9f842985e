"""Which stored articles may be copies of new ones: an equality join on the signatures' keys.

The SQL says what is found. Here it is done with columns of numbers (`find_pairs`); where one machine is too small the
SQL runs over the same table: word for word on Spark 4 and DuckDB, on Trino with `CROSS JOIN UNNEST` for `, LATERAL
unnest` (docs/stories.md). A key that more than `MOST_STORIES` stories hold
says nothing (a form letter, a dateline) and is left out before anything is paired; stories are counted, not texts, so
that a story that ran in a thousand papers is still found. Of such a story a key stands for its first `MOST_HOLDERS`
texts, and the `MOST_MEMBERS` that share most keys are given for each new one: work grows with the texts, never with
pairs of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.signatures import SIGNATURE_SCHEMA, SKETCH_VERSION, Signature
from pipelines.syndication.alignment import spread
from pipelines.words import differ

MOST_STORIES = 60
MOST_HOLDERS = 16
MOST_MEMBERS = 8
FEWEST_SHARED = 2

# Of the new: what a join needs grows with them, and ten times as many did not fit into its memory.
JOINED_AT_ONCE = 33_000
_ROWS_AT_ONCE = 20_000
_MEMBERS_AT_ONCE = 1 << 21  # some 100 bytes each
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
    """What CANDIDATE_PAIRS_SQL gives; `known` is read once."""
    keys = new["keys"].combine_chunks()
    asked, place = np.unique(keys.flatten().to_numpy(), return_inverse=True)
    held = _Held.read(asked, known.to_batches())
    members = held.members()
    of_place = np.bincount(held.place[members], minlength=len(asked))
    first, counts = (np.cumsum(of_place) - of_place)[place], of_place[place]
    text = np.repeat(np.arange(len(new)), _lengths(keys))
    itself = pc.fill_null(pc.index_in(held.ids, value_set=new["appearance_id"].combine_chunks()), -1).to_numpy()
    found = [_no_pairs()]
    for portion in _portions(text, counts):
        key, number = spread(counts[portion])
        rows = held.row[members[first[portion][key] + number]]
        found.append(_best(text[portion][key], rows, held, itself))
    texts, rows, shared = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return pa.table(
        {
            "new_id": new["appearance_id"].take(pa.array(texts)),
            "appearance_id": held.ids.take(pa.array(rows)),
            "shared": pa.array(shared),
        }
    )


def _portions(text: Numbers, counts: Numbers) -> list[slice]:
    """Runs of the new texts' keys, whole texts each, that have at most about so many members together."""
    begins = np.flatnonzero(differ(text))
    cuts = begins[differ(((np.cumsum(counts) - counts) // _MEMBERS_AT_ONCE)[begins])]
    return [slice(start, end) for start, end in pairwise([*cuts.tolist(), len(text)])]


def _no_pairs() -> tuple[Numbers, Numbers, Numbers]:
    none = np.empty(0, dtype=np.int64)
    return none, none, none


def _best(texts: Numbers, rows: Numbers, held: "_Held", itself: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Of each new text and story the members that share most keys: the text, the row, how many they share."""
    is_other = itself[rows] != texts
    pairs, shared = np.unique(texts[is_other] * max(1, len(held.ids)) + rows[is_other], return_counts=True)
    pairs, shared = pairs[shared >= FEWEST_SHARED], shared[shared >= FEWEST_SHARED]
    texts, rows = np.divmod(pairs, max(1, len(held.ids)))
    order = np.lexsort((held.rank[rows], -shared, held.story[rows], texts))
    kept = order[_number_in_group(texts[order], held.story[rows[order]]) < MOST_MEMBERS]
    return texts[kept], rows[kept], shared[kept]


@dataclass(frozen=True, slots=True)
class _Held:
    """Which stored texts have which of the keys asked for: `place` among these, and `row`; of each row what it is.

    `rank`: the rows by their id.
    """

    place: Numbers
    row: Numbers
    ids: pa.Array
    story: Numbers
    rank: Numbers

    @classmethod
    def read(cls, asked: Numbers, known: Iterable[pa.RecordBatch]) -> "_Held":
        """Reads the stored rows once; most keys are passed over, among them those that cannot be telling any more.

        A key of which more than `MOST_STORIES` stories have been seen will be left out in the end: those few keys are
        most of what a new text shares with others.
        """
        crowds = _Crowds(asked)
        none = np.empty(0, dtype=np.int64)
        places, rows = [none], [none]
        ids, stories = [pa.array([], pa.string())], [pa.array([], pa.string())]
        count = 0
        for stored in known:
            batch = stored.filter(pc.equal(stored["sketch_version"], SKETCH_VERSION))
            values = batch["keys"].flatten().to_numpy()
            may_be = np.flatnonzero(crowds.may_be_open(values))
            found = np.searchsorted(asked, values[may_be])
            found[found == len(asked)] = 0
            is_asked = (asked[found] == values[may_be]) & ~crowds.closed[found]
            found, at = found[is_asked], may_be[is_asked]
            holders = np.searchsorted(np.cumsum(_lengths(batch["keys"])), at, "right")
            crowds.see(found, holders, batch["story_id"])
            is_new = differ(holders)
            kept = pa.array(holders[is_new])
            places.append(found)
            rows.append(np.cumsum(is_new) - 1 + count)
            ids.append(batch["appearance_id"].take(kept).cast(pa.string()))
            stories.append(batch["story_id"].take(kept).cast(pa.string()))
            count += len(kept)
        joined = pa.concat_arrays(ids)
        rank = np.empty(count, dtype=np.int64)
        rank[pc.sort_indices(joined).to_numpy()] = np.arange(count)
        story = pa.concat_arrays(stories).dictionary_encode().indices.to_numpy().astype(np.int64)
        return cls(np.concatenate(places), np.concatenate(rows), joined, story, rank)

    def members(self) -> Numbers:
        """Of each telling key and story the first texts, as places in the columns."""
        story = self.story[self.row]
        order = np.lexsort((self.rank[self.row], story, self.place))
        number = _number_in_group(self.place[order], story[order])
        stories = np.bincount(self.place[order[number == 0]], minlength=int(self.place.max(initial=-1)) + 1)
        is_member = (number < MOST_HOLDERS) & (stories[self.place[order]] <= MOST_STORIES)
        members: Numbers = order[is_member]
        return members


def _lengths(lists: pa.Array) -> Numbers:
    lengths: Numbers = pc.fill_null(lists.value_lengths(), 0).to_numpy().astype(np.int64)
    return lengths


def _number_in_group(*columns: Numbers) -> Numbers:
    """The number of each row among those before it with the same values, which stand together."""
    is_new = np.logical_or.reduce([differ(column) for column in columns])
    at = np.arange(len(is_new))
    return at - np.maximum.accumulate(np.where(is_new, at, 0))


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
