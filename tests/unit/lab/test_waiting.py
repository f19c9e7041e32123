"""Waiting for machines: every end has its cause, and none is waited for in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generator.lab.failure import LabFailed
from generator.lab.waiting import judge_boot, judge_end, judge_sealed, wait_for
from tests.fakes.qemu_stand_in import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.starts_python

BEGUN = "holster: [storage] begins\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a machine that is off."""
    made = Bench(tmp_path)
    yield made
    made.machine.cut_power()


def start(bench: Bench, text: str) -> None:
    """Power the machine on; its guest says this."""
    bench.script.write_text(text)
    bench.machine.power_on()


def test_ready_machine_ends_the_wait(bench: Bench) -> None:
    """And whoever shows what happens is called at least once."""
    start(bench, f"{BEGUN}holster: ready\n")
    ticks: list[str | None] = []
    wait_for([bench.machine], 10, judge_sealed, lambda: ticks.append(bench.machine.log.outcome))
    assert ticks[-1] == "sealed"


@pytest.mark.parametrize("words", ["failed", "refused, no disk was changed"])
def test_cause_of_a_stopped_machine_is_the_message(bench: Bench, words: str) -> None:
    """Not a time-out minutes later."""
    start(bench, f"{BEGUN}holster: [storage] {words}: disk-foreign: sdb holds xfs\n")
    with pytest.raises(LabFailed, match="in the stage storage: disk-foreign: sdb holds xfs"):
        wait_for([bench.machine], 10, judge_sealed)
    wait_for([bench.machine], 10, judge_end)


def test_panic_ends_wait_and_machine(bench: Bench) -> None:
    """A guest that panicked would stand there for ever."""
    start(bench, "Kernel panic - not syncing: no root\n")
    with pytest.raises(LabFailed, match="its kernel panicked"):
        wait_for([bench.machine], 10, judge_boot)
    assert not bench.machine.is_on


def test_machine_that_goes_off_ends_the_wait(bench: Bench) -> None:
    """Nobody will say anything any more."""
    start(bench, BEGUN)
    bench.machine.cut_power()
    with pytest.raises(LabFailed, match="pg1 went off"):
        wait_for([bench.machine], 10, judge_sealed)


def test_time_out_says_what_is_waited_for(bench: Bench) -> None:
    """The words of the first boot are better than "timeout"."""
    start(bench, f"{BEGUN}holster: [storage] waiting: no such disk\n")
    with pytest.raises(
        LabFailed, match=r"not ready within 0\.3 s: it is in the stage storage, which waits: no such"
    ):
        wait_for([bench.machine], 0.3, judge_sealed)
    with pytest.raises(LabFailed, match=r"not ready within 0\.3 s"):
        wait_for([bench.machine], 0.3, judge_boot)


def test_machine_that_says_nothing_is_not_taken_for_ready(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked, and nobody answers here; only the marker of a finished first boot counts."""
    monkeypatch.setattr("generator.lab.waiting.QUIET_S", 0.0)
    start(bench, "pg1 login: ")
    with pytest.raises(LabFailed, match="the first boot has not begun"):
        wait_for([bench.machine], 1.0, judge_sealed)
