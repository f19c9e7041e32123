"""The whole first boot against a fake machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.node_runs import run

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


def test_a_machine_with_blank_disks_reaches_seal(fake: FakeMachine) -> None:
    """A machine with blank disks reaches seal."""
    result = run(fake)
    assert result.code == 0, result.log.getvalue()
    assert result.status["state"] == "sealed"
    assert [stage["state"] for stage in result.status["stages"]] == ["done"] * 11
