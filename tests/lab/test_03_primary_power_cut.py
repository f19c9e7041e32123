"""Scenario 3: the primary loses its power while a client writes through the virtual address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.failover import cut_primary
from tests.lab.figures import record

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab


def test_primary_loses_its_power_under_write_load(trio: Lab, tmp_path: Path) -> None:
    """Role and address move, no acknowledged row is lost, and the address never has two owners.

    The old primary stays off: scenario 4 begins with it, and every other scenario
    first switches on what is off.
    """
    timing = trio.site.cluster.spec.patroni
    seen = cut_primary(trio, tmp_path)
    # With synchronous commits only the standby that confirmed them may take over.
    assert seen.new == seen.standby
    assert trio.vip_owners() == [seen.new]
    assert seen.comparison.lost == ()
    assert seen.comparison.unasked == ()
    assert seen.silence.start <= seen.cut + 1.0, "the silence begins with the cut"
    assert seen.primary is not None
    assert seen.address is not None
    # Consul ends a session of ttl/2 after one to two times its length; then a look at the
    # cluster, and the promotion.
    limit = 2 * timing.ttl + timing.loop_wait
    assert seen.silence.seconds <= limit
    record(
        3,
        "power cut of the primary under write load: role and address moved, no acknowledged row lost",
        {
            "time without writes": seen.silence.seconds,
            "new primary after": seen.primary - seen.cut,
            "address moved after": seen.address - seen.cut,
            "longest pause between two rows before": seen.usual_s,
            "acknowledged rows": seen.comparison.acknowledged,
            "lost": len(seen.comparison.lost),
            "written but not acknowledged": len(seen.comparison.unacknowledged),
            "owners of the address at once": 1,
            "longest time between two looks at the owner": seen.blind_s,
        },
    )
