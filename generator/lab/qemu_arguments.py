"""What one machine is, and the arguments with which QEMU makes it.

Pure: nothing is started or looked up here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.errors import UsageInvalid
from generator.tools.qemu import KERNEL_ARGUMENTS, UEFI_FIRMWARE

if TYPE_CHECKING:
    from pathlib import Path

    from generator.lab.network import Cable
    from generator.tools.qemu import Accelerator

NIC: Final = "nic0"
TRANSLATION_CACHE_MIB: Final = 256
"""Of software emulation; by default it takes a quarter of all memory, for each machine.

A member's first boot fills it eight times. With 1024 it did so once, and the ratio of first
boot and bare boot stayed the same (1.91 with either): more memory bought nothing."""
SEED_UNIT: Final = 15
_PCI_NAME: Final = re.compile(r"enp0s(\d+)")


@dataclass(frozen=True, slots=True)
class DiskPart:
    """One disk: what lies where, and what the guest sees of it.

    Attributes:
        role: `root`, `data` or `wal`.
        path, format: the file with its content.
        serial, wwn: what the guest reads, where the spec selects by it.
        size_mib: of a disk that is made blank.
    """

    role: str
    path: Path
    format: str
    serial: str | None = None
    wwn: str | None = None
    size_mib: int = 0


@dataclass(frozen=True, slots=True)
class BootFiles:
    """Kernel and initrd of an image without a boot loader."""

    kernel: Path
    initrd: Path


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """Everything that makes up one machine.

    Attributes:
        name: its name in the cluster.
        memory_mib, cpus: its size.
        mac: of its one network card.
        interface: the name that the card must have inside, where the spec counts on it.
        cable: the ports of its cable.
        disks: in the order in which they are attached.
        seed: the seed disc, None without one.
        boot: None where the image boots by itself.
        firmware: `bios` or `uefi`.
        console: the file that its serial console is appended to.
        monitor: the socket on which QEMU takes commands.
    """

    name: str
    memory_mib: int
    cpus: int
    mac: str
    interface: str | None
    cable: Cable
    disks: tuple[DiskPart, ...]
    seed: Path | None
    boot: BootFiles | None
    firmware: str
    console: Path
    monitor: Path


def _escape(path: Path) -> str:
    """Return a path as an option's value: QEMU reads a doubled comma as one."""
    return str(path).replace(",", ",,")


def _list_disk(unit: int, disk: DiskPart) -> list[str]:
    # unsafe: flushes reach the host's memory, not its disk. A power cut ends QEMU, never the host,
    # so that what the guest flushed survives it, and the host is spared thousands of flushes.
    drive = (
        f"if=none,id={disk.role},file={_escape(disk.path)},format={disk.format},cache=unsafe,discard=unmap"
    )
    device = f"scsi-hd,drive={disk.role},bus=scsi.0,scsi-id={unit}"
    if disk.serial is not None:
        device += f",serial={disk.serial}"
    if disk.wwn is not None:
        device += f",wwn={disk.wwn}"
    return ["-drive", drive, "-device", device]


def _describe_card(plan: MachinePlan) -> str:
    device = f"virtio-net-pci,id={NIC},netdev=lan,mac={plan.mac}"
    if plan.interface is None:
        return device
    found = _PCI_NAME.fullmatch(plan.interface)
    if found is None:
        raise UsageInvalid(
            f"the lab cannot give {plan.name} a network card named {plan.interface}",
            hint="give the machine a mac in the spec, or an interface of the form enp0sN",
        )
    # udev names a card on the root bus after its slot.
    return f"{device},bus=pcie.0,addr={int(found[1]):#x}"


def list_machine_arguments(plan: MachinePlan, accelerator: Accelerator) -> list[str]:
    """Return QEMU's arguments of one machine.

    Raises:
        UsageInvalid: the spec names a network card that QEMU cannot imitate.
    """
    engine = accelerator.name
    if engine == "tcg":
        engine = f"tcg,thread=multi,tb-size={TRANSLATION_CACHE_MIB}"
    arguments = ["-name", plan.name, "-nodefaults", "-display", "none", "-M", "q35", "-accel", engine]
    arguments += ["-cpu", accelerator.cpu, "-smp", str(plan.cpus), "-m", str(plan.memory_mib)]
    if plan.firmware == "uefi":
        arguments += ["-bios", UEFI_FIRMWARE]
    if plan.boot is not None:
        arguments += ["-kernel", str(plan.boot.kernel), "-initrd", str(plan.boot.initrd)]
        # Without `panic=`: a kernel that panics stays where it is, and the console's last words tell.
        arguments += ["-append", KERNEL_ARGUMENTS]
    # The card first: its slot must be free, and the others take what is left.
    arguments += ["-netdev", f"socket,id=lan,{plan.cable.options}", "-device", _describe_card(plan)]
    arguments += ["-device", "virtio-scsi-pci,id=scsi"]
    for unit, disk in enumerate(plan.disks):
        arguments += _list_disk(unit, disk)
    if plan.seed is not None:
        arguments += [
            "-drive",
            f"if=none,id=seed,file={_escape(plan.seed)},format=raw,readonly=on,media=cdrom",
        ]
        arguments += ["-device", f"scsi-cd,drive=seed,bus=scsi.0,scsi-id={SEED_UNIT}"]
    # Without it the first boot's keys wait for entropy.
    arguments += ["-object", "rng-random,id=entropy,filename=/dev/urandom"]
    arguments += ["-device", "virtio-rng-pci,rng=entropy"]
    arguments += [
        "-chardev",
        f"file,id=console,path={_escape(plan.console)},append=on",
        "-serial",
        "chardev:console",
    ]
    arguments += _list_watchdogs()
    return [*arguments, "-qmp", f"unix:{_escape(plan.monitor)},server=on,wait=off"]


def _list_watchdogs() -> list[str]:
    """Return the watchdog of a server board, and have the board's own one bite as well.

    The board has an Intel TCO timer whose reset QEMU straps off before 8.0: it opens, it runs out,
    and nothing happens.  Which of the two becomes /dev/watchdog is the guest's business, so both
    reset, which is what QEMU does when a watchdog runs out and nothing else is asked for.  Last, so
    that the slots of disks and card stay.
    """
    return ["-global", "ICH9-LPC.noreboot=off", "-device", "i6300esb,id=watchdog"]
