"""What a command costs, with all it starts: CPU and wall seconds.

    python -m benchmarks.costs COMMAND...        runs it, and prints its cost as JSON at the end of its standard error

Processes that a command leaves behind without waiting for them (a fork server does that) fall to whoever started it
and are waited for and counted as well; `getrusage` of the command's parent alone would miss them.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one command with all its children."""

    cpu: float
    wall: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.cpu + other.cpu, self.wall + other.wall)

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.cpu - other.cpu, self.wall - other.wall)


def cost_of(command: Sequence[str | Path], environment: Mapping[str, str]) -> Cost:
    """Runs the command to its end. Raises CalledProcessError if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.costs", *command], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        done.check_returncode()
    return Cost(**json.loads(done.stderr.splitlines()[-1]))


def main() -> int:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    started = time.perf_counter()
    code = subprocess.run(sys.argv[1:]).returncode
    wall = time.perf_counter() - started
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\n{json.dumps({'cpu': used.ru_utime + used.ru_stime, 'wall': wall})}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
