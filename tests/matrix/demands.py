"""What every fault must leave: the promises of a cluster, by what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.versions import VersionNumber, VipManagerDialect

if TYPE_CHECKING:
    from tests.matrix.run import Figures, Scenario

APART_S: Final = 0.6
"""Two samples of different machines may be that far apart: less is no second owner."""
STREAMING_S: Final = 1.0
"""A standby that streams on a quiet network has what was acknowledged earlier than this."""
MARGIN_S: Final = 3.0
"""For two loaded processors: PostgreSQL has to be told, and the next sample comes."""
CUTS_OFF: Final = frozenset({"link", "cable", "deaf", "mute", "servers", "agent"})
"""Faults that keep the primary's Patroni from Consul."""
ONLY_WATCHDOG: Final = frozenset({"patroni", "paused"})
"""Faults that leave nobody but a watchdog to end a primary; a namespace has none."""


@dataclass(frozen=True)
class Terms:
    """What decides which promises a cluster can keep.

    Attributes:
        is_synchronous: whether commits wait for a standby.
        has_failsafe: whether failsafe mode may keep a primary without Consul.
        vip_mode: `consul` or `patroni`.
        vip_version: of vip-manager.
        gives_up_s: how long a primary that reaches neither Consul nor another member goes on at most:
            one loop, all its questions to Consul, and those to the other members.
    """

    is_synchronous: bool
    has_failsafe: bool
    vip_mode: str
    vip_version: str
    gives_up_s: float

    def keeps_vip(self, fault: str) -> bool:
        """Say whether vip-manager may keep the address beside a new owner: holes that `check` warns of."""
        if fault == "vip":
            return True
        if self.vip_mode == "consul":
            # It sets its question to the local agent no limit of time.
            return fault == "agent" and not self.has_failsafe
        drops = VipManagerDialect(VersionNumber(self.vip_version)).drops_vip_without_rest
        return fault == "patroni" and not drops


def list_broken(figures: Figures, scenario: Scenario, terms: Terms) -> list[str]:
    """Return the promises that a scenario broke.

    Two machines may both say that they are primaries where only a watchdog ends the first one; in a
    synchronous mode none of the rows that it takes may be acknowledged.

    Args:
        figures: what was seen.
        scenario: what was done.
        terms: the cluster.
    """
    broken = _list_lost(figures, scenario, terms)
    if figures.owners_s > APART_S and not terms.keeps_vip(scenario.fault):
        broken.append(f"two machines had the virtual address for {figures.owners_s:.1f} s")
    if figures.primaries_s > APART_S and scenario.fault not in ONLY_WATCHDOG:
        broken.append(f"two machines were writable for {figures.primaries_s:.1f} s")
    if figures.whole_s is None:
        broken.append(f"not whole again: {figures.missing}")
    return broken


def _list_lost(figures: Figures, scenario: Scenario, terms: Terms) -> list[str]:
    """Return which acknowledged rows were not to be lost, or not to be acknowledged."""
    broken = []
    is_forgiven = not terms.is_synchronous and scenario.fault in ONLY_WATCHDOG
    if figures.rival_rows and not is_forgiven:
        broken.append(f"{figures.rival_rows} rows were acknowledged by a second primary")
    limit = terms.gives_up_s + MARGIN_S
    if scenario.fault in CUTS_OFF and figures.has_moved and (figures.old_s or 0.0) > limit:
        broken.append(f"the old primary acknowledged rows for {figures.old_s:.1f} s, limit {limit:.1f} s")
    if not figures.lost:
        return broken
    if terms.is_synchronous:
        broken.append(f"{figures.lost} acknowledged rows are lost")
    elif figures.lost_from_s is not None and figures.lost_from_s < -STREAMING_S:
        broken.append(f"rows acknowledged {-figures.lost_from_s:.1f} s before the fault are lost")
    return broken
