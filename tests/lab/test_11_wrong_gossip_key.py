"""Scenario 11: one machine was seeded with another gossip key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.figures import record
from tests.lab.specs import WRONG_KEY

if TYPE_CHECKING:
    from tests.lab.odd_boot import OddBoot

pytestmark = pytest.mark.lab


def test_status_names_the_gossip_key_as_the_cause(odd: OddBoot) -> None:
    """Consul's own words are in the reason, the hint says what to do, and no key is in either."""
    status = odd.wrong_key
    assert (status.state, status.stage) == ("failed", "consul")
    assert status.failure is not None
    assert status.failure.cause == "gossip-key", status.failure
    assert "payloads of one and the same render" in status.failure.hint
    text = repr(status)
    assert odd.lab.site.cluster.bundle.gossip_key.get_secret_value() not in text
    members = odd.lab.cluster_view().members
    assert WRONG_KEY not in members
    record(
        11,
        "a machine seeded with another gossip key says so in its status",
        {
            "gave up after": odd.wrong_key_after,
            "cause": status.failure.cause,
            "reason": status.failure.reason[:160],
        },
    )
