"""From what was seen to figures; pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.matrix.watch import Seen

GAP_S = 1.0
"""Longest time between two samples that count as one stretch: longer silence is no claim."""


@dataclass(frozen=True)
class Stretch:
    """A machine had something from one sample to another, and at every one between."""

    node: str
    start: float
    end: float


def list_stretches(node: str, samples: Sequence[tuple[float, str]], value: str) -> list[Stretch]:
    """Return the stretches of samples that have a value."""
    found: list[Stretch] = []
    previous: tuple[float, str] | None = None
    for moment, what in samples:
        if what == value:
            goes_on = (
                found and previous is not None and previous[1] == value and moment - previous[0] <= GAP_S
            )
            if goes_on:
                found[-1] = Stretch(node, found[-1].start, moment)
            else:
                found.append(Stretch(node, moment, moment))
        previous = (moment, what)
    return found


def without(stretches: Sequence[Stretch], node: str, start: float, end: float) -> list[Stretch]:
    """Return the stretches without what a machine had in a time in which nobody could reach it."""
    kept = []
    for stretch in stretches:
        if stretch.node != node:
            kept.append(stretch)
            continue
        if stretch.start < start:
            kept.append(Stretch(node, stretch.start, min(stretch.end, start)))
        if stretch.end > end:
            kept.append(Stretch(node, max(stretch.start, end), stretch.end))
    return kept


def longest_double(stretches: Sequence[Stretch]) -> float:
    """Return how long two machines had it at once, all such times together, in seconds."""
    total = 0.0
    for first, second in combinations(stretches, 2):
        if first.node != second.node:
            total += max(0.0, min(first.end, second.end) - max(first.start, second.start))
    return total


def count_rival_rows(seen: Mapping[str, Seen], begin: float) -> int:
    """Return how many rows machines acknowledged while another one already acknowledged, too.

    In order of time the acknowledging machine may change; a row of a machine after another one
    had begun belongs to two primaries at once.
    """
    moments = sorted(
        (moment, name) for name, watched in seen.items() for moment, _ in watched.row if moment >= begin
    )
    rivals, left = 0, set[str]()
    for (_, before), (_, now) in pairwise(moments):
        if now != before:
            left.add(before)
        rivals += now in left
    return rivals


def last_row_of_first(seen: Mapping[str, Seen], first: str, begin: float) -> float | None:
    """Return how long after a moment a machine acknowledged rows, up to the first row of another one."""
    others = [
        moment
        for name, watched in seen.items()
        if name != first
        for moment, _ in watched.row
        if moment >= begin
    ]
    until = min(others, default=float("inf"))
    rows = [moment for moment, _ in seen[first].row if begin <= moment < until]
    return max(rows) - begin if rows else None


def longest_silence(moments: Sequence[float], start: float, end: float) -> float:
    """Return the longest time without an acknowledged row between two moments, in seconds."""
    inside = [start, *sorted(moment for moment in moments if start <= moment <= end), end]
    return max(second - first for first, second in pairwise(inside))


def silent_seconds(moments: Sequence[float], start: float, end: float, shortest: float = 1.0) -> float:
    """Return all times without rows of at least `shortest` seconds together."""
    inside = [start, *sorted(moment for moment in moments if start <= moment <= end), end]
    return sum(gap for first, second in pairwise(inside) if (gap := second - first) >= shortest)


def first_other(samples: Sequence[tuple[float, str]], name: str, after: float) -> float | None:
    """Return when somebody else than a machine had the key, or nobody, after a moment."""
    return next((moment for moment, what in samples if moment > after and what not in (name, "?")), None)


def count_uncovered(stretches: Sequence[Stretch], start: float, end: float) -> float:
    """Return how long no machine had it between two moments; gaps between samples are none."""
    uncovered, reached = 0.0, start
    for stretch in sorted(stretches, key=lambda item: item.start):
        if stretch.start - reached > GAP_S:
            uncovered += min(stretch.start, end) - reached
        reached = max(reached, stretch.end)
        if reached >= end:
            return uncovered
    return uncovered + (end - reached if end - reached > GAP_S else 0.0)
