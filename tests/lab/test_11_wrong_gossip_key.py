"""Scenario 11: one machine was seeded with another gossip key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.figures import record
from tests.lab.journals import find_journal_leaks
from tests.lab.odd_boot import draw_wrong_key
from tests.lab.specs import FOREIGN, WRONG_KEY

if TYPE_CHECKING:
    from tests.lab.odd_boot import OddBoot

pytestmark = pytest.mark.lab


def test_status_names_the_gossip_key_as_the_cause(odd: OddBoot) -> None:
    """Consul's own words are in the reason, the hint says what to do; no key is there or on the console."""
    status = odd.wrong_key
    assert (status.state, status.stage) == ("failed", "consul")
    assert status.failure is not None
    assert status.failure.cause == "gossip-key", status.failure
    assert "payloads of one and the same render" in status.failure.hint
    stop = odd.wrong_key_stop
    assert (stop.outcome, stop.stage, stop.cause) == ("failed", "consul", "gossip-key")
    text = repr(status) + odd.lab.nodes[WRONG_KEY].console.read_text("utf-8", "replace")
    for key in (odd.lab.site.bundle.gossip_key.get_secret_value(), draw_wrong_key()):
        assert key not in text
    # After first boots that failed, too: what goes wrong is what is written down.
    assert find_journal_leaks(odd.lab, [name for name in odd.lab.nodes if name != FOREIGN]) == {}
    members = odd.lab.cluster_view().members
    assert WRONG_KEY not in members
    record(
        11,
        "a machine seeded with another gossip key says so in its status",
        {
            "gave up after": stop.at,
            "cause": status.failure.cause,
            "reason": status.failure.reason[:160],
        },
    )
