"""Politeness: how often one host is asked, whoever asks (links, redirects, retries, robots.txt).

A host with a delay is asked one request at a time, and the delay runs from the end of an answer to the next request:
then not even a slow network makes two requests arrive closer together than was promised.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from crawlers.middlewares.outcomes import RefusedError

# A host that answers within this many seconds is well; a slower one is given as long a rest as it took to answer.
HEALTHY_SECONDS = 0.5
MAX_REST_SECONDS = 5.0
_LOOK_SECONDS = 0.5  # how often a waiting request looks whether the crawl is ending


class HostPace:
    """The turns of one host; `delay_seconds` is a promise, the rest after slow answers comes on top."""

    def __init__(self, delay_seconds: float, concurrency: int) -> None:
        self.delay_seconds = delay_seconds
        self._concurrency = concurrency
        self._active = 0
        self._ready_at = 0.0
        self._closed = ""
        self._gate = asyncio.Lock()
        self._freed = asyncio.Event()

    def promise(self, delay_seconds: float) -> None:
        """The host asked for a delay; the longer one holds, also for the request that comes next."""
        if delay_seconds > self.delay_seconds:
            self.delay_seconds = delay_seconds
            self._ready_at = max(self._ready_at, monotonic() + delay_seconds)

    def pause(self, seconds: float) -> None:
        """No request for so long."""
        self._ready_at = max(self._ready_at, monotonic() + seconds)

    def close(self, reason: str) -> None:
        """No request any more in this run."""
        self._closed = reason

    @asynccontextmanager
    async def turn(self, deadline: float, is_running: Callable[[], bool]) -> AsyncIterator[None]:
        """Waits until the host may be asked; `deadline` is the end of the run on the monotonic clock.

        Raises RefusedError where the turn would come too late.
        """
        async with self._gate:
            await self._wait(deadline, is_running)
            self._active += 1
        started = monotonic()
        try:
            yield
        finally:
            self._active -= 1
            took = monotonic() - started
            rest = min(took, MAX_REST_SECONDS) if took > HEALTHY_SECONDS else 0.0
            self._ready_at = max(self._ready_at, monotonic() + max(self.delay_seconds, rest))
            self._freed.set()

    async def _wait(self, deadline: float, is_running: Callable[[], bool]) -> None:
        while True:
            if self._closed:
                raise RefusedError(self._closed)
            if not is_running():
                raise RefusedError("stopped")
            limit = 1 if self.delay_seconds else self._concurrency
            seconds = self._ready_at - monotonic()
            if monotonic() + max(seconds, 0.0) > deadline:
                raise RefusedError("run_time")
            if self._active < limit and seconds <= 0:
                return
            self._freed.clear()
            if self._active < limit:
                await asyncio.sleep(min(seconds, _LOOK_SECONDS))
            else:
                try:
                    await asyncio.wait_for(self._freed.wait(), _LOOK_SECONDS)
                except TimeoutError:
                    continue


class Paces:
    """The pace of every host of a run."""

    def __init__(self, delay_seconds: float, concurrency: int) -> None:
        self._delay_seconds = delay_seconds
        self._concurrency = concurrency
        self._hosts: dict[str, HostPace] = {}

    def of(self, host: str) -> HostPace:
        """The host's pace; ports of one host share it."""
        if host not in self._hosts:
            self._hosts[host] = HostPace(self._delay_seconds, self._concurrency)
        return self._hosts[host]
