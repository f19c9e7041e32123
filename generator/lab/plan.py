"""The machines of a lab: from the facts of the spec to what QEMU makes.

Pure, except for the number of this machine's processors.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from generator.errors import UsageInvalid
from generator.lab.qemu_arguments import BootFiles, DiskPart, MachinePlan

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.network import Cable
    from generator.resolve.cluster import ResolvedNode
    from generator.resolve.storage import ResolvedVolume
    from generator.spec.model import StorageSpec

DEFAULT_DISK_MIB: Final = {"data": 4096, "wal": 2048}
SPARE_MIB: Final = 64
"""Beside a volume of fixed size: what LVM takes for itself, and some."""
WWN_DIGITS: Final = 16
_QEMU_ID: Final = re.compile(r"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_(?P<serial>[A-Za-z0-9-]+)")
_LETTER: Final = re.compile(r"/dev/sd([b-z])")


@dataclass(frozen=True, slots=True)
class GoldenImage:
    """The disk of `holster build`; `boot` where it has no boot loader of its own."""

    disk: Path
    boot: BootFiles | None


@dataclass(frozen=True, slots=True)
class MachinePaths:
    """Where one machine's things are: its folder, QEMU's socket, the seed disc."""

    folder: Path
    monitor: Path
    seed: Path


def make_mac(name: str) -> str:
    """Return the address of a card whose spec gives none: the same for the same name, QEMU's own range."""
    digest = sha256(name.encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])


def plan_machine(
    node: ResolvedNode, storage: StorageSpec, places: MachinePaths, cable: Cable, golden: GoldenImage
) -> MachinePlan:
    """Return the plan of one machine.

    Args:
        node: its facts.
        storage: its storage as declared, for the sizes of the disks.
        places: where its things are.
        cable: the ports of its network.
        golden: what its root disk is a copy of.

    Raises:
        UsageInvalid: the spec selects a disk by a name that QEMU cannot imitate.
    """
    folder = places.folder
    root = DiskPart("root", folder / "root.qcow2", "qcow2", serial="holster-root")
    return MachinePlan(
        name=node.name,
        memory_mib=node.memory_mib,
        cpus=min(node.cpus, os.cpu_count() or 1),
        mac=node.mac or make_mac(node.name),
        interface=None if node.mac else node.interface,
        cable=cable,
        disks=(root, *_plan_disks(node, storage, folder)),
        seed=places.seed,
        boot=golden.boot,
        firmware=node.cluster.spec.image.firmware,
        console=folder / "console.log",
        monitor=places.monitor,
    )


def _plan_disks(node: ResolvedNode, storage: StorageSpec, folder: Path) -> list[DiskPart]:
    """Return data and WAL disk in the order in which they must be attached."""
    if node.storage is None:
        return []
    disks = [
        _plan_disk(node, "data", node.storage.data, storage.data.disk_size, folder),
        _plan_disk(node, "wal", node.storage.wal, storage.wal.disk_size, folder),
    ]
    paths = [node.storage.data.disk.path or "", node.storage.wal.disk.path or ""]
    if all(_LETTER.fullmatch(path) for path in paths) and paths[0] > paths[1]:
        disks.reverse()
    return disks


def _plan_disk(
    node: ResolvedNode, role: str, volume: ResolvedVolume, declared: int | None, folder: Path
) -> DiskPart:
    selector = volume.disk
    serial = selector.serial
    if selector.path is not None and (found := _QEMU_ID.fullmatch(selector.path)) is not None:
        serial = found["serial"]
    elif selector.path is not None and _LETTER.fullmatch(selector.path) is None:
        raise UsageInvalid(
            f"the lab cannot give {node.name} a disk {selector.path}",
            hint="select it by serial, wwn or size, or by a name such as /dev/sdb",
        )
    if selector.wwn is not None and len(selector.wwn) != WWN_DIGITS:
        raise UsageInvalid(
            f"the lab cannot give {node.name} a disk with the WWN {selector.wwn}",
            hint=f"its disks have WWNs of {WWN_DIGITS} digits",
        )
    return DiskPart(
        role,
        folder / f"{role}.raw",
        "raw",
        serial=serial or f"holster-{role}",
        wwn=None if selector.wwn is None else f"0x{selector.wwn}",
        size_mib=choose_disk_size(volume, declared, role),
    )


def choose_disk_size(volume: ResolvedVolume, declared: int | None, role: str) -> int:
    """Return a disk's size in MiB: the declared one, else one that fits volume and selector."""
    if declared is not None:
        return declared
    selector = volume.disk
    size = max(DEFAULT_DISK_MIB[role], (volume.size_mib or 0) + SPARE_MIB, selector.min_size or 0)
    return min(size, selector.max_size) if selector.max_size is not None else size
