"""A power cut at any command, followed by a boot, ends in the same state (design promise 5)."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from generator.node.stages import STAGES
from tests.fakes.fake_machine import FakeMachine
from tests.fakes.node_documents import prepare
from tests.fakes.node_runs import boot, run, run_until_killed

if TYPE_CHECKING:
    from collections.abc import Iterator

UUID = re.compile(
    r"[0-9A-Za-z]{6}(?:-[0-9A-Za-z]{4}){5}-[0-9A-Za-z]{6}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}"
)
IDENTITY = ("state.json", "calls.jsonl")


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory where there is one: 200 machines are written here."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp below makes a folder of its own
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def make_machine(folder: Path) -> FakeMachine:
    """Return a machine before its first boot."""
    machine = FakeMachine(folder)
    prepare(machine)
    return machine


def describe(machine: FakeMachine) -> dict[str, str]:
    """Return path -> content of everything on the machine, without what differs from run to run by nature."""
    found: dict[str, str] = {}
    for path in sorted(machine.folder.rglob("*")):
        name = str(path.relative_to(machine.folder))
        if not path.is_file() or path.is_symlink() or name in IDENTITY or name.startswith("root/run/"):
            continue
        text = path.read_text(errors="replace")
        if name.endswith(("status.json", "/sealed", "system.devices")):
            # Times and seconds differ; the stages and their results are compared below.
            continue
        found[UUID.sub("UUID", name)] = UUID.sub("UUID", text).replace(str(machine.folder), "")
    state: dict[str, Any] = json.loads((machine.folder / "state.json").read_text())
    for unit in state["units"].values():
        # A start more is what an interruption between start and record costs.
        unit.pop("starts")
    for counted in ("index", "indexes", "sql_calls"):
        state.pop(counted, None)
    for group in state["groups"].values():
        group["pvs"] = sorted(group["pvs"].values())
    found["state"] = UUID.sub("UUID", json.dumps(state, sort_keys=True))
    return found


def test_a_power_cut_at_every_command_ends_in_the_same_state(memory_folder: Path) -> None:
    """A power cut at every command ends in the same state."""
    whole = make_machine(memory_folder / "whole")
    assert run(whole).code == 0
    expected = describe(whole)
    total = len(whole.calls)
    assert total > 50
    cut = 0
    for count in range(1, total + 1):
        for moment in ("before", "after"):
            folder = memory_folder / f"{count}-{moment}"
            machine = make_machine(folder)
            assert run_until_killed(machine, count, moment), f"command {count} was not reached"
            second = boot(machine)
            command = whole.calls[count - 1]
            assert second.code == 0, f"killed {moment} {command}: {second.log.getvalue()}"
            assert describe(machine) == expected, f"killed {moment} {command}"
            shutil.rmtree(folder)
            cut += 1
    assert cut == 2 * total


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_every_stage_can_be_repeated(fake: FakeMachine, stage: str) -> None:
    """Every stage can be repeated."""
    assert run(fake, stage).code == 0
    before = describe(fake)
    assert run(fake, stage).code == 0
    assert describe(fake) == before
