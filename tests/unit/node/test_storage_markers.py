"""Whose the volumes are: the markers, and the files beside them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from generator.node.storage_service import bring_up_storage
from tests.fakes.node_runs import Run, run
from tests.fakes.storage_runs import changes, forget_installation, make_ours

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


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
