"""Scenario 15: the leader's Patroni hangs; PostgreSQL goes on, and only the watchdog can end that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.figures import record
from tests.lab.node_facts import read_boot
from tests.lab.rest import PrimaryWatch, list_members
from tests.lab.settle import settle
from tests.lab.sightings import last_of_boot
from tests.lab.vip_watch import BOOTING_BLIND_S, VipWatch
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab
    from generator.lab.machine import VirtualMachine

pytestmark = pytest.mark.lab

ROWS: Final = 20
RECOVERY_S: Final = 300.0


def stop_patroni(machine: VirtualMachine) -> None:
    """Have the kernel stop Patroni's process, and nothing else of its unit."""
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=SIGSTOP", "patroni.service")


def test_patroni_of_the_leader_hangs(trio: Lab, tmp_path: Path) -> None:
    """The machine resets before its lock can be another's; nothing acknowledged is lost."""
    settle(trio)
    client, ttl = Client(trio), trio.site.cluster.spec.patroni.ttl
    old = trio.cluster_view().leader
    assert old is not None
    others = [name for name in list_members(trio) if name != old]
    boot = read_boot(trio.nodes[old])
    own = Writer(client.at(old), tmp_path / "ledger-own", f"hang-own-{time.time_ns()}")
    through = Writer(client.through_vip(), tmp_path / "ledger-vip", f"hang-vip-{time.time_ns()}")
    with VipWatch(trio) as addresses, PrimaryWatch(trio) as primaries, own, through:
        own.wait_for_rows(ROWS, 120)
        through.wait_for_rows(ROWS, 120)
        hung = time.monotonic()
        stop_patroni(trio.nodes[old])
        through.wait_for_rows(1, RECOVERY_S)
        while primaries.first_primary(others, hung) is None:
            assert time.monotonic() < hung + RECOVERY_S, "no other member became primary"
            time.sleep(0.5)
        through.wait_for_rows(ROWS, RECOVERY_S)
        silence = through.longest_gap(hung, time.monotonic()).seconds
        healed = settle(trio)
        own.stop()
        through.stop()
        reset = last_of_boot(addresses.stream.sightings(), old, boot)
        blind = addresses.assert_never_two(BOOTING_BLIND_S)
    promoted = primaries.first_primary(others, hung)
    assert promoted is not None
    assert read_boot(trio.nodes[old]) != boot, "the watchdog opened and did not bite"
    assert reset is not None
    assert reset - hung <= ttl
    assert own.first_row_after(promoted) is None, "the old primary acknowledged a row beside the new one"
    new = trio.cluster_view().leader
    assert new in others
    for writer in (own, through):
        comparison = writer.compare_with(client.at(new))
        assert comparison.lost == comparison.unasked == ()
    last = own.last_row()
    record(
        15,
        "the leader's Patroni hung: its watchdog reset the machine, another member took over",
        {
            "reset after": reset - hung,
            "last row of the old primary after": last - hung,
            "new primary after": promoted - hung,
            "longest time without writes": silence,
            "lost": 0,
            "whole cluster after": healed,
            "longest time between two looks at the owner": blind,
        },
    )
