"""Where the archive is: the only reader of the environment in `pipelines`.

Credentials, region and endpoint of S3 are the standard AWS variables, profile or role; boto3 reads them itself.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSettings:
    """`uri` is a folder or `s3://bucket/prefix`; `spool` is a local folder where WARC files grow until stored."""

    uri: str
    spool: Path

    @classmethod
    def from_env(cls, archive: str | None = None, environ: Mapping[str, str] | None = None) -> "ArchiveSettings":
        """`archive` (the command line) wins over WORLDWIRE_ARCHIVE; the spool: WORLDWIRE_SPOOL or the user's cache.

        Raises ConfigurationError if neither names an archive.
        """
        env = os.environ if environ is None else environ
        uri = archive or env.get("WORLDWIRE_ARCHIVE", "")
        if not uri:
            raise ConfigurationError(
                "No archive is named: give --archive FOLDER or s3://bucket/prefix, or set WORLDWIRE_ARCHIVE."
            )
        cache = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cls(uri=uri.rstrip("/") or "/", spool=Path(env.get("WORLDWIRE_SPOOL") or cache / "worldwire" / "spool"))
