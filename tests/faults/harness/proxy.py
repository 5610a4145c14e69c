"""A line that can be made slow, cut, or lose what comes back: a TCP proxy on this machine, in front of a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from tests.support.serving import free_port

_AT_ONCE = 1 << 16


@dataclass
class Proxy:
    """Leads from a port to a unix socket; `delay` is for each piece of data, either way."""

    upstream: Path
    port: int = field(default_factory=free_port)
    delay: float = 0.0
    is_cut: bool = False
    loses_answers: bool = False
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Listen on its port, for as long as this lasts."""
        server = self._loop.run_until_complete(asyncio.start_server(self._met, "127.0.0.1", self.port))
        thread = Thread(target=self._loop.run_forever)
        thread.start()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(server.close)
            self._loop.call_soon_threadsafe(self._hang_up)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._end()

    @contextmanager
    def slowed(self, delay: float) -> Iterator[None]:
        self.delay = delay
        try:
            yield
        finally:
            self.delay = 0.0

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Every connection broken, and none let through."""
        self.is_cut = True
        self._loop.call_soon_threadsafe(self._hang_up)
        try:
            yield
        finally:
            self.is_cut = False

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        """What is asked gets there and is done; who asked sees a broken connection."""
        self.loses_answers = True
        try:
            yield
        finally:
            self.loses_answers = False

    def _hang_up(self) -> None:
        for line in tuple(self._lines):
            line.transport.abort()

    def _end(self) -> None:
        self._loop.run_until_complete(_without(asyncio.all_tasks(self._loop)))
        self._loop.close()

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = [writer]
        self._lines.add(writer)
        try:
            if not self.is_cut:
                there, back = await asyncio.open_unix_connection(self.upstream)
                self._lines.add(back)
                lines.append(back)
                await asyncio.gather(self._pump(reader, back), self._pump(there, writer, comes_back=True))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for line in lines:
                self._lines.discard(line)
                line.transport.abort()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, comes_back: bool = False
    ) -> None:
        """Until one side ends, which ends the other."""
        while data := await source.read(_AT_ONCE):
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.is_cut or (comes_back and self.loses_answers):
                break
            sink.write(data)
            await sink.drain()
        raise ConnectionResetError


async def _without(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
