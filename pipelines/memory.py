"""How our processes ask the system for memory: a long publish stays as small as a short one.

Imported before Arrow and deltalake, so it imports neither.
"""

import ctypes
import gc
from functools import cache

# Environment that native libraries read when they are loaded. Arrow's own allocator keeps what it once had, a quarter
# of a publish's memory; deltalake's (jemalloc) has eight arenas for two processors and gives back after ten seconds,
# 50 MB (https://jemalloc.net/jemalloc.3.html#tuning).
FRUGAL_ALLOCATORS = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:0,muzzy_decay_ms:0",
}
# glibc's names (malloc.h); a C library without mallopt has no such tunables, and needs none.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LARGE_BYTES = 1 << 20
_KEPT_BYTES = 8 << 20
_ARENAS = 2
_OBJECTS_A_COLLECTION = 10_000


@cache
def give_memory_back() -> None:
    """What is freed goes back to the system, from now on and in all threads of this process; what is loaded stays.

    Otherwise glibc sets its threshold for large blocks (batches of rows, files of a table) up to 32 MB at the first of
    them, and each thread has an arena of its own. Where FRUGAL_ALLOCATORS came too late, Arrow's Python code at least
    keeps nothing. Modules are not gone through for garbage again and again while rows are made.
    """
    import pyarrow as pa

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
