"""Disks with several names: multipath maps, their paths, md arrays; devices are compared by number."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from generator.node.storage_service import bring_up_storage
from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import Run, run
from tests.fakes.storage_runs import changes, forget_installation, make_ours, refuse

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine

DATA, WAL = "35000c50015ea71aa", "35000c50015ea71bb"
MAPPED = {"data": "/dev/mapper/mpatha", "wal": "/dev/mapper/mpathb"}


@pytest.fixture
def san(fake: FakeMachine) -> FakeMachine:
    """Return a member whose data disks have two paths each."""
    for name in ("sdb", "sdc"):
        fake.at(f"/dev/{name}").unlink()
    fake.add_map("dm-0", "mpatha", {"sdb": 1024, "sdd": 1024}, DATA)
    fake.add_map("dm-1", "mpathb", {"sdc": 512, "sde": 512}, WAL)
    for name, serial, wwn in (
        ("sdb", "D1", DATA),
        ("sdd", "D1", DATA),
        ("sdc", "W1", WAL),
        ("sde", "W1", WAL),
    ):
        folder = fake.at(f"/sys/class/block/{name}/device")
        folder.mkdir()
        (folder / "wwid").write_text(f"naa.{wwn[1:]}\n")
        fake.state.setdefault("serials", {})[name] = serial
        link = fake.at(f"/dev/disk/by-id/wwn-0x{wwn[1:]}")
        link.unlink(missing_ok=True)
        link.symlink_to(f"../../{name}")
    fake.save()
    return fake


def select(fake: FakeMachine, data: dict[str, Any], wal: dict[str, Any]) -> None:
    """Say how both disks are found."""
    document = make_document()
    for volume, disk in zip(document["storage"]["volumes"], (data, wal), strict=True):
        volume["disk"] = disk
    write_document(fake, document)


RULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "by-id name of the map": (
        {"path": f"/dev/disk/by-id/dm-uuid-mpath-{DATA}"},
        {"path": f"/dev/disk/by-id/dm-uuid-mpath-{WAL}"},
    ),
    "name of the map": ({"path": "/dev/mapper/mpatha"}, {"path": "/dev/mapper/mpathb"}),
    "kernel's name of the map": ({"path": "/dev/dm-0"}, {"path": "/dev/dm-1"}),
    "by-id name that leads to one path": (
        {"path": f"/dev/disk/by-id/wwn-0x{DATA[1:]}"},
        {"path": f"/dev/disk/by-id/wwn-0x{WAL[1:]}"},
    ),
    "one path": ({"path": "/dev/sdd"}, {"path": "/dev/sdc"}),
    "serial": ({"serial": "D1"}, {"serial": "W1"}),
    "size": ({"min_size": 600, "max_size": 2000}, {"max_size": 600}),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_map_is_found_made_reused_and_grown_by_each_of_its_names(san: FakeMachine, rule: str) -> None:
    """LVM calls it /dev/mapper/mpatha, the kernel dm-0: every run after the first refused its own disks."""
    select(san, *RULES[rule])
    assert run(san, "storage").code == 0
    assert [call[-1] for call in san.calls if call[0] == "pvcreate"] == list(MAPPED.values())
    # Again, after a reboot, and on a machine that was installed anew.
    assert run(san, "storage").code == 0
    san.reboot()
    assert bring_up_storage(Run(san).open()) == 0
    san.reboot()
    forget_installation(san)
    san.forget_calls()
    result = run(san, "storage")
    assert result.code == 0, result.log.getvalue()
    assert set(changes(san)) == {"vgchange", "mount", "pvresize"}
    for name in ("dm-0", "sdb", "sdd"):
        san.at(f"/sys/class/block/{name}/size").write_text(f"{2048 * 2048}\n")
    san.reboot()
    assert bring_up_storage(Run(san).open()) == 0
    assert san.state["groups"]["pg"]["lvs"]["pg_data"]["extents"] == 511 * 95 // 100


def test_a_map_whose_node_is_no_link_is_found(san: FakeMachine) -> None:
    """Numbers decide: names that LVM invents for a disk differ from every name of the spec."""
    select(san, {"path": "/dev/dm-0"}, {"path": "/dev/dm-1"})
    make_ours(san)
    san.state["maps"].clear()
    san.save()
    assert run(san, "storage").code == 0


def test_paths_without_a_map_are_one_disk_twice(san: FakeMachine) -> None:
    """Written through one path while something else writes through the other: refused, whatever names it."""
    for name in ("dm-0", "dm-1"):
        san.at(f"/dev/{name}").unlink()
    for path in ("sdb", "sdd", "sdc", "sde"):
        for holder in san.at(f"/sys/class/block/{path}/holders").iterdir():
            holder.unlink()
    for data in ({"serial": "D1"}, {"path": f"/dev/disk/by-id/wwn-0x{DATA[1:]}"}, {"path": "/dev/sdb"}):
        select(san, data, {"path": "/dev/sdc"})
        reason = refuse(san, "disk-ambiguous").failure["reason"]
        assert "/dev/sdb" in reason
        assert "/dev/sdd" in reason
        assert "multipathd" in reason


def test_a_map_that_is_not_made_yet_is_waited_for(san: FakeMachine) -> None:
    """Udev marks the paths at once, multipathd makes the map when it has looked at them."""
    for path in ("sdb", "sdd"):
        for holder in san.at(f"/sys/class/block/{path}/holders").iterdir():
            holder.unlink()
    # The second path comes later still.
    san.at("/dev/sdd").unlink()
    san.state["properties"] = {"sdb": ["DM_MULTIPATH_DEVICE_PATH=1"]}
    san.save()
    select(san, {"serial": "D1"}, {"serial": "W1"})
    assert "/dev/sdb is a path of a multipath map" in refuse(san, "disk-missing").failure["reason"]


@pytest.mark.parametrize(
    "name", ["/dev/sdb", "/dev/dm-0", "/dev/mapper/mpatha", f"/dev/disk/by-id/wwn-0x{DATA[1:]}"]
)
def test_the_system_below_a_map_is_refused_by_each_name(san: FakeMachine, name: str) -> None:
    """Root on a partition of a map: the map and its paths are the system's."""
    san.add_dm("dm-2", "mpatha1", f"part1-mpath-{DATA}", 1000)
    san.link("/sys/class/block/dm-2/slaves/dm-0", "/sys/class/block/dm-0")
    san.link("/sys/class/block/dm-0/holders/dm-2", "/sys/class/block/dm-2")
    san.at("/proc/self/mountinfo").write_text("1 0 253:2 / / rw - ext4 /dev/mapper/mpatha1 rw\n")
    san.link("/sys/dev/block/253:2", "/sys/class/block/dm-2")
    select(san, {"path": name}, {"path": "/dev/dm-1"})
    assert "operating system" in refuse(san, "disk-unfit").failure["reason"]


def test_the_declared_system_disk_may_be_a_path(san: FakeMachine) -> None:
    """Where `/` names no disk, the declared one counts, with what lies on it."""
    san.at("/proc/self/mountinfo").write_text("1 0 0:25 / / rw - overlay overlay rw\n")
    document = make_document()
    document["storage"]["os_disk"] = "/dev/sdb"
    document["storage"]["volumes"][0]["disk"] = {"path": "/dev/mapper/mpatha"}
    document["storage"]["volumes"][1]["disk"] = {"path": "/dev/mapper/mpathb"}
    write_document(san, document)
    refuse(san, "disk-unfit")


def test_partitions_of_a_map_are_somebody_elses(san: FakeMachine) -> None:
    """Kpartx makes them maps of their own, on top."""
    san.add_dm("dm-2", "mpatha1", f"part1-mpath-{DATA}", 1000)
    san.link("/sys/class/block/dm-0/holders/dm-2", "/sys/class/block/dm-2")
    select(san, {"path": "/dev/mapper/mpatha"}, {"path": "/dev/mapper/mpathb"})
    assert "/dev/mapper/mpatha is held by" in refuse(san, "disk-foreign").failure["reason"]


def test_an_md_array_is_a_disk_and_its_members_are_not(fake: FakeMachine) -> None:
    """A rule that means a member is refused; the array is taken by each of its names."""
    fake.add_disk("md127", 1024)
    fake.at("/sys/class/block/md127/dev").write_text("9:127\n")
    fake.link("/dev/md/pgdata", "/dev/md127")
    fake.link("/sys/class/block/sdb/holders/md127", "/sys/class/block/md127")
    select(fake, {"path": "/dev/sdb"}, {"path": "/dev/sdc"})
    assert "held by md127" in refuse(fake, "disk-foreign").failure["reason"]
    select(fake, {"path": "/dev/md/pgdata"}, {"path": "/dev/sdc"})
    make_ours(fake)
    forget_installation(fake)
    assert run(fake, "storage").code == 0


@pytest.mark.parametrize("source", ["/dev/pg/pg_data", "UUID=0815", 'LABEL="pgdata"', "LABEL=pgdata"])
def test_fstab_may_name_our_volume_otherwise(fake: FakeMachine, source: str) -> None:
    """The original playbook writes /dev/pg/pg_data, people write UUIDs: all are the same device."""
    make_ours(fake)
    assert bring_up_storage(Run(fake).open()) == 0
    volume = fake.at("/dev/mapper/pg-pg_data")
    fake.add_disk("dm-4", 900, json.loads(volume.read_text()))
    volume.unlink()
    for path in (
        "/dev/mapper/pg-pg_data",
        "/dev/pg/pg_data",
        "/dev/disk/by-uuid/0815",
        "/dev/disk/by-label/pgdata",
    ):
        fake.link(path, "/dev/dm-4")
    text = fake.at("/etc/fstab").read_text()
    fake.at("/etc/fstab").write_text(text.replace("/dev/mapper/pg-pg_data", source))
    result = Run(fake)
    assert bring_up_storage(result.open()) == 0, result.log.getvalue()
    fake.at("/etc/fstab").write_text(text.replace("/dev/mapper/pg-pg_data", "/dev/sdc"))
    assert bring_up_storage(Run(fake).open()) == 3
