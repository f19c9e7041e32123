"""Say what is on a disk; changes nothing.

In: a Disk.  Out: a Content that says blank, LVM physical volume, or foreign, with words.
Every doubt counts as foreign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from generator.node.causes import StageFailed
from generator.node.machine.command import CommandFailed
from generator.node.storage.devices import SYSFS, is_same_device, number_of
from generator.node.storage.mounts import read_mounts

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine
    from generator.node.storage.devices import Disk

BLANK = "blank"
PHYSICAL_VOLUME = "physical volume"
FOREIGN = "foreign"
# pvcreate was interrupted between its two writes: blank for who began it, foreign for all others.
UNLABELLED = "unlabelled"

# A blank disk reads as zeros for so many bytes at each end: file systems, partition tables, RAID and
# volume managers have something of theirs there, also where no signature is left.
EDGE = 4 << 20
# A disk that has not read so much by then is dying.
READ_SECONDS = 60
# What pvcreate writes first, before the label that makes a disk one of LVM's.
LVM_HEADER = range(4096, 4608)
LVM_MAGIC = b" LVM2 x[5A%r0N*>"
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
    wipefs or blkid knows, and nothing but zeros in the first and the last 4 MiB.

    Raises:
        StageFailed: the disk does not answer, or not in time.
    """
    try:
        return _read_content(machine, disk)
    except CommandFailed as error:
        raise StageFailed("disk-unreadable", f"what is on {disk.path} cannot be read: {error}") from None


def _read_content(machine: Machine, disk: Disk) -> Content:
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
        return _read_edges(machine, disk)
    if signatures == {"LVM2_member"} and probe.is_fine and fields.get("TYPE") == "LVM2_member":
        return Content(PHYSICAL_VOLUME, f"{disk.path} is an LVM disk", fields.get("UUID", ""))
    found = (
        ", ".join(sorted(signatures))
        or fields.get("TYPE")
        or f"something that blkid cannot name (code {probe.code})"
    )
    return Content(FOREIGN, f"{disk.path} holds {found}")


def _read_edges(machine: Machine, disk: Disk) -> Content:
    begin = _read(machine, disk, 0)
    end = max(0, disk.size - EDGE)
    first = _find_data(begin)
    if first in LVM_HEADER and _is_header(begin) and _find_data(_read(machine, disk, end)) is None:
        return Content(UNLABELLED, f"{disk.path} is an LVM disk without its label")
    if first is None:
        last = _find_data(_read(machine, disk, end))
        if last is None:
            return Content(BLANK, f"{disk.path} is blank")
        first = end + last
    return Content(FOREIGN, f"{disk.path} has no signature, but it is not blank: data at byte {first}")


def _read(machine: Machine, disk: Disk, offset: int) -> bytes:
    """Read one edge of a disk, in a program of its own: a read of a dying disk may never return."""
    source = (f"if={machine.fs.at(disk.path)}", f"skip={offset}")
    size = (f"bs={EDGE}", "count=1", "iflag=fullblock,skip_bytes", "status=none")
    block = machine.commands.read("dd", *source, *size, timeout=READ_SECONDS)
    if len(block) < min(EDGE, disk.size - offset):
        raise CommandFailed(f"only {len(block)} bytes at {offset} can be read")
    return block


def _find_data(block: bytes) -> int | None:
    """Return where the first byte that is not zero stands, or None."""
    rest = block.lstrip(b"\0")
    return len(block) - len(rest) if rest else None


def _is_header(begin: bytes) -> bool:
    """Say whether LVM's header, with its checksum before the magic, is all that stands there."""
    header = begin[LVM_HEADER.start : LVM_HEADER.stop]
    return header[4:].startswith(LVM_MAGIC) and not begin[LVM_HEADER.stop :].strip(b"\0")


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
