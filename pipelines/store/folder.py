"""A folder as object storage: the embedded default, with the same guarantees as the bucket.

A put writes a hidden temporary file beside the target, syncs and renames it. A conditional put does so under a lock of
the folder, so that of many writers on this machine exactly one wins. ETags are the sha256 of the content.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from pipelines.errors import ObjectChangedError, ObjectNotFoundError, StorageUnavailableError
from pipelines.store.interface import ObjectFacts, StoredObject, checked_key

_HIDDEN = ".worldwire-"


class FolderStore:
    """Objects are files below `folder`; the folder is made at the first write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().absolute()
        if self._folder.exists() and not self._folder.is_dir():
            raise StorageUnavailableError(f"The archive {str(folder)!r} is a file; name a folder.")

    @property
    def uri(self) -> str:
        return str(self._folder)

    def check_writing(self) -> None:
        place = self._folder
        while not place.exists() and place != place.parent:
            place = place.parent
        if not os.access(place, os.W_OK | os.X_OK):
            raise StorageUnavailableError(f"The archive {self.uri} cannot be written: {place} may not be changed.")

    def get(self, key: str) -> StoredObject:
        with self._found(key):
            body = self._path(key).read_bytes()
        return StoredObject(body=body, etag=hashlib.sha256(body).hexdigest())

    def get_range(self, key: str, start: int, length: int) -> bytes:
        with self._found(key), self._path(key).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def download(self, key: str, path: Path) -> None:
        with self._found(key):
            shutil.copyfile(self._path(key), path)

    @contextmanager
    def open_file(self, key: str) -> Iterator[BinaryIO]:
        with self._found(key):
            file = self._path(key).open("rb")
        with file:
            yield file

    def put(self, key: str, body: bytes) -> str:
        with self._writable(key) as temporary:
            _write_synced(temporary, body)
            temporary.replace(self._path(key))
        return hashlib.sha256(body).hexdigest()

    def put_if(self, key: str, body: bytes, etag: str | None) -> str:
        with self._writable(key) as temporary:
            _write_synced(temporary, body)
            with self._locked():
                path = self._path(key)
                present = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
                if present != etag:
                    raise ObjectChangedError(f"{key} in {self.uri} was written by somebody else.")
                temporary.replace(path)
        return hashlib.sha256(body).hexdigest()

    def put_file(self, key: str, path: Path) -> str:
        with self._writable(key) as temporary:
            with path.open("rb") as source, temporary.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
            with temporary.open("rb") as written:
                digest = hashlib.file_digest(written, "sha256").hexdigest()
            temporary.replace(self._path(key))
        return digest

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectFacts]:
        for entry, key in self._walk(self._folder, "", prefix, start_after):
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue
            modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
            yield ObjectFacts(key=key, size_bytes=status.st_size, modified_at=modified_at)

    def _walk(self, folder: Path, above: str, prefix: str, start_after: str) -> Iterator[tuple[Path, str]]:
        """Files in the order of their keys; folders that can hold no key asked for are not entered."""
        try:
            with os.scandir(folder) as entries:
                found = sorted(
                    (f"{above}{entry.name}/" if entry.is_dir() else f"{above}{entry.name}", entry.is_dir())
                    for entry in entries
                    if not entry.name.startswith(_HIDDEN)
                )
        except FileNotFoundError:
            return
        except PermissionError as cause:
            raise StorageUnavailableError(f"{folder} may not be read: {cause.strerror}.") from cause
        for key, is_folder in found:
            if is_folder:
                wanted = prefix.startswith(key) or key.startswith(prefix)
                if wanted and (key > start_after or start_after.startswith(key)):
                    yield from self._walk(self._folder / key, key, prefix, start_after)
            elif key.startswith(prefix) and key > start_after:
                yield self._folder / key, key

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def presign(self, key: str, seconds: int) -> str:
        """A file: URL; a folder knows no expiry, so `seconds` changes nothing."""
        return self._path(key).as_uri()

    def table_uri(self, name: str) -> str:
        return str(self._folder / "tables" / name)

    def table_options(self) -> dict[str, str]:
        return {}

    def _path(self, key: str) -> Path:
        return self._folder / checked_key(key)

    @contextmanager
    def _found(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as cause:
            raise ObjectNotFoundError(f"{self.uri} has no object {key}.") from cause
        except PermissionError as cause:
            raise StorageUnavailableError(
                f"{key} in the archive {self.uri} may not be read: {cause.strerror}."
            ) from cause

    @contextmanager
    def _writable(self, key: str) -> Iterator[Path]:
        """A temporary path beside the object; what is left of it after an error is removed."""
        path = self._path(key)
        temporary = path.parent / f"{_HIDDEN}{uuid4().hex}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
        except OSError as cause:
            raise StorageUnavailableError(f"The archive {self.uri} cannot be written: {cause.strerror}.") from cause
        finally:
            if path.parent.is_dir():
                temporary.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / f"{_HIDDEN}lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _write_synced(path: Path, body: bytes) -> None:
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
