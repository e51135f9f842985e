"""Politeness: how often one host is asked, whoever asks (links, redirects, retries, robots.txt, other crawls).

A host with a delay is asked one request at a time, and the delay runs from the end of an answer to the next request:
then not even a slow network makes two requests arrive closer together than was promised.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic, time
from urllib.parse import urlsplit

from crawlers.address_guard.resolver import ascii_host
from crawlers.holder import Holder
from crawlers.middlewares.hosts import LOOK_SECONDS, SharedHost
from crawlers.middlewares.outcomes import RefusedError
from pipelines.store import Store

# A host that answers within this many seconds is well; a slower one is given as long a rest as it took to answer.
HEALTHY_SECONDS = 0.5
MAX_REST_SECONDS = 5.0
# A host that wants more rest than this is left alone, by all crawls, until it is over; a day at most is believed.
MAX_PAUSE_SECONDS = 30.0
MAX_BUSY_SECONDS = 86_400.0
_LOOK_SECONDS = 0.5  # how often a waiting request looks whether the crawl is ending


def rest_after(took_seconds: float) -> float:
    """The seconds that a host is left alone after an answer that took so long."""
    return min(took_seconds, MAX_REST_SECONDS) if took_seconds > HEALTHY_SECONDS else 0.0


class HostPace:
    """The turns of one host; `delay_seconds` is a promise, the rest after slow answers comes on top."""

    def __init__(self, delay_seconds: float, concurrency: int, shared: SharedHost) -> None:
        self.delay_seconds = delay_seconds
        self._concurrency = concurrency
        self._shared = shared
        self._is_held = False
        self._keeper: asyncio.Task[None] | None = None
        self._wanted = 0
        self._active = 0
        self._ready_at = 0.0
        self._answered_at = 0.0
        self._busy_until = 0.0
        self._gate = asyncio.Lock()
        self._freed = asyncio.Event()

    def promise(self, delay_seconds: float) -> None:
        """The host asked for a delay; the longer one holds, also for the request that comes next."""
        if delay_seconds > self.delay_seconds:
            self.delay_seconds = delay_seconds
            self._ready_at = max(self._ready_at, monotonic() + delay_seconds)

    def pause(self, seconds: float) -> None:
        """No request for so long; no request any more in this run, nor in others meanwhile, where that is too long."""
        if seconds > MAX_PAUSE_SECONDS:
            self._busy_until = time() + min(seconds, MAX_BUSY_SECONDS)
        else:
            self._ready_at = max(self._ready_at, monotonic() + seconds)

    @asynccontextmanager
    async def turn(self, deadline: float, is_running: Callable[[], bool]) -> AsyncIterator[None]:
        """Waits until the host may be asked; `deadline` is the end of the run on the monotonic clock.

        Raises RefusedError where the turn would come too late.
        """
        self._wanted += 1
        try:
            async with self._gate:
                while True:
                    await self._take(lambda: self._check(deadline, is_running))
                    await self._wait(lambda: self._check(deadline, is_running))
                    if self._is_held:
                        break
                self._active += 1
        finally:
            self._wanted -= 1
        started = monotonic()
        try:
            yield
        finally:
            self._active -= 1
            rest = rest_after(monotonic() - started)
            self._ready_at = max(self._ready_at, monotonic() + max(self.delay_seconds, rest))
            self._answered_at = time()
            self._freed.set()

    async def leave(self) -> None:
        """The host is given back; the crawl is over."""
        if self._is_held and self._keeper is not None:
            self._is_held = False
            self._keeper.cancel()
            await self._give_back()
        elif self._keeper is not None:
            await self._keeper

    def _check(self, deadline: float, is_running: Callable[[], bool]) -> float:
        """Seconds until the next request may go. Raises RefusedError where none will."""
        if self._busy_until > time():
            raise RefusedError("host_busy")
        if not is_running():
            raise RefusedError("stopped")
        seconds = self._ready_at - monotonic()
        if monotonic() + max(seconds, 0.0) > deadline:
            raise RefusedError("run_time")
        return seconds

    async def _wait(self, check: Callable[[], float]) -> None:
        while True:
            seconds = check()
            limit = 1 if self.delay_seconds else self._concurrency
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

    async def _take(self, check: Callable[[], float]) -> None:
        """Waits until no other crawl asks the host, and learns when it may be asked again."""
        if self._is_held:
            return
        if self._keeper is not None:
            await self._keeper
            await asyncio.sleep(LOOK_SECONDS)  # whoever waited comes first
        record = await self._shared.take(check)
        now = time()
        rest = max(record.ready_at, record.answered_at + self.delay_seconds) - now
        self._ready_at = max(self._ready_at, monotonic() + min(rest, MAX_BUSY_SECONDS))
        self.pause(record.busy_until - now)
        self._is_held = True
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        """Ends when the host is another crawl's."""
        is_ours = await self._shared.watch(lambda: bool(self._wanted or self._active))
        self._is_held = False
        while self._active:
            self._freed.clear()
            await self._freed.wait()
        if is_ours:
            await self._give_back()

    async def _give_back(self) -> None:
        ready_at = time() + min(max(self._ready_at - monotonic(), 0.0), MAX_BUSY_SECONDS)
        await self._shared.leave(self._answered_at, ready_at, self._busy_until)


class Paces:
    """The pace of every host of a run; `holder` is the run, `store` where it tells other crawls of it."""

    def __init__(self, delay_seconds: float, concurrency: int, store: Store, holder: Holder) -> None:
        self._delay_seconds = delay_seconds
        self._concurrency = concurrency
        self._store = store
        self._holder = holder
        self._hosts: dict[str, HostPace] = {}

    def of(self, url: str) -> HostPace:
        """The pace of the URL's host; a port other than those of http and https is a server of its own."""
        parts = urlsplit(url)
        host = ascii_host(parts.hostname or "")
        if parts.port not in (None, 80, 443):
            host = f"{host}:{parts.port}"
        if host not in self._hosts:
            shared = SharedHost(self._store, host, self._holder)
            self._hosts[host] = HostPace(self._delay_seconds, self._concurrency, shared)
        return self._hosts[host]

    async def leave(self) -> None:
        """All hosts are given back; the crawl is over."""
        await asyncio.gather(*(pace.leave() for pace in self._hosts.values()))
