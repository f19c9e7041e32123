"""Disks: found in exactly one way, never the system's, never the same twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from generator.diagnostics import Problem, Severity, SpecPath
from generator.spec.defaults import choose_disk, choose_os_disk
from generator.spec.disk_ids import SHOWN_SERIAL, find_wwn, is_named_by_serial, normalise_serial
from generator.spec.disk_paths import explain_made_of_disks, explain_moving, explain_no_disk, is_partition
from generator.spec.model import DiskSelector, Role
from generator.spec.rules.rule import rule
from generator.spec.storage import merge_storage
from generator.spec.topology import iterate_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec, StorageSpec, VolumeSpec

STORAGE = "storage groups.*.nodes.*.storage groups.*.roles"
LABELS = {"data": "data", "wal": "WAL"}
LARGEST = 2**62
"""More MiB than any disk has."""
INSTALL_DISK = re.compile(r"/dev/[A-Za-z0-9_.:+@=-]+(/[A-Za-z0-9_.:+@=-]+)*")
"""One disk for kickstart: a comma there begins a second one, and Anaconda expands patterns."""
INSTALL_HINT = "use a path that is made of the disk's serial number or WWN (`ls -l /dev/disk/by-id`)"
BY_ID_HINT = "use a path below /dev/disk/by-id (`ls -l /dev/disk/by-id`), or serial, wwn, min_size"


@dataclass(frozen=True, slots=True)
class StorageView:
    """The storage of one member, or of all that have none of their own."""

    merged: StorageSpec
    own: StorageSpec | None
    path: SpecPath

    @property
    def volumes(self) -> tuple[tuple[str, VolumeSpec], ...]:
        """Both volumes by kind."""
        return ("data", self.merged.data), ("wal", self.merged.wal)

    def find(self, *keys: str) -> SpecPath:
        """Return the path of the value that counts: the node's where it has one."""
        value: Any = self.own
        for key in keys:
            if value is None or key not in getattr(value, "model_fields_set", ()):
                return ("storage", *keys)
            value = getattr(value, key)
        return (*self.path, *keys)


def list_storage(spec: ClusterSpec) -> Iterator[StorageView]:
    """Yield the distinct storage settings of the members."""
    has_common = False
    for path, node, roles in iterate_nodes(spec):
        if Role.POSTGRES not in roles or (node.storage is None and has_common):
            continue
        has_common = has_common or node.storage is None
        yield StorageView(merge_storage(spec, node), node.storage, (*path, "storage"))


def find_disk_path(view: StorageView, kind: str) -> SpecPath:
    """Return where the path of a volume's disk stands: both ways of writing it are known."""
    path = view.find(kind, "disk")
    return (*path, "path") if isinstance(getattr(view.merged, kind).disk, DiskSelector) else path


@rule("disk-selector", reads=STORAGE, is_partial=True)
def check_selectors(spec: ClusterSpec) -> Iterator[Problem]:
    """D1: a disk is recognised in exactly one way, so that two answers cannot differ."""
    hint = "keep one of path, serial, wwn, or a size rule (min_size, max_size)"
    for view in list_storage(spec):
        for kind, volume in view.volumes:
            disk, path = choose_disk(volume, kind), view.find(kind, "disk")
            has_size_rule = disk.min_size is not None or disk.max_size is not None
            ways = sum(way is not None for way in (disk.path, disk.serial, disk.wwn)) + has_size_rule
            if ways != 1:
                count = "no way" if ways == 0 else f"{ways} ways"
                message = f"the {LABELS[kind]} disk is described in {count}; exactly one is needed"
                yield Problem("disk-selector", message, path=path, hint=hint)
            elif disk.min_size and disk.max_size and disk.min_size > disk.max_size:
                message = f"no disk has at least {disk.min_size} MiB and at most {disk.max_size} MiB"
                yield Problem(
                    "disk-selector", message, path=(*path, "max_size"), hint="swap min_size and max_size"
                )


def _size_range(disk: DiskSelector) -> tuple[int, int] | None:
    """Return the sizes that a size rule takes, None for another kind of rule."""
    if disk.min_size is None and disk.max_size is None:
        return None
    return disk.min_size or 0, disk.max_size or LARGEST


@rule("disk-selector", reads=STORAGE, is_partial=True)
def check_size_rules(spec: ClusterSpec) -> Iterator[Problem]:
    """D1: where one size rule takes all that the other takes, the first boot finds two disks for it."""
    for view in list_storage(spec):
        data, wal = (_size_range(choose_disk(volume, kind)) for kind, volume in view.volumes)
        if data is None or wal is None or data == wal:
            continue
        for kind, inner, outer in (("wal", data, wal), ("data", wal, data)):
            if outer[0] <= inner[0] and inner[1] <= outer[1]:
                other = "data" if kind == "wal" else "wal"
                message = f"every disk that fits {LABELS[other]} fits {LABELS[kind]} as well"
                yield Problem(
                    "disk-selector",
                    message,
                    path=view.find(kind, "disk"),
                    hint="add max_size to the rule of the smaller disk, or use serial",
                    related=view.find(other, "disk"),
                )


def is_same_disk(one: DiskSelector, other: DiskSelector) -> bool:
    """Say whether two descriptions certainly mean one disk, whichever way each is written."""
    wwns = [disk.wwn or find_wwn(disk.path or "") for disk in (one, other)]
    if one == other or (wwns[0] is not None and wwns[0] == wwns[1]):
        return True
    if one.serial is not None and other.serial is not None:
        return normalise_serial(one.serial) == normalise_serial(other.serial)
    path, serial = one.path or other.path, one.serial or other.serial
    return path is not None and serial is not None and is_named_by_serial(path, serial)


@rule("long-serial", reads=STORAGE, is_partial=True)
def check_serials(spec: ClusterSpec) -> Iterator[Problem]:
    """What a disk has no room for is cut off: two numbers that begin alike look the same then."""
    for view in list_storage(spec):
        for kind, volume in view.volumes:
            serial = choose_disk(volume, kind).serial
            if serial is not None and len(serial) > SHOWN_SERIAL:
                message = (
                    f"this serial number has {len(serial)} characters; disks of virtio-blk, SATA and NVMe "
                    f'show {SHOWN_SERIAL}: "{serial[:SHOWN_SERIAL]}"'
                )
                yield Problem(
                    "long-serial",
                    message,
                    Severity.WARNING,
                    path=(*view.find(kind, "disk"), "serial"),
                    hint="write what `lsblk -o NAME,SERIAL` shows on the machine; "
                    "the first boot takes the only disk that shows the beginning",
                )


@rule("same-disk", reads=STORAGE, is_partial=True)
def check_different(spec: ClusterSpec) -> Iterator[Problem]:
    """D1: data and WAL on one disk share its load and its loss."""
    for view in list_storage(spec):
        data, wal = (choose_disk(volume, kind) for kind, volume in view.volumes)
        if is_same_disk(data, wal):
            yield Problem(
                "same-disk",
                "the WAL disk is the data disk",
                path=view.find("wal", "disk"),
                hint="give data and WAL a disk each",
                related=view.find("data", "disk"),
            )


@rule("os-disk", "not-a-disk", "unstable-disk-name", reads=STORAGE, is_partial=True)
def check_paths(spec: ClusterSpec) -> Iterator[Problem]:
    """D1, no disk is ever lost: the system's disk is never a data disk, a name that moves is pointed out."""
    for view in list_storage(spec):
        system = choose_os_disk(view.merged)
        for kind, volume in view.volumes:
            disk = choose_disk(volume, kind)
            path = view.find(kind, "disk") if disk.path is None else find_disk_path(view, kind)
            if is_same_disk(disk, DiskSelector(path=system)):
                yield _refuse_system(disk, kind, path)
            elif disk.path is not None:
                yield from _check_path(disk.path, system, kind, path)


def _refuse_system(disk: DiskSelector, kind: str, path: SpecPath) -> Problem:
    name = disk.path or disk.serial or disk.wwn
    return Problem(
        "os-disk",
        f"{name} is the disk of the operating system; {LABELS[kind]} needs a disk of its own",
        path=path,
        hint="if the system is on another disk, say so with storage.os_disk",
    )


def _check_path(disk: str, system: str, kind: str, path: SpecPath) -> Iterator[Problem]:
    no_disk, moving = explain_no_disk(disk), explain_moving(disk)
    if is_partition(disk) and disk.startswith(system):
        yield _refuse_system(DiskSelector(path=disk), kind, path)
    elif is_partition(disk):
        hint = "give the whole disk; Holster makes a volume group over it"
        yield Problem("not-a-disk", f"{disk} is a partition", path=path, hint=hint)
    elif not disk.startswith("/dev/"):
        yield Problem("not-a-disk", f"{disk} is not a device below /dev", path=path, hint=BY_ID_HINT)
    elif no_disk is not None:
        yield Problem("not-a-disk", f"{disk} {no_disk}", path=path, hint=BY_ID_HINT)
    elif moving is not None:
        message = f"{disk} {moving}; first boot refuses a disk that is not empty"
        yield Problem("unstable-disk-name", message, Severity.WARNING, path=path, hint=BY_ID_HINT)


@rule("not-a-disk", "unstable-disk-name", reads="storage groups.*.nodes.*.storage", is_partial=True)
def check_install_disk(spec: ClusterSpec) -> Iterator[Problem]:
    """Promise 4: the installer clears exactly one whole disk; every machine has one, member or not."""
    own = [
        ((*path, "storage", "os_disk"), node.storage.os_disk)
        for path, node, _ in iterate_nodes(spec)
        if node.storage
    ]
    for path, disk in [(("storage", "os_disk"), spec.storage.os_disk), *own]:
        if disk is None:
            continue
        if not INSTALL_DISK.fullmatch(disk):
            message = f"{disk} is not one device below /dev"
            hint = "give one path without commas and patterns, such as /dev/disk/by-id/ata-…"
            yield Problem("not-a-disk", message, path=path, hint=hint)
            continue
        reason = explain_no_disk(disk) or explain_made_of_disks(disk)
        if reason is not None:
            hint = (
                "give the whole plain disk: the installer makes its partitions on one, and on nothing else; "
                "a machine from the image needs no os_disk"
            )
            yield Problem("not-a-disk", f"{disk} {reason}", path=path, hint=hint)
        elif disk.startswith("/dev/disk/") and explain_moving(disk) is not None:
            message = f"{disk} {explain_moving(disk)}; the installer erases what it leads to"
            yield Problem("unstable-disk-name", message, Severity.WARNING, path=path, hint=INSTALL_HINT)


RULES = (
    check_selectors,
    check_size_rules,
    check_different,
    check_serials,
    check_paths,
    check_install_disk,
)
