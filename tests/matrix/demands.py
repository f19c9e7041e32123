"""What every fault must leave: the promises of a synchronous cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.matrix.run import Figures, Scenario

APART_S: Final = 0.6
"""Two samples of different machines may be that far apart: less is no second owner."""


def list_broken(figures: Figures, scenario: Scenario, *, drops_vip: bool) -> list[str]:
    """Return the promises that a scenario of a synchronous cluster broke.

    Two machines may both say that they are primaries where only a watchdog ends the first one; none of
    the rows that it takes may be acknowledged.

    Args:
        figures: what was seen.
        scenario: what was done.
        drops_vip: whether vip-manager gives the address up when Patroni does not answer.
    """
    broken = []
    if figures.rival_rows:
        broken.append(f"{figures.rival_rows} rows were acknowledged by a second primary")
    if figures.lost:
        broken.append(f"{figures.lost} acknowledged rows are lost")
    keeps_vip = scenario.fault == "vip" or (scenario.fault == "patroni" and not drops_vip)
    if figures.owners_s > APART_S and not keeps_vip:
        broken.append(f"two machines had the virtual address for {figures.owners_s:.1f} s")
    only_watchdog = scenario.fault in {"patroni", "paused"}
    if figures.primaries_s > APART_S and not only_watchdog:
        broken.append(f"two machines were writable for {figures.primaries_s:.1f} s")
    if figures.whole_s is None:
        broken.append(f"not whole again: {figures.missing}")
    return broken
