"""File systems of the data volumes: make once, never format what holds anything, mount, mark.

In: a volume's device.  Out: a mounted volume with a marker that names its cluster.
"""

from __future__ import annotations

import json
import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from generator.firstboot.bootstrap import is_own_bootstrap
from generator.firstboot.causes import Refused
from generator.firstboot.disks import NOTHING_FOUND
from generator.firstboot.lvm import device_path
from generator.firstboot.mounts import check_mount_point, enter_fstab, mount_volume
from generator.firstboot.selinux import label_volume

if TYPE_CHECKING:
    from generator.firstboot.intent import Intent
    from generator.firstboot.machine import Machine
    from generator.firstboot.node import Storage, Volume

MARKER = ".holster"
LONG = 1800
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


def ensure_file_system(machine: Machine, group: str, volume: Volume, intent: Intent | None) -> None:
    """Make the file system of a volume that this program made, or leave the volume alone.

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
        return
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


def mount_all(machine: Machine, storage: Storage) -> None:
    """Mount both volumes, check their markers, and hand them to PostgreSQL's user."""
    check_mount_points(machine, storage)
    options = fstab_options(machine.node.units.storage)
    for volume in storage.volumes:
        device = device_path(storage.volume_group, volume.name)
        mount_volume(machine, device, volume.mount, MOUNT_OPTIONS)
        # Now systemd has the mounts from the kernel; from the next boot on, from fstab.
        enter_fstab(machine, device, volume.mount, options)
    markers = {volume.role: _read_marker(machine, volume) for volume in storage.volumes}
    for volume in storage.volumes:
        _check_marker(machine, volume, markers[volume.role])
    if not is_own_bootstrap(machine):
        _check_pair(machine, storage)
    user = machine.node.users["postgres"]
    for volume in storage.volumes:
        if markers[volume.role] is None:
            text = json.dumps({"cluster": machine.node.cluster, "role": volume.role}) + "\n"
            machine.fs.write(f"{volume.mount}/{MARKER}", text)
        for folder in (volume.mount, str(PurePosixPath(volume.directory).parent)):
            # Below the mount root there is lost+found, which initdb refuses (reference trap 8).
            machine.fs.make_folder(folder, user, user, 0o700)
        label_volume(machine, volume.mount)


def _read_marker(machine: Machine, volume: Volume) -> dict[str, str] | None:
    try:
        data = json.loads(machine.fs.read(f"{volume.mount}/{MARKER}") or "")
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _check_marker(machine: Machine, volume: Volume, marker: dict[str, str] | None) -> None:
    cluster = machine.node.cluster
    if marker is None:
        if is_populated(machine, volume):
            raise Refused(
                "volume-of-another",
                f"{volume.directory} holds files but {volume.mount}/{MARKER} is missing; "
                f"when the data is this cluster's, write "
                f'{{"cluster": "{cluster}", "role": "{volume.role}"}} into that file',
            )
        return
    if (marker.get("cluster"), marker.get("role")) != (cluster, volume.role):
        raise Refused(
            "volume-of-another",
            f"{volume.mount} is the {marker.get('role')} volume of cluster {marker.get('cluster')}, "
            f"not the {volume.role} volume of {cluster}",
        )


def is_populated(machine: Machine, volume: Volume) -> bool:
    """Say whether PostgreSQL's directory on a volume holds anything."""
    return next(machine.fs.entries(volume.directory), None) is not None


def _check_pair(machine: Machine, storage: Storage) -> None:
    """Refuse a pair of which one was wiped: no replica can be built on it (reference trap 9)."""
    full = [volume for volume in storage.volumes if is_populated(machine, volume)]
    if full and len(full) != len(storage.volumes):
        empty = next(volume for volume in storage.volumes if volume not in full)
        raise Refused("volumes-unequal", f"{full[0].directory} holds files but {empty.directory} is empty")
