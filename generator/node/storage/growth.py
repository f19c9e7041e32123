"""Grow volumes whose disk became larger: no question, no new payload.

Every step is a no-op when there is nothing to grow, so an interrupted growth goes
on at the next boot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.node.causes import StageFailed
from generator.node.machine.command import CommandFailed
from generator.node.storage.lvm import Lvm, device_path

if TYPE_CHECKING:
    from generator.node.facts.node import Storage, Volume
    from generator.node.machine.machine import Machine

LONG = 1800


def grow_all(machine: Machine, storage: Storage) -> None:
    """Grow each volume that follows the size of its disk, and its file system.

    A volume that cannot grow is as good as before: the boot goes on with a warning.  One that an
    administrator extended onto a second disk is his to grow.
    """
    for volume in storage.volumes:
        _try_to_grow(machine, storage.volume_group, volume)


def _try_to_grow(machine: Machine, group: str, volume: Volume) -> None:
    try:
        _grow(machine, group, volume)
    except (CommandFailed, StageFailed) as error:
        machine.warn(f"volume {group}/{volume.name} was not grown: {error}")


def _grow(machine: Machine, group: str, volume: Volume) -> None:
    lvm = Lvm(machine)
    disk = lvm.disk_of(group, volume.name)
    if volume.size is None:
        lvm.grow_disk(disk)
        # 0 for a disk that LVM does not list: nothing grows.
        extents = sum(pv.extents for pv in lvm.physical_volumes() if lvm.same(pv.path, disk))
        wanted = extents * volume.percent // 100
        found = lvm.find(group, volume.name)
        if found and wanted * lvm.extent_size(group) > found.size:
            lvm.grow_volume(group, volume.name, wanted, disk)
    # Without -r of lvextend: an interruption between the two would never be made good.
    machine.commands.run("resize2fs", str(machine.fs.at(device_path(group, volume.name))), timeout=LONG)
