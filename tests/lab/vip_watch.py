"""Who has the virtual address, asked of all machines at once, several times a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.lab.guest_stream import FIRST_SIGHT_S, GuestStream, GuestWatch
from tests.lab.sightings import (
    LONGEST_BLIND_S,
    find_doubles,
    first_seen,
    list_held,
    list_unreleased,
    longest_blind,
    longest_start,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from generator.lab.cluster import Lab
    from tests.lab.sightings import Held

HAS, HAS_NOT = "has", "has-not"
# The kernel's own list of addresses that it answers for; reading it starts no process.
PROGRAM: Final = """
vip = sys.argv[1]
while True:
    lines = open("/proc/net/fib_trie").read().split("\\n")
    here = any(
        line.endswith("|-- " + vip) and "host LOCAL" in following
        for line, following in zip(lines, lines[1:])
    )
    say("has" if here else "has-not")
    time.sleep(0.25)
"""

BOOTING_BLIND_S: Final = 5.0
"""While other machines boot: on two processors an emulated one may not get its turn for a second or two."""


class VipWatch(GuestWatch):
    """Watches between `with VipWatch(lab)` and its end."""

    def __init__(self, lab: Lab, names: Iterable[str] = ()) -> None:
        if lab.vip is None:
            raise ValueError("this cluster has no virtual address")
        self._began = time.monotonic()
        super().__init__(GuestStream(lab, PROGRAM, (lab.vip,), names))

    def owners(self) -> list[Held]:
        """Return who had the address from when to when, sorted by the beginning."""
        return list_held(self.stream.sightings(), HAS)

    def first_owned(self, names: Iterable[str], after: float) -> float | None:
        """Return when one of the machines was first seen with the address after a moment."""
        return first_seen(self.stream.sightings(), HAS, after=after, nodes=names)

    def list_unreleased(self) -> list[str]:
        """Return the machines that were last seen with the address when they stopped, and booted again."""
        return list_unreleased(self.stream.sightings(), HAS)

    def longest_start(self) -> float:
        """Return the longest time from the start of a machine until it was looked at, 0 when none started."""
        return longest_start(self.stream.sightings(), self._began)

    def assert_never_two(self, blind_s: float = LONGEST_BLIND_S) -> float:
        """Fail when two machines had the address at once; return the longest time between two samples.

        Up to now: every machine that is on must be seen once more.  A machine that starts is
        not seen before somebody can log in; `longest_start` says how long that was.

        Args:
            blind_s: the longest time between two samples of a machine that runs that is accepted.

        Raises:
            AssertionError: two owners, or a blind spot in which there might have been two.
            TimeoutError: a machine that is on is not watched any more.
        """
        self.stream.wait_until_seen(FIRST_SIGHT_S, since=time.monotonic())
        sightings = self.stream.sightings()
        assert sightings, "nothing was seen"
        doubles = find_doubles(sightings, HAS)
        assert doubles == [], f"two owners of the address: {doubles[:3]}"
        blind = longest_blind(sightings)
        assert blind <= blind_s, f"the address was not sampled for {blind:.2f} s"
        return blind
