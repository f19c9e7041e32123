"""Scenario 9: a machine gets a new root disk and a new instance, and keeps its data disks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.figures import record
from tests.lab.node_facts import read_data, read_identity
from tests.lab.rest import find_sync_standby
from tests.lab.settle import PATIENCE_S, settle
from tests.lab.writer import Writer, wait_for_same_rows

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab

ROWS: Final = 30


def test_rebuilt_machine_keeps_its_data_and_rejoins(trio: Lab, tmp_path: Path) -> None:
    """The first boot of the new root disk takes the volumes over as they are; nothing is copied anew."""
    settle(trio)
    client = Client(trio)
    leader = trio.cluster_view().leader
    assert leader is not None
    name = next(name for name in trio.nodes if name not in {leader, find_sync_standby(trio)})
    machine = trio.nodes[name]
    directory = trio.sql("show data_directory", on=leader).strip()
    data, identity = read_data(machine, directory), read_identity(machine)
    instance = machine.status().instance_id
    with Writer(client.through_vip(), tmp_path / "ledger", f"rebuilt-{time.time_ns()}") as writer:
        writer.wait_for_rows(ROWS, 120)
        began = time.monotonic()
        machine.shut_down(180)
        trio.rebuild(name)
        trio.start(name)
        power_on = time.monotonic()
        status = trio.wait_sealed(name, timeout_s=PATIENCE_S)[name]
        sealed = time.monotonic() - power_on
        settle(trio)
        silence = writer.longest_gap(began, time.monotonic())
        writer.stop()
    assert trio.cluster_view().leader == leader
    assert status.instance_id != instance, "it was a first boot"
    assert read_identity(machine).host_keys != identity.host_keys, "on a new root disk"
    assert read_data(machine, directory) == data, (
        "with the very same volumes and the very same data directory"
    )
    comparison = writer.compare_with(client.through_vip())
    assert comparison.lost == comparison.unasked == ()
    # Rows written while it was away arrived, too.
    wait_for_same_rows(client.at(name), client.at(leader), writer.run)
    record(
        9,
        "a machine with a new root disk and the old data disks kept its data and rejoined",
        {
            "power-on to sealed": sealed,
            "stage storage": status.seconds("storage") or 0.0,
            "stage patroni": status.seconds("patroni") or 0.0,
            "longest pause between two rows meanwhile": silence.seconds,
            "lost": len(comparison.lost),
        },
    )
