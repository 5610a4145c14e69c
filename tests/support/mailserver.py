"""A real SMTP server that takes mails, puts them off, hangs, goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import Enum, auto
from threading import Event

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from tests.support.serving import free_port


class Mood(Enum):
    """How it meets a mail."""

    TAKES = auto()
    PUTS_OFF = auto()
    HANGS = auto()
    TAKES_AND_HANGS = auto()
    WAITS = auto()


@dataclass
class MailServer:
    """`ids` are the Message-IDs of what it took, repetitions included; `mails` what they are of."""

    mood: Mood = Mood.TAKES
    port: int = field(default_factory=free_port)
    ids: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    met: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        self.met.set()
        if self.mood is Mood.WAITS:
            await asyncio.to_thread(self.released.wait, 30)
        if self.mood in {Mood.TAKES, Mood.TAKES_AND_HANGS, Mood.WAITS}:
            content = envelope.content
            assert isinstance(content, bytes)
            mail = message_from_bytes(content, policy=default)
            self.mails.append(mail)
            self.ids.append(str(mail["Message-ID"]))
        if self.mood in {Mood.HANGS, Mood.TAKES_AND_HANGS}:
            # Until its caller is gone, which ends this.
            await asyncio.Event().wait()
        return "451 Later" if self.mood is Mood.PUTS_OFF else "250 OK"

    @contextmanager
    def running(self) -> Iterator[MailServer]:
        """Listen on its port, for as long as this lasts."""
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()
