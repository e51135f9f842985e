"""How publish and its workers ask the system for memory: a long publish stays as small as a short one."""

import ctypes
import gc
from functools import cache

import pyarrow as pa

# glibc's names (malloc.h); a C library without mallopt has no such tunables, and needs none.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LARGE_BYTES = 1 << 20
_KEPT_BYTES = 8 << 20
_ARENAS = 2
_OBJECTS_A_COLLECTION = 10_000


@cache
def give_memory_back() -> None:
    """What is freed goes back to the system, from now on and in all threads of this process; what is loaded stays.

    Otherwise Arrow's own pool keeps what it once had, glibc sets its threshold for large blocks (batches of rows, files
    of a table) up to 32 MB at the first of them, and each of deltalake's threads has an arena of its own. What Arrow's
    C++ code takes by itself is only reached by ARROW_DEFAULT_MEMORY_POOL=system before Arrow is imported. Modules are
    not gone through for garbage again and again while rows are made.
    """
    gc.freeze()
    pa.set_memory_pool(pa.system_memory_pool())
    _keep_blocks()


def keep_memory() -> None:
    """What a page needed is kept for the next one, which needs as much: for a page worker.

    To look for rings among each 700 new objects, as Python does, is a fiftieth of the extraction, for next to none.
    """
    gc.set_threshold(_OBJECTS_A_COLLECTION)
    _keep_blocks()


def _keep_blocks() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_ARENA_MAX, _ARENAS)
