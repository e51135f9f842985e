"""A process that must not outlive the one that started it."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # Source: https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html


def die_with(parent: int) -> None:
    """The kernel kills this process when the thread that started it is gone; nothing but Linux does so."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the parent is gone")
