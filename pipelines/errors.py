"""Errors of worldwire. Each message is one sentence for the person at the terminal: what, where, what to change.

WorldwireError
├── ConfigurationError      wrong settings, catalogue or command line: nothing was started (exit code 2)
├── InputError              a file given by the user cannot be used (exit code 2)
├── ProcessesError          processes that we need cannot be started (exit code 1)
└── StorageError            object storage or a table refused or failed (exit code 3)
    ├── ObjectNotFoundError     no object under that key
    ├── ObjectChangedError      a conditional put lost: the object is not what the writer read
    ├── StorageUnavailableError the bucket or folder cannot be reached, written or does not exist
    └── SchemaTooNewError       the archive was written by a newer worldwire
"""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about a word that is not known: the closest that is; empty if none is close."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class WorldwireError(Exception):
    """Base of all errors that worldwire raises on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1


class ConfigurationError(WorldwireError):
    """Settings, catalogue or command line are wrong; nothing was started."""

    exit_code = 2


class InputError(WorldwireError):
    """A file named by the user is missing or is not what the command takes."""

    exit_code = 2


class ProcessesError(WorldwireError):
    """Processes that we need cannot be started."""


class StorageError(WorldwireError):
    """Object storage or a table of the archive failed."""

    exit_code = 3


class ObjectNotFoundError(StorageError):
    """There is no object under that key."""


class ObjectChangedError(StorageError):
    """A conditional put lost: somebody else wrote the object in between."""


class StorageUnavailableError(StorageError):
    """The bucket or folder does not exist, cannot be reached, or may not be written."""


class SchemaTooNewError(StorageError):
    """The archive has a newer schema than this program knows."""
