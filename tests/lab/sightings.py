"""Who had what when: samples from several machines on one clock.

Guests' clocks differ from each other and from ours, and a line travels to us for
milliseconds or, under emulation, for half a second.  Each line carries the guest's
own steady clock and the id of its boot; the fastest line of a boot tells the offset
between that clock and ours, so that the travel time of the others does not count, nor
over how many connections they came.  Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_BLIND_S: Final = 1.0
"""Issue 6: who has the address is sampled at least every second."""
ALIGNMENT_S: Final = 0.25
"""How far two aligned clocks may be apart: the fastest line still travelled for a moment."""
LINE: Final = re.compile(r"(?P<boot>[0-9a-f-]{36}) (?P<clock>[0-9]+\.[0-9]{3}) (?P<value>\S+)\n")


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of one machine.

    Attributes:
        node: the machine.
        boot: the kernel's id of the boot; a machine that booted anew has another clock.
        guest: seconds of the guest's steady clock when the value was read.
        host: seconds of our steady clock when the line arrived.
        value: what was read.
    """

    node: str
    boot: str
    guest: float
    host: float
    value: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a machine had at a moment of our steady clock; `uptime` is the guest's own clock then."""

    node: str
    boot: str
    moment: float
    uptime: float
    value: str


@dataclass(frozen=True, slots=True)
class Double:
    """Two machines that had the address at the same moment."""

    moment: float
    first: str
    second: str


def parse_line(line: str) -> tuple[str, float, str] | None:
    """Return boot, guest's clock and value, None for a line that is none of ours (or was cut off)."""
    found = LINE.fullmatch(line)
    return None if found is None else (found["boot"], float(found["clock"]), found["value"])


def align(samples: Iterable[Sample]) -> list[Sighting]:
    """Return the samples on our clock, sorted by moment; one that came twice counts once."""

    def kernel(sample: Sample) -> tuple[str, str]:
        return sample.node, sample.boot

    found = []
    for (node, boot), group in groupby(sorted(samples, key=kernel), kernel):
        lines = list(group)
        offset = min(sample.host - sample.guest for sample in lines)
        found += [
            Sighting(node, boot, guest + offset, guest, value)
            for guest, value in {(sample.guest, sample.value) for sample in lines}
        ]
    return sorted(found, key=lambda sighting: sighting.moment)


def kept_after_pause(samples: Sequence[Sample], value: str, stopped: float) -> float:
    """Return for how many seconds a machine had a value after it had stood still, by its own clock.

    That clock stood still, too, and the lines of before and after the pause come late after it: neither
    our clock nor one offset for the whole boot says when they were read.

    Args:
        samples: of one machine.
        value: what it had.
        stopped: when it was paused, on our clock.
    """
    before = [sample for sample in samples if sample.host < stopped]
    boot = before[-1].boot
    paused_at = stopped - min(sample.host - sample.guest for sample in before)
    kept = [sample.guest for sample in samples if (sample.boot, sample.value) == (boot, value)]
    return max(0.0, max(kept, default=paused_at) - paused_at)


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
                and sighting.boot == last.boot
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


def list_boots(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    """Return the sightings of each boot of each machine, sorted by machine and beginning."""
    boots: dict[tuple[str, str], list[Sighting]] = {}
    for sighting in sightings:
        boots.setdefault((sighting.node, sighting.boot), []).append(sighting)
    return sorted(boots.values(), key=lambda boot: (boot[0].node, boot[0].moment))


def longest_blind(sightings: Sequence[Sighting]) -> float:
    """Return the longest time between two neighbouring sightings of one boot, in seconds.

    Whatever the connection did meanwhile: a machine that went on running was not looked at.
    """
    return max(
        (second.moment - first.moment for boot in list_boots(sightings) for first, second in pairwise(boot)),
        default=0.0,
    )


def longest_start(sightings: Sequence[Sighting], since: float) -> float:
    """Return the longest time from the start of a kernel after `since` to the first sighting, in seconds.

    Nobody can log in for most of it.
    """
    return max(
        (boot[0].uptime for boot in list_boots(sightings) if boot[0].moment - boot[0].uptime > since),
        default=0.0,
    )


def list_unreleased(sightings: Sequence[Sighting], value: str) -> list[str]:
    """Return the machines that booted anew, and had the value when they were last seen before that."""
    return [
        earlier[-1].node
        for earlier, later in pairwise(list_boots(sightings))
        if earlier[0].node == later[0].node and earlier[-1].value == value
    ]


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


def last_of_boot(sightings: Iterable[Sighting], node: str, boot: str) -> float | None:
    """Return when a machine was last seen before it booted anew, None when it was not seen in that boot."""
    moments = [sight.moment for sight in sightings if (sight.node, sight.boot) == (node, boot)]
    return max(moments, default=None)
