"""Wait for what comes by itself: a disk that is slow, a volume that fsck holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from generator.node.causes import StageFailed
from generator.node.machine.locks import storage_lock

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

FIRST_PAUSE = 1.0
# A look starts programs, on a machine whose disks are at work already.
LONGEST_PAUSE = 10.0


class NotYet(StageFailed):
    """Worth another try for `limit` seconds from the first one."""

    def __init__(self, cause: str, reason: str, limit: float = float("inf")) -> None:
        super().__init__(cause, reason)
        self.limit = limit


def keep_trying(machine: Machine, work: Callable[[], None]) -> None:
    """Do `work` under the storage lock, again and again while it says `NotYet`, until the deadline.

    The lock is free during the pauses: the stage and the unit do not wait for each other's waits.

    Raises:
        StageFailed: it failed otherwise, or it was not yet possible in time.
    """
    begin = machine.clock.steady()
    pause = FIRST_PAUSE
    while True:
        try:
            with storage_lock(machine):
                work()
        except NotYet as failure:
            if machine.clock.steady() >= min(begin + failure.limit, machine.deadline):
                raise
            machine.note(failure.cause.reason)
        else:
            return
        machine.clock.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
