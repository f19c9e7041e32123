"""Block devices of the machine, told apart by their numbers; changes nothing.

One device has many names: /dev/sdb and what leads to it below /dev/disk, /dev/dm-0 and
/dev/mapper/mpatha.  Its number (major:minor) is one, so names are never compared as text.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

SECTOR = 512
SYSFS = "/sys/class/block"
# The UUID that multipathd gives a map begins so; that of its partitions begins with `part`.
MAP_PREFIX = "mpath-"
# Kernel names that are never a disk to put data on when disks are searched by a rule.
NO_DISKS = re.compile(r"loop|ram|sr|fd|dm-|md|zram|nbd|mtd|mmcblk\d+(boot|rpmb)")


class Disk(NamedTuple):
    """A disk of this machine; `size` in bytes."""

    path: str
    kernel_name: str
    size: int
    is_read_only: bool


def read_word(machine: Machine, path: str) -> str:
    """Return what a file of sysfs says, or nothing."""
    return (machine.fs.read(path) or "").strip().strip("\0").strip()


def follow_links(machine: Machine, path: str) -> str:
    """Follow the links of /dev/disk/by-*/ below the machine's root."""
    for _step in range(8):
        try:
            target = os.readlink(str(machine.fs.at(path)))
        except OSError:
            return path
        path = posixpath.normpath(str(PurePosixPath(path).parent / target))
    return path


def number_of(machine: Machine, path: str) -> str | None:
    """Return a device's major:minor, or None when there is no such device."""
    place = follow_links(machine, path)
    try:
        found = machine.fs.at(place).stat()
    except OSError:
        return None
    if stat.S_ISBLK(found.st_mode):
        return f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    return read_word(machine, f"{SYSFS}/{PurePosixPath(place).name}/dev") or None


def is_same_device(machine: Machine, one: str, other: str) -> bool:
    """Say whether two names mean one device."""
    number = number_of(machine, one)
    return number is not None and number == number_of(machine, other)


def kernel_name(machine: Machine, path: str) -> str:
    """Return the name below /sys/class/block of the device that a path leads to."""
    place = follow_links(machine, path)
    number = number_of(machine, place)
    # Without udev /dev/mapper holds nodes of their own, not links to dm-N.
    link = f"/sys/dev/block/{number}"
    found = follow_links(machine, link)
    return PurePosixPath(place if found == link else found).name


def open_disk(machine: Machine, name: str) -> Disk | None:
    """Return the block device of a kernel name; None where there is none, or it has no size."""
    base = f"{SYSFS}/{name}"
    sectors = read_word(machine, f"{base}/size")
    if not sectors.isdigit() or not machine.fs.at(f"/dev/{name}").exists():
        return None
    path = f"/dev/mapper/{read_word(machine, f'{base}/dm/name')}"
    if not is_same_device(machine, path, f"/dev/{name}"):
        path = f"/dev/{name}"
    return Disk(path, name, int(sectors) * SECTOR, read_word(machine, f"{base}/ro") == "1")


def is_partition(machine: Machine, name: str) -> bool:
    """Say whether a block device is a partition that the kernel made."""
    return machine.fs.at(f"{SYSFS}/{name}/partition").exists()


def list_disks(machine: Machine) -> list[Disk]:
    """Return the disks that data could be put on; several paths to one disk count as their map."""
    found = {}
    for name in machine.fs.entries(SYSFS):
        if NO_DISKS.match(name) or is_partition(machine, name):
            continue
        disk = open_disk(machine, find_map(machine, name) or name)
        if disk:
            found[disk.kernel_name] = disk
    return list(found.values())


def find_map(machine: Machine, name: str) -> str | None:
    """Return the multipath map that a block device is a path of, or None."""
    for holder in machine.fs.entries(f"{SYSFS}/{name}/holders"):
        if is_map(machine, holder):
            return holder
    return None


def is_map(machine: Machine, name: str) -> bool:
    """Say whether a block device is a multipath map."""
    return read_word(machine, f"{SYSFS}/{name}/dm/uuid").startswith(MAP_PREFIX)


def list_layers(machine: Machine, name: str) -> set[str]:
    """Return a block device and everything that it lies on, down to the disks."""
    result = {name}
    for below in machine.fs.entries(f"{SYSFS}/{name}/slaves"):
        result |= list_layers(machine, below)
    if is_partition(machine, name):
        # /sys/class/block/sda1 leads to …/block/sda/sda1.
        result |= list_layers(machine, machine.fs.at(f"{SYSFS}/{name}").resolve().parent.name)
    return result
