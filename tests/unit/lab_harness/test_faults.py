"""A fault of the lab can be taken back from a machine that was reset meanwhile."""

from __future__ import annotations

import subprocess
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from patroni.__main__ import Patroni

from generator.errors import ToolFailed
from tests.lab import faults, node_facts
from tests.lab.faults import FAULTS, set_clock
from tests.lab.node_facts import wait_for_reset

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.machine import VirtualMachine


class Booting:
    """A machine that nobody can log in to at first; its clock is a file."""

    name = "booting"

    def __init__(self, folder: Path, failures: int, clock: int) -> None:
        self.folder, self.failures = folder, failures
        self.clock = folder / "clock"
        self.clock.write_text(str(clock))
        date = folder / "date"
        date.write_text(
            f'#!/bin/sh\n[ "$1" = +%s ] && exec cat {self.clock}\necho "${{1#--set=@}}" >{self.clock}\n'
        )
        date.chmod(0o755)

    def run(self, *argv: str, **_options: Any) -> SimpleNamespace:
        """Run the words here, with our `date`."""
        if self.failures:
            self.failures -= 1
            raise ToolFailed("ssh: connection refused")
        path = {"PATH": f"{self.folder}:/usr/bin:/bin"}
        done = subprocess.run(argv, check=True, capture_output=True, text=True, env=path)
        return SimpleNamespace(stdout=done.stdout)


def make(folder: Path, failures: int, clock: int) -> VirtualMachine:
    """Return such a machine as what the lab takes it for."""
    machine: Any = Booting(folder, failures, clock)
    return machine  # type: ignore[no-any-return]


@pytest.mark.external
@pytest.mark.parametrize("off", [-3600, 3600])
def test_the_clock_is_set_by_ours_when_somebody_can_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    """Issue: the scenario could not log in, and would have put a reset machine an hour off again."""
    monkeypatch.setattr(faults, "POLL_S", 0)
    set_clock(make(tmp_path, 3, round(time.time()) + off))
    assert abs(int((tmp_path / "clock").read_text()) - time.time()) < 5


@pytest.mark.external
def test_a_clock_that_is_right_is_left_alone(tmp_path: Path) -> None:
    """A reset machine has its clock from the board; setting it back a second would only delay its loop."""
    clock = round(time.time()) - 3
    set_clock(make(tmp_path, 0, clock))
    assert (tmp_path / "clock").read_text() == str(clock)


@pytest.mark.external
def test_the_clock_fault_shifts_by_what_it_says(tmp_path: Path) -> None:
    """And says when the watchdog has to bite: when the clock goes back."""
    FAULTS["clock-behind"].apply(make(tmp_path, 0, 10_000))
    assert (tmp_path / "clock").read_text().strip() == "6400"
    assert {name: fault.resets for name, fault in FAULTS.items() if fault.resets} == {
        "clock-ahead": "undo",
        "clock-behind": "apply",
    }


def test_nobody_can_ever_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, with the reason."""
    monkeypatch.setattr(faults, "POLL_S", 0)
    monkeypatch.setattr(faults, "LOGIN_S", 0)
    with pytest.raises(ToolFailed, match="refused"):
        set_clock(make(tmp_path, 99, 0))


@pytest.mark.external
def test_a_reset_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another boot counts, and only that."""
    boot = tmp_path / "boot"
    boot.write_text("new\n")
    monkeypatch.setattr(node_facts, "BOOT_ID", str(boot))
    monkeypatch.setattr(node_facts, "POLL_S", 0)
    wait_for_reset(make(tmp_path, 2, 0), "old", 30)
    with pytest.raises(TimeoutError, match="booting did not boot anew"):
        wait_for_reset(make(tmp_path, 0, 0), "new", 0.1)


def test_patroni_waits_by_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why a clock that goes back has the machine reset: nobody feeds the watchdog while the loop waits."""
    naps: list[float] = []
    loop: Any = SimpleNamespace(
        next_run=10_000.0, dcs=SimpleNamespace(loop_wait=5), ha=SimpleNamespace(watch=naps.append)
    )
    monkeypatch.setattr("patroni.__main__.time.time", lambda: 10_001.0 - 3600)
    Patroni.schedule_next_run(loop)
    assert naps == [3604.0]
