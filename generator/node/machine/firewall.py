"""The packet filter: firewalld's zone, or a table of our own that a unit of the payload loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.node.facts.node import Node
    from generator.node.machine.machine import Machine

FIREWALLD = "firewalld.service"
OWN_UNIT = "holster-firewall.service"


def find_program(node: Node) -> str | None:
    """Return the program that this machine's filter needs, None without one."""
    if node.system.firewall_zone:
        return "firewall-offline-cmd"
    return "nft" if _has_own_table(node) else None


def set_firewall(machine: Machine) -> None:
    """Filter from now on, and from the start of every boot."""
    zone = machine.node.system.firewall_zone
    if zone is not None:
        # Offline: that works before the daemon runs.
        if machine.commands.ask("firewall-offline-cmd", "--get-default-zone").output.strip() != zone:
            machine.commands.run("firewall-offline-cmd", f"--set-default-zone={zone}")
        machine.commands.run("systemctl", "enable", FIREWALLD)
        machine.commands.run("systemctl", "restart", FIREWALLD, timeout=120)
    elif _has_own_table(machine.node):
        # Without a reload of all units, which costs seconds: that one is read when it is started.
        machine.commands.run("systemctl", "enable", "--no-reload", OWN_UNIT)
        # A reload replaces the table at once; a restart would be open for a moment.
        machine.commands.run("systemctl", "reload-or-restart", OWN_UNIT)


def _has_own_table(node: Node) -> bool:
    return any(item.path.endswith(f"/{OWN_UNIT}") for item in node.files)
