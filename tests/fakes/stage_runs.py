"""Runs of the first boot that end at one stage, and what its units were told and say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.node_runs import run

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine
    from tests.fakes.node_runs import Run


def verbs(fake: FakeMachine, unit: str) -> list[str]:
    """Return what systemctl was asked to do with a unit."""
    return [call[1] for call in fake.calls if call[0] == "systemctl" and call[-1] == unit]


def stop_at(fake: FakeMachine, stage: str, cause: str) -> Run:
    """Run until a stage fails for a cause."""
    result = run(fake)
    assert result.code == 1, result.log.getvalue()
    assert (result.failure["stage"], result.failure["cause"]) == (stage, cause), result.failure
    return result


def journal(fake: FakeMachine, unit: str, text: str) -> None:
    """Let a unit's log say something."""
    fake.state.setdefault("journal", {})[unit] = f"start\n{text}\nend\n"
    fake.save()
