"""Who holds a lease: which crawl, in which process of which machine, so that a holder that died is known to be dead."""

import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The crawl that holds a lease; `since` is by its own clock, for people.

    `machine` and `process_started` (ticks since the machine's start) tell a process from a later one of the same
    number; both are empty where the system does not say.
    """

    run_id: str
    since: datetime
    machine: str
    process_id: int
    process_started: str
    renewals: int = 0

    def to_values(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self) | {"since": self.since.isoformat()}

    @classmethod
    def from_values(cls, values: Any) -> "Holder | None":
        """None if nobody holds the lease, or if it cannot be read."""
        try:
            return cls(**{**values, "since": datetime.fromisoformat(values["since"])}) if values else None
        except (ValueError, TypeError, KeyError) as error:
            logger.warning("a lease that cannot be read is passed over: %s", error)
            return None

    def to_bytes(self) -> bytes:
        return json.dumps(self.to_values(), indent=1).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> "Holder | None":
        """As `from_values`."""
        try:
            return cls.from_values(json.loads(body))
        except ValueError as error:
            logger.warning("a lease that cannot be read is passed over: %s", error)
            return None

    @property
    def is_dead_here(self) -> bool:
        """Whether the holder's process was one of this machine and is gone."""
        machine = _machine()
        return bool(machine) and self.machine == machine and _process_started(self.process_id) != self.process_started


def this_process(run_id: str, now: datetime) -> Holder:
    """The process that asks, as the holder of a lease."""
    return Holder(
        run_id=run_id,
        since=now.astimezone(UTC),
        machine=_machine(),
        process_id=os.getpid(),
        process_started=_process_started(os.getpid()),
    )


def _machine() -> str:
    """The machine since its last start, and the name space in which process numbers count here; empty if not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _process_started(process_id: int) -> str:
    """When the process was started, in ticks since the machine's start; empty if there is none any more."""
    try:
        text = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return ""
    state, *numbers = text.rpartition(")")[2].split()
    return "" if state in "ZX" else numbers[18]
