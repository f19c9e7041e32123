"""Stage time: let the clock be set before certificates and sessions depend on it; never for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.node.machine.command import CommandFailed
from generator.node.stage import Stage

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

INTERVAL = 2.0


class TimeStage(Stage):
    """Start time synchronisation and wait a bounded time for it (reference trap 19)."""

    name = "time"
    deadline = 150

    def is_needed(self, machine: Machine) -> bool:
        """Without time servers there is nothing to wait for."""
        return bool(machine.node.system.time_servers)

    def apply(self, machine: Machine) -> None:
        """Start chrony with the delivered servers."""
        units = machine.node.units
        try:
            machine.commands.run("systemctl", "enable", units.chrony)
            machine.commands.run("systemctl", "restart", units.chrony)
        except CommandFailed as error:
            machine.warn(f"time synchronisation cannot be started: {error}")

    def confirm(self, machine: Machine) -> None:
        """Wait for the first synchronisation; without it the boot goes on with a warning."""
        latest = machine.clock.steady() + min(machine.node.system.time_wait, machine.remaining())
        while not _is_synchronised(machine):
            if machine.clock.steady() >= latest:
                servers = ", ".join(machine.node.system.time_servers)
                machine.warn(f"the clock was not synchronised with {servers} in time; the boot goes on")
                return
            machine.note("the clock is not synchronised yet")
            machine.clock.sleep(INTERVAL)


def _is_synchronised(machine: Machine) -> bool:
    if machine.commands.find("chronyc"):
        # One try; 0.5 s is close enough for TLS, and chrony steps larger offsets.
        return machine.commands.ask("chronyc", "-n", "waitsync", "1", "0.5", "0", "0.1", timeout=30).is_fine
    done = machine.commands.ask("timedatectl", "show", "--property=NTPSynchronized", "--value")
    return done.output.strip() == "yes"
