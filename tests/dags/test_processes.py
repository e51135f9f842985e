"""What is started ends, however the starter ends. Small stand-ins here; the real Airflow in test_standalone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.dags.standalone import MARK, marked_processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans are followed by means of Linux")

# The runner starts a part; the part starts a worker in a session of its own that is deaf to SIGTERM, and leaves it
# behind when it ends itself: as Airflow's scheduler does with its executor's workers.
RUNNER = """
import os, sys, time
from pathlib import Path
from dags.standalone.processes import guarded, start

folder = Path(sys.argv[1])
worker = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
part = f'''
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {worker!r}], start_new_session=True)
open("started", "w").close()
time.sleep({sys.argv[2]})
'''

def run():
    (folder / "inner").write_text(str(os.getpid()))
    start([sys.executable, "-c", part], environ=os.environ, folder=folder, log=folder / "part.log")
    time.sleep(float(sys.argv[3]))
    return 7

sys.exit(guarded(run))
"""

SWALLOWING = """
import os, signal, sys, time
from dags.standalone.processes import StopRequested, check_stop, guarded

def run():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    except StopRequested:  # as where a library calls back
        pass
    check_stop()
    return 7

sys.exit(guarded(run))
"""


class Runner:
    def __init__(self, folder: Path, part_seconds: float, run_seconds: float) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(folder), str(part_seconds), str(run_seconds)],
            env=os.environ | {MARK: str(folder)},
            start_new_session=True,
        )
        wait_until(lambda: (folder / "started").exists())

    @property
    def inner(self) -> int:
        return int((self.folder / "inner").read_text())

    def left(self) -> list[psutil.Process]:
        return marked_processes(self.folder)


@pytest.fixture
def start_runner(tmp_path: Path) -> Iterator[Callable[..., Runner]]:
    runners: list[Runner] = []

    def start(part_seconds: float = 300, run_seconds: float = 300) -> Runner:
        runners.append(Runner(tmp_path, part_seconds, run_seconds))
        return runners[-1]

    yield start
    for runner in runners:
        for process in runner.left():
            process.kill()
        runner.process.wait()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_the_runner_and_all_that_it_started(start_runner: Callable[..., Runner], number: int) -> None:
    runner = start_runner()
    assert len(runner.left()) == 4  # both guards, the part, its worker

    runner.process.send_signal(number)

    assert runner.process.wait(timeout=20) == 0
    assert runner.left() == []


def test_an_orphan_is_found_after_its_parent_has_ended(start_runner: Callable[..., Runner]) -> None:
    runner = start_runner(part_seconds=0)
    wait_until(lambda: len(runner.left()) == 3)

    runner.process.send_signal(signal.SIGINT)

    assert runner.process.wait(timeout=20) == 0
    assert runner.left() == []


def test_the_end_of_the_work_ends_what_is_left_and_gives_its_exit_code(start_runner: Callable[..., Runner]) -> None:
    runner = start_runner(run_seconds=0.5)

    assert runner.process.wait(timeout=20) == 7
    assert runner.left() == []


def test_nothing_stays_when_the_runner_is_killed_outright(start_runner: Callable[..., Runner]) -> None:
    runner = start_runner()

    runner.process.kill()

    wait_until(lambda: runner.left() == [])


def test_nothing_stays_when_the_inner_guard_is_killed_outright(start_runner: Callable[..., Runner]) -> None:
    runner = start_runner()

    os.kill(runner.inner, signal.SIGKILL)

    assert runner.process.wait(timeout=20) != 0
    assert runner.left() == []


def test_a_request_that_a_library_swallowed_is_made_again() -> None:
    assert subprocess.run([sys.executable, "-c", SWALLOWING], timeout=60, check=False).returncode == 0
