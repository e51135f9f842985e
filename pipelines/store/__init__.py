"""Object storage behind one small interface: a folder or an S3 bucket; `open_store` gives the one that a URI names."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.errors import ConfigurationError
from pipelines.store.folder import FolderStore
from pipelines.store.interface import ObjectFacts, Store, StoredObject

__all__ = ["FolderStore", "ObjectFacts", "Store", "StoredObject", "open_store"]

_BUCKET = r"[A-Za-z0-9][A-Za-z0-9._-]*"  # servers differ; boto3 lets no more through


def open_store(uri: str) -> Store:
    """The store behind a folder path or `s3://bucket/prefix`; nothing is created and no request is made yet.

    Raises ConfigurationError for an address of another kind.
    """
    if "://" not in uri and not uri.lower().startswith("s3:"):
        return FolderStore(Path(uri))
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return FolderStore(Path(parts.path))
    if parts.scheme != "s3" or not re.fullmatch(_BUCKET, parts.netloc):
        raise ConfigurationError(f"The archive {uri!r} is neither a folder nor of the form s3://bucket/prefix.")
    from pipelines.store.s3 import S3Store  # boto3 takes half a second to import, which a folder need not wait for

    return S3Store(parts.netloc, parts.path.strip("/"))
