"""Tables of the archive as DuckDB views."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.archive import TABLES, Archive
from pipelines.store import Store

Row = Mapping[str, Any]


class Rows:
    """SQL over tables of the archive; a table that is not there yet has no rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def add(self, name: str, rows: pa.Table) -> None:
        """Makes rows that were read otherwise known under that name."""
        self._connection.register(name, rows)

    def ask(self, query: str, **values: object) -> list[Row]:
        """Times come out aware and in UTC. Arithmetic on them in SQL would need an extension: use epoch()."""
        found: list[Row] = self._connection.sql(query, params=values).to_arrow_table().to_pylist()
        return found


@contextmanager
def open_rows(store: Store, tables: Sequence[str]) -> Iterator[Rows]:
    """Raises StorageUnavailableError, SchemaTooNewError."""
    archive = Archive(store)
    with duckdb.connect() as connection:
        for name in tables:
            dataset = archive.dataset(name)
            connection.register(name, TABLES[name].schema.empty_table() if dataset is None else dataset)
        yield Rows(connection)


def days_until(last: date, count: int) -> list[date]:
    """`count` days that end with `last`, oldest first."""
    return [last - timedelta(days=count - 1 - number) for number in range(count)]
