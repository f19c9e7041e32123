"""The storage stage's state table: both blank, both begun by us, both ours; all else is refused unchanged."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from generator.firstboot.cli import run_stages
from generator.firstboot.storage_service import bring_up_storage
from tests.fakes.firstboot_runs import Run, boot, run
from tests.fakes.node_documents import make_document, write_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.firstboot.machine import Machine
    from tests.fakes.fake_machine import FakeMachine

# The last byte of a disk of 1024 MiB.
LAST = (1024 << 20) - 1
CHANGING = {
    "pvcreate",
    "vgcreate",
    "lvcreate",
    "mkfs.ext4",
    "pvresize",
    "lvextend",
    "mount",
    "vgchange",
    "wipefs -a",
}


def digests(fake: FakeMachine) -> dict[str, str]:
    """Return the digest of every disk and volume."""
    paths = [*fake.at("/dev").glob("sd*"), *fake.folder.glob("volume-*")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def changes(fake: FakeMachine) -> list[str]:
    """Return the commands that change disks."""
    return [call[0] for call in fake.calls if call[0] in CHANGING]


def refuse(fake: FakeMachine, cause: str) -> Run:
    """Run the storage stage, which must refuse and leave everything as it is."""
    fake.forget_calls()
    before, fstab = digests(fake), fake.at("/etc/fstab").read_text()
    result = run(fake, "storage")
    assert (result.code, result.failure["cause"]) == (3, cause), result.log.getvalue()
    assert digests(fake) == before
    assert changes(fake) == []
    assert fake.at("/etc/fstab").read_text() == fstab
    assert result.status["state"] == "refused"
    return result


def make_ours(fake: FakeMachine) -> None:
    """Let the program make the volumes, then reboot."""
    assert run(fake, "storage").code == 0
    fake.reboot()
    fake.forget_calls()


def forget_installation(fake: FakeMachine) -> None:
    """Reinstall the operating system: the data disks stay, the system disk is new."""
    for name in ("storage.json", "status.json", "bootstrap.json", "services.json"):
        fake.at(f"/var/lib/holster/{name}").unlink(missing_ok=True)
    fake.at("/etc/fstab").write_text("")


def test_both_blank_are_created_each_volume_on_its_own_disk(fake: FakeMachine) -> None:
    """Both blank are created each volume on its own disk."""
    assert run(fake, "storage").code == 0
    made = [call for call in fake.calls if call[0] in {"lvcreate", "mkfs.ext4"}]
    assert [call[:1] + call[1:3] + call[-1:] for call in made if call[0] == "lvcreate"] == [
        ["lvcreate", "-n", "pg_data", "/dev/sdb"],
        ["lvcreate", "-n", "pg_val", "/dev/sdc"],
    ]
    assert [call[-1] for call in made if call[0] == "mkfs.ext4"] == [
        "/dev/mapper/pg-pg_data",
        "/dev/mapper/pg-pg_val",
    ]
    lines = fake.at("/etc/fstab").read_text().splitlines()
    assert lines[-1].startswith("/dev/mapper/pg-pg_val /pgwal ext4 noatime,nodev,nosuid,nofail,")
    assert json.loads(fake.at("/pgdata/.holster").read_text()) == {"cluster": "demo", "role": "data"}


def test_new_volumes_are_activated_at_once(fake: FakeMachine) -> None:
    """Each activation waits for udev, which other services keep from its work meanwhile."""
    assert run(fake, "storage").code == 0
    names = [call[0] for call in fake.calls]
    assert names.count("vgchange") == 1
    assert "settle" not in [call[1] for call in fake.calls[names.index("vgchange") :] if call[0] == "udevadm"]


def test_both_ours_are_reused_and_never_formatted(fake: FakeMachine) -> None:
    """Both ours are reused and never formatted."""
    make_ours(fake)
    forget_installation(fake)
    kept = digests(fake)
    assert run(fake, "storage").code == 0
    assert set(changes(fake)) == {"vgchange", "mount", "pvresize"}
    assert digests(fake) == kept


def test_volumes_of_the_original_playbook_are_reused(fake: FakeMachine) -> None:
    """Volumes of the original playbook are reused."""
    # It made the same group and volumes by hand; they carry no marker and an empty directory.
    make_ours(fake)
    forget_installation(fake)
    (fake.folder / "fs-pgdata" / ".holster").unlink()
    assert run(fake, "storage").code == 0


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


def test_a_label_that_was_not_written_any_more_is_written_again(fake: FakeMachine) -> None:
    """Pvcreate writes its header first, the label last; only who began it may take that for blank."""
    fake.script("pvcreate", 5, "", "the power went")
    assert run(fake, "storage").code == 1
    fake.unscript("pvcreate")
    fake.add_disk("sdb", 1024, {"bytes": {4096: "1234 LVM2 x[5A%r0N*>", 8192: "metadata"}})
    refuse(fake, "disk-foreign")
    fake.add_disk("sdb", 1024, {"bytes": {4096: "1234 LVM2 x[5A%r0N*>", LAST: "x"}})
    refuse(fake, "disk-foreign")
    fake.add_disk("sdb", 1024, {"bytes": {4096: "1234 LVM2 x[5A%r0N*>"}})
    assert run(fake, "storage").code == 0


def test_an_lvm_disk_that_appears_during_our_creation_is_refused(fake: FakeMachine) -> None:
    """Only the UUID that was written down makes a disk ours, not the moment."""
    fake.script("vgcreate", 5, "", "no")
    assert run(fake, "storage").code == 1
    fake.unscript("vgcreate")
    fake.add_disk("sdc", 512, {"TYPE": "LVM2_member", "UUID": "somebody-else"})
    assert "not begun by this program" in refuse(fake, "disk-foreign").failure["reason"]


def test_the_labels_of_our_creation_are_not_taken_for_each_other(fake: FakeMachine) -> None:
    """Disks that were swapped in between would put the WAL on the data disk."""
    fake.script("vgcreate", 5, "", "no")
    assert run(fake, "storage").code == 1
    fake.unscript("vgcreate")
    data, wal = fake.at("/dev/sdb").read_text(), fake.at("/dev/sdc").read_text()
    fake.at("/dev/sdb").write_text(wal)
    fake.at("/dev/sdc").write_text(data)
    refuse(fake, "disk-foreign")


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


def test_disk_order_changed_between_boots(fake: FakeMachine) -> None:
    """Letters swap (traps.md 2): a serial finds the right disk under any letter."""
    document = make_document()
    for volume, serial in zip(document["storage"]["volumes"], ("D1", "W1"), strict=True):
        volume["disk"] = {"serial": serial}
    write_document(fake, document)
    fake.state["serials"] = {"sdb": "W1", "sdc": "D1"}
    fake.add_disk("sdb", 512)
    fake.add_disk("sdc", 1024)
    fake.save()
    assert run(fake, "storage").code == 0
    lvcreate = {call[2]: call[-1] for call in fake.calls if call[0] == "lvcreate"}
    assert lvcreate == {"pg_data": "/dev/sdc", "pg_val": "/dev/sdb"}


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


def test_a_torn_file_system_of_our_own_is_made_again_unless_it_was_mounted(fake: FakeMachine) -> None:
    """A torn file system of our own is made again unless it was mounted."""
    assert run(fake, "storage").code == 0
    intent = fake.at("/var/lib/holster/storage.json")
    data = json.loads(intent.read_text())
    data["state"], data["volumes"]["data"]["formatted"] = "creating", False
    intent.write_text(json.dumps(data))
    fake.reboot()
    volume = fake.folder / "volume-pg-pg_data"
    torn = {**json.loads(volume.read_text()), "torn": True}
    volume.write_text(json.dumps({**torn, "used": True}))
    result = run(fake, "storage")
    assert (result.code, result.failure["cause"]) == (3, "volume-unexpected")
    volume.write_text(json.dumps(torn))
    assert run(fake, "storage").code == 0
    assert "torn" not in json.loads(volume.read_text())


MARKERS = [
    ("fs-pgdata", '{"cluster": "other", "role": "data"}', "data volume of cluster other"),
    ("fs-pgwal", '{"cluster": "other", "role": "wal"}', "wal volume of cluster other"),
    ("fs-pgwal", '{"cluster": "demo", "role": "data"}', "not the wal volume"),
]


def is_untouched(fake: FakeMachine) -> bool:
    """Say whether nothing was mounted and nothing would be at the next boot."""
    return (
        "mount" not in changes(fake)
        and not fake.at("/etc/fstab").read_text()
        and not fake.at("/var/lib/holster/storage.json").exists()
    )


@pytest.mark.parametrize(("volume", "marker", "words"), MARKERS)
def test_disks_of_another_cluster_are_refused_before_they_are_mounted(
    fake: FakeMachine, volume: str, marker: str, words: str
) -> None:
    """Old data meets a new cluster (traps.md 28): the marker on the volume decides."""
    make_ours(fake)
    forget_installation(fake)
    (fake.folder / volume / ".holster").write_text(marker)
    result = run(fake, "storage")
    assert (result.code, result.failure["cause"]) == (3, "volume-of-another")
    assert words in result.failure["reason"]
    assert is_untouched(fake)


@pytest.mark.parametrize("answer", [(0, ""), (1, ""), (0, "not JSON"), (0, "[]"), (0, '{"cluster": 5}')])
def test_a_marker_that_only_a_mount_shows_is_judged_then(fake: FakeMachine, answer: tuple[int, str]) -> None:
    """It may still be in the journal: debugfs has no verdict, and nothing stays mounted after the look."""
    make_ours(fake)
    forget_installation(fake)
    fake.script("debugfs", *answer)
    (fake.folder / "fs-pgwal" / ".holster").write_text('{"cluster": "other", "role": "wal"}')
    result = run(fake, "storage")
    assert (result.code, result.failure["cause"]) == (3, "volume-of-another")
    assert changes(fake).count("mount") == 2
    assert "/pg" not in fake.at("/proc/self/mountinfo").read_text().replace("/dev/mapper/pg-pg", "")
    assert not fake.at("/etc/fstab").read_text()
    assert not fake.at("/var/lib/holster/storage.json").exists()


def test_a_machine_without_debugfs_reads_the_marker_after_mounting(fake: FakeMachine) -> None:
    """A look that cannot be had is a warning, and the volumes are ours."""
    make_ours(fake)
    written_down = fake.at("/var/lib/holster/storage.json")
    written_down.write_text(written_down.read_text().replace('"fs_uuid": "', '"fs_uuid": "0'))
    fake.state["missing"].append("debugfs")
    fake.save()
    result = Run(fake)
    assert bring_up_storage(result.open()) == 0, result.log.getvalue()
    assert "the program `debugfs` is missing" in result.log.getvalue()


def test_a_mount_that_stays_after_a_refusal_does_not_hide_the_cause(fake: FakeMachine) -> None:
    """The refusal is what an operator must see; what stays mounted is a warning."""
    make_ours(fake)
    forget_installation(fake)
    (fake.folder / "fs-pgdata/15/data").mkdir()
    (fake.folder / "fs-pgdata/15/data/PG_VERSION").write_text("15")
    fake.script("umount", 32, "", "target is busy")
    result = run(fake, "storage")
    assert (result.code, result.failure["cause"]) == (3, "volumes-unequal")
    assert "/pgdata stays mounted" in str(result.status["warnings"])


def test_what_an_operator_mounted_stays_mounted(fake: FakeMachine) -> None:
    """To adopt data he mounts both volumes and writes both markers; a run in between takes nothing away."""
    make_ours(fake)
    forget_installation(fake)
    for name, directory in (("fs-pgdata", "15/data"), ("fs-pgwal", "15/pg_wal")):
        (fake.folder / name / ".holster").unlink()
        (fake.folder / name / directory).mkdir()
        (fake.folder / name / directory / "file").write_text("")
    first = run(fake, "storage")
    assert "mount /dev/mapper/pg-pg_data on /pgdata" in first.failure["reason"]
    fake.call(["mount", str(fake.at("/dev/mapper/pg-pg_data")), str(fake.at("/pgdata"))])
    fake.at("/pgdata/.holster").write_text('{"cluster": "demo", "role": "data"}')
    assert "mount /dev/mapper/pg-pg_val on /pgwal" in run(fake, "storage").failure["reason"]
    assert fake.at("/pgdata/.holster").exists()
    assert not fake.at("/pgwal/15").exists()
    fake.call(["mount", str(fake.at("/dev/mapper/pg-pg_val")), str(fake.at("/pgwal"))])
    fake.at("/pgwal/.holster").write_text('{"cluster": "demo", "role": "wal"}')
    assert run(fake, "storage").code == 0
    assert fake.at("/etc/fstab").read_text().count("/pg") == 4


def put_another_file_system_in(fake: FakeMachine, marker: str) -> None:
    """Swap the disks of a sealed machine: same group, same names, other file systems."""
    volume = fake.folder / "volume-pg-pg_val"
    volume.write_text(json.dumps({**json.loads(volume.read_text()), "UUID": "somebody-else"}))
    (fake.folder / "fs-pgwal" / ".holster").write_text(marker)


def test_the_storage_unit_refuses_swapped_disks_before_it_mounts_them(fake: FakeMachine) -> None:
    """Somebody swaps the disks of a sealed machine."""
    make_ours(fake)
    put_another_file_system_in(fake, '{"cluster": "other", "role": "wal"}')
    result = Run(fake)
    assert bring_up_storage(result.open()) == 3
    assert "volume-of-another" in result.log.getvalue()
    assert "mount" not in changes(fake)
    put_another_file_system_in(fake, '{"cluster": "demo", "role": "wal"}')
    assert bring_up_storage(Run(fake).open()) == 0


def test_an_ordinary_boot_does_not_ask_whose_its_volumes_are(fake: FakeMachine) -> None:
    """Each program costs time: a file system that was made or taken over here is known by its UUID."""
    assert run(fake, "storage").code == 0
    assert "debugfs" not in [call[0] for call in fake.calls]
    for is_reinstalled in (False, True):
        fake.reboot()
        if is_reinstalled:
            forget_installation(fake)
            assert run(fake, "storage").code == 0
            fake.reboot()
        fake.forget_calls()
        assert bring_up_storage(Run(fake).open()) == 0
        assert "debugfs" not in [call[0] for call in fake.calls]
    # A run beside mounted volumes has nothing to ask either.
    fake.forget_calls()
    assert run(fake, "storage").code == 0
    assert "debugfs" not in [call[0] for call in fake.calls]


def test_data_without_a_marker_is_refused_with_the_way_to_adopt_it(fake: FakeMachine) -> None:
    """Data without a marker is refused with the way to adopt it."""
    make_ours(fake)
    forget_installation(fake)
    data = fake.folder / "fs-pgdata"
    (data / ".holster").unlink()
    (data / "15/data").mkdir()
    (data / "15/data/PG_VERSION").write_text("15")
    (fake.folder / "fs-pgwal/15/pg_wal").mkdir()
    (fake.folder / "fs-pgwal/15/pg_wal/0").write_text("")
    result = run(fake, "storage")
    assert (result.code, result.failure["cause"]) == (3, "volume-of-another")
    assert '{"cluster": "demo", "role": "data"}' in result.failure["reason"]


@pytest.mark.parametrize("full", ["fs-pgdata/15/data", "fs-pgwal/15/pg_wal"])
def test_pg_data_wiped_pg_wal_kept(fake: FakeMachine, full: str) -> None:
    """One of the pair wiped (reference trap 9): no replica can be built, so nothing starts."""
    make_ours(fake)
    (fake.folder / full).mkdir()
    (fake.folder / full / "PG_VERSION").write_text("15")
    result = run(fake, "storage")
    assert (result.code, result.failure["cause"]) == (3, "volumes-unequal")


def test_data_dir_is_mount_root(fake: FakeMachine) -> None:
    """lost+found stays out of PostgreSQL's directories (reference trap 8): they lie below the mount root."""
    assert run(fake, "storage").code == 0
    assert fake.at("/pgdata/lost+found").exists()
    assert not list(fake.at("/pgdata/15").iterdir())
    assert fake.at("/pgdata").stat().st_mode & 0o777 == 0o700


def test_pvcreate_and_mkfs_without_a_terminal(fake: FakeMachine) -> None:
    """No -y, no -f, no -ff (reference trap 14): what a program would ask about is refused."""
    assert run(fake).code == 0
    boot(fake)
    for call in fake.calls:
        if call[0] in CHANGING:
            assert not {"-y", "--yes", "-f", "-ff", "--force", "-F"} & set(call), call


def test_kickstart_cannot_place_volumes(fake: FakeMachine) -> None:
    """Each lvcreate names its disk (reference trap 4)."""
    assert run(fake, "storage").code == 0
    for call in fake.calls:
        if call[0] == "lvcreate":
            assert call[-1] in {"/dev/sdb", "/dev/sdc"}


def test_lvm_devices_file_hides_disks_of_an_earlier_installation(fake: FakeMachine) -> None:
    """A devices file (reference §4.1): questions look past it, our disks are entered once, no other."""
    make_ours(fake)
    forget_installation(fake)
    path = fake.at("/etc/lvm/devices/system.devices")
    path.parent.mkdir(parents=True)
    path.write_text("VERSION=1.1.2\n")
    assert run(fake, "storage").code == 0
    assert path.read_text().count("PVID=") == 2
    assert all("--devicesfile" in call for call in fake.calls if call[0] == "pvs")
    fake.reboot()
    assert run(fake, "storage").code == 0
    assert path.read_text().count("PVID=") == 2


def test_a_grown_disk_is_used_at_the_next_boot_without_a_question(fake: FakeMachine) -> None:
    """A grown disk is used at the next boot without a question."""
    make_ours(fake)
    kept = digests(fake)["volume-pg-pg_data"]
    fake.at("/sys/class/block/sdb/size").write_text(f"{2048 * 2048}\n")
    assert bring_up_storage(Run(fake).open()) == 0
    assert fake.state["groups"]["pg"]["lvs"]["pg_data"]["extents"] == 511 * 95 // 100
    assert fake.state["groups"]["pg"]["lvs"]["pg_val"]["extents"] == 127 * 95 // 100
    assert digests(fake)["volume-pg-pg_data"] == kept
    assert "resize2fs" in [call[0] for call in fake.calls]
    fake.forget_calls()
    assert bring_up_storage(Run(fake).open()) == 0
    assert "lvextend" not in changes(fake)


def extend(fake: FakeMachine, name: str = "pg_data") -> None:
    """Let an administrator extend a volume onto a third disk."""
    fake.add_disk("sdd", 1024, {"TYPE": "LVM2_member", "UUID": "third"})
    group = fake.state["groups"]["pg"]
    group["pvs"]["third"] = 255
    group["lvs"][name]["pvs"].append("third")
    fake.save()


def test_a_volume_on_several_disks_is_not_grown_and_the_boot_goes_on(fake: FakeMachine) -> None:
    """An administrator extended it; the other volume grows as ever."""
    make_ours(fake)
    extend(fake)
    fake.at("/sys/class/block/sdc/size").write_text(f"{1024 * 2048}\n")
    result = Run(fake)
    assert bring_up_storage(result.open()) == 0
    log = result.log.getvalue()
    assert "volume pg/pg_data was not grown: volume pg/pg_data lies on /dev/sdb, /dev/sdd" in log
    assert fake.state["groups"]["pg"]["lvs"]["pg_val"]["extents"] == 255 * 95 // 100
    assert fake.state["groups"]["pg"]["lvs"]["pg_data"]["extents"] == 255 * 95 // 100


def test_a_reinstalled_machine_names_a_volume_on_several_disks(fake: FakeMachine) -> None:
    """Which disks may be lost is not clear any more: refused unchanged, with what is found."""
    make_ours(fake)
    forget_installation(fake)
    extend(fake)
    assert "has 3 disks, not 2" in refuse(fake, "volumes-incomplete").failure["reason"]
    group = fake.state["groups"]["pg"]
    del group["pvs"]["third"]
    group["lvs"]["pg_data"]["pvs"] = list(group["pvs"])
    fake.save()
    reason = refuse(fake, "volumes-misplaced").failure["reason"]
    assert "pg_data (data) lies on /dev/sdb, /dev/sdc, not on /dev/sdb alone" in reason


def test_the_storage_unit_never_makes_or_formats(fake: FakeMachine) -> None:
    """The storage unit never makes or formats."""
    # Before the first boot's storage stage: nothing to do, no failed unit.
    assert bring_up_storage(Run(fake).open()) == 0
    assert fake.calls == []
    make_ours(fake)
    (fake.folder / "volume-pg-pg_val").write_text("")
    assert bring_up_storage(Run(fake).open()) == 3
    assert "mkfs.ext4" not in changes(fake)


def test_the_storage_unit_finds_the_group_under_other_letters(fake: FakeMachine) -> None:
    """The storage unit finds the group under other letters."""
    make_ours(fake)
    for name in ("sdb", "sdc"):
        fake.at(f"/dev/{name}").rename(fake.at(f"/dev/{name.replace('sd', 'vd')}"))
        fake.at(f"/sys/class/block/{name}").rename(fake.at(f"/sys/class/block/{name.replace('sd', 'vd')}"))
    assert bring_up_storage(Run(fake).open()) == 0
    assert len([call for call in fake.calls if call[0] == "mount"]) == 2


def test_the_storage_unit_names_a_lost_disk(fake: FakeMachine) -> None:
    """The storage unit names a lost disk."""
    make_ours(fake)
    fake.at("/dev/sdb").unlink()
    fake.at("/dev/sdc").unlink()
    result = Run(fake)
    machine = result.open()
    begin = machine.clock.steady()
    assert bring_up_storage(machine) == 1
    assert "disk-missing" in result.log.getvalue()
    assert 180 <= machine.clock.steady() - begin <= 200
    # Said when the wait begins, and once.
    assert result.log.getvalue().count("waiting: no disk of volume group pg is attached") == 1


class Later:
    """Lets something happen after so many sleeps of a machine."""

    def __init__(self, machine: Machine, count: int, happen: Callable[[], object]) -> None:
        self._count, self._happen = count, happen
        self._sleep = machine.clock.sleep
        machine.clock.sleep = self.sleep  # type: ignore[method-assign]

    def sleep(self, seconds: float) -> None:
        """Count, and wait as ever."""
        self._count -= 1
        if self._count == 0:
            self._happen()
        self._sleep(seconds)


@pytest.mark.parametrize("late", [["sdb"], ["sdc"], ["sdb", "sdc"]])
def test_the_storage_unit_waits_for_a_late_disk(fake: FakeMachine, late: list[str]) -> None:
    """Fibre Channel, iSCSI, a slow controller: nothing else starts Patroni when the disks come at last."""
    make_ours(fake)
    for name in late:
        fake.at(f"/dev/{name}").rename(fake.folder / name)
    result = Run(fake)
    machine = result.open()
    Later(machine, 5, lambda: [(fake.folder / name).rename(fake.at(f"/dev/{name}")) for name in late])
    assert bring_up_storage(machine) == 0, result.log.getvalue()
    assert "[storage] waiting: " in result.log.getvalue()
    assert changes(fake).count("mount") == 2
    # A group that is not whole was left alone meanwhile.
    assert changes(fake).count("vgchange") == 1


def test_a_lost_disk_below_other_volumes_does_not_delay_the_boot(fake: FakeMachine) -> None:
    """An administrator gave the group a third disk for something else."""
    make_ours(fake)
    fake.state["groups"]["pg"]["pvs"]["lost"] = 10
    fake.save()
    result = Run(fake)
    machine = result.open()
    begin = machine.clock.steady()
    assert bring_up_storage(machine) == 0, result.log.getvalue()
    assert machine.clock.steady() == begin


BUSY = [
    "mount: /pgdata: /dev/mapper/pg-pg_data already mounted or mount point busy.",
    "mount: /pgdata: fsconfig system call failed: /dev/mapper/pg-pg_data: Can't open blockdev.",
]


@pytest.mark.parametrize("words", BUSY)
@pytest.mark.parametrize("command", ["storage", "run"])
def test_a_volume_that_fsck_holds_is_waited_for(fake: FakeMachine, words: str, command: str) -> None:
    """The pass number of fstab has systemd-fsck replay the journal beside us; a check takes its time."""
    make_ours(fake)
    fake.script("mount", 32, "", words)
    result = Run(fake)
    machine = result.open()
    Later(machine, 3, lambda: fake.unscript("mount"))
    code = bring_up_storage(machine) if command == "storage" else run_stages(machine, "storage")
    assert code == 0, result.log.getvalue()
    assert result.log.getvalue().count("[storage] waiting: /dev/mapper/pg-pg_data is in use") == 1


def test_a_volume_that_stays_busy_is_told_at_last(fake: FakeMachine) -> None:
    """The deadline of the program, not that of its unit, ends the wait."""
    make_ours(fake)
    fake.script("mount", 32, "", BUSY[0])
    result = Run(fake)
    assert bring_up_storage(result.open()) == 1
    assert "[storage] storage-failed: /dev/mapper/pg-pg_data is in use" in result.log.getvalue()


def test_a_mount_that_fails_otherwise_is_not_tried_again(fake: FakeMachine) -> None:
    """Only what passes by itself is worth another try."""
    make_ours(fake)
    fake.script("mount", 32, "", "mount: /pgdata: wrong fs type, bad option, bad superblock")
    result = Run(fake)
    assert bring_up_storage(result.open()) == 1
    assert changes(fake).count("mount") == 1
    assert "bad superblock" in result.log.getvalue()


def test_systemd_checks_no_volume_beside_this_program(fake: FakeMachine) -> None:
    """Lab, scenario 5: both replayed the journal, the check failed, and Patroni's start was cancelled."""
    make_ours(fake)
    lines = [line for line in fake.at("/etc/fstab").read_text().splitlines() if "/dev/mapper/" in line]
    assert [line.split()[-2:] for line in lines] == [["0", "0"], ["0", "0"]]
    assert not [call for call in fake.calls if call[:2] == ["e2fsck", "-p"]]
    fake.reboot()
    fake.forget_calls()
    assert bring_up_storage(Run(fake).open()) == 0
    order = [call[0] for call in fake.calls if call[:2] == ["e2fsck", "-p"] or call[0] == "mount"]
    assert order == ["e2fsck", "e2fsck", "mount", "mount"]
    fake.forget_calls()
    assert bring_up_storage(Run(fake).open()) == 0
    assert "e2fsck" not in [call[0] for call in fake.calls]


def test_a_file_system_that_needs_a_decision_is_not_mounted(fake: FakeMachine) -> None:
    """What e2fsck -p corrects by itself is fine; the rest is somebody's decision."""
    make_ours(fake)
    fake.reboot()
    fake.script("e2fsck", 4, "pgdata: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.")
    fake.forget_calls()
    result = Run(fake)
    assert bring_up_storage(result.open()) == 1
    assert "volume-damaged" in result.log.getvalue()
    assert "RUN fsck MANUALLY" in result.log.getvalue()
    assert "mount" not in [call[0] for call in fake.calls]
    fake.script("e2fsck", 1, "pgdata: recovering journal")
    assert bring_up_storage(Run(fake).open()) == 0


def test_a_new_pair_of_blank_disks_after_an_interrupted_creation_is_created(fake: FakeMachine) -> None:
    """A new pair of blank disks after an interrupted creation is created."""
    assert run(fake, "storage").code == 0
    intent = fake.at("/var/lib/holster/storage.json")
    intent.write_text(intent.read_text().replace('"created"', '"creating"'))
    fake.reboot()
    fake.state["groups"].clear()
    fake.save()
    fake.add_disk("sdb", 1024)
    fake.add_disk("sdc", 512)
    assert run(fake, "storage").code == 0


def test_folders_on_the_volumes_are_made_after_the_mounts(fake: FakeMachine) -> None:
    """Made before, they would fill the mount point, and the mount would be refused."""
    assert run(fake, "agent").code == 0
    assert not list(fake.at("/pgdata").glob("*"))
    assert run(fake, "storage").code == 0
    assert fake.at("/pgdata/15").is_dir()
