"""What a client outside the cluster was promised: numbers of acknowledged rows, kept outside.

A row counts as acknowledged when the server said so without a warning; the ledger
is on this machine's disk before the next row is written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without an event; moments and length in seconds of the host's steady clock."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.start


def list_gaps(moments: Iterable[float], start: float, end: float) -> list[Gap]:
    """Return the times between neighbouring moments within [start, end], both ends included.

    The stretch before the first moment and after the last one counts: silence until
    the end is silence.
    """
    inside = sorted(moment for moment in moments if start <= moment <= end)
    return [Gap(first, second) for first, second in pairwise([start, *inside, end])]


def longest_gap(moments: Iterable[float], start: float, end: float) -> Gap:
    """Return the longest time without an event within [start, end]."""
    return max(list_gaps(moments, start, end), key=lambda gap: gap.seconds)


class Ledger:
    """The file of acknowledged rows, `number moment` each; on the disk when `acknowledge` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="ascii")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def acknowledge(self, number: int, moment: float) -> None:
        """Write one number down, durably."""
        self._file.write(f"{number} {moment:.3f}\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def read_ledger(path: Path) -> dict[int, float]:
    """Return the acknowledged numbers with their moments."""
    lines = path.read_text("ascii").splitlines()
    return {int(number): float(moment) for number, moment in (line.split() for line in lines)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The ledger beside the rows of the database.

    Attributes:
        acknowledged: how many rows were promised.
        lost: promised and not there. Must be empty where commits are synchronous.
        unasked: there, and never sent by the writer. Must always be empty.
        unacknowledged: there although the client never heard so: allowed, the answer was cut off.
    """

    acknowledged: int
    lost: tuple[int, ...]
    unasked: tuple[int, ...]
    unacknowledged: tuple[int, ...]


def compare(acknowledged: Iterable[int], rows: Iterable[int], attempted: int) -> Comparison:
    """Compare what was promised with what is there; the writer sent the numbers 1 to `attempted`."""
    promised, there = set(acknowledged), set(rows)
    return Comparison(
        acknowledged=len(promised),
        lost=tuple(sorted(promised - there)),
        unasked=tuple(sorted(number for number in there if not 1 <= number <= attempted)),
        unacknowledged=tuple(sorted(number for number in there - promised if 1 <= number <= attempted)),
    )
