"""Find disks and say what is on them; changes nothing.

In: a disk rule and the machine.  Out: a Disk, and a Content that says blank, LVM
physical volume, or foreign, with words.  Every doubt counts as foreign.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from generator.firstboot.causes import Refused

if TYPE_CHECKING:
    from generator.firstboot.machine import Machine
    from generator.firstboot.node import DiskRule

BLANK = "blank"
PHYSICAL_VOLUME = "physical volume"
FOREIGN = "foreign"

MIB = 1 << 20
SECTOR = 512
# Exit code of `blkid -p` when it finds nothing (blkid(8)).
NOTHING_FOUND = 2
# Kernel names that are never a disk to put data on when disks are searched by a rule.
NO_DISKS = re.compile(r"(loop|ram|sr|fd|dm-|md|zram|nbd|mtd)")


class Disk(NamedTuple):
    """A disk of this machine; `size` in bytes."""

    path: str
    kernel_name: str
    size: int
    is_read_only: bool


class Content(NamedTuple):
    """What is on a disk."""

    kind: str
    words: str
    pv_uuid: str = ""


class Identities:
    """Every serial number and WWN of disks; each disk is asked once, for that starts a program."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._known: dict[str, set[str]] = {}

    def of(self, disk: Disk) -> set[str]:
        """Return every serial number and WWN under which the kernel or udev knows a disk."""
        if disk.kernel_name not in self._known:
            self._known[disk.kernel_name] = _ask_identities(self._machine, disk)
        return self._known[disk.kernel_name]


def find_disk(machine: Machine, rule: DiskRule, os_disk: str | None, identities: Identities) -> Disk:
    """Return the disk that a rule names.

    Raises:
        Refused: no disk, more than one, or one that must not be used.
    """
    system = system_disks(machine, os_disk)
    # A rule never means the system's disk; a path that does is a mistake and is refused below.
    found = _open_named(machine, rule.path) if rule.path else _search(machine, rule, system, identities)
    if not found:
        raise Refused("disk-missing", f"{rule.describe()}: no such disk")
    if len(found) > 1:
        names = ", ".join(f"{disk.path} ({disk.size // MIB} MiB)" for disk in found)
        raise Refused("disk-ambiguous", f"{rule.describe()}: more than one fits: {names}")
    disk = found[0]
    if disk.kernel_name in system:
        raise Refused("disk-unfit", f"{rule.describe()}: this is the disk of the operating system")
    if machine.fs.at(f"/sys/class/block/{disk.kernel_name}/partition").exists():
        raise Refused("disk-unfit", f"{rule.describe()}: this is a partition, not a disk")
    if disk.is_read_only:
        raise Refused("disk-unfit", f"{rule.describe()}: the disk is read-only")
    return disk


def _open_named(machine: Machine, path: str) -> list[Disk]:
    disk = _open_disk(machine, PurePosixPath(_resolve(machine, path)).name)
    return [disk] if disk else []


def _search(machine: Machine, rule: DiskRule, system: set[str], identities: Identities) -> list[Disk]:
    disks = [
        _open_disk(machine, name)
        for name in machine.fs.entries("/sys/class/block")
        if name not in system and _may_search(machine, name)
    ]
    return [disk for disk in disks if disk and _fits(disk, rule, identities)]


def _may_search(machine: Machine, name: str) -> bool:
    return not NO_DISKS.match(name) and not machine.fs.at(f"/sys/class/block/{name}/partition").exists()


def _resolve(machine: Machine, path: str) -> str:
    """Follow the links of /dev/disk/by-*/ below the machine's root."""
    for _step in range(8):
        try:
            target = os.readlink(str(machine.fs.at(path)))
        except OSError:
            return path
        path = posixpath.normpath(str(PurePosixPath(path).parent / target))
    return path


def _read_word(machine: Machine, path: str) -> str:
    return (machine.fs.read(path) or "").strip().strip("\0").strip()


def _open_disk(machine: Machine, name: str) -> Disk | None:
    base = f"/sys/class/block/{name}"
    sectors = _read_word(machine, f"{base}/size")
    if not sectors.isdigit() or not machine.fs.at(f"/dev/{name}").exists():
        return None
    return Disk(f"/dev/{name}", name, int(sectors) * SECTOR, _read_word(machine, f"{base}/ro") == "1")


def _fits(disk: Disk, rule: DiskRule, identities: Identities) -> bool:
    if rule.serial is not None or rule.wwn is not None:
        return (rule.serial or rule.wwn) in identities.of(disk)
    size = disk.size // MIB
    return size >= (rule.min_size or 0) and (rule.max_size is None or size <= rule.max_size)


def _ask_identities(machine: Machine, disk: Disk) -> set[str]:
    base = f"/sys/class/block/{disk.kernel_name}"
    names = {
        _read_word(machine, f"{base}/{leaf}") for leaf in ("serial", "device/serial", "wwid", "device/wwid")
    }
    with contextlib.suppress(OSError):
        # Page 0x80 of SCSI: four bytes of header, then the serial number.
        names.add(
            machine.fs.at(f"{base}/device/vpd_pg80").read_bytes()[4:].decode(errors="replace").strip(" \0")
        )
    keys = {
        "ID_SERIAL",
        "ID_SERIAL_SHORT",
        "ID_SCSI_SERIAL",
        "SCSI_IDENT_SERIAL",
        "ID_WWN",
        "ID_WWN_WITH_EXTENSION",
    }
    done = machine.commands.ask("udevadm", "info", "--query=property", f"--name={machine.fs.at(disk.path)}")
    for line in done.output.splitlines() if done.is_fine else []:
        key, _, value = line.partition("=")
        if key in keys:
            names.add(value.strip())
    return {name for name in names if name}


def _mounts(machine: Machine) -> dict[str, list[str]]:
    """Return device number and source of every mount -> where it is mounted."""
    result: dict[str, list[str]] = {}
    for line in (machine.fs.read("/proc/self/mountinfo") or "").splitlines():
        fields = line.split()
        separator = fields.index("-")
        for key in (fields[2], fields[separator + 2]):
            result.setdefault(key, []).append(fields[4])
    return result


def system_disks(machine: Machine, os_disk: str | None) -> set[str]:
    """Return the kernel names of the disks below `/`; where none is found, that of the declared one.

    The kernel looks at disks at the same time and gives letters as they answer: the disk
    that was /dev/sda for the installer may be /dev/sdb now, and a data disk /dev/sda.
    """
    names: set[str] = set()
    for key, points in _mounts(machine).items():
        if "/" not in points:
            continue
        if re.fullmatch(r"\d+:\d+", key):
            link = _resolve(machine, f"/sys/dev/block/{key}")
            names |= _ancestors(machine, PurePosixPath(link).name)
        elif key.startswith("/dev/"):
            names |= _ancestors(machine, PurePosixPath(_resolve(machine, key)).name)
    if os_disk and not any(_is_disk(machine, name) for name in names):
        names.add(PurePosixPath(_resolve(machine, os_disk)).name)
    return names


def _is_disk(machine: Machine, name: str) -> bool:
    return _may_search(machine, name) and _open_disk(machine, name) is not None


def _ancestors(machine: Machine, name: str) -> set[str]:
    """Return a block device and everything that it lies on, down to the disks."""
    result = {name}
    for below in machine.fs.entries(f"/sys/class/block/{name}/slaves"):
        result |= _ancestors(machine, below)
    if machine.fs.at(f"/sys/class/block/{name}/partition").exists():
        # /sys/class/block/sda1 leads to …/block/sda/sda1.
        result.add(machine.fs.at(f"/sys/class/block/{name}").resolve().parent.name)
    return result


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
        if list(machine.fs.entries(f"/sys/class/block/{disk.kernel_name}/holders")):
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
    base = f"/sys/class/block/{disk.kernel_name}"
    parts = [name for name in machine.fs.entries(base) if machine.fs.at(f"{base}/{name}/partition").exists()]
    if parts:
        return f"has partitions ({', '.join(parts)})"
    holders = [name for name in machine.fs.entries(f"{base}/holders") if not name.startswith("dm-")]
    if holders:
        return f"is held by {', '.join(holders)}"
    mounts = _mounts(machine)
    number = _read_word(machine, f"{base}/dev")
    points = mounts.get(disk.path, []) + (mounts.get(number, []) if number else [])
    if points:
        return f"is mounted on {points[0]}"
    if any(line.split()[0] == disk.path for line in (machine.fs.read("/proc/swaps") or "").splitlines()[1:]):
        return "is swap space"
    return None


def _signatures(machine: Machine, device: str) -> set[str]:
    output = machine.commands.run("wipefs", "--no-act", "--parsable", device)
    lines = [line for line in output.splitlines() if line.strip() and not line.startswith("#")]
    # offset,uuid,label,type
    return {line.split(",")[-1].strip() or "an unnamed signature" for line in lines}
