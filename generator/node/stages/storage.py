"""Stage storage: two disks become two mounted volumes, and no disk is ever lost.

The state table is in docs/first-boot.md; the decision is `plan.decide`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from generator.node.causes import Refused, StageFailed
from generator.node.machine.folders import make_volume_folders
from generator.node.machine.retry import keep_trying
from generator.node.stage import Stage
from generator.node.storage.contents import BLANK, UNLABELLED, read_content
from generator.node.storage.devices import number_of
from generator.node.storage.disks import MIB, find_disk
from generator.node.storage.growth import grow_all
from generator.node.storage.identities import Identities
from generator.node.storage.intent import Intent, load_intent, new_intent
from generator.node.storage.lvm import LogicalVolume, Lvm, PhysicalVolume, device_path
from generator.node.storage.mounts import find_mount, is_mount_of
from generator.node.storage.plan import CREATE, Facts, decide
from generator.node.storage.volumes import (
    check_file_systems,
    check_mount_points,
    check_unmounted_marker,
    ensure_file_system,
    mount_all,
)

if TYPE_CHECKING:
    from generator.node.facts.node import Storage, Volume
    from generator.node.machine.machine import Machine
    from generator.node.storage.devices import Disk

LVM = ("pvs", "vgs", "lvs", "pvcreate", "vgcreate", "lvcreate", "vgchange", "pvresize", "lvextend")
FILE_SYSTEMS = ("wipefs", "blkid", "mkfs.ext4", "e2fsck", "dumpe2fs", "debugfs", "resize2fs")
MOUNTS = ("mount", "umount")
# A disk that is probed late appears within this time or not at all.
DISK_WAIT = 60
# The smallest room that LVM takes for itself at the start of a disk, in MiB.
LVM_ROOM = 4


class Found(NamedTuple):
    """The disk of each role, and what the disks are known by."""

    disks: dict[str, Disk]
    identities: Identities


class StorageStage(Stage):
    """Make or reuse the volume group, format what is new, mount."""

    name = "storage"
    deadline = 600
    failure = "storage-failed"
    programs = (*LVM, *FILE_SYSTEMS, *MOUNTS, "udevadm")
    hints = {
        "disk-missing": "attach the disk, or correct the selector in the spec and render again",
        "disk-ambiguous": "select the disk by serial number, WWN or by-id path in the spec, and render again",
        "disk-unfit": "select another disk in the spec, or enlarge this one",
        "disk-unreadable": "the disk does not answer or has read errors: look at `journalctl -k`, at its cables and paths, and replace it when it is dying",
        "disk-foreign": "save what is on the disk; when it is not needed, clear it by hand, then run again: `wipefs -a DISK && dd if=/dev/zero of=DISK bs=1M count=4 && dd if=/dev/zero of=DISK bs=512 count=8192 seek=$(($(blockdev --getsz DISK)-8192))`",
        "disk-replaced": "attach the disk that belongs to the pair, or clear both by hand, to start blank: `wipefs -a DISK && dd if=/dev/zero of=DISK bs=1M count=4 && dd if=/dev/zero of=DISK bs=512 count=8192 seek=$(($(blockdev --getsz DISK)-8192))`",
        "volumes-incomplete": "look at it with `lvs -o +devices`: complete the group by hand, or remove it when nothing in it is needed; one that was extended onto other disks is not reused",
        "volumes-misplaced": "move the volumes with pvmove so that each lies on its own disk, or select the disks the other way round",
        "volume-unexpected": "look at the volume with blkid and mount; it is never formatted when anything is on it",
        "mount-blocked": "move the files away or correct /etc/fstab, then run again",
        "volumes-unequal": "mount both volumes by hand for a look: data and WAL belong together; restore the one that is missing (WAL of a server that stood alone: see the documentation), and clear both only when nothing in them is needed",
        "volume-damaged": "the file system needs a decision: make a copy of the volume if you can, then `e2fsck` it by hand and run again, or have the replica copied anew",
        "volume-of-another": "these disks belong to another cluster or role; attach the right ones",
        "storage-failed": "the last words of the program are in the reason; run again when the cause is gone",
    }

    def is_needed(self, machine: Machine) -> bool:
        """Members have data volumes, other machines have none."""
        return machine.node.storage is not None

    def apply(self, machine: Machine) -> None:
        """Classify both disks, then create or reuse; any doubt is refused before the first change."""
        keep_trying(machine, lambda: _bring_up(machine, _storage(machine)))

    def confirm(self, machine: Machine) -> None:
        """Both volumes lie on their own disk and are mounted where they belong."""
        check_mounts(machine)
        _check_places(machine, _storage(machine))


def _bring_up(machine: Machine, storage: Storage) -> None:
    found = _find_disks(machine, storage)
    disks = found.disks
    lvm = Lvm(machine)
    known = load_intent(machine)
    facts = _gather(machine, storage, disks, lvm)
    is_creation = decide(facts, known) == CREATE
    check_mount_points(machine, storage)
    intent = _create(machine, storage, found, facts, known) if is_creation else None
    names = [volume.name for volume in storage.volumes]
    lvm.activate(storage.volume_group, [disk.path for disk in disks.values()], names)
    uuids = {
        volume.role: ensure_file_system(machine, storage.volume_group, volume, intent)
        for volume in storage.volumes
    }
    if intent is not None:
        intent.mark_created(machine)
        mount_all(machine, storage)
    else:
        _reuse(machine, storage)
        if known is None or known.is_creating:
            # Volumes of an earlier installation: from now on every boot mounts them.
            _new_intent(storage, found, uuids).mark_created(machine)
    make_volume_folders(machine)
    if not is_creation:
        # What was made just now has its size.
        grow_all(machine, storage)


def _reuse(machine: Machine, storage: Storage) -> None:
    """Mount volumes that were not made just now; what names another cluster is refused as it is."""
    for volume in storage.volumes:
        check_unmounted_marker(machine, storage.volume_group, volume)
    check_file_systems(machine, storage)
    mount_all(machine, storage)


def _create(machine: Machine, storage: Storage, found: Found, facts: Facts, intent: Intent | None) -> Intent:
    """Go on from wherever an earlier run stopped: each step is done only when its result is missing."""
    disks = found.disks
    for volume in storage.volumes:
        _check_room(volume, disks[volume.role])
    lvm = Lvm(machine)
    unlabelled = [role for role in disks if facts.contents[role].kind in {BLANK, UNLABELLED}]
    if intent is None or not intent.is_creating or len(unlabelled) == len(disks):
        intent = _new_intent(storage, found, {})
    # The plan is on the disk before the first change: what follows is recognisable as ours.
    intent.save(machine)
    for role in unlabelled:
        lvm.make_physical_volume(disks[role].path, intent.pv_uuid(role))
    if not facts.group_disks:
        lvm.make_group(storage.volume_group, [disk.path for disk in disks.values()])
    present = {volume.name for volume in facts.volumes}
    for volume in storage.volumes:
        if volume.name not in present:
            lvm.make_volume(storage.volume_group, volume, disks[volume.role].path)
    return intent


def _storage(machine: Machine) -> Storage:
    if machine.node.storage is None:
        raise StageFailed("internal", "the storage stage ran on a machine without volumes")
    return machine.node.storage


def check_mounts(machine: Machine) -> None:
    """Compare mounts with node.json.

    Raises:
        StageFailed: a volume is not mounted.
    """
    storage = _storage(machine)
    for volume in storage.volumes:
        device = device_path(storage.volume_group, volume.name)
        mount = find_mount(machine, volume.mount)
        if mount is None or not is_mount_of(machine, mount, device):
            raise StageFailed("storage-failed", f"{device} is not mounted on {volume.mount}")


def _check_places(machine: Machine, storage: Storage) -> None:
    names = [volume.name for volume in storage.volumes]
    places = Lvm(machine).disks_of(storage.volume_group, names)
    if len({number_of(machine, place) for place in places}) != len(places):
        raise StageFailed("volumes-misplaced", f"all volumes lie on {places[0]}")


def _find_disks(machine: Machine, storage: Storage) -> Found:
    """Find the disk of each volume; a disk may appear late, letters may swap between boots."""
    machine.commands.ask("udevadm", "settle", "--timeout=60", timeout=90)
    latest = machine.clock.steady() + DISK_WAIT
    while True:
        identities = Identities(machine)
        try:
            disks = {
                volume.role: find_disk(machine, volume.disk, storage.os_disk, identities)
                for volume in storage.volumes
            }
        except Refused as refusal:
            if refusal.cause.id != "disk-missing" or machine.clock.steady() >= min(latest, machine.deadline):
                raise
            machine.note(f"up to {DISK_WAIT} s for {refusal.cause.reason}")
            machine.clock.sleep(2)
            continue
        if len({disk.kernel_name for disk in disks.values()}) != len(disks):
            raise Refused("disk-ambiguous", f"both volumes select {next(iter(disks.values())).path}")
        return Found(disks, identities)


def _gather(machine: Machine, storage: Storage, disks: dict[str, Disk], lvm: Lvm) -> Facts:
    contents = {role: read_content(machine, disk) for role, disk in disks.items()}
    known = lvm.physical_volumes()
    physical = {role: _match(lvm, known, disk) for role, disk in disks.items()}
    group = [pv for pv in known if pv.vg_name == storage.volume_group]
    volumes = (
        [_rename(lvm, volume, disks) for volume in lvm.logical_volumes(storage.volume_group)] if group else []
    )
    return Facts(
        storage.volume_group,
        contents,
        {role: pv._replace(path=disks[role].path) if pv else None for role, pv in physical.items()},
        volumes,
        {volume.role: volume.name for volume in storage.volumes},
        len(group),
    )


def _match(lvm: Lvm, known: list[PhysicalVolume], disk: Disk) -> PhysicalVolume | None:
    return next((pv for pv in known if lvm.same(pv.path, disk.path)), None)


def _rename(lvm: Lvm, volume: LogicalVolume, disks: dict[str, Disk]) -> LogicalVolume:
    """Name a volume's disks as the rest of the program does."""
    names = [
        next((disk.path for disk in disks.values() if lvm.same(name, disk.path)), name)
        for name in volume.disks
    ]
    return volume._replace(disks=names)


def _check_room(volume: Volume, disk: Disk) -> None:
    room = disk.size // MIB - LVM_ROOM
    size = room * volume.percent // 100 if volume.size is None else volume.size
    if size > room or size < volume.min_size:
        raise Refused(
            "disk-unfit",
            f"{disk.path} has {disk.size // MIB} MiB: the {volume.role} volume would get "
            f"{min(size, room)} MiB, and needs {max(volume.min_size, volume.size or 0)} MiB",
        )


def _new_intent(storage: Storage, found: Found, fs_uuids: dict[str, str]) -> Intent:
    described = {
        role: {"path": disk.path, "size": disk.size, "identities": sorted(found.identities.of(disk))}
        for role, disk in found.disks.items()
    }
    roles = [volume.role for volume in storage.volumes]
    return new_intent(storage.volume_group, described, roles, fs_uuids)
