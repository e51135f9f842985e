"""Children at little cost: one process imports Scrapy and all the rest once, and forks a child for every crawl.

Nobody outlives its parent: the kernel kills the nursery when the thread that opened it is gone, and the children when
the nursery is gone. A request to it is one datagram with four descriptors: the child's job (its stdin), its messages
(stdout), its log (stderr), and a pipe on which the nursery tells the child's process id and at last its exit code.
"""

import gc
import json
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Self

from pipelines.die_with import die_with
from pipelines.log_lines import indented, visible
from pipelines.memory import FRUGAL_ALLOCATORS
from pipelines.without_pandas import do_without_pandas

_DESCRIPTORS = 4
# glibc: what is large goes back to the system at once, and threads share their memory; a crawl with 100 000 links
# weighs a fifth less. Arrow's own allocator would keep 40 MB of a frontier of 24 000 URLs.
_FRUGAL = FRUGAL_ALLOCATORS | {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "262144",
    "MALLOC_TRIM_THRESHOLD_": "262144",
}
Run = Callable[[Mapping[str, Any], Callable[[Mapping[str, Any]], None]], int]


class Child:
    """A forked crawl, seen from the process that asked for it."""

    def __init__(self, messages: IO[str], log: IO[str], status: IO[str]) -> None:
        self.messages = messages
        self.log = log
        self.exit_code: int | None = None
        self.process_id = 0
        self._ended = threading.Event()
        self._unsent: signal.Signals | None = None
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read_status, args=(status,), daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> bool:
        """Whether the child has ended, waiting for at most so long."""
        return self._ended.wait(seconds)

    def send(self, number: signal.Signals) -> None:
        """Signals the child and whatever it has started; one that is not forked yet is signalled once it is."""
        with self._sending:
            if not self.process_id:
                self._unsent = number
            elif not self._ended.is_set():
                with suppress(ProcessLookupError):  # it has just ended, or is not yet a group of its own
                    os.killpg(self.process_id, number)

    def _read_status(self, status: IO[str]) -> None:
        with status:
            for line in status:
                value = int(line)
                if self.process_id:
                    self.exit_code = value
                    continue
                with self._sending:
                    self.process_id = value
                if self._unsent is not None:
                    self.send(self._unsent)
        self._ended.set()


class Nursery:
    """Use as a context manager, from a thread that stays until it is closed; `start` may be called from any thread."""

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        self._sending = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "crawlers.launch", str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                env=_FRUGAL | os.environ,
                pass_fds=[theirs.fileno()],
                process_group=0,  # a Ctrl-C at the terminal is for us to handle
            )
        return self

    def exit_code(self) -> int | None:
        """None as long as it runs; else no child can be started any more. Waits a second for one that is ending."""
        try:
            return self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()  # which ends it, and with it what is left of the children
        self._process.wait()

    def start(self, job: Mapping[str, Any]) -> Child:
        """Has a child forked for the job; one that cannot be started is a child that ended without an exit code."""
        pipes = [os.pipe() for _ in range(_DESCRIPTORS - 1)]
        with tempfile.TemporaryFile() as description:
            description.write(json.dumps(job).encode())
            description.seek(0)
            try:
                with self._sending:
                    socket.send_fds(self._socket, [b"job"], [description.fileno(), *(writer for _, writer in pipes)])
            except OSError:
                pass  # the nursery is gone: the pipes end at once
            finally:
                for _, writer in pipes:
                    os.close(writer)
        return Child(*(os.fdopen(reader, encoding="utf-8", errors="replace") for reader, _ in pipes))


def serve(connection: int, parent: int, prepare: Callable[[], Run]) -> int:
    """The nursery itself: `prepare` imports and gives what every child runs. Returns when the connection is closed."""
    die_with(parent)
    do_without_pandas()
    run = _prepared(prepare)
    gc.freeze()  # what is shared with the children stays shared
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    children: dict[int, IO[str]] = {}
    requests = socket.socket(fileno=connection)
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if woken in ready:
                os.read(woken, 4096)
                _bury(children)
            if connection in ready:
                data, descriptors, _, _ = socket.recv_fds(requests, 16, _DESCRIPTORS)
                if not data:
                    return 0
                process_id = os.fork()
                if process_id == 0:
                    _be_child(descriptors, run)
                _adopt(process_id, descriptors, children)


def _prepared(prepare: Callable[[], Run]) -> Run:
    try:
        return prepare()
    except Exception as cause:  # noqa: BLE001 - whatever it is, every crawl is to say so in its report
        error = cause

    def run(job: Mapping[str, Any], tell: Callable[[Mapping[str, Any]], None]) -> int:
        raise error

    return run


def _adopt(process_id: int, descriptors: list[int], children: dict[int, IO[str]]) -> None:
    for descriptor in descriptors[:-1]:
        os.close(descriptor)
    with suppress(OSError):  # it was quicker, or has ended
        os.setpgid(process_id, process_id)
    status = os.fdopen(descriptors[-1], "w")
    children[process_id] = status
    _say(status, process_id)


def _bury(children: dict[int, IO[str]]) -> None:
    while children:
        process_id, status = os.waitpid(-1, os.WNOHANG)
        if process_id == 0:
            return
        pipe = children.pop(process_id)
        _say(pipe, os.waitstatus_to_exitcode(status))
        pipe.close()


def _say(pipe: IO[str], number: int) -> None:
    try:
        pipe.write(f"{number}\n")
        pipe.flush()
    except BrokenPipeError:
        pass  # nobody waits for it any more


def _be_child(descriptors: list[int], run: Run) -> None:
    """Never returns: whatever happens, the process ends here."""
    code = 1
    try:
        nursery = os.getppid()
        os.setpgid(0, 0)
        for number, descriptor in enumerate(descriptors[:-1]):
            os.dup2(descriptor, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with(nursery)
        messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # whatever prints must not be taken for a message

        def tell(message: Mapping[str, Any]) -> None:
            messages.write(json.dumps(message) + "\n")
            messages.flush()

        try:
            code = run(json.load(sys.stdin), tell)
        except Exception as error:
            tell({"error": in_one_line(error)})
            raise
    except BaseException:  # noqa: BLE001 - a forked process must not go on as the one it was forked from
        sys.stderr.write(indented(traceback.format_exc()) + "\n")
    finally:
        logging.shutdown()
        os._exit(code)


def in_one_line(error: BaseException) -> str:
    """What kind of error, and what it says; at most 500 characters."""
    return visible(f"{type(error).__name__}: {' '.join(str(error).split())}"[:500])
