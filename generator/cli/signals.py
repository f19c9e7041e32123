"""Signals that end a command: all of them clean up as Ctrl-C does."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
"""A cancelled job, a lost SSH connection: copies of secrets and workers must not outlive them."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


@contextmanager
def ends_as_interrupts() -> Iterator[None]:
    """Turn signals that would end the process on the spot into KeyboardInterrupt."""
    # Only those: nohup has SIGHUP ignored, and that stays so.
    mine = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def leave_to_parent() -> None:
    """Ignore what ends a command, in a worker: the parent ends its workers."""
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, signal.SIG_IGN)
