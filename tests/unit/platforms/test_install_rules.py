"""Rules of an installation by kickstart."""

from __future__ import annotations

import pytest

from tests.fakes.spec_texts import change_spec, describe_problems

DATA, WAL = "{serial: data-1}", "{serial: wal-1}"
MOVES = ("warning", "unstable-disk-name", "storage.os_disk")


def find_moving(platform: str, *changes: tuple[str, str]) -> list[tuple[str, str, str]]:
    """Return what is said of install disks."""
    problems = describe_problems(change_spec(*changes, more=f"platform: {platform}\n"))
    return [problem for problem in problems if problem[2].endswith("os_disk")]


@pytest.mark.parametrize("platform", ["redos7", "redos8", "el9"])
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
