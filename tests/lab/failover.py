"""The power cut of the primary under write load: scenario 3, and where scenario 4 begins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.lab.clients import Client
from tests.lab.rest import PrimaryWatch, find_sync_standby, list_members
from tests.lab.settle import settle
from tests.lab.vip_watch import VipWatch
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab
    from tests.lab.ledger import Comparison, Gap
    from tests.lab.sightings import Held

ROWS: Final = 50
"""Rows before and after what happens, so that the load is real and the end is lasting."""
BASELINE_S: Final = 120.0
RECOVERY_S: Final = 300.0
RUN: Final = "primary-cut"


@dataclass(frozen=True, slots=True)
class Failover:
    """What was seen; moments on the host's steady clock.

    Attributes:
        old, standby, new: the primary that was cut, the member that confirmed its commits, the new primary.
        cut: when the power was cut.
        silence: the longest time without an acknowledged row.
        primary, address: when another member said that it is primary, and when it had the address.
        owners: who had the address when.
        blind_s: the longest time between two looks at who has the address.
        comparison: the ledger beside the rows of the new primary.
        usual_s: the longest time between two rows before the cut.
        run: the name under which the client's rows are in the table.
    """

    client: Client
    old: str
    standby: str | None
    new: str
    cut: float
    silence: Gap
    primary: float | None
    address: float | None
    owners: tuple[Held, ...]
    blind_s: float
    comparison: Comparison
    usual_s: float
    run: str


_LAST: dict[int, Failover] = {}


def cut_primary(lab: Lab, folder: Path) -> Failover:
    """Cut the primary's power while a client writes; the old primary stays off."""
    settle(lab)
    client = Client(lab)
    old, standby = lab.cluster_view().leader, find_sync_standby(lab)
    assert old is not None
    others = [name for name in list_members(lab) if name != old]
    writer = Writer(client.through_vip(), folder / "ledger", f"{RUN}-{time.time_ns()}")
    with VipWatch(lab) as addresses, PrimaryWatch(lab) as primaries, writer:
        began = time.monotonic()
        writer.wait_for_rows(ROWS, BASELINE_S)
        usual = writer.longest_gap(began, time.monotonic()).seconds
        cut = time.monotonic()
        lab.nodes[old].cut_power()
        writer.wait_for_rows(ROWS, RECOVERY_S)
        end = time.monotonic()
        silence = writer.longest_gap(cut - usual, end)
        writer.stop()
        address = addresses.first_owned(others, cut)
        new = lab.cluster_view().leader
        assert new is not None
        found = Failover(
            client=client,
            old=old,
            standby=standby,
            new=new,
            cut=cut,
            silence=silence,
            primary=primaries.first_primary(others, cut),
            address=address,
            owners=tuple(addresses.owners()),
            blind_s=addresses.assert_never_two(),
            comparison=writer.compare_with(client.through_vip()),
            usual_s=usual,
            run=writer.run,
        )
    _LAST[id(lab)] = found
    return found


def find_or_cut(lab: Lab, folder: Path) -> Failover:
    """Return the last power cut whose old primary is still off, else cut now."""
    last = _LAST.get(id(lab))
    if last is not None and not lab.nodes[last.old].is_on:
        return last
    return cut_primary(lab, folder)
