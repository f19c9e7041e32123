"""Scenario 16: the primary's machine stands still for a minute and goes on as if nothing had been.

As a hypervisor does when it moves a machine or runs out of something.  The watchdog of such a
machine stands still as well, and its clocks: only the cluster knows that time has passed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.clients import Client
from tests.lab.figures import record
from tests.lab.guest_stream import GuestStream
from tests.lab.rest import PrimaryWatch, list_members
from tests.lab.settle import settle
from tests.lab.sightings import kept_after_pause
from tests.lab.vip_watch import BOOTING_BLIND_S, HAS, PROGRAM, VipWatch
from tests.lab.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab

PAUSE_S: Final = 60.0
"""Twice the life of a lock: another member leads by then."""
VIP_S: Final = 3.0
"""vip-manager asks once a second; then `ip` has to be started, on an emulated machine with much to do."""
ROWS: Final = 20


def test_primary_is_paused_and_goes_on(trio: Lab, tmp_path: Path) -> None:
    """The old primary acknowledges not a single row afterwards; it gives the address back and follows."""
    settle(trio)
    client, timing = Client(trio), trio.site.cluster.spec.patroni
    old = trio.cluster_view().leader
    assert old is not None
    assert trio.vip is not None
    others = [name for name in list_members(trio) if name != old]
    own = Writer(client.at(old), tmp_path / "ledger-own", f"pause-own-{time.time_ns()}")
    through = Writer(client.through_vip(), tmp_path / "ledger-vip", f"pause-vip-{time.time_ns()}")
    # The paused machine's clock loses a minute on ours: it is looked at on its own.
    paused = GuestStream(trio, PROGRAM, (trio.vip,), [old])
    with paused, VipWatch(trio, others) as addresses, PrimaryWatch(trio) as primaries, own, through:
        paused.wait_until_seen(90)
        own.wait_for_rows(ROWS, 120)
        through.wait_for_rows(ROWS, 120)
        stopped = time.monotonic()
        trio.nodes[old].pause()
        time.sleep(PAUSE_S)
        promoted = primaries.first_primary(others, stopped)
        resumed = time.monotonic()
        trio.nodes[old].resume()
        through.wait_for_rows(ROWS, 120)
        silence = through.longest_gap(stopped, time.monotonic()).seconds
        healed = settle(trio)
        own.stop()
        through.stop()
        blind = addresses.assert_never_two(BOOTING_BLIND_S)
        samples = paused.samples()
    assert promoted is not None, "another member leads before the machine goes on"
    new = trio.cluster_view().leader
    assert new in others
    assert own.first_row_after(resumed) is None, "a paused primary acknowledged a row when it went on"
    for writer in (own, through):
        comparison = writer.compare_with(client.at(new))
        assert comparison.lost == comparison.unasked == ()
    # While it stands still nobody can take the address from it. Afterwards its Patroni says that it leads
    # until it has looked at the lock, at most until the lock's life has passed on its own clock, which
    # stood still (docs/lab.md has the arithmetic).
    kept = kept_after_pause(samples, HAS, stopped)
    assert kept <= timing.ttl + VIP_S
    record(
        16,
        "the primary's machine was paused and went on: it acknowledged nothing and follows",
        {
            "paused for": resumed - stopped,
            "new primary after": promoted - stopped,
            "longest time without writes": silence,
            "rows acknowledged by the old primary afterwards": 0,
            "old primary had the address afterwards for": kept,
            "lost": 0,
            "whole cluster after": healed,
            "longest time between two looks at the others": blind,
        },
    )
