"""Scenario 7: the data disk of one machine has somebody else's file system on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.clients import Client
from tests.lab.figures import record
from tests.lab.odd_boot import FOREIGN_LABEL
from tests.lab.specs import FOREIGN, ODD_SERVER, SWAPPED
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.odd_boot import OddBoot

pytestmark = pytest.mark.lab


def test_machine_with_a_foreign_disk_refuses_and_the_others_come_up(odd: OddBoot, tmp_path: Path) -> None:
    """It says what is on the disk and what to do, changes no byte, and the cluster serves without it."""
    status, lab = odd.refused, odd.lab
    assert (status.state, status.stage) == ("refused", "storage")
    assert status.failure is not None
    assert status.failure.cause == "disk-foreign"
    assert "ext4" in status.failure.reason
    assert "wipefs -a" in status.failure.hint
    words = lab.nodes[FOREIGN].console.read_text("utf-8", "replace")
    assert "disk-foreign" in words, "the console says it, too"
    assert {stop.outcome for stop in odd.refused_stops} == {"refused"}
    assert odd.refused_leaks == {}
    assert odd.digests_after == odd.digests_before
    # The others: Consul's server leads, the third member is primary, serves, and waits for its replicas.
    assert lab.cluster_view().leader == SWAPPED
    assert lab.vip_owners() == [SWAPPED]
    for name in (ODD_SERVER, SWAPPED):
        waiting = lab.nodes[name].status()
        assert (waiting.state, waiting.stage) == ("running", "verify"), waiting
    client = Client(lab)
    with Writer(client.through_vip(), tmp_path / "ledger", f"foreign-{time.time_ns()}") as writer:
        writer.wait_for_rows(20, 120)
    comparison = writer.compare_with(client.through_vip())
    assert comparison.lost == comparison.unasked == ()
    record(
        7,
        "a data disk with a foreign file system: its machine refused, no byte changed, the others served",
        {
            "refused after": odd.refused_stops[0].at,
            "cause": status.failure.cause,
            "reason": status.failure.reason,
            "label on the disk": FOREIGN_LABEL,
            "SHA-256 of the data disk before and after": odd.digests_after["data"][:16],
            "SHA-256 of the WAL disk before and after": odd.digests_after["wal"][:16],
            "the others served rows after": odd.serving_after,
        },
    )
