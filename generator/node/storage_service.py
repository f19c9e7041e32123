"""`holster-node storage`: every boot, before the mounts and before Patroni.

Waits for late disks, activates the volume group, mounts and grows.  Never makes, labels or formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from generator.node import exits
from generator.node.causes import Refused, StageFailed
from generator.node.machine.command import CommandFailed
from generator.node.machine.retry import NotYet, keep_trying
from generator.node.seals import is_sealed
from generator.node.stage import find_hint
from generator.node.stages.storage import StorageStage
from generator.node.storage.disks import describe_disks
from generator.node.storage.growth import grow_all
from generator.node.storage.identities import Identities
from generator.node.storage.intent import STORAGE_JSON, load_intent
from generator.node.storage.lvm import LOST, Lvm
from generator.node.storage.volumes import (
    check_file_systems,
    check_unmounted_marker,
    ensure_file_system,
    mount_all,
)

if TYPE_CHECKING:
    from generator.node.facts.node import Storage
    from generator.node.machine.machine import Machine
    from generator.node.storage.intent import Intent

# So long may something else hold a volume.
BOOT_DEADLINE = 3600
# A disk that answers late (Fibre Channel, iSCSI, a slow controller) appears within this time or not at all.
DISK_WAIT = 180


def bring_up_storage(machine: Machine) -> int:
    """Bring the volumes up as they are; return the exit code."""
    storage = machine.node.storage
    if storage is None:
        machine.console.log("this machine has no data volumes")
        return exits.READY
    intent = load_intent(machine)
    is_made = is_sealed(machine) if intent is None else not intent.is_creating
    if not is_made:
        # Before or during the first boot: its storage stage makes the volumes.
        machine.console.log("the volumes are not made yet")
        return exits.READY
    if intent is None:
        machine.console.say(
            f"[storage] {STORAGE_JSON} is missing or damaged: the volumes are brought up by their names"
        )
    machine.allow(BOOT_DEADLINE)
    machine.note = _say_once(machine)
    try:
        keep_trying(machine, lambda: activate_and_mount(machine, storage, intent))
    except StageFailed as failure:
        machine.console.say(f"[storage] {failure.cause.id}: {failure.cause.reason}")
        machine.console.say(f"[storage] what to do: {find_hint([StorageStage()], failure.cause.id)}")
        return exits.REFUSED if isinstance(failure, Refused) else exits.FAILED
    except (CommandFailed, OSError, LookupError) as error:
        machine.console.say(f"[storage] storage-failed: {error}")
        return exits.FAILED
    except Exception as error:  # noqa: BLE001 -- as in the runner: a bug is told in one line
        machine.console.say(f"[storage] internal: {type(error).__name__}: {error}")
        return exits.FAILED
    return exits.READY


def _say_once(machine: Machine) -> Callable[[str], None]:
    said: set[str] = set()

    def say(text: str) -> None:
        if text not in said:
            said.add(text)
            machine.console.say(f"[storage] waiting: {text}")

    return say


def activate_and_mount(machine: Machine, storage: Storage, intent: Intent | None) -> None:
    """Activate the group by its name: the letters and rules of its disks do not matter any more."""
    lvm = Lvm(machine)
    group = storage.volume_group
    lvm.activate(group, _find_disks(machine, lvm, storage), [volume.name for volume in storage.volumes])
    for volume in storage.volumes:
        uuid = ensure_file_system(machine, group, volume, None)
        # A file system that was made or taken over here is ours; to ask it costs a program's start.
        if intent is None or uuid != intent.fs_uuid(volume.role):
            check_unmounted_marker(machine, group, volume)
    check_file_systems(machine, storage)
    mount_all(machine, storage)
    grow_all(machine, storage)


def _find_disks(machine: Machine, lvm: Lvm, storage: Storage) -> list[str]:
    """Return the attached disks of the group.

    Raises:
        NotYet: a disk that our volumes lie on is not attached.
    """
    name = storage.volume_group
    group = [pv for pv in lvm.physical_volumes() if pv.vg_name == name]
    paths = [pv.path for pv in group if pv.path != LOST]
    if not paths:
        raise _lack(machine, storage, f"no disk of volume group {name} is attached")
    if len(paths) < len(group):
        # A disk that an administrator added for something else may be missing.
        ours = {volume.name for volume in storage.volumes}
        torn = [each.name for each in lvm.logical_volumes(name) if each.name in ours and LOST in each.disks]
        if torn:
            reason = f"a disk of volume group {name} is not attached: {', '.join(torn)} lies on it"
            raise _lack(machine, storage, reason)
    return paths


def _lack(machine: Machine, storage: Storage, reason: str) -> NotYet:
    there = describe_disks(machine, storage.os_disk, Identities(machine))
    return NotYet("disk-missing", f"{reason}; {there}", DISK_WAIT)
