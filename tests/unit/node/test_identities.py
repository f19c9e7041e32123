"""Disks are found by serial number and WWN, whoever spells them how; nothing is found by half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generator.node.storage_service import bring_up_storage
from tests.fakes.node_runs import Run, run
from tests.fakes.storage_runs import make_ours, refuse
from tests.unit.node.test_multipath import select
from tests.unit.spec.test_disk_ids import SPELLINGS, WWN_FORMS

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine

UUID = "7c1e2f4a-0b7d-4e64-9b0c-1a2b3c4d5e6f"


def show(fake: FakeMachine, disk: str, leaf: str, text: str) -> None:
    """Let sysfs say something of a disk."""
    path = fake.at(f"/sys/class/block/{disk}/{leaf}")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{text}\n")


def made_on(fake: FakeMachine) -> list[str]:
    """Return the disks that became LVM's."""
    return [call[-1] for call in fake.calls if call[0] == "pvcreate"]


@pytest.mark.parametrize("form", WWN_FORMS)
@pytest.mark.parametrize("leaf", ["wwid", "device/wwid"])
def test_a_wwn_is_found_in_every_form(fake: FakeMachine, form: str, leaf: str) -> None:
    """The spec's one form, and those of a payload that was rendered before there was one."""
    show(fake, "sdb", leaf, form)
    for wwn in (SPELLINGS[form], form):
        select(fake, {"wwn": f"{wwn[:-1]}e"}, {"path": "/dev/sdc"})
        refuse(fake, "disk-missing")
    select(fake, {"wwn": form}, {"path": "/dev/sdc"})
    assert run(fake, "storage").code == 0
    assert made_on(fake) == ["/dev/sdb", "/dev/sdc"]


@pytest.mark.parametrize(
    ("serial", "shown"),
    [
        (UUID, UUID[:20]),
        (UUID, UUID),
        (f"{UUID}-data", UUID),
        ("VMware NVME_0000", "VMware_NVME_0000"),
        ("VMware_NVME_0000", "VMware NVME_0000    "),
        ("WD-1", "   WD-1"),
    ],
)
def test_a_serial_is_found_as_the_guest_shows_it(fake: FakeMachine, serial: str, shown: str) -> None:
    """Spaces, and what a disk has no room for: 20 characters on virtio-blk, SATA, NVMe, 36 on QEMU's SCSI."""
    show(fake, "sdb", "serial", shown)
    show(fake, "sdc", "serial", "another")
    select(fake, {"serial": serial}, {"path": "/dev/sdc"})
    assert run(fake, "storage").code == 0
    assert made_on(fake) == ["/dev/sdb", "/dev/sdc"]


@pytest.mark.parametrize("shown", [UUID[:19], UUID[:21], UUID[:8], f"{UUID}x", UUID[1:21], ""])
def test_no_other_part_of_a_serial_is_enough(fake: FakeMachine, shown: str) -> None:
    """Only a length that a disk is known to cut at proves anything."""
    show(fake, "sdb", "serial", shown)
    select(fake, {"serial": UUID}, {"path": "/dev/sdc"})
    refuse(fake, "disk-missing")


def test_two_disks_that_show_the_same_start_are_refused(fake: FakeMachine) -> None:
    """Which of them is meant is not known; the whole number on one of them decides."""
    show(fake, "sdb", "serial", UUID[:20])
    show(fake, "sdc", "serial", UUID[:20])
    select(fake, {"serial": UUID}, {"path": "/dev/sdc"})
    refuse(fake, "disk-ambiguous")
    show(fake, "sdb", "device/serial", UUID)
    assert run(fake, "storage").code == 0


def test_a_missing_disk_is_told_with_the_disks_that_are_there(fake: FakeMachine) -> None:
    """Who reads the console sees at once which serial number was meant."""
    fake.add_map("dm-0", "mpatha", {"sdd": 20480, "sde": 20480}, "35000c50015ea71aa")
    show(fake, "sdb", "serial", "WD 1")
    fake.state["properties"] = {
        "sda": ["ID_SCSI_SERIAL=SYS", "ID_WWN_WITH_EXTENSION=0x5000c500a1b2c3d4", "ID_WWN=0x5000c500"],
        "sdd": ["ID_WWN=0x5000c50015ea71aa"],
    }
    fake.link("/sys/dev/block/8:1", "/sys/class/block/sda")
    fake.save()
    select(fake, {"serial": "WD-1"}, {"path": "/dev/sdc"})
    result = refuse(fake, "disk-missing")
    assert result.failure["reason"] == (
        "the disk with serial WD-1: no such disk; this machine has: "
        "/dev/sda (8.0 GiB, serial SYS, WWN 0x5000c500a1b2c3d4) the system; "
        "/dev/sdb (1.0 GiB, serial WD 1, no WWN); "
        "/dev/sdc (512 MiB, no serial, no WWN); "
        "/dev/mapper/mpatha (20.0 GiB, no serial, WWN 0x5000c50015ea71aa, multipath of sdd sde)"
    )
    assert "[storage] waiting: up to 60 s for the disk with serial WD-1" in result.log.getvalue()


def test_a_machine_with_many_disks_tells_the_first(fake: FakeMachine) -> None:
    """A console line has an end."""
    for number in range(20):
        fake.add_disk(f"vd{chr(ord('a') + number)}", 100)
    select(fake, {"serial": "WD-1"}, {"path": "/dev/sdc"})
    assert refuse(fake, "disk-missing").failure["reason"].endswith("; and 7 more")


def test_a_later_boot_tells_the_disks_as_well(fake: FakeMachine) -> None:
    """Somebody forgot to attach a disk."""
    make_ours(fake)
    fake.at("/dev/sdb").unlink()
    result = Run(fake)
    assert bring_up_storage(result.open()) == 1
    assert "/dev/sdc (512 MiB, no serial, no WWN)" in result.log.getvalue()
