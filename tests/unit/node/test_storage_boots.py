"""Volumes at every later boot: late disks, busy volumes, growth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generator.node.cli import run_stages
from generator.node.storage_service import bring_up_storage
from tests.fakes.node_runs import Run
from tests.fakes.storage_runs import changes, digests, forget_installation, make_ours, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.node.machine.machine import Machine
    from tests.fakes.fake_machine import FakeMachine


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
