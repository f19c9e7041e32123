"""Say what is on a disk; changes nothing.

In: a Disk.  Out: a Content that says blank, LVM physical volume, or foreign, with words.
Every doubt counts as foreign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from generator.firstboot.devices import SYSFS, is_same_device, number_of
from generator.firstboot.mounts import read_mounts

if TYPE_CHECKING:
    from generator.firstboot.devices import Disk
    from generator.firstboot.machine import Machine

BLANK = "blank"
PHYSICAL_VOLUME = "physical volume"
FOREIGN = "foreign"

MIB = 1 << 20
# Exit code of `blkid -p` when it finds nothing (blkid(8)).
NOTHING_FOUND = 2


class Content(NamedTuple):
    """What is on a disk."""

    kind: str
    words: str
    pv_uuid: str = ""


def read_content(machine: Machine, disk: Disk) -> Content:
    """Say what is on a disk.

    Blank means: no partition, no holder, not mounted, no swap, no signature that
    wipefs or blkid knows, and none at 1 MiB, where the first partition of a lost
    partition table usually begins.
    """
    use = _find_use(machine, disk)
    if use:
        return Content(FOREIGN, f"{disk.path} {use}")
    device = str(machine.fs.at(disk.path))
    signatures = _signatures(machine, device)
    probe = machine.commands.ask("blkid", "-p", "-o", "export", device)
    fields = dict(line.split("=", 1) for line in probe.output.splitlines() if "=" in line)
    if not signatures and probe.code == NOTHING_FOUND:
        if list(machine.fs.entries(f"{SYSFS}/{disk.kernel_name}/holders")):
            return Content(FOREIGN, f"{disk.path} is held by device-mapper")
        inside = machine.commands.ask("blkid", "-p", "--offset", str(MIB), device)
        if inside.code == NOTHING_FOUND:
            return Content(BLANK, f"{disk.path} is blank")
        return Content(
            FOREIGN,
            f"{disk.path} has no partition table, but something begins at 1 MiB, where a partition was",
        )
    if signatures == {"LVM2_member"} and probe.is_fine and fields.get("TYPE") == "LVM2_member":
        return Content(PHYSICAL_VOLUME, f"{disk.path} is an LVM disk", fields.get("UUID", ""))
    found = (
        ", ".join(sorted(signatures))
        or fields.get("TYPE")
        or f"something that blkid cannot name (code {probe.code})"
    )
    return Content(FOREIGN, f"{disk.path} holds {found}")


def _find_use(machine: Machine, disk: Disk) -> str | None:
    base = f"{SYSFS}/{disk.kernel_name}"
    parts = [name for name in machine.fs.entries(base) if machine.fs.at(f"{base}/{name}/partition").exists()]
    if parts:
        return f"has partitions ({', '.join(parts)})"
    holders = [name for name in machine.fs.entries(f"{base}/holders") if not name.startswith("dm-")]
    if holders:
        return f"is held by {', '.join(holders)}"
    number = number_of(machine, disk.path)
    for mount in read_mounts(machine):
        if mount.number == number or is_same_device(machine, mount.source, disk.path):
            return f"is mounted on {mount.point}"
    swaps = (machine.fs.read("/proc/swaps") or "").splitlines()[1:]
    if any(is_same_device(machine, line.split()[0], disk.path) for line in swaps):
        return "is swap space"
    return None


def _signatures(machine: Machine, device: str) -> set[str]:
    output = machine.commands.run("wipefs", "--no-act", "--parsable", device)
    lines = [line for line in output.splitlines() if line.strip() and not line.startswith("#")]
    # offset,uuid,label,type
    return {line.split(",")[-1].strip() or "an unnamed signature" for line in lines}
