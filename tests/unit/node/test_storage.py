"""Volumes that the first boot makes or takes over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import boot, run
from tests.fakes.storage_runs import CHANGING, LAST, changes, digests, forget_installation, make_ours, refuse

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


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
