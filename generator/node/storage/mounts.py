"""What is mounted where, and /etc/fstab."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from generator.node.causes import Refused
from generator.node.machine.command import CommandFailed
from generator.node.machine.retry import NotYet
from generator.node.storage.devices import is_same_device

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

FSTAB = "/etc/fstab"
TAG = re.compile(r"(UUID|LABEL)=\"?([^\"]+)\"?")
# EBUSY in the words of mount(8), until util-linux 2.38 and since 2.39, and of e2fsck(8).
BUSY = re.compile(
    r"already mounted|is mounted\.|is in use|mount point (?:is )?busy|resource busy|Can't open blockdev"
)


class Mount(NamedTuple):
    """One mounted file system."""

    number: str
    point: str
    source: str


def read_mounts(machine: Machine) -> list[Mount]:
    """Return what is mounted, in the order of mounting."""
    result = []
    for line in (machine.fs.read("/proc/self/mountinfo") or "").splitlines():
        fields = line.split()
        result.append(Mount(fields[2], fields[4], fields[fields.index("-") + 2]))
    return result


def find_mount(machine: Machine, point: str) -> Mount | None:
    """Return what is mounted on a folder, the topmost, or None."""
    return next((mount for mount in reversed(read_mounts(machine)) if mount.point == point), None)


def is_mount_of(machine: Machine, mount: Mount, device: str) -> bool:
    """Say whether a mount shows a device: by number, since the source may be any of its names."""
    number = machine.fs.at(device).stat().st_rdev
    return mount.source == device or mount.number == f"{os.major(number)}:{os.minor(number)}"


def check_mount_point(machine: Machine, device: str, point: str) -> None:
    """Refuse to mount where something else belongs or files would be hidden; changes nothing.

    Raises:
        Refused: another device has the mount point, now or in fstab, or it holds files.
    """
    line = _find_line(machine, point)
    if line is not None and line != device and not is_same_device(machine, _find_node(line), device):
        raise Refused("mount-blocked", f"{FSTAB} mounts {line} on {point} instead of {device}")
    mount = find_mount(machine, point)
    if mount is not None:
        if not machine.fs.at(device).exists() or not is_mount_of(machine, mount, device):
            raise Refused("mount-blocked", f"{mount.source} is mounted on {point} instead of {device}")
        return
    hidden = list(machine.fs.entries(point))
    if hidden:
        raise Refused(
            "mount-blocked", f"{point} holds files that the mount would hide: {', '.join(hidden[:5])}"
        )


def mount_volume(machine: Machine, device: str, point: str, options: str) -> bool:
    """Mount a volume unless it is; return whether that was necessary.

    With mount(8), not its unit: the unit is ordered after this program (reference §4.1).

    Raises:
        NotYet: something else holds the device.
        CommandFailed: it cannot be mounted.
    """
    if find_mount(machine, point) is not None:
        return False
    folder = machine.fs.at(point)
    folder.mkdir(parents=True, exist_ok=True)
    done = machine.commands.ask(
        "mount", "-t", "ext4", "-o", options, str(machine.fs.at(device)), str(folder), timeout=300
    )
    if BUSY.search(done.errors):
        raise NotYet(
            "storage-failed", f"{device} is in use, by a check of its file system perhaps: {done.describe()}"
        )
    if not done.is_fine:
        raise CommandFailed(done.describe())
    return True


def unmount(machine: Machine, point: str) -> None:
    """Take a mount back; one that stays is a warning: the cause is told elsewhere."""
    try:
        machine.commands.run("umount", str(machine.fs.at(point)), timeout=300)
    except CommandFailed as error:
        machine.warn(f"{point} stays mounted: {error}")


def _find_node(source: str) -> str:
    """Return the path of what fstab(5) names by UUID or label."""
    tag = TAG.fullmatch(source)
    return f"/dev/disk/by-{tag[1].lower()}/{tag[2]}" if tag else source


def _find_line(machine: Machine, point: str) -> str | None:
    """Return the device that fstab mounts on a folder, or None."""
    for line in (machine.fs.read(FSTAB) or "").splitlines():
        fields = line.split("#")[0].split()
        if len(fields) > 1 and fields[1] == point:
            return fields[0]
    return None


def enter_fstab(machine: Machine, device: str, point: str, options: str) -> bool:
    """Append the line of a mount once; return whether the file changed.

    Without a check: systemd runs it as soon as the device appears, ordered after nothing of ours.  Beside
    our mount both replayed the journal, and Patroni's start was cancelled (seen in the lab, scenario 5).
    """
    if _find_line(machine, point) is not None:
        return False
    text = machine.fs.read(FSTAB) or ""
    machine.fs.write(FSTAB, f"{text.rstrip()}\n{device} {point} ext4 {options} 0 0\n".lstrip())
    return True
