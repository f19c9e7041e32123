"""Scenario 5: all machines lose their power at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.figures import record
from tests.lab.rest import PrimaryWatch, find_sync_standby
from tests.lab.settle import PATIENCE_S, settle
from tests.lab.vip_watch import BOOTING_BLIND_S, VipWatch
from tests.lab.writer import Writer, wait_for_same_rows

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab

ROWS: Final = 50


def cut_all(lab: Lab) -> tuple[float, float]:
    """Cut the power of all machines side by side; return when that began and how long it took."""
    began = time.monotonic()
    with ThreadPoolExecutor(len(lab.nodes)) as pool:
        for done in [pool.submit(machine.cut_power) for machine in lab.nodes.values()]:
            done.result()
    return began, time.monotonic() - began


def test_all_machines_lose_their_power_at_once(trio: Lab, tmp_path: Path) -> None:
    """The cluster and its address come back by themselves, no acknowledged row is lost."""
    settle(trio)
    client = Client(trio)
    heirs = {trio.cluster_view().leader, find_sync_standby(trio)}
    timeline = _read_timeline(trio)
    with (
        VipWatch(trio) as addresses,
        PrimaryWatch(trio) as primaries,
        Writer(client.through_vip(), tmp_path / "ledger", f"all-{time.time_ns()}") as writer,
    ):
        writer.wait_for_rows(ROWS, 120)
        cut, spread = cut_all(trio)
        assert not any(machine.is_on for machine in trio.nodes.values())
        acknowledged = writer.acknowledged
        began = time.monotonic()
        trio.start()
        writer.wait_for_rows(ROWS, PATIENCE_S)
        first_row = writer.first_row_after(began)
        first_primary = primaries.first_primary(trio.nodes, began)
        settle(trio)
        whole = time.monotonic() - began
        writer.stop()
        blind = addresses.assert_never_two(BOOTING_BLIND_S)
    leader = trio.cluster_view().leader
    assert leader in heirs, "only who confirmed the commits may lead"
    comparison = writer.compare_with(client.through_vip())
    assert comparison.lost == comparison.unasked == ()
    for name in trio.nodes:
        wait_for_same_rows(client.at(name), client.through_vip(), writer.run)
    assert first_row is not None
    assert first_primary is not None
    record(
        5,
        "all machines lost their power at once; cluster and address came back by themselves, no row lost",
        {
            "power cut of all within": spread,
            "primary again, after power-on": first_primary - began,
            "first row through the address, after power-on": first_row - began,
            "whole cluster, after power-on": whole,
            "rows acknowledged before the cut": acknowledged,
            "lost": len(comparison.lost),
            "new timelines": _read_timeline(trio) - timeline,
            "time without writes": writer.longest_gap(cut - 1, first_row + 1).seconds,
            "longest time between two looks at the owner": blind,
            "longest time from a kernel's start to the first look": addresses.longest_start(),
        },
    )


def _read_timeline(trio: Lab) -> int:
    view = trio.cluster_view()
    assert view.leader is not None
    return view.members[view.leader].timeline or 0
