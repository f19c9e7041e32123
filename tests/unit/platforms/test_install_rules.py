"""Rules of an installation by kickstart."""

from __future__ import annotations

import pytest

from tests.fakes.platforms import list_installed
from tests.fakes.spec_texts import change_spec, describe_problems

DATA, WAL = "{serial: data-1}", "{serial: wal-1}"
MOVES = ("warning", "unstable-disk-name", "storage.os_disk")


def find_moving(platform: str, *changes: tuple[str, str]) -> list[tuple[str, str, str]]:
    """Return what is said of install disks."""
    problems = describe_problems(change_spec(*changes, more=f"platform: {platform}\n"))
    return [problem for problem in problems if problem[2].endswith("os_disk")]


@pytest.mark.parametrize("platform", list_installed())
def test_trap_02_an_install_disk_beside_data_disks_whose_names_move_is_pointed_out(platform: str) -> None:
    """The guard knows a data disk by its name alone then: it may erase one that has no LVM yet."""
    assert find_moving(platform, (DATA, "/dev/sdb"), (WAL, "/dev/sdc")) == [MOVES]
    assert find_moving(platform, (WAL, "/dev/nvme0n1")) == [MOVES]
    assert find_moving(platform, ("storage:\n", "storage:\n  os_disk: /dev/vda\n"), (DATA, "/dev/vdb")) == [
        MOVES
    ]


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ((DATA, "/dev/disk/by-id/ata-a"),),
        ((DATA, "/dev/sdb"), ("storage:\n", "storage:\n  os_disk: /dev/disk/by-id/ata-os\n")),
    ],
)
def test_a_name_that_stays_is_enough(changes: tuple[tuple[str, str], ...]) -> None:
    """Either way the guard can tell the disks apart."""
    assert find_moving("redos8", *changes) == []


def test_a_platform_without_a_kickstart_erases_nothing() -> None:
    """Debian's machines start from the image."""
    assert find_moving("debian13", (DATA, "/dev/sdb")) == []


def test_it_is_said_once_for_all_machines() -> None:
    """One line of the spec mends it."""
    own = ("name: db1,", "name: db1, storage: {data: {disk: /dev/sdd}},")
    assert find_moving("redos8", (DATA, "/dev/sdb"), own) == [MOVES]


ISO = "  iso_url: /srv/el9.iso\n  iso_checksum: sha256:" + "a" * 64 + "\n"
BASE = "  base_image: /srv/base.qcow2\n"


@pytest.mark.parametrize(
    ("platform", "image", "is_refused"),
    [
        ("el9", f"  release: '9'\n{ISO}  disk_size: 10GiB\n", True),
        ("el9", f"  release: '9'\n  firmware: bios\n{ISO}  disk_size: 10842MiB\n", False),
        ("el9", f"  release: '9'\n{ISO}  disk_size: 11GiB\n", False),
        ("redos8", "  disk_size: 8GiB\n", True),
        ("redos8", f"{BASE}  disk_size: 8GiB\n", False),
        ("debian13", f"{BASE}  disk_size: 8GiB\n", False),
    ],
)
def test_the_images_disk_holds_what_the_installer_makes(platform: str, image: str, is_refused: bool) -> None:  # noqa: FBT001
    """The sum of the declared partitions; a disk that is installed already has its own size."""
    found = describe_problems(change_spec(more=f"platform: {platform}\nimage:\n{image}"))
    assert (("error", "image-disk-size", "image.disk_size") in found) is is_refused
