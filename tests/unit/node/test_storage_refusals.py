"""Disks that the first boot refuses, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import run
from tests.fakes.storage_runs import LAST, changes, forget_installation, make_ours, refuse

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


@pytest.mark.parametrize(
    "content",
    [
        {"TYPE": "ext4", "UUID": "foreign"},
        {"TYPE": "xfs", "UUID": "foreign"},
        {"TYPE": "dos"},
        {"TYPE": "gpt"},
        {"TYPE": "crypto_LUKS", "UUID": "foreign"},
        {"TYPE": "ext4", "UUID": "foreign", "ambivalent": True},
        {"TYPE": "LVM2_member", "UUID": "foreign", "signatures": ["LVM2_member", "ext4"]},
        {"signatures": ["zfs_member"], "TYPE": ""},
        {"bytes": {0: "data"}},
        {"bytes": {63 * 512 + 1080: "ext4 whose partition table was lost"}},
        {"bytes": {(4 << 20) - 1: "\x01"}},
        {"bytes": {LAST: "\x01"}},
        {"bytes": {LAST - (4 << 20) + 1: "at the end"}},
        {"bytes": {4096: "1234 LVM2 x[5A%r0N*>"}},
        {"TYPE": "LVM2_member", "UUID": "orphan-not-ours"},
    ],
)
@pytest.mark.parametrize("disk", ["sdb", "sdc"])
def test_a_foreign_disk_is_refused_unchanged(fake: FakeMachine, disk: str, content: dict[str, Any]) -> None:
    """A foreign disk is refused unchanged."""
    fake.add_disk(disk, 1024, content)
    result = refuse(fake, "disk-foreign")
    assert f"/dev/{disk}" in result.failure["reason"]


def test_a_disk_that_cannot_be_read_is_no_blank_one(fake: FakeMachine) -> None:
    """Nothing is known of it, so nothing is written; the next run looks again."""
    broken = {
        "dd": (1, "", "dd: error reading '/dev/sdb': Input/output error"),
        "wipefs": (1, "", "wipefs: error: /dev/sdb: probing initialization failed: Input/output error"),
    }
    for program, answer in broken.items():
        fake.script(program, *answer)
        result = run(fake, "storage")
        assert (result.code, result.failure["cause"]) == (1, "disk-unreadable")
        assert "/dev/sdb" in result.failure["reason"]
        assert "Input/output error" in result.failure["reason"]
        fake.unscript(program)
    fake.script("dd", 0, "\0" * 1000)
    assert "only 1000 bytes" in run(fake, "storage").failure["reason"]
    fake.unscript("dd")
    assert changes(fake) == []
    assert run(fake, "storage").code == 0


def test_a_disk_of_another_volume_group_is_refused(fake: FakeMachine) -> None:
    """A disk of another volume group is refused."""
    fake.add_disk("sdb", 1024, {"TYPE": "LVM2_member", "UUID": "other"})
    fake.state["groups"]["backup"] = {"uuid": "v", "pvs": {"other": 255}, "lvs": {}}
    fake.save()
    assert "volume group backup" in refuse(fake, "disk-foreign").failure["reason"]


@pytest.mark.parametrize("kept", ["sdb", "sdc"])
def test_one_replaced_disk_of_the_pair_is_refused(fake: FakeMachine, kept: str) -> None:
    """One replaced disk of the pair is refused."""
    make_ours(fake)
    replaced = "sdc" if kept == "sdb" else "sdb"
    fake.add_disk(replaced, 1024)
    # LVM still counts the missing disk in the group.
    reason = refuse(fake, "disk-replaced").failure["reason"]
    assert f"/dev/{replaced} is blank" in reason


def test_a_group_of_our_name_on_other_disks_is_refused(fake: FakeMachine) -> None:
    """A group of our name on other disks is refused."""
    fake.add_disk("sdd", 1024, {"TYPE": "LVM2_member", "UUID": "old"})
    fake.state["groups"]["pg"] = {"uuid": "v", "pvs": {"old": 255}, "lvs": {}}
    fake.save()
    refuse(fake, "disk-replaced")


def test_a_group_without_its_volumes_that_we_did_not_begin_is_refused(fake: FakeMachine) -> None:
    """A group without its volumes that we did not begin is refused."""
    make_ours(fake)
    forget_installation(fake)
    del fake.state["groups"]["pg"]["lvs"]["pg_val"]
    fake.save()
    assert "pg_val" in refuse(fake, "volumes-incomplete").failure["reason"]


def test_swapped_volumes_are_refused(fake: FakeMachine) -> None:
    """Swapped volumes are refused."""
    make_ours(fake)
    volumes = fake.state["groups"]["pg"]["lvs"]
    volumes["pg_data"]["pvs"], volumes["pg_val"]["pvs"] = volumes["pg_val"]["pvs"], volumes["pg_data"]["pvs"]
    fake.save()
    refuse(fake, "volumes-misplaced")


def test_a_partitioned_mounted_held_or_swapping_disk_is_refused(fake: FakeMachine) -> None:
    """A partitioned mounted held or swapping disk is refused."""
    sysfs = fake.at("/sys/class/block/sdb")
    (sysfs / "sdb1").mkdir()
    (sysfs / "sdb1" / "partition").write_text("1")
    assert "sdb1" in refuse(fake, "disk-foreign").failure["reason"]
    (sysfs / "sdb1" / "partition").unlink()
    (sysfs / "holders" / "md0").mkdir()
    assert "md0" in refuse(fake, "disk-foreign").failure["reason"]
    (sysfs / "holders" / "md0").rmdir()
    (sysfs / "holders" / "dm-3").mkdir()
    assert "device-mapper" in refuse(fake, "disk-foreign").failure["reason"]
    (sysfs / "holders" / "dm-3").rmdir()
    with fake.at("/proc/self/mountinfo").open("a") as stream:
        stream.write("9 1 8:98 / /mnt rw - ext4 /dev/disk/by-label/x rw\n")
    assert "mounted on /mnt" in refuse(fake, "disk-foreign").failure["reason"]


def test_the_system_disk_is_refused(fake: FakeMachine) -> None:
    """The system disk is refused."""
    document = make_document()
    document["storage"]["volumes"][0]["disk"] = {"path": "/dev/sda"}
    write_document(fake, document)
    refuse(fake, "disk-unfit")


def test_the_kernel_gave_the_system_disk_another_letter(fake: FakeMachine) -> None:
    """Seen on real machines: disks are looked at side by side, and sda is the data disk this time."""
    document = make_document()
    for volume, serial in zip(document["storage"]["volumes"], ("DATA", "WAL"), strict=True):
        volume["disk"] = {"serial": serial}
    write_document(fake, document)
    fake.add_disk("sda", 4096)
    for name, serial in (("sda", "DATA"), ("sdb", "SYSTEM"), ("sdc", "WAL")):
        (fake.at(f"/sys/class/block/{name}") / "serial").write_text(f"{serial}\n")
    fake.at("/proc/self/mountinfo").write_text("1 0 8:98 / / rw - ext4 /dev/sdb rw\n")
    assert document["storage"]["os_disk"] == "/dev/sda"
    result = run(fake, "storage")
    assert result.code == 0, result.log.getvalue()
    assert [call[-1] for call in fake.calls if call[0] == "pvcreate"] == ["/dev/sda", "/dev/sdc"]


def test_the_disk_below_the_root_is_refused_whatever_its_name(fake: FakeMachine) -> None:
    """The declared name of the system disk protects nothing when the letters changed."""
    fake.at("/proc/self/mountinfo").write_text("1 0 8:98 / / rw - ext4 /dev/sdb rw\n")
    assert "operating system" in refuse(fake, "disk-unfit").failure["reason"]


def test_both_volumes_on_one_disk_are_refused(fake: FakeMachine) -> None:
    """Both volumes on one disk are refused."""
    document = make_document()
    document["storage"]["volumes"][1]["disk"] = {"path": "/dev/sdb"}
    write_document(fake, document)
    refuse(fake, "disk-ambiguous")


def test_a_size_rule_takes_the_only_fitting_disk_and_refuses_a_choice(fake: FakeMachine) -> None:
    """A size rule takes the only fitting disk and refuses a choice."""
    document = make_document()
    document["storage"]["volumes"][0]["disk"] = {"min_size": 900, "max_size": 1100}
    document["storage"]["volumes"][1]["disk"] = {"max_size": 600}
    write_document(fake, document)
    fake.add_disk("sdd", 1000)
    refuse(fake, "disk-ambiguous")
    fake.add_disk("sdd", 2000)
    assert run(fake, "storage").code == 0


def test_a_missing_disk_is_waited_for_and_named(fake: FakeMachine) -> None:
    """A missing disk is waited for and named."""
    document = make_document()
    document["storage"]["volumes"][1]["disk"] = {"path": "/dev/disk/by-id/absent"}
    write_document(fake, document)
    assert "/dev/disk/by-id/absent" in refuse(fake, "disk-missing").failure["reason"]


def test_wal_disk_smaller_than_retention(fake: FakeMachine) -> None:
    """A volume that the retention would fill (traps.md 9) is refused before anything is made."""
    fake.add_disk("sdc", 200)
    assert "256 MiB" in refuse(fake, "disk-unfit").failure["reason"]


def test_files_under_the_mount_point_get_hidden(fake: FakeMachine) -> None:
    """Files below a mount point (traps.md 8) are named, not hidden."""
    fake.at("/pgdata").mkdir()
    fake.at("/pgdata/precious").write_text("x")
    assert "precious" in refuse(fake, "mount-blocked").failure["reason"]


def test_another_device_in_fstab_is_refused(fake: FakeMachine) -> None:
    """Another device in fstab is refused."""
    fake.at("/etc/fstab").write_text("/dev/sdz1 /pgwal xfs defaults 0 0\n")
    refuse(fake, "mount-blocked")


def test_a_new_volume_with_remains_of_an_earlier_use_is_not_formatted(fake: FakeMachine) -> None:
    """A new volume with remains of an earlier use is not formatted."""
    fake.state["stale"] = {"TYPE": "ext4", "UUID": "older"}
    fake.save()
    result = run(fake, "storage")
    assert (result.code, result.failure["cause"]) == (3, "volume-unexpected")
    assert "mkfs.ext4" not in changes(fake)
