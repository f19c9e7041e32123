"""Serial numbers and world-wide names of disks, as the kernel and udev know them; changes nothing.

The one form of each is that of `generator/spec/disk_ids.py` and of `kickstart/pre-guard.sh`.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Sequence

from generator.node.storage.devices import MAP_PREFIX, SYSFS, Disk, is_map, read_word

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

SYSFS_NAMES = ("serial", "device/serial", "wwid", "device/wwid")
UDEV_NAMES = (
    "ID_SERIAL",
    "ID_SERIAL_SHORT",
    "ID_SCSI_SERIAL",
    "SCSI_IDENT_SERIAL",
    "ID_WWN",
    "ID_WWN_WITH_EXTENSION",
    "DM_SERIAL",
    "DM_WWN",
)
# What lsblk shows, in its order; without udev, what the kernel says.
SERIALS = ("SCSI_IDENT_SERIAL", "ID_SCSI_SERIAL", "ID_SERIAL_SHORT", "serial", "device/serial", "ID_SERIAL")
WWNS = ("ID_WWN_WITH_EXTENSION", "ID_WWN", "wwid", "device/wwid")
GIB = 1 << 30
PREFIX = re.compile(r"(0x|naa\.|eui\.|uuid\.|nvme\.)")
TYPED = re.compile(r"[23]([0-9a-f]{16}|[0-9a-f]{32})")
UNSHOWN = re.compile(r"[^A-Za-z0-9#+.:=@/-]+")
# Room for a serial number: virtio-blk, SATA and NVMe; QEMU's SCSI disks.
SHOWN = (20, 36)


def normalise_wwn(text: str) -> str:
    """Return the digits of a world-wide name alone: programs differ in prefix, case and dashes."""
    bare = PREFIX.sub("", text.lower(), count=1).replace("-", "")
    typed = TYPED.fullmatch(bare)
    return typed[1] if typed else bare


def normalise_serial(text: str) -> str:
    """Return a serial number as udev shows it: spaces and what else it does not show become one `_`."""
    return UNSHOWN.sub("_", text.strip())


class Identities:
    """What disks are known by; each is asked once, for that starts a program."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._properties: dict[str, dict[str, str]] = {}

    def of(self, disk: Disk) -> set[str]:
        """Return every serial number and WWN of a disk; a multipath map has those of its paths."""
        base = f"{SYSFS}/{disk.kernel_name}"
        names = self._ask(disk.kernel_name)
        if is_map(self._machine, disk.kernel_name):
            names.add(read_word(self._machine, f"{base}/dm/uuid")[len(MAP_PREFIX) :])
            for path in self._machine.fs.entries(f"{base}/slaves"):
                names |= self._ask(path)
        return {name for name in names if name}

    def describe(self, disk: Disk) -> str:
        """Return a disk's name, size, serial number and WWN, as `lsblk` would show them."""
        size = f"{disk.size / GIB:.1f} GiB" if disk.size >= GIB else f"{disk.size >> 20} MiB"
        paths = list(self._machine.fs.entries(f"{SYSFS}/{disk.kernel_name}/slaves"))
        names = paths or [disk.kernel_name]
        serial = next(filter(None, (self._find(name, SERIALS) for name in names)), "")
        wwn = next(filter(None, (self._find(name, WWNS) for name in names)), "")
        words = [size, f"serial {serial}" if serial else "no serial", f"WWN {wwn}" if wwn else "no WWN"]
        if paths:
            words.append(f"multipath of {' '.join(paths)}")
        return f"{disk.path} ({', '.join(words)})"

    def _find(self, name: str, places: Sequence[str]) -> str:
        """Return the first of udev's properties and files of sysfs that says something of a device."""
        properties = self._ask_udev(name)
        for place in places:
            found = properties.get(place) or read_word(self._machine, f"{SYSFS}/{name}/{place}")
            if found:
                return found
        return ""

    def has_serial(self, disk: Disk, serial: str) -> bool:
        """Say whether a disk has a serial number, whole."""
        return normalise_serial(serial) in {normalise_serial(name) for name in self.of(disk)}

    def shows_start_of(self, disk: Disk, serial: str) -> bool:
        """Say whether a disk shows as much of a serial number as it has room for."""
        starts = {serial[:length] for length in SHOWN if len(serial) > length}
        return any(self.has_serial(disk, start) for start in starts)

    def has_wwn(self, disk: Disk, wwn: str) -> bool:
        """Say whether a disk has a world-wide name."""
        return normalise_wwn(wwn) in {normalise_wwn(name) for name in self.of(disk)}

    def is_path(self, disk: Disk) -> bool:
        """Say whether udev counts a disk as one of several paths to a disk."""
        return self._ask_udev(disk.kernel_name).get("DM_MULTIPATH_DEVICE_PATH") == "1"

    def _ask(self, name: str) -> set[str]:
        base = f"{SYSFS}/{name}"
        names = {read_word(self._machine, f"{base}/{leaf}") for leaf in SYSFS_NAMES}
        with contextlib.suppress(OSError):
            # Page 0x80 of SCSI: four bytes of header, then the serial number.
            page = self._machine.fs.at(f"{base}/device/vpd_pg80").read_bytes()[4:]
            names.add(page.decode(errors="replace").strip(" \0"))
        properties = self._ask_udev(name)
        return names | {properties.get(key, "") for key in UDEV_NAMES}

    def _ask_udev(self, name: str) -> dict[str, str]:
        if name not in self._properties:
            device = self._machine.fs.at(f"/dev/{name}")
            done = self._machine.commands.ask("udevadm", "info", "--query=property", f"--name={device}")
            lines = [line.partition("=") for line in done.output.splitlines()] if done.is_fine else []
            self._properties[name] = {key: value.strip() for key, _, value in lines}
        return self._properties[name]
