"""Wait for machines: until they are ready, stopped, or can get no further; always with a cause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.lab.machine import VirtualMachine

POLL_S: Final = 0.5
QUIET_S: Final = 20.0
"""After this long without a word of the first boot, a machine is asked whether it was ready long ago."""
SEALED: Final = "sealed"


def wait_for(
    machines: Sequence[VirtualMachine],
    timeout_s: float,
    judge: Callable[[VirtualMachine], str | None],
    on_tick: Callable[[], None] | None = None,
) -> None:
    """Wait until `judge` has an answer for each machine.

    Args:
        machines: which ones.
        timeout_s: how long.
        judge: returns how a machine ended, or None while it goes on.
        on_tick: called at every look.

    Raises:
        LabFailed: time is up, or what `judge` raised.
    """
    deadline = time.monotonic() + timeout_s
    pending = list(machines)
    while pending:
        pending = [machine for machine in pending if judge(machine) is None]
        if on_tick is not None:
            on_tick()
        if pending and time.monotonic() > deadline:
            first = pending[0]
            raise first.fail(f"was not ready within {timeout_s:g} s: {_describe_progress(first)}")
        if pending:
            time.sleep(POLL_S)


def judge_end(machine: VirtualMachine) -> str | None:
    """Return how the first boot of a machine ended, None while it goes on.

    Raises:
        LabFailed: it went off, or its kernel panicked.
    """
    _demand_life(machine)
    log = machine.log
    if log.outcome is not None:
        return log.outcome
    # A machine that was ready before says nothing when it boots.
    if log.stage is None and log.login_at is not None and machine.was_quiet_for(QUIET_S):
        return SEALED if machine.is_sealed() else None
    return None


def judge_sealed(machine: VirtualMachine) -> str | None:
    """Return `sealed`, or None while the first boot goes on.

    Raises:
        LabFailed: it ended in another way; the message has the cause.
    """
    outcome = judge_end(machine)
    if outcome not in {SEALED, None}:
        log = machine.log
        stage = log.stage.name if log.stage else "the beginning"
        raise machine.fail(f"{outcome} in the stage {stage}: {log.cause}: {log.reason}")
    return outcome


def judge_boot(machine: VirtualMachine) -> str | None:
    """Return `up` once the system has booted to its end.

    Raises:
        LabFailed: it went off, or its kernel panicked.
    """
    _demand_life(machine)
    return "up" if machine.log.is_up else None


def _demand_life(machine: VirtualMachine) -> None:
    log = machine.watch()
    if log.has_panicked:
        error = machine.fail("stopped: its kernel panicked")
        machine.cut_power()
        raise error
    if not machine.is_on:
        raise machine.fail("went off")


def _describe_progress(machine: VirtualMachine) -> str:
    log = machine.log
    if log.stage is None:
        return "the first boot has not begun"
    return f"it is in the stage {log.stage.name}" + (f", which waits: {log.note}" if log.note else "")
