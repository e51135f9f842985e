"""Object storage behind one small interface: a folder or an S3 bucket.

Keys are relative, `/`-separated and never start with `/` or contain `..`. A put is whole or not at all: no reader ever
sees half an object. ETags are opaque strings, without quotes.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from pipelines.errors import ConfigurationError

_MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """What a listing says of one object."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object's bytes and the ETag under which they were read, for a later `put_if`."""

    body: bytes
    etag: str


class Store(Protocol):
    """What worldwire asks of object storage; `open_store` gives one."""

    @property
    def uri(self) -> str:
        """The archive's address, as given."""

    def check_writing(self) -> None:
        """Raises StorageUnavailableError if conditional puts cannot be relied on, before anything is written.

        Puts ask it by themselves; whoever writes past the store (deltalake) asks first. Costs two small requests once a
        process and archive.
        """

    def get(self, key: str) -> StoredObject:
        """The whole object. Raises ObjectNotFoundError."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`. Raises ObjectNotFoundError."""

    def download(self, key: str, path: Path) -> None:
        """Copies the object to a local file in bounded memory. Raises ObjectNotFoundError."""

    def open_file(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The object as a local file, open for reading during the block. Raises ObjectNotFoundError."""

    def put(self, key: str, body: bytes) -> str:
        """Stores the object whole, with a checksum; gives its ETag."""

    def put_if(self, key: str, body: bytes, etag: str | None) -> str:
        """Stores only if the object still has that ETag (None: only if there is none). Raises ObjectChangedError."""

    def put_file(self, key: str, path: Path) -> str:
        """Stores a local file whole, with a checksum; gives its ETag."""

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectFacts]:
        """Objects whose key starts with `prefix` and sorts after `start_after`, in the order of their keys."""

    def delete(self, key: str) -> None:
        """Removes the object; no error if there is none."""

    def presign(self, key: str, seconds: int) -> str:
        """A link under which the object can be read for that long (a folder gives a file: URL)."""

    def table_uri(self, name: str) -> str:
        """Where `deltalake` and DuckDB find the table `tables/<name>`."""

    def table_options(self) -> dict[str, str]:
        """`storage_options` for deltalake; empty for a folder."""


def checked_key(key: str) -> str:
    """The key itself if it is one. Raises ConfigurationError for keys that could leave the archive or hide in it."""
    parts = key.split("/")
    if (
        not key
        or len(key.encode()) > _MAX_KEY_BYTES
        or any(part in ("", ".", "..") for part in parts)
        or not key.isprintable()
        or "\\" in key
    ):
        raise ConfigurationError(f"{key!r} cannot be the key of an object.")
    return key
