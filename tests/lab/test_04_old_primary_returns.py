"""Scenario 4: the primary that lost its power comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.failover import ROWS, find_or_cut
from tests.lab.figures import record
from tests.lab.settle import settle
from tests.lab.vip_watch import BOOTING_BLIND_S, VipWatch
from tests.lab.writer import Writer, wait_for_same_rows

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab


def test_old_primary_rejoins_and_streams(trio: Lab, tmp_path: Path) -> None:
    """It becomes a replica of the new primary, with the same rows, and never takes the address."""
    seen = find_or_cut(trio, tmp_path)
    returning = trio.nodes[seen.old]
    with (
        VipWatch(trio) as addresses,
        Writer(seen.client.through_vip(), tmp_path / "ledger-return", f"return-{time.time_ns()}") as writer,
    ):
        writer.wait_for_rows(ROWS, 120)
        began = time.monotonic()
        trio.start(seen.old)
        healed = settle(trio)
        silence = writer.longest_gap(began, time.monotonic())
        writer.wait_for_rows(ROWS, 120)
        writer.stop()
        blind = addresses.assert_never_two(BOOTING_BLIND_S)
    view = trio.cluster_view()
    assert view.leader == seen.new, "its return changes nothing for the clients"
    member = view.members[seen.old]
    assert (member.state, member.timeline) == ("streaming", view.members[seen.new].timeline)
    streaming = trio.sql(
        "select application_name from pg_stat_replication where state = 'streaming'", on=seen.new
    )
    assert seen.old in streaming.split()
    assert {held.node for held in addresses.owners()} == {seen.new}
    comparison = writer.compare_with(seen.client.through_vip())
    assert comparison.lost == comparison.unasked == ()
    for run in (seen.run, writer.run):
        # What only the old primary had written when its power went must be gone.
        wait_for_same_rows(seen.client.at(seen.old), seen.client.at(seen.new), run)
    journal = returning.run("journalctl", "-b", "-u", "patroni.service", "-o", "cat", "--no-pager").stdout
    record(
        4,
        "the old primary came back, rejoined as a replica and streams",
        {
            "whole cluster after its power-on": healed,
            "rejoined by": "pg_rewind" if "running pg_rewind" in journal else "replaying WAL alone",
            "longest pause between two rows meanwhile": silence.seconds,
            "longest time between two looks at the owner": blind,
            "longest time from a kernel's start to the first look": addresses.longest_start(),
        },
    )
