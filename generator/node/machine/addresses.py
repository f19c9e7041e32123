"""Addresses on the machine's interfaces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine


def read_addresses(machine: Machine) -> dict[str, list[str]]:
    """Return interface name -> its IPv4 addresses."""
    result: dict[str, list[str]] = {}
    for line in machine.commands.run("ip", "-o", "-4", "addr", "show").splitlines():
        found = re.match(r"\d+:\s+(\S+?)(?:@\S+)?\s+inet\s+([\d.]+)", line)
        if found:
            result.setdefault(found.group(1), []).append(found.group(2))
    return result


def find_interface(machine: Machine, address: str) -> str | None:
    """Return the interface that has an address, or None."""
    found = (name for name, addresses in read_addresses(machine).items() if address in addresses)
    return next(found, None)
