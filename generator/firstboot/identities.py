"""Serial numbers and world-wide names of disks, as the kernel and udev know them; changes nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from generator.firstboot.devices import MAP_PREFIX, SYSFS, Disk, is_map, read_word

if TYPE_CHECKING:
    from generator.firstboot.machine import Machine

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
