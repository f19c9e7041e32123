"""Ask LVM and let it make volumes.  Never `-y`, `-f` or `-ff`: LVM refuses what it would ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Sequence

from generator.node.causes import StageFailed
from generator.node.storage.devices import is_same_device

if TYPE_CHECKING:
    from generator.node.facts.node import Volume
    from generator.node.machine.machine import Machine

DEVICES_FILE = "/etc/lvm/devices/system.devices"
SEPARATOR = "|"
# What LVM shows for a disk that its group lists but that is not there.
LOST = "[unknown]"
LONG = 300


class PhysicalVolume(NamedTuple):
    """One LVM disk; `size` and `free` in bytes."""

    path: str
    uuid: str
    vg_name: str
    vg_uuid: str
    size: int
    extents: int


class LogicalVolume(NamedTuple):
    """One logical volume; `disks` are the LVM disks that it lies on, `size` in bytes."""

    name: str
    size: int
    disks: Sequence[str]


def device_path(volume_group: str, name: str) -> str:
    """Return the path of a volume: device-mapper doubles the dashes of names."""
    return f"/dev/mapper/{volume_group.replace('-', '--')}-{name.replace('-', '--')}"


class Lvm:
    """LVM of this machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        # A devices file hides disks that LVM did not make itself; questions look past it
        # (lvmdevices(8)), and a disk that is ours is entered before it is used.
        self._has_devices_file = machine.fs.at(DEVICES_FILE).exists()

    def _device(self, path: str) -> str:
        return str(self._machine.fs.at(path))

    def _ask(self, command: str, fields: str, *selection: str) -> list[list[str]]:
        looking = ["--devicesfile", ""] if self._has_devices_file else []
        output = self._machine.commands.run(
            command,
            "--noheadings",
            "--separator",
            SEPARATOR,
            "--units",
            "b",
            "--nosuffix",
            *looking,
            "-o",
            fields,
            *selection,
        )
        return [
            [field.strip() for field in line.split(SEPARATOR)] for line in output.splitlines() if line.strip()
        ]

    def physical_volumes(self) -> list[PhysicalVolume]:
        """Return all LVM disks of the machine."""
        rows = self._ask("pvs", "pv_name,pv_uuid,vg_name,vg_uuid,pv_size,pv_pe_count")
        return [
            PhysicalVolume(row[0], row[1], row[2], row[3], int(row[4] or 0), int(row[5] or 0)) for row in rows
        ]

    def logical_volumes(self, volume_group: str) -> list[LogicalVolume]:
        """Return the volumes of a group."""
        found: dict[str, LogicalVolume] = {}
        for name, size, devices in self._ask("lvs", "lv_name,lv_size,devices", volume_group):
            disks = [device.split("(")[0] for device in devices.split(",") if device]
            known = found.get(name)
            found[name] = LogicalVolume(name, int(size), [*(known.disks if known else []), *disks])
        return list(found.values())

    def extent_size(self, volume_group: str) -> int:
        """Return the bytes of one extent."""
        return int(self._ask("vgs", "vg_extent_size", volume_group)[0][0])

    def make_physical_volume(self, path: str, uuid: str) -> None:
        """Label a blank disk with a UUID that was written down before."""
        self._machine.commands.run(
            "pvcreate", "--uuid", uuid, "--norestorefile", self._device(path), timeout=LONG
        )

    def make_group(self, name: str, paths: Sequence[str]) -> None:
        """Join LVM disks to a group."""
        self._machine.commands.run("vgcreate", name, *(self._device(path) for path in paths), timeout=LONG)

    def make_volume(self, group: str, volume: Volume, path: str) -> None:
        """Make a volume on exactly one disk: kickstart cannot do that (reference trap 4).

        It is not active afterwards: `activate` does that once for all, and with them waits for
        udev once.  Nothing is zeroed or wiped: what an earlier use left is seen and refused.
        """
        size = ["-l", f"{volume.percent}%PVS"] if volume.size is None else ["-L", f"{volume.size}m"]
        quiet = ["--activate", "n", "--zero", "n", "--wipesignatures", "n"]
        self._machine.commands.run(
            "lvcreate", "-n", volume.name, *size, *quiet, group, self._device(path), timeout=LONG
        )

    def activate(self, group: str, paths: Sequence[str], names: Sequence[str]) -> None:
        """Make the devices of a group's volumes appear, unless they are there."""
        for path in paths if self._has_devices_file else ():
            self._enter_device(path)
        devices = [self._machine.fs.at(device_path(group, name)) for name in names]
        if all(device.exists() for device in devices):
            return
        self._machine.commands.run("vgchange", "-ay", group, timeout=LONG)
        if all(device.exists() for device in devices):
            return
        settled = self._machine.commands.ask("udevadm", "settle", "--timeout=60", timeout=90)
        if not settled.is_fine:
            self._machine.warn(f"udev did not settle: {settled.describe()}")

    def _enter_device(self, path: str) -> None:
        known = self._machine.fs.read(DEVICES_FILE) or ""
        uuid = next((pv.uuid for pv in self.physical_volumes() if self.same(pv.path, path)), "")
        if f"PVID={uuid.replace('-', '')}" not in known:
            self._machine.commands.run("lvmdevices", "--adddev", self._device(path))

    def same(self, reported: str, path: str) -> bool:
        """Say whether LVM's name of a disk means the disk at `path`: it has its own choice of names."""
        return is_same_device(self._machine, reported, path)

    def grow_disk(self, reported: str) -> None:
        """Let LVM use the whole of a disk that became larger; nothing happens when it did not."""
        self._machine.commands.run("pvresize", reported, timeout=LONG)

    def grow_volume(self, group: str, name: str, extents: int, reported: str) -> None:
        """Enlarge a volume to so many extents, on the disk that it lies on."""
        self._machine.commands.run("lvextend", "-l", str(extents), f"{group}/{name}", reported, timeout=LONG)

    def disk_of(self, group: str, name: str) -> str:
        """Return LVM's name of the one disk that a volume lies on.

        Raises:
            StageFailed: the volume is missing or lies on several disks.
        """
        return self.disks_of(group, [name])[0]

    def disks_of(self, group: str, names: Sequence[str]) -> list[str]:
        """Return the disk of each volume, with one question for all: each costs a program's start.

        Raises:
            StageFailed: a volume is missing or lies on several disks.
        """
        known = {volume.name: set(volume.disks) for volume in self.logical_volumes(group)}
        for name in names:
            disks = known.get(name, set())
            if len(disks) != 1:
                raise StageFailed(
                    "volumes-misplaced",
                    f"volume {group}/{name} lies on {', '.join(sorted(disks)) or 'no disk'}",
                )
        return [next(iter(known[name])) for name in names]

    def find(self, group: str, name: str) -> LogicalVolume | None:
        """Return a volume by name, or None."""
        return next((volume for volume in self.logical_volumes(group) if volume.name == name), None)
