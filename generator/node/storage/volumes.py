"""File systems of the data volumes: make once, never format what holds anything, mount, mark.

In: a volume's device.  Out: a mounted volume with a marker that names its cluster.
"""

from __future__ import annotations

import json
import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from generator.node.causes import Refused, StageFailed
from generator.node.cluster.bootstrap import get_data_directory, is_own_bootstrap, list_filled
from generator.node.machine.command import CommandFailed
from generator.node.machine.retry import NotYet
from generator.node.machine.selinux import label_volume
from generator.node.storage.contents import NOTHING_FOUND
from generator.node.storage.lvm import device_path
from generator.node.storage.mounts import (
    BUSY,
    check_mount_point,
    enter_fstab,
    find_mount,
    mount_volume,
    unmount,
)

if TYPE_CHECKING:
    from generator.node.facts.node import Storage, Volume
    from generator.node.machine.machine import Machine
    from generator.node.storage.intent import Intent

MARKER = ".holster"
LONG = 1800
# After an error a check looks at the whole volume; one that is killed leaves it half repaired.
WHOLE_CHECK = 24 * 3600
# e2fsck(8): errors were corrected; and the system should be rebooted, which concerns mounted ones.
REPAIRED = 1 | 2
MOUNT_OPTIONS = "noatime,nodev,nosuid"


def read_file_system(machine: Machine, device: str) -> dict[str, str] | None:
    """Return what blkid finds on a volume (TYPE, UUID, LABEL), or None when it is blank.

    Raises:
        Refused: blkid cannot decide.
    """
    path = str(machine.fs.at(device))
    probe = machine.commands.ask("blkid", "-p", "-o", "export", path)
    if probe.is_fine:
        return dict(line.split("=", 1) for line in probe.output.splitlines() if "=" in line)
    signatures = machine.commands.run("wipefs", "--no-act", "--parsable", path)
    if probe.code == NOTHING_FOUND and not [
        line for line in signatures.splitlines() if line and line[0] != "#"
    ]:
        return None
    raise Refused("volume-unexpected", f"{device}: what is on it is not clear: {probe.describe()}")


def ensure_file_system(machine: Machine, group: str, volume: Volume, intent: Intent | None) -> str:
    """Make the file system of a volume that this program made, or leave the volume alone; return its UUID.

    Raises:
        Refused: the volume is blank but not ours to format, or holds something else.
    """
    device = device_path(group, volume.name)
    is_creating = intent is not None and intent.is_creating and not intent.is_formatted(volume.role)
    found = read_file_system(machine, device)
    if intent is None or not is_creating:
        if found is None:
            raise Refused(
                "volume-unexpected", f"{device} has no file system, and this program did not begin it"
            )
        if found.get("TYPE") != "ext4":
            raise Refused(
                "volume-unexpected", f"{device} holds {found.get('TYPE', 'something unknown')}, not ext4"
            )
        return found.get("UUID", "")
    uuid = intent.fs_uuid(volume.role)
    if found is not None and found.get("UUID") != uuid:
        raise Refused(
            "volume-unexpected",
            f"{device} is new but holds {found.get('TYPE', 'data')}: remains of an earlier use",
        )
    if found is None or not _is_complete(machine, device):
        path = str(machine.fs.at(device))
        machine.commands.run("mkfs.ext4", "-q", "-L", volume.label, "-m", "1", "-U", uuid, path, timeout=LONG)
        os.sync()
    intent.mark_formatted(machine, volume.role)
    return uuid


def _is_complete(machine: Machine, device: str) -> bool:
    """Say whether our own interrupted mkfs left a whole file system.

    Raises:
        Refused: it is damaged but was mounted before: then it is not ours to repeat.
    """
    path = str(machine.fs.at(device))
    if machine.commands.ask("e2fsck", "-f", "-n", path, timeout=LONG).is_fine:
        return True
    header = machine.commands.ask("dumpe2fs", "-h", path)
    mounted = [line for line in header.output.splitlines() if line.startswith("Last mount time:")]
    if mounted and not mounted[0].endswith("n/a"):
        raise Refused("volume-unexpected", f"{device} is damaged and was mounted before")
    return False


def fstab_options(unit: str) -> str:
    """Return the options of the fstab line: mounted after our unit, and no failed boot without the disk.

    Ten minutes: the default of 90 s ends while cloud-init still works (reference §4.1).
    """
    order = f"x-systemd.requires={unit},x-systemd.after={unit}"
    return f"{MOUNT_OPTIONS},nofail,{order},x-systemd.device-timeout=10min"


def check_mount_points(machine: Machine, storage: Storage) -> None:
    """Look at both mount points before anything is made.

    Raises:
        Refused: a mount point is taken, or files would be hidden.
    """
    for volume in storage.volumes:
        check_mount_point(machine, device_path(storage.volume_group, volume.name), volume.mount)


def check_unmounted_marker(machine: Machine, group: str, volume: Volume) -> None:
    """Look whose a volume is before it is mounted, for a mount writes: it replays the journal.

    No verdict here, since the marker may still be in the journal, is left to the look after mounting.

    Raises:
        Refused: the marker names another cluster or role.
    """
    if find_mount(machine, volume.mount) is not None:
        return
    device = device_path(group, volume.name)
    try:
        # Without -w it opens read-only.
        text = machine.commands.ask("debugfs", "-R", f"cat /{MARKER}", str(machine.fs.at(device))).output
    except CommandFailed as error:
        machine.warn(f"whose {device} is cannot be said before it is mounted: {error}")
        return
    marker = _parse_marker(text)
    if marker is not None and all(isinstance(marker.get(key), str) for key in ("cluster", "role")):
        _compare_marker(machine, group, volume, marker)


def check_file_systems(machine: Machine, storage: Storage) -> None:
    """Replay the journals, and repair what needs no decision, before anything is mounted.

    Raises:
        NotYet: something else holds a volume.
        StageFailed: a file system needs a decision.
    """
    for volume in storage.volumes:
        if find_mount(machine, volume.mount) is not None:
            continue
        device = device_path(storage.volume_group, volume.name)
        done = machine.commands.ask("e2fsck", "-p", str(machine.fs.at(device)), timeout=WHOLE_CHECK)
        if BUSY.search(done.output + done.errors):
            raise NotYet("storage-failed", f"{device} is in use: {done.describe()}")
        if done.code & ~REPAIRED:
            raise StageFailed("volume-damaged", f"{device}: {done.describe()}")


def mount_all(machine: Machine, storage: Storage) -> None:
    """Mount both volumes, check their markers, and hand them to PostgreSQL's user.

    Raises:
        Refused: they are not this machine's or no pair; what was mounted for the look is not any more.
        NotYet: something else holds a volume.
    """
    check_mount_points(machine, storage)
    markers = _mount_and_check(machine, storage)
    options = fstab_options(machine.node.units.storage)
    for volume in storage.volumes:
        # Now systemd has the mounts from the kernel; from the next boot on, from fstab.
        enter_fstab(machine, device_path(storage.volume_group, volume.name), volume.mount, options)
    user = machine.node.users["postgres"]
    for volume in storage.volumes:
        if markers[volume.role] is None:
            text = json.dumps({"cluster": machine.node.cluster, "role": volume.role}) + "\n"
            machine.fs.write(f"{volume.mount}/{MARKER}", text)
        for folder in (volume.mount, str(PurePosixPath(volume.directory).parent)):
            # Below the mount root there is lost+found, which initdb refuses (reference trap 8).
            machine.fs.make_folder(folder, user, user, 0o700)
        label_volume(machine, volume.mount)


def _mount_and_check(machine: Machine, storage: Storage) -> dict[str, dict[str, str] | None]:
    mounted = [
        volume.mount
        for volume in storage.volumes
        if mount_volume(machine, device_path(storage.volume_group, volume.name), volume.mount, MOUNT_OPTIONS)
    ]
    try:
        return _check_mounted(machine, storage)
    except Refused:
        for point in mounted:
            unmount(machine, point)
        raise


def _check_mounted(machine: Machine, storage: Storage) -> dict[str, dict[str, str] | None]:
    """Return the marker of each role.

    Raises:
        Refused: the volumes are not this machine's, or no pair.
    """
    markers = {volume.role: _parse_marker(_read_marker(machine, volume)) for volume in storage.volumes}
    for volume in storage.volumes:
        _check_marker(machine, storage.volume_group, volume, markers[volume.role])
    if not is_own_bootstrap(machine):
        _check_pair(machine, storage)
    return markers


def _read_marker(machine: Machine, volume: Volume) -> str:
    return machine.fs.read(f"{volume.mount}/{MARKER}") or ""


def _parse_marker(text: str) -> dict[str, str] | None:
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _check_marker(machine: Machine, group: str, volume: Volume, marker: dict[str, str] | None) -> None:
    cluster = machine.node.cluster
    if marker is not None:
        _compare_marker(machine, group, volume, marker)
    elif volume.directory in list_filled(machine):
        raise Refused(
            "volume-of-another",
            f"{volume.directory} holds files but {volume.mount}/{MARKER} is missing; "
            f"when the data is this cluster's, mount {device_path(group, volume.name)} on {volume.mount} "
            f'and write {{"cluster": "{cluster}", "role": "{volume.role}"}} into that file',
        )


def _compare_marker(machine: Machine, group: str, volume: Volume, marker: dict[str, str]) -> None:
    cluster = machine.node.cluster
    if (marker.get("cluster"), marker.get("role")) != (cluster, volume.role):
        raise Refused(
            "volume-of-another",
            f"{device_path(group, volume.name)} is the {marker.get('role')} volume of cluster "
            f"{marker.get('cluster')}, not the {volume.role} volume of {cluster}",
        )


def _check_pair(machine: Machine, storage: Storage) -> None:
    """Refuse a pair of which one was wiped: no replica can be built on it (reference trap 9)."""
    full = list_filled(machine)
    if full and len(full) != len(storage.volumes):
        empty = next(volume for volume in storage.volumes if volume.directory not in full)
        devices = " and ".join(device_path(storage.volume_group, volume.name) for volume in storage.volumes)
        words = f"{full[0]} holds files but {empty.directory} is empty; mount {devices} for a look"
        raise Refused(
            "volumes-unequal",
            f"{words}{_find_wal(machine)}",
        )


def _find_wal(machine: Machine) -> str:
    """Say that the WAL lies among the data, as a server that stood alone has it."""
    wal = f"{get_data_directory(machine)}/pg_wal"
    is_inside = machine.fs.at(wal).is_dir() and not machine.fs.at(wal).is_symlink()
    return f"; the WAL is in {wal}: move it, and put a link in its place" if is_inside else ""
