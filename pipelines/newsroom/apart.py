"""The table of sources, found in a process of its own.

Judging hundreds of sources is a second or more of Python; in the process that serves the pages it would hold every page
up that is shown meanwhile. `main` is that process: it writes what it found, or the error, to its output.
"""

import os
import pickle
import subprocess
import sys
from datetime import datetime

from pipelines.errors import StorageUnavailableError, WorldwireError
from pipelines.newsroom.sources import SourceFigures, list_sources
from pipelines.store import open_store

SECONDS = 300.0


def list_sources_apart(uri: str, *, now: datetime, seconds: float = SECONDS) -> list[SourceFigures]:
    """As `list_sources`, of the archive at that address. Raises also StorageUnavailableError after so many seconds."""
    command = [sys.executable, "-P", "-c", f"from {__name__} import main; main()", uri, now.isoformat()]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=seconds, check=False)  # noqa: S603 - ourselves
    except subprocess.TimeoutExpired as cause:
        raise StorageUnavailableError(f"The archive could not be read within {seconds:.0f} s.") from cause
    if done.returncode:
        raise StorageUnavailableError(f"The process that read the archive ended with {done.returncode}; see the log.")
    found: list[SourceFigures] | WorldwireError = pickle.loads(done.stdout)  # noqa: S301 - written by ourselves
    if isinstance(found, WorldwireError):
        raise found
    return found


def main() -> None:
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is not the answer
    uri, now = sys.argv[1:]
    found: list[SourceFigures] | WorldwireError
    try:
        found = list_sources(open_store(uri), now=datetime.fromisoformat(now))
    except WorldwireError as error:
        found = error
    with output:
        pickle.dump(found, output)
