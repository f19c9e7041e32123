"""What is mounted where, and /etc/fstab."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from generator.firstboot.causes import Refused

if TYPE_CHECKING:
    from generator.firstboot.machine import Machine

FSTAB = "/etc/fstab"


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
    if line is not None and line != device:
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


def mount_volume(machine: Machine, device: str, point: str, options: str) -> None:
    """Mount a volume with mount(8), not its unit: the unit is ordered after this program (reference §4.1)."""
    if find_mount(machine, point) is not None:
        return
    folder = machine.fs.at(point)
    folder.mkdir(parents=True, exist_ok=True)
    machine.commands.run(
        "mount", "-t", "ext4", "-o", options, str(machine.fs.at(device)), str(folder), timeout=300
    )


def _find_line(machine: Machine, point: str) -> str | None:
    """Return the device that fstab mounts on a folder, or None."""
    for line in (machine.fs.read(FSTAB) or "").splitlines():
        fields = line.split("#")[0].split()
        if len(fields) > 1 and fields[1] == point:
            return fields[0]
    return None


def enter_fstab(machine: Machine, device: str, point: str, options: str) -> bool:
    """Append the line of a mount once; return whether the file changed."""
    if _find_line(machine, point) is not None:
        return False
    text = machine.fs.read(FSTAB) or ""
    machine.fs.write(FSTAB, f"{text.rstrip()}\n{device} {point} ext4 {options} 0 2\n".lstrip())
    return True
