"""Faults of one machine that come and go: what does it, on whom, for how long.

Each is undone by `undo`, also when the scenario fails in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.lab.machine import Machine

# Files of root may take the last blocks, which are reserved for it; PostgreSQL's and Consul's may not.
FILL: Final = 'fallocate -l "$(df --output=avail -B1 "$1" | tail -n 1)" "$1/lab-full" && sync -f "$1"'
HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        name: in words, for the table.
        victim: whom it meets: `primary` or `standby` (the one that confirms commits).
        seconds: how long it lasts.
        apply, undo: do it on a machine, and take it back.
        may_move: whether another member may lead afterwards.
    """

    name: str
    victim: str
    seconds: float
    apply: Callable[[Machine], None]
    undo: Callable[[Machine], None]
    may_move: bool


def _fill(folder: str) -> Callable[[Machine], None]:
    def apply(machine: Machine) -> None:
        machine.run("sh", "-c", FILL, "sh", folder)

    return apply


def _empty(folder: str) -> Callable[[Machine], None]:
    def undo(machine: Machine) -> None:
        machine.run("rm", "-f", f"{folder}/lab-full")

    return undo


def _shift_clock(seconds: int) -> Callable[[Machine], None]:
    def apply(machine: Machine) -> None:
        # Not through the time service: it would be corrected at once.
        script = f'date --set="@$(( $(date +%s) + {seconds} ))"'
        machine.run("sh", "-c", script)

    return apply


def _set_link(*, up: bool) -> Callable[[Machine], None]:
    def change(machine: Machine) -> None:
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
    # A clock that goes back stops Patroni's loop, which waits by it, and the watchdog resets the machine.
    "clock-ahead": Fault(
        "primary: clock an hour ahead for 60 s",
        "primary",
        60,
        _shift_clock(HOUR_S),
        _shift_clock(-HOUR_S),
        may_move=True,
    ),
    "clock-behind": Fault(
        "primary: clock an hour behind for 60 s",
        "primary",
        60,
        _shift_clock(-HOUR_S),
        _shift_clock(HOUR_S),
        may_move=True,
    ),
    "cut-short": _cut("primary", 12, may_move=True),
    "cut-long": _cut("primary", 60, may_move=True),
    "standby-cut": _cut("standby", 40, may_move=False),
}
