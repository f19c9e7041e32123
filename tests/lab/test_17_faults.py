"""Scenario 17: faults of one machine that come and go, one after the other on the same cluster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.faults import FAULTS, LOGIN_S
from tests.lab.figures import record
from tests.lab.node_facts import read_boot, wait_for_reset
from tests.lab.rest import PrimaryWatch, find_sync_standby, list_members
from tests.lab.settle import settle
from tests.lab.sightings import last_of_boot
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
        boot = read_boot(trio.nodes[victim])
        began = time.monotonic()
        try:
            fault.apply(trio.nodes[victim])
            time.sleep(fault.seconds)
        finally:
            undoing = time.monotonic()
            fault.undo(trio.nodes[victim])
        undone = time.monotonic()
        if fault.resets is not None:
            wait_for_reset(trio.nodes[victim], boot, LOGIN_S)
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
    figures: dict[str, float | str] = {}
    if fault.resets is not None:
        cause = began if fault.resets == "apply" else undoing
        reset = last_of_boot(addresses.stream.sightings(), victim, boot)
        others = [name for name in list_members(trio) if name != victim]
        promoted = primaries.first_primary(others, cause)
        assert reset is not None
        # The lock was renewed at most loop_wait before, and so was the watchdog fed.
        assert reset - cause <= trio.site.cluster.spec.patroni.ttl, "the watchdog did not bite in time"
        assert promoted is not None, "no other member leads"
        assert own.first_row_after(promoted) is None, "the old primary acknowledged a row beside the new one"
        assert after.leader in others
        figures = {"reset after": reset - cause, "new primary after": promoted - cause}
    for writer in (own, through):
        comparison = writer.compare_with(client.at(after.leader))
        assert comparison.lost == comparison.unasked == ()
    record(
        17,
        f"{fault.name}: nothing acknowledged was lost, all healed",
        {
            "lasted": undone - began,
            **figures,
            "longest time without writes": silence,
            "another primary": "no" if after.leader == before.leader else "yes",
            "lost": 0,
            "whole cluster after": healed,
            "longest time between two looks at the owner": blind,
        },
    )
