"""Signals that end a command: all of them clean up as Ctrl-C does."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
"""A cancelled job, a lost SSH connection: copies of secrets and workers must not outlive them."""


@dataclass(slots=True)
class Interruption:
    """Whether one of the signals came."""

    has_come: bool = False

    def heed(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        del number, frame
        self.has_come = True
        raise KeyboardInterrupt


@contextmanager
def ends_as_interrupts() -> Iterator[Interruption]:
    """Turn signals that would end the process on the spot into KeyboardInterrupt.

    Libraries may turn that into an error of theirs (pydantic reports a failed
    serialization): what is yielded remembers.
    """
    interruption = Interruption()
    # Only those: nohup has SIGHUP ignored, and that stays so.
    mine = {
        number: handler
        for number in (signal.SIGINT, *ENDING)
        if (handler := signal.getsignal(number)) in (signal.SIG_DFL, signal.default_int_handler)
    }
    for number in mine:
        signal.signal(number, interruption.heed)
    try:
        yield interruption
    finally:
        for number, handler in mine.items():
            signal.signal(number, handler)


def leave_to_parent() -> None:
    """Ignore what ends a command, in a worker: the parent ends its workers."""
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, signal.SIG_IGN)
