"""Scenario 13: the Consul server that leads raft loses its power; the primary is another machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.consul import RaftWatch, find_raft_leader, list_servers
from tests.lab.figures import record
from tests.lab.rest import PrimaryWatch, find_sync_standby, switch_over
from tests.lab.settle import settle
from tests.lab.vip_watch import BOOTING_BLIND_S, VipWatch
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab

AFTER_S: Final = 60.0
"""Longer than a session of Consul lives: what the lost machine held has run out by then."""
USUAL_S: Final = 20.0
ATTEMPTS: Final = 8


def move_raft_leader_off(lab: Lab) -> tuple[str, str]:
    """Bring the cluster where the raft leader is neither primary nor the standby that confirms commits.

    A confirming standby that dies stops commits until Patroni replaces it, whoever leads
    raft: its loss would show something else than the loss of the raft leader.  Returns the
    raft leader and the primary.

    Raises:
        AssertionError: it did not come to that.
    """
    for _ in range(ATTEMPTS):
        raft, primary, standby = find_raft_leader(lab), lab.cluster_view().leader, find_sync_standby(lab)
        assert primary is not None
        if raft not in {primary, standby}:
            return raft, primary
        if raft == primary:
            assert standby is not None
            switch_over(lab, primary, standby)
        else:
            freeze_consul(lab, raft)
        settle(lab)
    raise AssertionError("the raft leader stays with the primary or its standby")


def freeze_consul(lab: Lab, name: str) -> None:
    """Stop an agent's process for as long as the others need to elect another leader, then let it go on."""
    machine = lab.nodes[name]
    machine.run("systemctl", "kill", "--signal=SIGSTOP", "consul.service")
    try:
        time.sleep(8)
    finally:
        machine.run("systemctl", "kill", "--signal=SIGCONT", "consul.service")
    time.sleep(5)


def test_raft_leader_loses_its_power(trio: Lab, tmp_path: Path) -> None:
    """The primary stays, and writes through the address pause no longer than one election of Consul."""
    settle(trio)
    raft, primary = move_raft_leader_off(trio)
    client = Client(trio)
    timeline = trio.cluster_view().members[primary].timeline
    with (
        RaftWatch(trio) as elections,
        VipWatch(trio) as addresses,
        PrimaryWatch(trio) as primaries,
        Writer(client.through_vip(), tmp_path / "ledger", f"raft-{time.time_ns()}") as writer,
    ):
        writer.wait_for_rows(10, 120)
        began = time.monotonic()
        time.sleep(USUAL_S)
        assert find_raft_leader(trio) == raft
        cut = time.monotonic()
        usual = writer.longest_gap(began, cut).seconds
        trio.nodes[raft].cut_power()
        time.sleep(AFTER_S)
        end = time.monotonic()
        silence = writer.longest_gap(cut, end)
        elected = elections.first_leader(after=cut, other_than=raft)
        assert trio.cluster_view().leader == primary
        healed = settle(trio)
        writer.stop()
        blind = addresses.assert_never_two(BOOTING_BLIND_S)
    assert elected is not None
    assert elected[1] in set(list_servers(trio)) - {raft}
    election = elected[0] - cut
    assert primaries.primaries() == {primary}, "no change of primary"
    assert trio.cluster_view().members[primary].timeline == timeline
    assert {held.node for held in addresses.owners()} == {primary}
    # The usual pause is this machine's, not the cluster's.
    assert silence.seconds <= election + usual
    comparison = writer.compare_with(client.through_vip())
    assert comparison.lost == comparison.unasked == ()
    record(
        13,
        "power cut of the Consul server that leads raft: the primary stayed, writes went on",
        {
            "election of another raft leader": election,
            "longest time without writes after the cut": silence.seconds,
            "longest pause between two rows before": usual,
            "longest time without an answer as primary": primaries.longest_absence(cut, end).seconds,
            "whole cluster after power-on": healed,
            "lost": len(comparison.lost),
            "longest time between two looks at the owner": blind,
            "longest time from a kernel's start to the first look": addresses.longest_start(),
        },
    )
