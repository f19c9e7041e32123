"""Two ways onto a machine leave the same files: the kickstart's `%post` and cloud-init's `write_files`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pytest

from generator.pack.node_program import build_node_program
from generator.pack.seed import read_seed
from tests.external.machine_fixtures import demand_privileges
from tests.fakes.installation import Entry, Installation, describe_tree, read_sections

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.external

PROGRAMS = {"programs/consul": b"the program Consul", "programs/vip-manager": b"the program vip-manager"}
ADDED = {
    "/usr/bin/consul",
    "/usr/bin/vip-manager",
    "/usr/local/sbin",
    "/usr/local/sbin/holster-node",
}
"""What a kickstart brings and an image has already."""
STATE = ("/etc/cloud", "/etc/sysconfig")
"""Cloud-init's own: its configuration and the host name, which the installer writes elsewhere."""
CLOUD_CFG = """cloud_init_modules: [write_files]
cloud_config_modules: []
cloud_final_modules: []
network: {config: disabled}
"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Return a machine before anything was delivered."""
    demand_privileges()
    return Installation(tmp_path / "kickstart")


def install(installation: Installation, node: Path) -> None:
    """Deliver by the rendered kickstart file and the disc that it came from."""
    disc = read_seed(node / "oemdrv.iso")
    assert disc.label == "OEMDRV"
    installation.insert_disc("OEMDRV", disc.files)
    installation.insert_disc("HOLSTER", PROGRAMS)
    posts = [section for section in read_sections(disc.files["ks.cfg"].decode()) if section.kind == "%post"]
    assert any("--nochroot" in section.options for section in posts)
    for section in posts:
        assert "--erroronfail" in section.options
        done = installation.run(section)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def start_cloud_init(tmp_path: Path, tool: Callable[..., Path]) -> Callable[[str, Path, str], Path]:
    """Return a function that delivers by cloud-init, with the image's configuration, into a tree."""

    def start(version: str, output: Path, node: str) -> Path:
        program = tool("cloud-init", version)
        machine = Installation(tmp_path / "image")
        for name, content in read_seed(output / "nodes" / node / "seed.iso").files.items():
            path = machine.tree / "var/lib/cloud/seed/nocloud" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        settings = machine.tree / "etc/cloud/cloud.cfg.d"
        settings.mkdir(parents=True)
        (settings.parent / "cloud.cfg").write_text(CLOUD_CFG)
        image = output / "packer/files/etc/cloud/cloud.cfg.d/99-holster.cfg"
        (settings / image.name).write_bytes(image.read_bytes())
        for stage in (("init", "--local"), ("init",)):
            done = machine.run_inside(f"/mnt/{program.name}", *stage, bound=program.parent)
            assert done.returncode == 0, done.stderr
        return machine.tree

    return start


@pytest.mark.parametrize(("node", "version"), [("pg1", "22.4"), ("consul1", "25.1")])
def test_both_ways_leave_the_same_files(
    installation: Installation,
    rendered_example: Callable[..., Path],
    start_cloud_init: Callable[[str, Path, str], Path],
    node: str,
    version: str,
) -> None:
    """Same files and folders, owners, modes and bytes (design §2)."""
    output = rendered_example("sirius", "redos8")
    install(installation, output / "nodes" / node)
    tree = start_cloud_init(version, output, node)
    by_kickstart, by_cloud_init = describe_tree(installation.tree), describe_tree(tree, without=STATE)
    assert {path: by_kickstart[path] for path in by_kickstart if path not in ADDED} == by_cloud_init
    assert by_kickstart["/etc/sudoers.d"].mode == "drwxr-x---"
    check_payload(installation.tree, by_kickstart)


def check_payload(tree: Path, entries: dict[str, Entry]) -> None:
    """Compare with what node.json will make the first boot expect: nothing less, and nothing more."""
    document = json.loads((tree / "etc/holster/node.json").read_text())
    wanted = {item["path"]: (item["mode"], item["sha256"]) for item in document["files"]}
    delivered = {path for path, entry in entries.items() if entry.digest and path not in ADDED}
    assert delivered - set(wanted) == {"/etc/holster/node.json", "/etc/passwd", "/etc/group"}
    for path, (mode, digest) in wanted.items():
        facts = (tree / path.lstrip("/")).stat()
        assert (f"{facts.st_mode & 0o7777:04o}", facts.st_uid, facts.st_gid) == (mode, 0, 0), path
        assert entries[path].digest == digest, path


def test_a_kickstart_brings_the_programs_and_leaves_no_copy_of_the_payload(
    installation: Installation, rendered_example: Callable[..., Path]
) -> None:
    """The archive holds every secret of the machine; the unit is enabled, nothing is started."""
    install(installation, rendered_example("sirius", "redos8") / "nodes" / "pg1")
    tree = installation.tree
    assert (tree / "usr/local/sbin/holster-node").read_bytes() == build_node_program()
    found = describe_tree(tree)
    assert {path for path in found if path.startswith(("/usr/bin/", "/usr/local/sbin", "/root"))} == ADDED
    assert {found[path].mode for path in ADDED - {"/usr/local/sbin"}} == {"-rwxr-xr-x"}
    calls = installation.calls
    assert [call for call in calls if call.startswith("systemctl")] == [
        "systemctl enable holster-firstboot.service"
    ]
    assert [call.split()[0] for call in calls if "mount" in call] == ["mount", "umount"] * 2


LSBLK = """case "$*" in
*FSTYPE*) echo ;;
*SIZE*) echo $((30 << 30)) ;;
*TYPE*) echo disk ;;
*RO*) echo {read_only} ;;
*KNAME*) basename "$5" && echo "$(basename "$5")1" ;;
esac
"""
SDA, SDB = "mknod sda b 7 100", "mknod sdb b 7 101"
IS_VOLUME, IS_DATA = "carries LVM", "is a data disk of this machine (path=/dev/sdb)"


class Case(NamedTuple):
    """What the installer finds: devices, LVM's disks with their groups; and what the guard says to it."""

    node: str
    devices: str
    volumes: str = ""
    read_only: int = 0
    reason: str = ""


CASES = {
    "no-disk": Case("pg1", SDB, reason="the install disk /dev/sda does not exist"),
    "no-device": Case("pg1", "touch sda", reason="the install disk /dev/sda does not exist"),
    "read-only": Case("pg1", SDA, read_only=1, reason="/dev/sda is read-only"),
    "renamed": Case("pg1", f"{SDB} && ln -s sdb sda", "/dev/sdc pg\n/dev/sdb pg", reason=IS_DATA),
    "by-id": Case("pg1", f"{SDA} && ln -s sda by-id", "/dev/by-id pg", reason=IS_VOLUME),
    "another-group": Case("pg1", SDA, "/dev/sda1 erp", reason=IS_VOLUME),
    "no-member": Case("consul1", SDA, "/dev/sda erp", reason=IS_VOLUME),
    "again": Case("pg1", SDA, "/dev/sdb pg\n/dev/sdc pg"),
    "again-no-member": Case("consul1", SDA),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_trap_05_the_rendered_guard_refuses_a_doubtful_install_disk(
    installation: Installation, rendered_example: Callable[..., Path], case: Case
) -> None:
    """Before anything is cleared: the disk is there, writable, and carries nothing but an installation."""
    kickstart = (rendered_example("sirius", "redos8") / "nodes" / case.node / "ks.cfg").read_text()
    guard = read_sections(kickstart)[0]
    assert (guard.kind, "--erroronfail" in guard.options) == ("%pre", True)
    installation.stand_in("lsblk", LSBLK.format(read_only=case.read_only))
    installation.stand_in("lvm", f"echo '{case.volumes}'\n")
    done = installation.run(guard, case.devices)
    assert done.returncode == bool(case.reason), done.stderr
    assert case.reason in done.stderr
    readers = ("udevadm settle", "udevadm info", "lsblk", "lvm pvs")
    assert all(call.startswith(readers) for call in installation.calls)
