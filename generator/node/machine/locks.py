"""Locks between the runs of this program; the kernel releases them when a run dies."""

from __future__ import annotations

import contextlib
import fcntl
from typing import TYPE_CHECKING, Iterator, TextIO

from generator.node.causes import StageFailed

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine
    from generator.node.machine.rootfs import RootFs

RUN_LOCK = "/run/holster-node.lock"
STORAGE_LOCK = "/run/holster-storage.lock"


@contextlib.contextmanager
def try_lock(fs: RootFs, name: str) -> Iterator[bool]:
    """Take a lock for the body; yield whether it was free."""
    path = fs.at(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        yield _take(stream)


def _take(stream: TextIO) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def storage_lock(machine: Machine) -> Iterator[None]:
    """Keep the storage stage and the storage unit, which may run in parallel, out of each other's way.

    Raises:
        StageFailed: the other one did not end before the deadline.
    """
    path = machine.fs.at(STORAGE_LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        while not _take(stream):
            if machine.clock.steady() >= machine.deadline:
                raise StageFailed("storage-failed", "another run works on the volumes and does not end")
            machine.clock.sleep(1)
        yield
