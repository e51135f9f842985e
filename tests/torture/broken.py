"""Archives that are broken on purpose: the experiments must find each of them out."""

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

from pipelines.store import FolderStore

PLAIN_PUT, NO_CHECKSUM, EARLY_ACKNOWLEDGEMENT, COMMIT_AGAIN, HALF_OBJECTS = (
    "plain put instead of a conditional one",
    "puts without a checksum",
    "acknowledged before the put",
    "a journal entry committed to a table without its transaction",
    "objects written in place",
)


def broken_store(damage: str | None, store: Any) -> Any:
    """The store, broken in that way if it is a way of stores."""
    wrappers = {PLAIN_PUT: PlainStore, EARLY_ACKNOWLEDGEMENT: EarlyStore, HALF_OBJECTS: InPlaceStore}
    return wrappers[damage](store) if damage in wrappers else store


def break_it(damage: str) -> None:
    """Breaks what is no store."""
    if damage == NO_CHECKSUM:
        from pipelines.store import s3

        config = s3.Config
        s3.Config = lambda **values: config(  # type: ignore[assignment, misc]
            **{
                **values,
                "s3": {"addressing_style": "path", "payload_signing_enabled": False},
                "request_checksum_calculation": "when_required",
            }
        )
        put = s3.S3Store._put

        def plain(self: Any, key: str, body: Any, md5: str, condition: dict[str, str] | None = None) -> str:
            client = self._client
            real = client.put_object

            def without(**values: Any) -> Any:
                values.pop("ContentMD5", None)
                return real(**values)

            client.put_object = without
            try:
                return put(self, key, body, md5, condition)
            finally:
                client.put_object = real

        s3.S3Store._put = plain  # type: ignore[method-assign]
    if damage == COMMIT_AGAIN:
        from deltalake import CommitProperties

        from pipelines.archive import tables

        tables.position = lambda table: 0
        tables._properties = lambda number, applications: CommitProperties(custom_metadata={"worldwireJournal": number})


class _Wrapper:
    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class PlainStore(_Wrapper):
    """Takes every condition for given."""

    def put_if(self, key: str, body: bytes, etag: str | None) -> str:
        return str(self._store.put(key, body))


class EarlyStore(_Wrapper):
    """Says that a file is stored, and stores it when the next one comes."""

    _held: tuple[str, bytes] | None = None

    def put_file(self, key: str, path: Path) -> str:
        self._flush()
        body = path.read_bytes()
        self._held = (key, body)
        return hashlib.sha256(body).hexdigest()

    def put(self, key: str, body: bytes) -> str:
        etag = str(self._store.put(key, body))
        self._flush()
        return etag

    def _flush(self) -> None:
        if self._held is not None:
            self._store.put(*self._held)
            self._held = None


class InPlaceStore(_Wrapper):
    """Writes a folder's objects where they are read, and is killed in the middle of a capture."""

    def put_file(self, key: str, path: Path) -> str:
        return self.put(key, path.read_bytes())

    def put(self, key: str, body: bytes) -> str:
        assert isinstance(self._store, FolderStore)
        target = self._store._path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(body[: len(body) // 2])
            file.flush()
            if key.startswith("captures/"):
                os.kill(os.getpid(), signal.SIGKILL)
            file.write(body[len(body) // 2 :])
        return hashlib.sha256(body).hexdigest()
