"""Huge pages: reserved now and at every boot, where the machine is as large as the spec says.

The number is no file of the payload: on a machine with less memory than declared, or with another size
of page, the kernel would give nearly all memory away at the start, before anything could say why.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from generator.node.causes import StageFailed

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

SETTINGS = "/etc/sysctl.d/91-holster-huge-pages.conf"
COUNT = "/proc/sys/vm/nr_hugepages"
MEMORY = "/proc/meminfo"
PAGE_KIB = 2048
SHARE = 0.5
# The kernel moves what is in the way.
SECONDS = 200


def reserve_huge_pages(machine: Machine) -> None:
    """Reserve what the payload says, see that the kernel did, and give back what would be of no use.

    Raises:
        StageFailed: PostgreSQL is not to start without them, and they cannot be had.
    """
    wanted = machine.node.system.huge_pages
    if wanted is None:
        if machine.fs.remove(SETTINGS):
            _set(machine, 0)
        return
    hindrance = _reserve(machine, wanted.count)
    if hindrance is None:
        return
    if wanted.is_required:
        raise StageFailed("huge-pages-missing", hindrance)
    # PostgreSQL takes all of its shared memory from them or nothing.
    _set(machine, 0)
    machine.warn(f"{hindrance}; PostgreSQL starts without huge pages")


def _reserve(machine: Machine, count: int) -> str | None:
    """Return why the pages are not there; what another start of the machine can bring is kept for it."""
    facts = _read_memory(machine)
    memory = facts.get("MemTotal", 0)
    if facts.get("Hugepagesize") != PAGE_KIB:
        machine.fs.remove(SETTINGS)
        return f"this kernel's huge pages are not of {PAGE_KIB} KiB"
    if count * PAGE_KIB > memory * SHARE:
        machine.fs.remove(SETTINGS)
        return f"{count} huge pages are more than half of the {memory // 1024} MiB that this machine has"
    machine.fs.write(SETTINGS, f"# Made by holster-node.\nvm.nr_hugepages = {count}\n")
    _set(machine, count)
    given = _read_count(machine)
    return f"the kernel gave {given} of {count} huge pages, until the next start" if given < count else None


def _set(machine: Machine, count: int) -> None:
    """Tell the kernel now; pages that PostgreSQL uses stay until it stops."""
    done = machine.commands.ask("sysctl", "-q", "-w", f"vm.nr_hugepages={count}", timeout=SECONDS)
    if not done.is_fine:
        machine.warn(f"huge pages: {done.describe()}")


def _read_count(machine: Machine) -> int:
    text = (machine.fs.read(COUNT) or "").strip()
    return int(text) if text.isdigit() else 0


def _read_memory(machine: Machine) -> dict[str, int]:
    """Return the kernel's figures in KiB."""
    text = machine.fs.read(MEMORY) or ""
    return {name: int(number) for name, number in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}
