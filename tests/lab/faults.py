"""Faults of one machine that come and go: what does it, on whom, for how long.

Each is undone by `undo`, also when the scenario fails in between.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from generator.errors import ToolFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.lab.machine import VirtualMachine

# Files of root may take the last blocks, which are reserved for it; PostgreSQL's and Consul's may not.
FILL: Final = 'fallocate -l "$(df --output=avail -B1 "$1" | tail -n 1)" "$1/lab-full" && sync -f "$1"'
HOUR_S: Final = 3600
# Not through the time service: it would be corrected at once.  A clock that is right is left alone.
SHIFT: Final = 'date --set="@$(( $(date +%s) + $1 ))"'
SET: Final = 'off=$(( $(date +%s) - $1 )); [ "${off#-}" -lt 60 ] || date --set="@$1"'
LOGIN_S: Final = 400.0
"""A machine that was reset meanwhile boots; under emulation for minutes."""
POLL_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        name: in words, for the table.
        victim: whom it meets: `primary` or `standby` (the one that confirms commits).
        seconds: how long it lasts.
        apply, undo: do it on a machine, and take it back.
        may_move: whether another member may lead afterwards.
        resets: what has the watchdog reset the machine, so that another member must lead: what does the
            fault or what takes it back; None where nothing does.
    """

    name: str
    victim: str
    seconds: float
    apply: Callable[[VirtualMachine], None]
    undo: Callable[[VirtualMachine], None]
    may_move: bool
    resets: Literal["apply", "undo"] | None = None


def _fill(folder: str) -> Callable[[VirtualMachine], None]:
    def apply(machine: VirtualMachine) -> None:
        machine.run("sh", "-c", FILL, "sh", folder)

    return apply


def _empty(folder: str) -> Callable[[VirtualMachine], None]:
    def undo(machine: VirtualMachine) -> None:
        machine.run("rm", "-f", f"{folder}/lab-full")

    return undo


def _shift_clock(seconds: int) -> Callable[[VirtualMachine], None]:
    def apply(machine: VirtualMachine) -> None:
        machine.run("sh", "-c", SHIFT, "sh", str(seconds))

    return apply


def set_clock(machine: VirtualMachine) -> None:
    """Set a machine's clock by ours, as soon as somebody can log in: it may just be booting.

    Not by what the fault added: a machine that was reset has its clock from the board again.

    Raises:
        ToolFailed: nobody could in that time.
    """
    deadline = time.monotonic() + LOGIN_S
    while True:
        try:
            machine.run("sh", "-c", SET, "sh", str(round(time.time())), timeout_s=30)
        except ToolFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
        else:
            return


def _clock(name: str, seconds: int, resets: Literal["apply", "undo"]) -> Fault:
    """Patroni waits by the wall clock: one that goes back stops its loop, and nobody feeds the watchdog."""
    words = f"primary: clock an hour {name} for 60 s"
    return Fault(words, "primary", 60, _shift_clock(seconds), set_clock, may_move=True, resets=resets)


def _set_link(*, up: bool) -> Callable[[VirtualMachine], None]:
    def change(machine: VirtualMachine) -> None:
        machine.set_link(up=up)

    return change


def _full(name: str, folder: str, *, may_move: bool) -> Fault:
    return Fault(name, "primary", 60, _fill(folder), _empty(folder), may_move)


def _cut(victim: str, seconds: float, *, may_move: bool) -> Fault:
    name = f"{victim}: cable out for {seconds:.0f} s"
    return Fault(name, victim, seconds, _set_link(up=False), _set_link(up=True), may_move)


FAULTS: Final = {
    "data-full": _full("primary: data volume full for 60 s", "/pgdata", may_move=True),
    "wal-full": _full("primary: WAL volume full for 60 s", "/pgwal", may_move=True),
    "root-full": _full("primary: root disk full for 60 s", "/var/lib", may_move=True),
    "clock-ahead": _clock("ahead", HOUR_S, "undo"),
    "clock-behind": _clock("behind", -HOUR_S, "apply"),
    "cut-short": _cut("primary", 12, may_move=True),
    "cut-long": _cut("primary", 60, may_move=True),
    "standby-cut": _cut("standby", 40, may_move=False),
}
