"""A proxy in front of a server on a unix socket: it passes everything on, late, or nothing, or is not there."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

_LOOK_EVERY = 0.02
_MOST = 1 << 16


class Proxy:
    """Between whoever connects to `path` and the server's own socket."""

    def __init__(self, path: Path, server: Path) -> None:
        self.path, self.server = path, server
        self.delay = 0.0
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    def open(self) -> None:
        self._ending = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._run(self._accept, self._listener, self._ending)

    def close(self) -> None:
        """Nobody is there any more: connections end, and no other can be made."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        if self._listener is not None:
            self._listener.close()
        self.path.unlink(missing_ok=True)

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Every answer comes so much later."""
        self.delay = seconds
        try:
            yield
        finally:
            self.delay = 0.0

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server cannot be reached."""
        self.close()
        try:
            yield
        finally:
            self.open()

    def _run(self, *task: object) -> None:
        do, *arguments = task
        thread = threading.Thread(target=do, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)

    def _accept(self, listener: socket.socket, ending: threading.Event) -> None:
        while not ending.is_set():
            if select.select([listener], [], [], _LOOK_EVERY)[0]:
                client = listener.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(str(self.server))
                except OSError:
                    client.close()
                    server.close()
                    continue
                self._run(self._carry, client, server, ending)

    def _carry(self, client: socket.socket, server: socket.socket, ending: threading.Event) -> None:
        """What either says goes to the other; what the server says, when it is due."""
        due: list[tuple[float, bytes]] = []
        with client, server, suppress(OSError):
            while not ending.is_set():
                heard = select.select([client, server], [], [], min(_LOOK_EVERY, self.delay or _LOOK_EVERY))[0]
                if client in heard:
                    server.sendall(_said(client))
                if server in heard:
                    due.append((monotonic() + self.delay, _said(server)))
                while due and due[0][0] <= monotonic():
                    client.sendall(due.pop(0)[1])


def _said(by: socket.socket) -> bytes:
    if said := by.recv(_MOST):
        return said
    raise OSError("closed")


@contextmanager
def proxied(path: Path, server: Path) -> Iterator[Proxy]:
    """A proxy at a path, gone at the end."""
    proxy = Proxy(path, server)
    proxy.open()
    try:
        yield proxy
    finally:
        proxy.close()
