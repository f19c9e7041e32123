"""`holster-firstboot storage`: every boot, before the mounts and before Patroni.

Activates the volume group, mounts and grows.  Never makes, labels or formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.firstboot.causes import Refused, StageFailed
from generator.firstboot.command import CommandFailed
from generator.firstboot.growth import grow_all
from generator.firstboot.intent import load_intent
from generator.firstboot.locks import storage_lock
from generator.firstboot.lvm import LOST, Lvm
from generator.firstboot.runner import EXIT_FAILED, EXIT_READY, EXIT_REFUSED
from generator.firstboot.volumes import ensure_file_system, mount_all

if TYPE_CHECKING:
    from generator.firstboot.machine import Machine
    from generator.firstboot.node import Storage

BOOT_DEADLINE = 600


def bring_up_storage(machine: Machine) -> int:
    """Bring the volumes up as they are; return the exit code."""
    storage = machine.node.storage
    if storage is None:
        machine.console.log("this machine has no data volumes")
        return EXIT_READY
    intent = load_intent(machine)
    if intent is None or intent.is_creating:
        # Before or during the first boot: its storage stage makes the volumes.
        machine.console.log("the volumes are not made yet")
        return EXIT_READY
    machine.allow(BOOT_DEADLINE)
    try:
        with storage_lock(machine):
            activate_and_mount(machine, storage)
    except StageFailed as failure:
        machine.console.say(f"[storage] {failure.cause.id}: {failure.cause.reason}")
        machine.console.say(f"[storage] what to do: {failure.cause.hint}")
        return EXIT_REFUSED if isinstance(failure, Refused) else EXIT_FAILED
    except (CommandFailed, OSError, LookupError) as error:
        machine.console.say(f"[storage] storage-failed: {error}")
        return EXIT_FAILED
    return EXIT_READY


def activate_and_mount(machine: Machine, storage: Storage) -> None:
    """Activate the group by its name: the letters and rules of its disks do not matter any more."""
    lvm = Lvm(machine)
    paths = [
        pv.path for pv in lvm.physical_volumes() if pv.vg_name == storage.volume_group and pv.path != LOST
    ]
    if not paths:
        raise StageFailed("disk-missing", f"no disk of volume group {storage.volume_group} is attached")
    lvm.activate(storage.volume_group, paths, [volume.name for volume in storage.volumes])
    for volume in storage.volumes:
        ensure_file_system(machine, storage.volume_group, volume, None)
    mount_all(machine, storage)
    grow_all(machine, storage)
