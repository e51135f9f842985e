"""worldwire as `benchmarks/pipeline.py` runs it: the installed command against an archive of its own."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.costs import Cost, cost_of

COMMAND = str(Path(sys.executable).with_name("worldwire"))
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Archive:
    """An archive in `folder`, with a catalogue of the sites that have these feeds and no delay: they are ours."""

    def __init__(self, folder: Path, feeds: Sequence[str], environment: Mapping[str, str]) -> None:
        folder.mkdir(parents=True)
        self._folder = folder / "archive"
        self._rows = folder / "rows.jsonl"
        self._catalogue = folder / "sources.toml"
        self._environment = {**environment, "WORLDWIRE_SPOOL": str(folder / "spool")}
        blocks = [
            f'[[source]]\nid = "bench-{number}"\nname = "Bench {number}"\nhomepage = "{feed[:-8]}"\n'
            f'feeds = ["{feed}"]\nsitemaps = []\nmax_pages = 2000\n'
            for number, feed in enumerate(feeds, 1)
        ]
        self._catalogue.write_text("[politeness]\ndelay_seconds = 0\nconcurrency = 16\n" + "".join(blocks))

    def crawl(self) -> Cost:
        return self._run("crawl", "--sources", str(self._catalogue), "--json")

    def publish(self) -> Cost:
        return self._run("publish", "--json")

    def export(self) -> None:
        """Writes the articles to rows.jsonl, for their texts."""
        self._run("export", "--format", "jsonl", "-o", str(self._rows))

    def make_pages_due(self) -> None:
        """As if a day had passed: every article is to be looked at again by the next crawl."""
        for path in self._folder.glob("state/*/frontier.parquet"):
            table = pq.read_table(path)
            column = table.schema.get_field_index("next_visit_at")
            kind = table.schema.field(column).type
            long_ago = pa.array([_LONG_AGO] * table.num_rows, kind)
            due = pc.if_else(pc.equal(table["role"], "article"), long_ago, table["next_visit_at"])
            pq.write_table(table.set_column(column, "next_visit_at", due), path)

    def last_unchanged(self) -> int:
        """How many pages answered 304 in the last crawl, by its reports."""
        count = 0
        for folder in self._folder.glob("captures/*/*"):
            reports = [json.loads(path.read_text()) for path in folder.glob("*.report.json")]
            count += max(reports, key=lambda report: report["ended_at"])["unchanged"]
        return count

    def _run(self, *words: str) -> Cost:
        return cost_of([COMMAND, *words, "--archive", str(self._folder)], self._environment)
