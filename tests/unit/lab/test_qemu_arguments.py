"""The arguments of a machine: disks in their order, one closed card, a console that is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from generator.errors import UsageInvalid
from generator.lab.network import Cable
from generator.lab.qemu_arguments import BootFiles, DiskPart, MachinePlan, list_machine_arguments
from generator.tools.qemu import Accelerator

TCG = Accelerator("tcg", "max,-cx16,-la57", "as asked")
PLAN = MachinePlan(
    name="pg1",
    memory_mib=1024,
    cpus=1,
    mac="52:54:00:77:00:11",
    interface=None,
    cable=Cable(4001, 4002),
    disks=(
        DiskPart("root", Path("root.qcow2"), "qcow2", serial="holster-root"),
        DiskPart("data", Path("data.raw"), "raw", serial="DATA"),
        DiskPart("wal", Path("wal.raw"), "raw", wwn="0x5000c500a1b2c3d4"),
    ),
    seed=Path("seed.iso"),
    boot=BootFiles(Path("vmlinuz"), Path("initrd.img")),
    firmware="bios",
    console=Path("console.log"),
    monitor=Path("m.qmp"),
)


def values(option: str, plan: MachinePlan = PLAN) -> list[str]:
    """Return the values of an option that may come more than once."""
    arguments = list_machine_arguments(plan, TCG)
    return [arguments[index + 1] for index, word in enumerate(arguments) if word == option]


def test_disks_are_attached_in_their_order() -> None:
    """The kernel reads them by this number; the letters are its own business."""
    disks = [device for device in values("-device") if device.startswith("scsi-hd")]
    assert disks == [
        "scsi-hd,drive=root,bus=scsi.0,scsi-id=0,serial=holster-root",
        "scsi-hd,drive=data,bus=scsi.0,scsi-id=1,serial=DATA",
        "scsi-hd,drive=wal,bus=scsi.0,scsi-id=2,wwn=0x5000c500a1b2c3d4",
    ]


def test_there_is_one_card_on_the_closed_network() -> None:
    """A second card, or QEMU's user network in the machine itself, would be a way out."""
    assert values("-netdev") == ["socket,id=lan,udp=127.0.0.1:4002,localaddr=127.0.0.1:4001"]
    cards = [device for device in values("-device") if "net" in device]
    assert cards == ["virtio-net-pci,id=nic0,netdev=lan,mac=52:54:00:77:00:11"]
    assert "-nodefaults" in list_machine_arguments(PLAN, TCG)


def test_card_gets_the_name_that_the_spec_counts_on() -> None:
    """The slot on the root bus is what udev makes enp0s8 of."""
    cards = [device for device in values("-device", replace(PLAN, interface="enp0s8")) if "net" in device]
    assert cards[0].endswith(",bus=pcie.0,addr=0x8")
    with pytest.raises(UsageInvalid, match="a network card named eth0") as refused:
        list_machine_arguments(replace(PLAN, interface="eth0"), TCG)
    assert "mac" in (refused.value.hint or "")


def test_watchdogs_reset_the_machine() -> None:
    """QEMU straps the board's own one off: Patroni opened it, it ran out, and the old primary lived on."""
    assert "i6300esb,id=watchdog" in values("-device")
    assert values("-global") == ["ICH9-LPC.noreboot=off"]
    # After disks and card: their slots are in names that specs use.
    assert values("-device")[-1] == "i6300esb,id=watchdog"


def test_seed_can_be_absent() -> None:
    """After the first boot it is taken out."""
    assert any("seed.iso" in drive for drive in values("-drive"))
    assert not any("cdrom" in drive for drive in values("-drive", replace(PLAN, seed=None)))


def test_image_with_a_boot_loader_boots_by_itself() -> None:
    """Kernel and initrd are given only where the disk has none."""
    assert values("-append") == ["root=LABEL=holster-root ro console=ttyS0"]
    assert values("-append", replace(PLAN, boot=None)) == []
    assert values("-bios", replace(PLAN, firmware="uefi")) == ["/usr/share/ovmf/OVMF.fd"]
    assert values("-bios") == []


def test_console_is_kept_over_all_boots() -> None:
    """A power cut must not erase what was said before it; a reboot must be one."""
    assert values("-chardev") == ["file,id=console,path=console.log,append=on"]
    assert "-no-reboot" not in list_machine_arguments(PLAN, TCG)


def test_comma_in_a_path_is_no_new_option() -> None:
    """QEMU reads a doubled comma as one."""
    disks = (DiskPart("root", Path("a,b/root.qcow2"), "qcow2"),)
    assert "file=a,,b/root.qcow2" in values("-drive", replace(PLAN, disks=disks))[0]


def test_emulation_takes_bounded_memory() -> None:
    """By default each machine would take a quarter of all memory for translated code."""
    assert values("-accel") == ["tcg,thread=multi,tb-size=256"]
    arguments = list_machine_arguments(PLAN, Accelerator("kvm", "host", "a probe ran with it"))
    assert arguments[arguments.index("-accel") + 1] == "kvm"
