"""The storage stage on real LVM metadata, real signatures and real ext4.

The disks are loop devices.  Where device-mapper would show a volume, a stand-in
shows a loop device over the same extents; everything else is the real program.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator.node.stages.storage import StorageStage
from tests.external.machine_fixtures import demand_privileges, install_image, read_os_release
from tests.fakes.machines import TestMachine
from tests.fakes.network import sh
from tests.fakes.node_documents import make_document

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.external

PROGRAM = "/usr/local/sbin/holster-node"
CHANGING = ("pvcreate", "vgcreate", "lvcreate", "vgchange", "mkfs.ext4", "mount", "pvresize", "resize2fs")
MIB = 1 << 20
SIZES = {"data": 320, "wal": 288}


# The first free device that it names is another machine's before the caller has it.
LATE_LOSETUP = """#!/bin/sh
case "$*" in
--find) [ -e /run/late ] || { echo /dev/loop99; exit; } ;;
*/dev/loop99*) touch /run/late; exit 1 ;;
esac
exec /sbin/losetup "$@"
"""


def write_node(machine: TestMachine) -> None:
    """Deliver a node.json that fits this machine up to the storage stage."""
    document = make_document()
    release = read_os_release()
    document["platform"].update(os_id=release["ID"], os_version_major=release["VERSION_ID"].split(".")[0])
    document["files"] = []
    document["programs"] = {}
    document["time"]["servers"] = []
    document["storage"]["os_disk"] = None
    for volume in document["storage"]["volumes"]:
        volume["disk"] = {"path": f"/dev/disk/by-id/{volume['role']}"}
    machine.write("/etc/holster/node.json", json.dumps(document).encode(), 0o600)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[TestMachine]:
    """Return a member with two blank disks, switched on."""
    demand_privileges()
    made = TestMachine(tmp_path, "solo")
    try:
        install_image(made, {})
        made.install_tripwires(CHANGING)
        # The stage before starts it; nothing here asks it anything.
        made.write("/etc/systemd/system/consul.service", b"[Service]\nType=oneshot\nExecStart=/bin/true\n")
        write_node(made)
        for name, size in SIZES.items():
            made.add_disk(name, size)
        made.switch_on()
        made.trip(0, "never")
        yield made
    finally:
        made.remove()


def run(machine: TestMachine) -> int:
    """Run the stages up to storage and return the exit code."""
    return machine.start(PROGRAM, "run", "--until", "storage", log="firstboot.log").wait(120)


def reboot(machine: TestMachine) -> None:
    """Cut the power and switch on again."""
    machine.switch_off()
    machine.switch_on()
    machine.trip(0, "never")


def digest(machine: TestMachine, name: str) -> str:
    """Return the digest of a whole disk."""
    sh("sync")
    return hashlib.sha256((machine.folder / f"{name}.img").read_bytes()).hexdigest()


def blank(machine: TestMachine) -> None:
    """Replace both disks by blank ones and forget the installation."""
    machine.switch_off()
    for name, size in SIZES.items():
        image = machine.folder / f"{name}.img"
        with image.open("r+b") as stream:
            stream.truncate(0)
            stream.truncate(size * MIB)
        for device in sh("losetup", "--noheadings", "--output", "NAME", "--associated", image).split():
            sh("blockdev", "--flushbufs", device)
    for path in (machine.upper / "var/lib/holster").glob("*.json"):
        path.unlink()
    (machine.upper / "etc/fstab").write_text("")
    machine.switch_on()
    machine.trip(0, "never")


def describe(machine: TestMachine) -> str:
    """Return placement, file systems, mounts and fstab, without random ids."""
    lvs = machine.ask("lvs", "--noheadings", "-o", "lv_name,lv_size,seg_pe_ranges", "pg")
    blkid = "".join(
        machine.ask("blkid", "-p", "-o", "value", "-s", "LABEL", "-s", "TYPE", f"/dev/mapper/pg-{name}")
        for name in ("pg_data", "pg_val")
    )
    mounts = [
        " ".join(line.split()[4:6])
        for line in machine.ask("cat", "/proc/self/mountinfo").splitlines()
        if " /pg" in line
    ]
    owner = machine.ask("stat", "-c", "%a %U %n", "/pgdata", "/pgwal", "/pgdata/15", "/pgwal/15")
    marker = machine.ask("cat", "/pgdata/.holster", "/pgwal/.holster", "/etc/fstab")
    return "\n".join([re.sub(r"loop\d+", "loop", lvs), blkid, *sorted(mounts), owner, marker])


def test_blank_disks_become_mounted_volumes_and_every_interruption_converges(machine: TestMachine) -> None:
    """Blank disks become mounted volumes and every interruption converges."""
    assert run(machine) == 0, (machine.folder / "firstboot.log").read_text()
    total = machine.count_commands()
    expected = describe(machine)
    assert total >= 9
    assert "ext4" in expected
    for count in range(1, total + 1):
        for moment in ("before", "after"):
            blank(machine)
            machine.trip(count, moment)
            assert run(machine) == 128 + 9 or machine.count_commands() == count
            reboot(machine)
            assert run(machine) == 0, (
                f"{moment} {count}: " + (machine.folder / "firstboot.log").read_text()[-3000:]
            )
            assert describe(machine) == expected, f"{moment} {count}"


def test_a_reinstalled_machine_reuses_its_volumes_with_their_data(machine: TestMachine) -> None:
    """A reinstalled machine reuses its volumes with their data."""
    assert run(machine) == 0
    machine.ask(
        "sh",
        "-c",
        "mkdir /pgdata/15/data /pgwal/15/pg_wal; echo kept >/pgdata/15/data/f; echo >/pgwal/15/pg_wal/f",
    )
    machine.switch_off()
    for path in (machine.upper / "var/lib/holster").glob("*.json"):
        path.unlink()
    (machine.upper / "etc/fstab").write_text("")
    machine.switch_on()
    machine.trip(0, "never")
    assert run(machine) == 0
    assert machine.ask("cat", "/pgdata/15/data/f") == "kept"
    assert machine.start(PROGRAM, "storage", log="firstboot.log").wait(60) == 0


def test_volumes_are_known_whatever_lvm_calls_their_disks(machine: TestMachine) -> None:
    """As with multipath: the spec, the kernel and LVM have a name each, only the number is one."""
    mapper = machine.folder / "dev/mapper"
    mapper.mkdir()
    for name in SIZES:
        disk = (machine.folder / "dev/disk/by-id" / name).resolve()
        os.mknod(mapper / f"mpath-{name}", stat.S_IFBLK | 0o600, disk.stat().st_rdev)
    preferred = b'devices { preferred_names = [ "^/dev/mapper/mpath" ] }'
    machine.write("/etc/lvm/lvmlocal.conf", preferred)
    assert run(machine) == 0, log_of(machine)
    names = machine.ask("pvs", "--noheadings", "-o", "pv_name").split()
    assert sorted(names) == ["/dev/mapper/mpath-data", "/dev/mapper/mpath-wal"]
    assert run(machine) == 0, log_of(machine)
    machine.switch_off()
    forget_installation(machine)
    machine.switch_on()
    machine.trip(0, "never")
    before = machine.ask("pvs", "--noheadings", "-o", "pv_uuid")
    assert run(machine) == 0, log_of(machine)
    assert machine.ask("pvs", "--noheadings", "-o", "pv_uuid") == before
    assert machine.start(PROGRAM, "storage", log="firstboot.log").wait(60) == 0, log_of(machine)


def change_marker(machine: TestMachine, volume: str, role: str, cluster: str) -> None:
    """Let a mounted volume belong to another cluster or role."""
    text = json.dumps({"cluster": cluster, "role": role})
    machine.ask("sh", "-c", f"echo '{text}' >/{volume}/.holster; sync")


def forget_installation(machine: TestMachine) -> None:
    """Reinstall the operating system of a machine that is off: its disks stay."""
    for path in (machine.upper / "var/lib/holster").glob("*.json"):
        path.unlink()
    (machine.upper / "etc/fstab").write_text("")


def mounts(machine: TestMachine) -> list[str]:
    """Return the lines of volumes that are mounted."""
    return [line for line in machine.ask("cat", "/proc/self/mountinfo").splitlines() if " /pg" in line]


def log_of(machine: TestMachine) -> str:
    """Return what the first-boot program said."""
    return (machine.folder / "firstboot.log").read_text()


@pytest.mark.parametrize(
    ("volume", "role", "cluster"),
    [("pgdata", "data", "other"), ("pgwal", "wal", "other"), ("pgdata", "wal", "demo")],
)
def test_volumes_of_another_cluster_are_refused_without_writing_a_byte(
    machine: TestMachine, volume: str, role: str, cluster: str
) -> None:
    """The group is named pg everywhere: disks of another cluster were attached by mistake."""
    assert run(machine) == 0
    change_marker(machine, volume, role, cluster)
    machine.switch_off()
    forget_installation(machine)
    machine.switch_on()
    machine.trip(0, "never")
    before = {each: digest(machine, each) for each in SIZES}
    assert run(machine) == 3, log_of(machine)
    failure = machine.status()["failure"]
    assert isinstance(failure, dict)
    assert failure["cause"] == "volume-of-another", failure
    assert f"the {role} volume of cluster {cluster}" in failure["reason"]
    assert mounts(machine) == []
    assert {each: digest(machine, each) for each in SIZES} == before
    assert not (machine.upper / "var/lib/holster/storage.json").exists()
    assert (machine.upper / "etc/fstab").read_text() == ""


def test_swapped_disks_of_a_sealed_machine_are_refused_without_writing_a_byte(machine: TestMachine) -> None:
    """Every boot looks at a file system that this machine did not make."""
    assert run(machine) == 0
    change_marker(machine, "pgwal", "wal", "other")
    machine.ask("umount", "/pgwal")
    machine.ask("tune2fs", "-f", "-U", "random", "/dev/mapper/pg-pg_val")
    reboot(machine)
    before = {each: digest(machine, each) for each in SIZES}
    assert machine.start(PROGRAM, "storage", log="firstboot.log").wait(60) == 3, log_of(machine)
    assert "volume-of-another: /dev/mapper/pg-pg_val is the wal volume of cluster other" in log_of(machine)
    assert mounts(machine) == []
    assert {each: digest(machine, each) for each in SIZES} == before


def test_an_unequal_pair_is_refused_and_nothing_of_it_stays(machine: TestMachine) -> None:
    """What only a mount shows leaves no mount, no line of fstab, and no plan for the next boot."""
    assert run(machine) == 0
    machine.ask("sh", "-c", "mkdir /pgdata/15/data; echo kept >/pgdata/15/data/f; sync")
    machine.switch_off()
    forget_installation(machine)
    machine.switch_on()
    machine.trip(0, "never")
    assert run(machine) == 3, log_of(machine)
    failure = machine.status()["failure"]
    assert isinstance(failure, dict)
    assert failure["cause"] == "volumes-unequal", failure
    assert mounts(machine) == []
    assert not (machine.upper / "var/lib/holster/storage.json").exists()
    assert (machine.upper / "etc/fstab").read_text() == ""


@pytest.mark.parametrize("late", [("data",), ("wal",), ("data", "wal")])
def test_the_storage_unit_waits_for_a_late_disk(machine: TestMachine, late: tuple[str, ...]) -> None:
    """A controller that is slow; the real LVM lists a group of which one disk is not there."""
    assert run(machine) == 0
    machine.switch_off()
    nodes = {(machine.folder / "dev/disk/by-id" / name).resolve() for name in late}
    numbers = {node: node.stat().st_rdev for node in nodes}
    for node in nodes:
        node.unlink()
    machine.switch_on()
    machine.trip(0, "never")
    (machine.folder / "firstboot.log").write_text("")
    started = machine.start(PROGRAM, "storage", log="firstboot.log")
    deadline = time.monotonic() + 60
    while "[storage] waiting: " not in log_of(machine) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert started.poll() is None, log_of(machine)
    assert mounts(machine) == []
    for node, number in numbers.items():
        os.mknod(node, stat.S_IFBLK | 0o600, number)
    assert started.wait(60) == 0, log_of(machine)
    assert len(mounts(machine)) == 2


HOLD = """import os, sys, time
os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)
print("held", flush=True)
while not os.path.exists("/run/released"):
    time.sleep(0.1)
"""


def test_the_storage_unit_waits_for_a_volume_that_is_held(machine: TestMachine) -> None:
    """As systemd-fsck holds it: the words of the real mount(8)."""
    assert run(machine) == 0
    reboot(machine)
    machine.ask("vgchange", "-ay", "pg")
    holder = machine.start("python3", "-c", HOLD, "/dev/mapper/pg-pg_val", log="holder.log")
    deadline = time.monotonic() + 60
    while "held" not in (machine.folder / "holder.log").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    started = machine.start(PROGRAM, "storage", log="firstboot.log")
    while "[storage] waiting: /dev/mapper/pg-pg_val is in use" not in log_of(machine):
        assert started.poll() is None, log_of(machine)
        time.sleep(0.2)
    machine.ask("touch", "/run/released")
    assert holder.wait(10) == 0
    assert started.wait(60) == 0, log_of(machine)
    assert len(mounts(machine)) == 2


FOREIGN = {
    "ext4": "mkfs.ext4 -q -F {disk}",
    "xfs or swap": "mkswap {disk}",
    "partition table": r"printf '\200\0\0\0\203\0\0\0\0\010\0\0\0\020\0\0' "
    r"| dd of={disk} bs=1 seek=446 status=none "
    r"&& printf '\125\252' | dd of={disk} bs=1 seek=510 status=none",
    "another volume group": "pvcreate -q {disk} && vgcreate -q backup {disk}",
    "an LVM disk without a group": "pvcreate -q {disk}",
    "data without a signature": "head -c 100000 /dev/urandom | dd of={disk} bs=1M seek=2 status=none",
    "data at the end": "echo data | dd of={disk} bs=512 seek=$(($(blockdev --getsz {disk}) - 1)) status=none",
    "ext4 at sector 63 without its table": "truncate -s 200M /run/fs && mkfs.ext4 -q /run/fs "
    "&& dd if=/run/fs of={disk} bs=512 seek=63 conv=sparse status=none",
    "a lost partition table": "dd if=/dev/zero of=/run/fs bs=1M count=20 status=none && mkfs.ext4 -q /run/fs "
    "&& dd if=/run/fs of={disk} bs=1M seek=1 status=none",
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("name", ["data", "wal"])
def test_a_foreign_disk_is_left_as_it_is(machine: TestMachine, name: str, kind: str) -> None:
    """A foreign disk is left as it is."""
    disk = machine.ask("readlink", "-f", f"/dev/disk/by-id/{name}")
    machine.ask("sh", "-c", FOREIGN[kind].format(disk=disk))
    machine.trip(0, "never")
    before = {each: digest(machine, each) for each in SIZES}
    assert run(machine) == 3, (machine.folder / "firstboot.log").read_text()
    failure = machine.status()["failure"]
    assert isinstance(failure, dict)
    assert failure["cause"] == "disk-foreign", failure
    assert {each: digest(machine, each) for each in SIZES} == before
    assert machine.count_commands() == 0
    assert not (machine.upper / "var/lib/holster/storage.json").exists()


# The ext4 at 1 MiB is in the partition that the table names.
PARTITIONED = f"{FOREIGN['partition table']} && {FOREIGN['a lost partition table']}"


def has_cause(machine: TestMachine, cause: str) -> bool:
    """Run the stages; say whether the disks were refused so, and left as they are."""
    before = {each: digest(machine, each) for each in SIZES}
    code = run(machine)
    failure = machine.status()["failure"]
    assert isinstance(failure, dict), log_of(machine)
    assert {each: digest(machine, each) for each in SIZES} == before
    return (code, failure["cause"]) == (3, cause)


def clear(machine: TestMachine, disk: str, cause: str) -> None:
    """Do what the hint of a cause says."""
    command = re.search(r"`(wipefs -a DISK .*)`", StorageStage.hints[cause])
    assert command
    machine.ask("sh", "-c", command[1].replace("DISK", disk))


@pytest.mark.parametrize("kind", ["partitions", "data without a signature", "data at the end"])
@pytest.mark.parametrize("name", ["data", "wal"])
def test_the_hint_clears_a_disk(machine: TestMachine, name: str, kind: str) -> None:
    """What `disk-foreign` tells an operator: wipefs alone leaves the file system at 1 MiB."""
    disk = machine.ask("readlink", "-f", f"/dev/disk/by-id/{name}")
    machine.ask("sh", "-c", {**FOREIGN, "partitions": PARTITIONED}[kind].format(disk=disk))
    assert has_cause(machine, "disk-foreign")
    machine.ask("wipefs", "-a", disk)
    assert has_cause(machine, "disk-foreign")
    clear(machine, disk, "disk-foreign")
    assert run(machine) == 0, log_of(machine)


def test_the_documented_commands_are_those_of_the_hint() -> None:
    """They leave exactly what counts as blank."""
    text = (Path(__file__).resolve().parents[2] / "docs/first-boot.md").read_text("utf-8")
    block = text.partition("## Disks that were used before")[2].split("```")[1]
    for line in block.splitlines()[1:]:
        command = line.removesuffix(" conv=fsync").replace(" - 8192", "-8192").strip()
        assert command in StorageStage.hints["disk-foreign"]
        assert command in StorageStage.hints["disk-replaced"]


def test_a_label_that_the_power_cut_took_is_written_again(machine: TestMachine) -> None:
    """The real pvcreate writes its header, then the label in sector 1; the cut was between the two."""
    machine.trip(1, "after")
    run(machine)
    disk = machine.ask("readlink", "-f", "/dev/disk/by-id/data")
    machine.ask("dd", "if=/dev/zero", f"of={disk}", "bs=512", "seek=1", "count=1", "conv=fsync")
    reboot(machine)
    assert run(machine) == 0, log_of(machine)


def test_somebody_elses_header_without_a_label_is_foreign(machine: TestMachine) -> None:
    """The same bytes on a machine that did not begin to make volumes."""
    disk = machine.ask("readlink", "-f", "/dev/disk/by-id/data")
    machine.ask("pvcreate", "-q", disk)
    machine.ask("dd", "if=/dev/zero", f"of={disk}", "bs=512", "seek=1", "count=1", "conv=fsync")
    machine.trip(0, "never")
    assert has_cause(machine, "disk-foreign"), log_of(machine)


def test_the_hint_clears_a_pair_of_an_earlier_installation(machine: TestMachine) -> None:
    """What `disk-replaced` tells an operator, and the way to start from nothing: our own group is removed."""
    assert run(machine) == 0
    machine.switch_off()
    forget_installation(machine)
    machine.switch_on()
    machine.trip(0, "never")
    disks = [machine.ask("readlink", "-f", f"/dev/disk/by-id/{name}") for name in SIZES]
    machine.ask("/usr/sbin/lvm", "vgremove", "--driverloaded", "n", "-f", "pg")
    for disk in disks:
        machine.ask("wipefs", "-a", disk)
    assert has_cause(machine, "disk-foreign"), log_of(machine)
    for disk in disks:
        clear(machine, disk, "disk-replaced")
    assert run(machine) == 0, log_of(machine)


@pytest.mark.parametrize("name", ["data", "wal"])
def test_a_replaced_disk_is_refused_and_its_partner_left_as_it_is(machine: TestMachine, name: str) -> None:
    """The real LVM lists the lost disk of the group as unknown."""
    assert run(machine) == 0
    machine.switch_off()
    with (machine.folder / f"{name}.img").open("r+b") as stream:
        stream.truncate(0)
        stream.truncate(SIZES[name] * MIB)
    sh("sync")
    machine.switch_on()
    machine.trip(0, "never")
    before = {each: digest(machine, each) for each in SIZES}
    assert run(machine) == 3, (machine.folder / "firstboot.log").read_text()
    failure = machine.status()["failure"]
    assert isinstance(failure, dict)
    assert failure["cause"] == "disk-replaced", failure
    assert {each: digest(machine, each) for each in SIZES} == before


def test_a_half_committed_volume_group_is_completed(machine: TestMachine) -> None:
    """The power went while vgcreate wrote: one disk knows of the group, the other does not yet."""
    machine.trip(3, "before")
    run(machine)
    second = machine.folder / "wal.img"
    sh("sync")
    labelled = second.read_bytes()
    machine.trip(2, "before")
    run(machine)
    sh("sync")
    with second.open("r+b") as stream:
        stream.write(labelled)
    reboot(machine)
    assert run(machine) == 0, (machine.folder / "firstboot.log").read_text()[-3000:]


def has_resource_capability() -> bool:
    """Say whether this process may resize a mounted ext4 (CAP_SYS_RESOURCE, which containers lack)."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(found and int(found[1], 16) >> 24 & 1)


def test_a_grown_disk_grows_volume_and_file_system(machine: TestMachine) -> None:
    """A grown disk grows volume and file system."""
    assert run(machine) == 0
    before = int(machine.ask("stat", "-f", "-c", "%b", "/pgdata"))
    machine.switch_off()
    image = machine.folder / "data.img"
    with image.open("r+b") as stream:
        stream.truncate(640 * MIB)
    for device in sh("losetup", "--noheadings", "--output", "NAME", "--associated", image).split():
        sh("losetup", "--set-capacity", device)
    machine.switch_on()
    machine.trip(0, "never")
    assert machine.start(PROGRAM, "storage", log="firstboot.log").wait(60) == 0
    # The loop device that stands in for the volume gets its new size when it is made again.
    machine.switch_off()
    machine.switch_on()
    machine.trip(0, "never")
    assert machine.start(PROGRAM, "storage", log="firstboot.log").wait(60) == 0, (
        machine.folder / "firstboot.log"
    ).read_text()
    assert "lvextend -l 151 pg/pg_data" in (machine.folder / "firstboot.log").read_text()
    if not has_resource_capability():
        pytest.skip("outside tool absent: CAP_SYS_RESOURCE, to resize a mounted ext4")
    assert int(machine.ask("stat", "-f", "-c", "%b", "/pgdata")) > before * 1.8


def test_a_loop_device_that_another_machine_took_first_is_not_seen(machine: TestMachine) -> None:
    """The stand-in's own trap: a node left behind shows this machine a disk of another one."""
    machine.write("/opt/stand-in/losetup", LATE_LOSETUP.encode(), 0o755)
    assert run(machine) == 0, (machine.folder / "firstboot.log").read_text()
    assert machine.ask("ls", "/run/late")
    assert "loop99" not in machine.ask("ls", "/dev").split()
