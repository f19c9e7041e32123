"""Who had what when: samples from several machines on one clock.

Guests' clocks differ from each other and from ours, and a line travels to us for
milliseconds or, under emulation, for half a second.  Each line carries the guest's
own steady clock; the fastest line of a connection tells the offset between that
clock and ours, so that the travel time of the others does not count.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_BLIND_S: Final = 1.0
"""Issue 6: who has the address is sampled at least every second."""
ALIGNMENT_S: Final = 0.25
"""How far two aligned clocks may be apart: the fastest line still travelled for a moment."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of one machine.

    Attributes:
        node: the machine.
        session: number of the connection; a machine that booted anew has another clock.
        guest: seconds of the guest's steady clock when the value was read.
        host: seconds of our steady clock when the line arrived.
        value: what was read.
    """

    node: str
    session: int
    guest: float
    host: float
    value: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a machine had at a moment of our steady clock."""

    node: str
    session: int
    moment: float
    value: str


@dataclass(frozen=True, slots=True)
class Double:
    """Two machines that had the address at the same moment."""

    moment: float
    first: str
    second: str


def parse_line(line: str) -> tuple[float, str] | None:
    """Return the guest's clock and the value, None for a line that is none of ours (or was cut off)."""
    clock, separator, value = line.rstrip("\n").partition(" ")
    if not separator or not line.endswith("\n"):
        return None
    try:
        return float(clock), value
    except ValueError:
        return None


def align(samples: Iterable[Sample]) -> list[Sighting]:
    """Return the samples on our clock, sorted by moment."""

    def connection(sample: Sample) -> tuple[str, int]:
        return sample.node, sample.session

    found = []
    for _, group in groupby(sorted(samples, key=connection), connection):
        lines = list(group)
        offset = min(sample.host - sample.guest for sample in lines)
        found += [
            Sighting(sample.node, sample.session, sample.guest + offset, sample.value) for sample in lines
        ]
    return sorted(found, key=lambda sighting: sighting.moment)


@dataclass(frozen=True, slots=True)
class Held:
    """A machine had the value from one sighting to another, and at every one between."""

    node: str
    start: float
    end: float


def list_held(sightings: Sequence[Sighting], value: str) -> list[Held]:
    """Return the stretches in which a machine was seen with the value, without a blind spot."""
    held = []
    nodes = sorted({sighting.node for sighting in sightings})
    for node in nodes:
        begun: Sighting | None = None
        last: Sighting | None = None
        for sighting in (item for item in sightings if item.node == node):
            goes_on = (
                last is not None
                and sighting.value == value
                and sighting.session == last.session
                and sighting.moment - last.moment <= LONGEST_BLIND_S
            )
            if begun is not None and last is not None and not goes_on:
                held.append(Held(node, begun.moment, last.moment))
                begun = last = None
            if sighting.value == value:
                begun, last = begun or sighting, sighting
        if begun is not None and last is not None:
            held.append(Held(node, begun.moment, last.moment))
    return sorted(held, key=lambda stretch: stretch.start)


def find_doubles(sightings: Sequence[Sighting], value: str) -> list[Double]:
    """Return the moments at which two machines had the value.

    A sighting counts against a stretch of another machine when it lies inside, by
    more than the clocks may be apart.
    """
    stretches = list_held(sightings, value)
    return [
        Double(sighting.moment, sighting.node, stretch.node)
        for sighting in sightings
        if sighting.value == value
        for stretch in stretches
        if stretch.node != sighting.node
        and stretch.start + ALIGNMENT_S < sighting.moment < stretch.end - ALIGNMENT_S
    ]


def longest_blind(sightings: Sequence[Sighting]) -> float:
    """Return the longest time between two neighbouring sightings of one connection, in seconds."""
    longest = 0.0
    for key in {(sighting.node, sighting.session) for sighting in sightings}:
        moments = [item.moment for item in sightings if (item.node, item.session) == key]
        longest = max([longest, *(second - first for first, second in pairwise(moments))])
    return longest


def first_seen(
    sightings: Iterable[Sighting], value: str, *, after: float, nodes: Iterable[str]
) -> float | None:
    """Return when one of the machines was first seen with the value after a moment."""
    wanted = set(nodes)
    return next(
        (
            item.moment
            for item in sightings
            if item.moment > after and item.value == value and item.node in wanted
        ),
        None,
    )
