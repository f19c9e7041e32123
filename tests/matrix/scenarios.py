"""Which faults are tried: the fixed handful, the whole matrix, and a walk over it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from tests.matrix.run import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

DURATIONS: Final = (5, 12, 22, 40, 90)
"""Seconds, around what decides: an election, autopilot's round, ttl less loop_wait, ttl, much more."""

NETWORK: Final = ("link", "cable", "deaf", "mute", "servers", "loss")
PROGRAMS: Final = ("agent", "patroni", "vip", "postgresql")
MACHINE: Final = ("paused", "power")
DISKS: Final = ("data-full", "wal-full")

HANDFUL: Final = (
    Scenario("link", "both", 22),
    Scenario("cable", "primary", 60),
    Scenario("patroni", "primary", 40),
    Scenario("paused", "primary", 40),
)
"""For CI: the grave one, the one that takes a machine its own address, the one that only a watchdog ends,
and the one of a machine that comes back."""


def list_matrix(example: str) -> list[Scenario]:
    """Return the whole matrix of an example, at the places where it can happen.

    Every duration for what cuts the primary off; two of them elsewhere.
    """
    found = [Scenario(fault, "primary", seconds) for fault in ("link", "servers") for seconds in DURATIONS]
    found += [
        Scenario(fault, "primary", seconds) for fault in ("deaf", "mute", "loss") for seconds in (22, 40)
    ]
    found += [Scenario("cable", "primary", seconds) for seconds in (12, 40, 90)]
    found += [Scenario(fault, "primary", 40) for fault in (*PROGRAMS, *MACHINE)]
    found += [Scenario("paused", "primary", 90), Scenario("patroni", "primary", 12)]
    found += [Scenario(fault, "primary", 22) for fault in DISKS]
    found += [Scenario(fault, "standby", 40) for fault in ("link", "cable", "postgresql", "power")]
    found += [Scenario(fault, "raft", 22) for fault in ("link", "agent", "power")]
    found.append(Scenario("restart", "raft", 5))
    if example == "trio":
        found += [Scenario("link", "both", seconds) for seconds in DURATIONS]
        found += [Scenario(fault, "both", 40) for fault in ("cable", "deaf", "mute", "agent", "power")]
    return found


def walk(example: str, seed: int, steps: int) -> Iterator[Scenario]:
    """Yield so many random scenarios; the same seed gives the same ones."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    targets = ("primary", "raft", "standby", *(("both",) if example == "trio" else ()))
    for _ in range(steps):
        target = draw.choice(targets)
        of_members = (*NETWORK, *PROGRAMS, *MACHINE, *DISKS)
        # On sirius raft is led by machines without PostgreSQL.
        of_raft = ("link", "cable", "deaf", "mute", "loss", "agent", *MACHINE)
        kinds = of_raft if target == "raft" else of_members
        yield Scenario(draw.choice(kinds), target, draw.choice(DURATIONS))
