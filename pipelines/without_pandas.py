"""For our own processes: pyarrow imports pandas where that is installed, only to ask whether a list is one of its own.

That is a third of a second of CPU and 60 MB for each command. Nothing of ours needs pandas; code that calls ours as a
library may, so this is for entry points alone.
"""

import sys
from importlib.machinery import ModuleSpec


class _NoPandas:
    """A finder, as `sys.meta_path` takes them."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError(f"No module named {fullname!r} in worldwire's own processes", name=fullname)
        return None


def do_without_pandas() -> None:
    """From now on pandas is not installed for this process, unless it was imported before."""
    sys.meta_path.insert(0, _NoPandas())
