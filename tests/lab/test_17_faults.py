"""Scenario 17: faults of one machine that come and go, one after the other on the same cluster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.faults import FAULTS
from tests.lab.figures import record
from tests.lab.rest import PrimaryWatch, find_sync_standby
from tests.lab.settle import settle
from tests.lab.vip_watch import BOOTING_BLIND_S, VipWatch
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab

ROWS: Final = 20
RECOVERY_S: Final = 300.0


@pytest.mark.parametrize("name", FAULTS)
def test_fault_comes_and_goes(trio: Lab, tmp_path: Path, name: str) -> None:
    """Nothing acknowledged is lost, the address is never on two machines, and all heals by itself."""
    fault = FAULTS[name]
    settle(trio)
    client, before = Client(trio), trio.cluster_view()
    victim = before.leader if fault.victim == "primary" else find_sync_standby(trio)
    assert before.leader is not None
    assert victim is not None
    own = Writer(client.at(before.leader), tmp_path / "ledger-own", f"{name}-own-{time.time_ns()}")
    through = Writer(client.through_vip(), tmp_path / "ledger-vip", f"{name}-vip-{time.time_ns()}")
    with VipWatch(trio) as addresses, PrimaryWatch(trio) as primaries, own, through:
        own.wait_for_rows(ROWS, 120)
        through.wait_for_rows(ROWS, 120)
        began = time.monotonic()
        try:
            fault.apply(trio.nodes[victim])
            time.sleep(fault.seconds)
        finally:
            fault.undo(trio.nodes[victim])
        undone = time.monotonic()
        through.wait_for_rows(ROWS, RECOVERY_S)
        silence = through.longest_gap(began, time.monotonic()).seconds
        healed = settle(trio)
        own.stop()
        through.stop()
        blind = addresses.assert_never_two(BOOTING_BLIND_S)
    after = trio.cluster_view()
    assert after.leader is not None
    if not fault.may_move:
        assert primaries.primaries() == {before.leader}
    for writer in (own, through):
        comparison = writer.compare_with(client.at(after.leader))
        assert comparison.lost == comparison.unasked == ()
    record(
        17,
        f"{fault.name}: nothing acknowledged was lost, all healed",
        {
            "lasted": undone - began,
            "longest time without writes": silence,
            "another primary": "no" if after.leader == before.leader else "yes",
            "lost": 0,
            "whole cluster after": healed,
            "longest time between two looks at the owner": blind,
        },
    )
