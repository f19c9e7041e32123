"""Scenario 2: the seed's cluster comes up on first boot: three Consul servers, two PostgreSQL machines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.clients import Client
from tests.lab.figures import record
from tests.lab.rest import list_members
from tests.lab.settle import settle
from tests.lab.writer import Writer, read_rows

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.cluster import Lab

pytestmark = pytest.mark.lab


def test_five_machines_come_up_on_first_boot(sirius: Lab, tmp_path: Path) -> None:
    """Every machine is sealed; a row goes through the address from a machine that does not hold it."""
    settle(sirius)
    statuses = {name: machine.status() for name, machine in sirius.nodes.items()}
    assert {name: status.state for name, status in statuses.items()} == dict.fromkeys(sirius.nodes, "sealed")
    leader = sirius.cluster_view().leader
    other = next(name for name in list_members(sirius) if name != leader)
    assert sirius.vip_owners() == [leader]
    sirius.sql(
        "create table crossing (word text); insert into crossing values ('through')",
        on=other,
        host=sirius.vip,
    )
    assert sirius.sql("select word from crossing", on=other, host=sirius.vip).strip() == "through"
    assert sirius.sql("select word from crossing", on=str(leader)).strip() == "through"
    # And from outside, as an ordinary client.
    client = Client(sirius)
    with Writer(client.through_vip(), tmp_path / "ledger", f"sirius-{time.time_ns()}") as writer:
        writer.wait_for_rows(20, 120)
    assert len(read_rows(client.through_vip(), writer.run)) >= 20
    record(
        2,
        "the seed's cluster (three Consul servers, two PostgreSQL machines) came up on first boot",
        {
            f"stages of {name} together": sum(stage.seconds or 0.0 for stage in status.stages)
            for name, status in statuses.items()
        },
    )
