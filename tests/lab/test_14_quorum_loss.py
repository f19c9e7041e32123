"""Scenario 14: two of three Consul servers are gone.

On `sirius` the servers are machines of their own and lose their power.  On `trio` a
power cut would take both replicas along, and failsafe mode rightly keeps a primary only
while it reaches every member: there the agents' processes are killed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.figures import record
from tests.lab.quorum_loss import describe, lose_quorum

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab


def test_two_consul_agents_die_on_machines_that_are_members_too(trio: Lab, tmp_path: Path) -> None:
    """The primary stays writable; when the agents are back, everything heals by itself."""

    def stop(names: list[str]) -> None:
        for name in names:
            # The unit would start the agent again after five seconds; a stop ends that wait.
            kill = "systemctl kill --signal=SIGKILL consul.service; systemctl stop consul.service"
            trio.nodes[name].run("sh", "-c", kill)

    def bring_back(names: list[str]) -> None:
        for name in names:
            trio.nodes[name].run("systemctl", "start", "--no-block", "consul.service")

    seen = lose_quorum(trio, tmp_path, stop=stop, bring_back=bring_back)
    record(
        14, "trio: two of three Consul agents killed, the primary stayed writable, all healed", describe(seen)
    )


def test_two_consul_servers_lose_their_power(sirius: Lab, tmp_path: Path) -> None:
    """The primary stays writable; when the servers have power again, everything heals by itself."""

    def stop(names: list[str]) -> None:
        for name in names:
            sirius.nodes[name].cut_power()

    def bring_back(names: list[str]) -> None:
        sirius.start(*names)

    seen = lose_quorum(sirius, tmp_path, stop=stop, bring_back=bring_back)
    record(
        14, "sirius: two of three Consul servers cut, the primary stayed writable, all healed", describe(seen)
    )
