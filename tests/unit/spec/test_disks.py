"""Which paths name a disk, which names last, and when two descriptions mean one disk."""

from __future__ import annotations

import pytest

from tests.fakes.spec_texts import change_spec, describe_problems, find_problems

DATA, WAL = "{serial: data-1}", "{serial: wal-1}"
WWN = "600508b1001c0000000000000000aa01"
UUID = "7c1e2f4a-0b7d-4e64-9b0c-1a2b3c4d5e6f"

NO_DISKS = [
    "/dev/disk/by-label/pgdata",
    "/dev/disk/by-uuid/0f1e2d3c",
    "/dev/disk/by-partuuid/0f1e2d3c-01",
    "/dev/disk/by-partlabel/data",
    "/dev/disk/by-id/lvm-pv-uuid-abc",
    "/dev/disk/by-id/ata-X_1-part2",
    "/dev/disk/by-id/dm-uuid-part1-mpath-3600508b1001c",
    "/dev/disk/by-id",
    "/dev/mapper",
    "/dev/mapper/control",
    "/dev/mapper/mpatha1",
    "/dev/mapper/mpathbp3",
    "/dev/sdb1",
    "/dev/vda15",
    "/dev/nvme0n1p1",
    "/dev/nvme0",
    "/dev/mmcblk0p1",
    "/dev/mmcblk0boot0",
    "/dev/md0p1",
    "/dev/sr0",
    "/dev/cdrom",
    "/dev/loop3",
    "/dev/loop-control",
    "/dev/fd0",
    "/dev/ram0",
    "/dev/zram0",
    "/dev/nbd0",
    "/dev/sg1",
    "/dev/null",
    "/dev/watchdog",
    "/dev/shm/disk",  # noqa: S108 -- a name to refuse
    "/dev/disk/by-loop-ref/disk",
]
MOVING = [
    "/dev/sdb",
    "/dev/vdb",
    "/dev/nvme1n1",
    "/dev/mmcblk1",
    "/dev/dm-3",
    "/dev/md127",
    "/dev/mapper/mpatha",
    "/dev/disk/by-id/dm-name-mpathb",
    "/dev/disk/by-diskseq/3",
    "/dev/block/8:16",
    "/dev/dasdb",
    "/dev/rbd0",
    "/dev/bcache0",
    "/dev/pmem0",
    "/dev/cciss/c0d1",
    "/dev/disk/by-id/nvme-VMware_Virtual_NVMe_Disk_VMware_NVME_0000",
]
LASTING = [
    "/dev/disk/by-id/nvme-VMware_Virtual_NVMe_Disk_VMware_NVME_0000_1",
    "/dev/disk/by-id/nvme-eui.0025388b71b1a2c3",
    "/dev/disk/by-id/nvme-uuid.7c1e2f4a-0b7d-4e64-9b0c-1a2b3c4d5e6f",
    "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
    "/dev/disk/by-id/dm-uuid-mpath-35000c50015ea71aa",
    "/dev/disk/by-id/md-uuid-1:2:3:4",
    "/dev/disk/by-id/virtio-data",
    "/dev/disk/by-path/pci-0000:0b:00.0-nvme-2",
    "/dev/mapper/pgdata-lun",
    "/dev/md/pgdata",
]


def find(data: str = DATA, wal: str = WAL, os_disk: str = "") -> set[tuple[str, str, str]]:
    """Return the problems of a spec with these disks."""
    system = [("storage:\n", f"storage:\n  os_disk: {os_disk}\n")] if os_disk else []
    changes = [(WAL, wal), (DATA, data), *system]
    return describe_problems(change_spec(*changes))


@pytest.mark.parametrize("path", NO_DISKS)
def test_what_is_no_disk_is_refused_for_data_and_for_the_system(path: str) -> None:
    """A blank disk has no label, and a drive for discs takes no volume."""
    assert ("error", "not-a-disk", "storage.data.disk") in find(data=path)
    assert ("error", "not-a-disk", "storage.data.disk.path") in find(data=f"{{path: {path}}}")
    assert ("error", "not-a-disk", "storage.os_disk") in find(os_disk=path)


@pytest.mark.parametrize("path", MOVING)
def test_a_name_that_moves_is_pointed_out(path: str) -> None:
    """It is somebody else's some day."""
    assert ("warning", "unstable-disk-name", "storage.data.disk") in find(data=path)


@pytest.mark.parametrize("path", LASTING)
def test_a_name_that_lasts_is_fine(path: str) -> None:
    """Multipath maps and arrays hold data as any disk does."""
    assert find(data=path) == set()


@pytest.mark.parametrize(
    "path",
    [
        "/dev/mapper/mpatha",
        "/dev/mapper/anything",
        "/dev/dm-0",
        "/dev/disk/by-id/dm-uuid-mpath-35000c50015ea71aa",
        "/dev/disk/by-id/dm-name-system",
        "/dev/md0",
        "/dev/md/system",
        "/dev/disk/by-id/md-uuid-1:2:3:4",
    ],
)
def test_the_system_goes_onto_a_plain_disk_only(path: str) -> None:
    """The installer's guard refuses all else, so the check does."""
    assert find(os_disk=path) == {("error", "not-a-disk", "storage.os_disk")}


@pytest.mark.parametrize("path", ["/dev/disk/by-diskseq/1", "/dev/disk/by-id/nvme-Model_Serial"])
def test_an_install_disk_whose_name_moves_is_pointed_out(path: str) -> None:
    """What it leads to is erased."""
    assert find(os_disk=path) == {("warning", "unstable-disk-name", "storage.os_disk")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{{wwn: '0x{WWN}'}}", f"{{wwn: {WWN.upper()}}}"),
        (f"{{wwn: 'naa.{WWN}'}}", f"/dev/disk/by-id/wwn-0x{WWN}"),
        (f"/dev/disk/by-id/scsi-3{WWN}", f"/dev/disk/by-id/dm-uuid-mpath-3{WWN}"),
        ("{wwn: eui.0025388b71b1a2c3}", "/dev/disk/by-id/nvme-eui.0025388b71b1a2c3"),
        ("{serial: VMware NVME_0000}", "{serial: VMware_NVME_0000}"),
        ("{serial: wal-1}", "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_wal-1"),
        (f"{{serial: {UUID}}}", f"/dev/disk/by-id/virtio-{UUID[:20]}"),
        ("{serial: VMware NVME_0000}", "/dev/disk/by-id/nvme-VMware_Virtual_NVMe_Disk_VMware_NVME_0000"),
        ("{path: /dev/disk/by-path/a}", "/dev/disk/by-path/a"),
    ],
)
def test_one_disk_in_two_ways_is_one_disk(one: str, other: str) -> None:
    """Also where one of them is the system's."""
    for data, wal in ((one, other), (other, one)):
        assert ("error", "same-disk", "storage.wal.disk") in find(data, wal)
    if other.startswith("/dev/"):
        found = {(kind, problem) for kind, problem, _ in find(data=one, os_disk=other)}
        assert ("error", "os-disk") in found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{{wwn: {WWN}}}", f"/dev/disk/by-id/wwn-0x{WWN[:-1]}2"),
        ("{serial: wal-1}", "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_wal-11"),
        ("{serial: al-1}", "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_wal-1"),
        ("{serial: wal-1}", "/dev/disk/by-path/pci_wal-1"),
    ],
)
def test_two_disks_are_two(one: str, other: str) -> None:
    """What is not certain is left to the machine, which knows both disks."""
    assert find(one, other) == set()


def test_a_serial_that_disks_cut_off_is_pointed_out() -> None:
    """With what the machine shows of it."""
    text = change_spec((DATA, f"{{serial: {UUID}}}"))
    assert describe_problems(text) == {("warning", "long-serial", "storage.data.disk.serial")}
    assert '"7c1e2f4a-0b7d-4e64-9"' in find_problems(text)[0].message
    assert find(data=f"{{serial: {UUID[:20]}}}") == set()
