"""Scenario 12: every machine is rebooted, one after the other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.figures import record
from tests.lab.node_facts import read_boot
from tests.lab.rest import PrimaryWatch
from tests.lab.settle import settle
from tests.lab.vip_watch import BOOTING_BLIND_S, VipWatch
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab

REBOOT_S: Final = 420.0


def test_rebooting_each_machine_in_turn_never_leaves_it_without_primary_for_long(
    trio: Lab, tmp_path: Path
) -> None:
    """No absence of a primary is longer than a failover may take; no acknowledged row is lost."""
    settle(trio)
    client = Client(trio)
    timing = trio.site.cluster.spec.patroni
    first = trio.cluster_view().leader
    figures: dict[str, float | int | str] = {}
    with (
        VipWatch(trio) as addresses,
        PrimaryWatch(trio) as primaries,
        Writer(client.through_vip(), tmp_path / "ledger", f"reboots-{time.time_ns()}") as writer,
    ):
        writer.wait_for_rows(10, 120)
        for name, machine in trio.nodes.items():
            role = "primary" if trio.cluster_view().leader == name else "replica"
            boot, began = read_boot(machine), time.monotonic()
            machine.reboot(REBOOT_S)
            settle(trio)
            end = time.monotonic()
            assert read_boot(machine) != boot
            absence = primaries.longest_absence(began, end).seconds
            silence = writer.longest_gap(began, end).seconds
            figures[f"{name} ({role})"] = (
                f"without a primary {absence:.1f} s, without writes {silence:.1f} s,"
                f" whole again after {end - began:.0f} s"
            )
        longest = primaries.longest_absence().seconds
        writer.wait_for_rows(10, 120)
        writer.stop()
        figures["longest time between two looks at the owner"] = addresses.assert_never_two(BOOTING_BLIND_S)
        figures["longest time from a kernel's start to the first look"] = addresses.longest_start()
    assert first in {held.node for held in addresses.owners()}
    assert addresses.list_unreleased() == [], "seen until the address was gone, not only until sshd was"
    # Patroni's own worst case: the lock runs out, then one look at the cluster.
    assert longest <= timing.ttl + timing.loop_wait
    comparison = writer.compare_with(client.through_vip())
    assert comparison.lost == comparison.unasked == ()
    record(
        12,
        "every machine rebooted in turn: never without a primary for longer than a failover",
        {"longest time without a primary": longest, **figures, "lost": len(comparison.lost)},
    )
