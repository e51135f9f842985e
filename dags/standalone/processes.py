"""Starts children and ends all that ever came of them, also what has cut itself loose from its parent.

Airflow forks workers that outlive a scheduler that was killed; crawls have process groups of their own. So whoever
starts them is a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER): orphans among its descendants become its children, and a
walk down the tree finds everything. Two processes stand guard in a row: when one is killed outright, the other ends
the rest. Off Linux the walk finds what still hangs on the tree.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_GRACE_SECONDS = 4.0
_KILL_SECONDS = 10.0


class StopRequested(BaseException):
    """Somebody asked for the end: Ctrl-C, SIGTERM, a closed terminal."""


class _Asked:
    """Whether somebody has asked for the end."""

    for_the_end = False


def check_stop() -> None:
    """Raises StopRequested again: the first may have come while a library was calling back, and be lost there."""
    if _Asked.for_the_end:
        raise StopRequested


def guarded(run: Callable[[], int]) -> int:
    """Runs `run` in a forked child and gives its exit code, in both; however either of them ends, nothing stays behind.

    StopRequested is raised inside `run` at Ctrl-C or SIGTERM to either of them, and when the parent was killed.
    """
    parent = os.getpid()
    _become_subreaper()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        return _run_inside(run, parent)
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: _send(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    _ignore_stops()
    end_descendants()
    return os.waitstatus_to_exitcode(status)


def start(
    command: Sequence[str], *, environ: Mapping[str, str], folder: Path, log: Path, keep_log: bool = False
) -> subprocess.Popen[bytes]:
    """Starts a command in a session of its own (Ctrl-C at the terminal does not reach it), its output in a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab" if keep_log else "wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own commands, no shell
            command,
            env=dict(environ),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end_descendants() -> None:
    """Asks all descendants of this process to end, and kills those that have not after some seconds."""
    deadline = time.monotonic() + _GRACE_SECONDS
    for process in _descendants():
        _send(process.pid, signal.SIGTERM)
    while _descendants() and time.monotonic() < deadline:
        time.sleep(0.05)
    deadline = time.monotonic() + _KILL_SECONDS
    while (left := _descendants()) and time.monotonic() < deadline:
        for process in left:
            _send(process.pid, signal.SIGKILL)
        time.sleep(0.05)


def reap_orphans(known: Sequence[subprocess.Popen[bytes]]) -> None:
    """Takes leave of dead processes that were handed to us when their parent ended; `known` are left to Popen."""
    pids = {process.pid for process in known}
    for process in psutil.Process().children():
        if process.pid not in pids and _is_dead(process):
            _reap(process.pid)


def _run_inside(run: Callable[[], int], parent: int) -> int:
    for number in STOP_SIGNALS:
        signal.signal(number, _request_stop)
    _become_subreaper()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        return run() if os.getppid() == parent else 1
    except StopRequested:
        return 0
    finally:
        _ignore_stops()
        end_descendants()


def _request_stop(number: int, frame: FrameType | None) -> None:
    _Asked.for_the_end = True
    _ignore_stops()
    raise StopRequested


def _ignore_stops() -> None:
    """With a handler that does nothing: SIG_IGN, set while a second signal is on its way, is an error of its own."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: None)


def _become_subreaper() -> None:
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _descendants() -> list[psutil.Process]:
    """All that are alive; the dead among our own children are reaped."""
    alive = []
    for process in psutil.Process().children(recursive=True):
        if _is_dead(process):
            _reap(process.pid)
        else:
            alive.append(process)
    return alive


def _is_dead(process: psutil.Process) -> bool:
    try:
        return process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return True


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # another's child, or reaped already


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
