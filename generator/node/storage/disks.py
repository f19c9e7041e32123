"""Find the disk that a rule names; changes nothing."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from generator.node.causes import Refused
from generator.node.storage.devices import (
    NO_DISKS,
    SYSFS,
    Disk,
    find_map,
    follow_links,
    is_map,
    is_partition,
    kernel_name,
    list_disks,
    list_layers,
    open_disk,
    read_word,
)
from generator.node.storage.mounts import read_mounts

if TYPE_CHECKING:
    from generator.node.facts.node import DiskRule
    from generator.node.machine.machine import Machine
    from generator.node.storage.identities import Identities

MIB = 1 << 20
# So many disks are told before the rest is counted.
LISTED = 16
# World-wide names that no two disks share; a vendor's text (t10.) may be the same on all.
UNIQUE = re.compile(r"naa\.|eui\.|uuid\.")


def find_disk(machine: Machine, rule: DiskRule, os_disk: str | None, identities: Identities) -> Disk:
    """Return the disk that a rule names; of several paths to it, their multipath map.

    Raises:
        Refused: no disk, more than one, or one that must not be used.
    """
    system = system_disks(machine, os_disk)
    # A rule never means the system's disk; a path that does is a mistake and is refused below.
    found = _open_named(machine, rule.path) if rule.path else _search(machine, rule, system, identities)
    if not found:
        there = describe_disks(machine, os_disk, identities)
        raise Refused("disk-missing", f"{rule.describe()}: no such disk; {there}")
    _refuse_several(rule, [*found, *_find_twins(machine, found[0])])
    disk = found[0]
    if system & list_layers(machine, disk.kernel_name):
        raise Refused("disk-unfit", f"{rule.describe()}: this is the disk of the operating system")
    if is_partition(machine, disk.kernel_name):
        raise Refused("disk-unfit", f"{rule.describe()}: this is a partition, not a disk")
    if disk.is_read_only:
        raise Refused("disk-unfit", f"{rule.describe()}: the disk is read-only")
    if identities.is_path(disk):
        # multipathd makes the map when it has seen the paths.
        raise Refused(
            "disk-missing", f"{rule.describe()}: {disk.path} is a path of a multipath map that is not there"
        )
    return disk


def describe_disks(machine: Machine, os_disk: str | None, identities: Identities) -> str:
    """Return in words which disks the machine has, for who must find out which one was meant."""
    system = system_disks(machine, os_disk)
    words = []
    for disk in list_disks(machine):
        is_system = bool(system & list_layers(machine, disk.kernel_name))
        words.append(f"{identities.describe(disk)}{' the system' if is_system else ''}")
    if not words:
        return "this machine has no disk"
    more = f"; and {len(words) - LISTED} more" if len(words) > LISTED else ""
    return f"this machine has: {'; '.join(words[:LISTED])}{more}"


def _refuse_several(rule: DiskRule, disks: list[Disk]) -> None:
    if len(disks) > 1:
        names = ", ".join(f"{disk.path} ({disk.size // MIB} MiB)" for disk in disks)
        paths = "; when these are paths to one disk, multipathd must make a map of them"
        several = "" if rule.serial is None and rule.wwn is None and rule.path is None else paths
        raise Refused("disk-ambiguous", f"{rule.describe()}: more than one fits: {names}{several}")


def _open_named(machine: Machine, path: str) -> list[Disk]:
    name = kernel_name(machine, path)
    disk = open_disk(machine, find_map(machine, name) or name)
    return [disk] if disk else []


def _search(machine: Machine, rule: DiskRule, system: set[str], identities: Identities) -> list[Disk]:
    disks = [disk for disk in list_disks(machine) if not system & list_layers(machine, disk.kernel_name)]
    found = [disk for disk in disks if _fits(disk, rule, identities)]
    if rule.serial is None or found:
        return found
    return [disk for disk in disks if identities.shows_start_of(disk, rule.serial)]


def _find_twins(machine: Machine, disk: Disk) -> list[Disk]:
    """Return other devices that are the same disk: paths of which nothing made a map."""
    wwid = _read_wwid(machine, disk.kernel_name)
    if is_map(machine, disk.kernel_name) or not UNIQUE.match(wwid):
        return []
    return [
        other
        for other in list_disks(machine)
        if other.kernel_name != disk.kernel_name and _read_wwid(machine, other.kernel_name) == wwid
    ]


def _read_wwid(machine: Machine, name: str) -> str:
    return read_word(machine, f"{SYSFS}/{name}/wwid") or read_word(machine, f"{SYSFS}/{name}/device/wwid")


def _fits(disk: Disk, rule: DiskRule, identities: Identities) -> bool:
    if rule.serial is not None:
        return identities.has_serial(disk, rule.serial)
    if rule.wwn is not None:
        return identities.has_wwn(disk, rule.wwn)
    size = disk.size // MIB
    return size >= (rule.min_size or 0) and (rule.max_size is None or size <= rule.max_size)


def system_disks(machine: Machine, os_disk: str | None) -> set[str]:
    """Return the kernel names of what `/` lies on; where no disk is found, those of the declared one.

    The kernel looks at disks at the same time and gives letters as they answer: the disk
    that was /dev/sda for the installer may be /dev/sdb now, and a data disk /dev/sda.
    """
    names: set[str] = set()
    for mount in read_mounts(machine):
        if mount.point != "/":
            continue
        link = follow_links(machine, f"/sys/dev/block/{mount.number}")
        names |= list_layers(machine, PurePosixPath(link).name)
        if mount.source.startswith("/dev/"):
            # A file system over several disks has a number of its own.
            names |= list_layers(machine, kernel_name(machine, mount.source))
    if os_disk and not any(_is_disk(machine, name) for name in names):
        names |= list_layers(machine, kernel_name(machine, os_disk))
    return names


def _is_disk(machine: Machine, name: str) -> bool:
    return (
        not NO_DISKS.match(name) and not is_partition(machine, name) and open_disk(machine, name) is not None
    )
