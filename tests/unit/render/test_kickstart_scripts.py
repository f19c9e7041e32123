"""The hand-written kickstart scripts, run by a shell as the installer runs them."""

from __future__ import annotations

import configparser
import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator.sizing import SMALLEST_SYSTEM_MIB
from generator.spec.disk_ids import normalise_wwn
from tests.unit.spec.test_disk_ids import WWN_FORMS

if TYPE_CHECKING:
    from collections.abc import Callable

    Guard = Callable[..., subprocess.CompletedProcess[str]]

FOLDER = Path(__file__).resolve().parents[3] / "kickstart"

pytestmark = pytest.mark.external


def run(script: str, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a fragment with its inputs set; programs in `path` come first."""
    head = "".join(f"{name}={value!r}\n" for name, value in variables.items())
    return subprocess.run(
        ["sh", "-c", head + (FOLDER / script).read_text("utf-8")],
        env={"PATH": f"{path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def fake(tmp_path: Path) -> Callable[[str, str], None]:
    """Return a function that puts a program with this script on PATH."""

    def make(name: str, script: str) -> None:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        program.chmod(0o755)

    make("udevadm", "exit 0")
    return make


def block_device() -> str:
    """Return any block device of this machine."""
    found = next((path for path in Path("/dev").iterdir() if path.is_block_device()), None)
    if found is None:
        pytest.skip("this machine has no block device to look at")
    return str(found)


NO_DATA_DISKS = {"data_disk": "", "wal_disk": ""}
ANSWERS = {
    "TYPE": "disk",
    "RO": "0",
    "SIZE": str(11 << 30),
    "KNAME": "sda\nsda1\nsda2",
    "SERIAL": "SYS-1",
    "WWN": "0x5000c5000000aaaa",
}
"""What lsblk says of a disk with partitions of its own; of a column that is not here, nothing."""


@pytest.fixture
def guard(tmp_path: Path, fake: Callable[[str, str], None]) -> Guard:
    """Return a function that runs the guard on a machine whose programs give these answers.

    `answers` are lsblk's by column, `shown` what files of sysfs say, `lvm` and `udev` what these
    programs print; a script that begins with `exit` is one that fails.
    """

    def say(text: str) -> str:
        return text if text.startswith("exit") else f"echo {shlex.quote(text)}"

    def judge(
        *,
        lvm: str = "",
        udev: str = "",
        answers: dict[str, str] | None = None,
        shown: dict[str, str] | None = None,
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        columns = {**ANSWERS, **(answers or {})}
        cases = "".join(f"*'--output {name} '*) {say(text)} ;;\n" for name, text in columns.items())
        fake("lsblk", f'case "$*" in\n{cases}esac')
        fake("lvm", say(lvm))
        fake("udevadm", f'case "$*" in info*) {say(udev)} ;; esac')
        sysfs = tmp_path / "sys" / Path(block_device()).resolve().name
        for name, text in (shown or {}).items():
            (sysfs / name).parent.mkdir(parents=True, exist_ok=True)
            (sysfs / name).write_text(f"{text}\n", "utf-8")
        inputs = {
            "install_disk": block_device(),
            "sysfs": str(sysfs.parent),
            "smallest_mib": str(SMALLEST_SYSTEM_MIB),
            **NO_DATA_DISKS,
            **variables,
        }
        return run("pre-guard.sh", tmp_path, **inputs)

    return judge


def test_a_missing_install_disk_is_refused(tmp_path: Path, guard: Guard) -> None:
    """The installer would take another one, or ask."""
    done = guard(install_disk=f"{tmp_path}/none")
    assert done.returncode == 1
    assert "does not exist" in done.stderr


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"TYPE": "part"}, "not a whole disk"),
        ({"TYPE": "rom"}, "not a whole disk"),
        ({"RO": "1"}, "read-only"),
    ],
)
def test_only_a_whole_disk_is_taken(guard: Guard, answers: dict[str, str], reason: str) -> None:
    """A partition or a drive for discs is no place for the system."""
    done = guard(answers=answers)
    assert done.returncode == 1
    assert reason in done.stderr


@pytest.mark.parametrize(
    "variables", [NO_DATA_DISKS, {"data_disk": "serial=DATA-1", "wal_disk": "path=/dev/none"}]
)
@pytest.mark.parametrize("lvm", ["", "  /dev/sdb pg\n  /dev/sdc pg"])
def test_trap_05_a_machine_is_installed_again_without_a_hand(
    guard: Guard, lvm: str, variables: dict[str, str]
) -> None:
    """The installer's own layout is plain partitions; the volume group stays on the other disks."""
    answers = {"FSTYPE": "", "KNAME": "sda\nsda1\nsda2\nsda3"}
    done = guard(lvm=lvm, answers=answers, **variables)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("lvm", "words"),
    [
        ("  /dev/sda2 pg", "lvm vgremove pg, then lvm pvremove /dev/sda2"),
        ("  /dev/sdb pg\n  /dev/sda vg_of_before", "lvm vgremove vg_of_before, then lvm pvremove /dev/sda"),
        ("  /dev/sda1 ", "lvm pvremove /dev/sda1"),
    ],
)
def test_trap_05_lvm_on_the_install_disk_is_refused_whatever_it_is_called(
    guard: Guard, lvm: str, words: str
) -> None:
    """Names change between boots, and groups: data under yesterday's name is data."""
    done = guard(lvm=lvm)
    assert done.returncode == 1
    assert "carries LVM" in done.stderr
    assert "storage.os_disk" in done.stderr
    assert done.stderr.rstrip().endswith(words)


def test_trap_05_a_machine_without_data_volumes_is_guarded_as_well(guard: Guard) -> None:
    """A Consul server may stand beside disks that are not ours."""
    assert guard(lvm="  /dev/sda2 erp").returncode == 1


@pytest.mark.parametrize("lvm", ["exit 5", "exit 127"])
def test_trap_05_an_lvm_that_does_not_answer_refuses(guard: Guard, lvm: str) -> None:
    """A guard that cannot see must not let pass."""
    done = guard(lvm=lvm)
    assert done.returncode == 1
    assert "lvm does not say" in done.stderr


@pytest.mark.parametrize("column", ["KNAME", "SERIAL", "WWN", "FSTYPE", "SIZE"])
def test_trap_05_a_disk_that_does_not_answer_is_refused(guard: Guard, column: str) -> None:
    """Likewise for what lsblk is asked."""
    done = guard(answers={column: "exit 1"})
    assert done.returncode == 1
    assert "lsblk does not say" in done.stderr


@pytest.mark.parametrize(
    ("selector", "answers", "udev"),
    [
        ("serial=DATA-1", {"SERIAL": "DATA-1  "}, ""),
        ("serial=DATA-1", {}, "DEVNAME=/dev/sda\nID_SERIAL_SHORT=DATA-1"),
        ("serial=VMware NVME_0000", {"SERIAL": "VMware_NVME_0000"}, ""),
        ("serial=VMware_NVME_0000", {}, "ID_SERIAL_SHORT=VMware  NVME_0000"),
        ("serial=7c1e2f4a-0b7d-4e64-9b0c-1a2b3c4d5e6f", {"SERIAL": "7c1e2f4a-0b7d-4e64-9"}, ""),
        ("wwn=0x5000c500a1b2c3d4", {"WWN": "0x5000c500a1b2c3d4"}, ""),
        ("wwn=5000c500a1b2c3d4", {"WWN": "0x5000C500A1B2C3D4"}, ""),
        ("wwn=5000c500a1b2c3d4", {}, "ID_WWN_WITH_EXTENSION=0x5000c500a1b2c3d4"),
        ("wwn=0025388b71b1a2c3", {"WWN": "eui.0025388b71b1a2c3"}, ""),
        ("path=/dev/disk/by-id/wwn-0x5000c500a1b2c3d4", {"WWN": "0x5000c500a1b2c3d4"}, ""),
        ("path=/dev/disk/by-id/scsi-35000c500a1b2c3d4", {"WWN": "0x5000c500a1b2c3d4"}, ""),
        ("path=/dev/disk/by-id/dm-uuid-mpath-35000c500a1b2c3d4", {"WWN": "0x5000c500a1b2c3d4"}, ""),
        ("path=/dev/disk/by-id/nvme-eui.0025388b71b1a2c3", {"WWN": "eui.0025388b71b1a2c3"}, ""),
    ],
)
@pytest.mark.parametrize("volume", ["data_disk", "wal_disk"])
def test_trap_05_a_data_disk_under_the_name_of_the_install_disk_is_refused(
    guard: Guard, volume: str, selector: str, answers: dict[str, str], udev: str
) -> None:
    """Also one without LVM: `clearpart` asks nobody."""
    done = guard(udev=udev, answers=answers, **{volume: selector})
    assert done.returncode == 1
    assert f"is a data disk of this machine ({selector})" in done.stderr


@pytest.mark.parametrize("form", WWN_FORMS)
def test_every_form_of_a_wwn_is_one_disk(guard: Guard, form: str) -> None:
    """The spec's form, whatever lsblk, udev or the kernel print: those of test_disk_ids.py."""
    digits = normalise_wwn(form)
    for seen in ({"answers": {"WWN": form}}, {"udev": f"ID_WWN={form}"}, {"shown": {"device/wwid": form}}):
        done = guard(data_disk=f"wwn={digits}", **seen)
        assert done.returncode == 1, done.stderr
        assert "is a data disk of this machine" in done.stderr
        assert guard(data_disk=f"wwn={digits[:-1]}e", **seen).returncode == 0


def test_a_path_of_a_multipath_disk_is_refused_without_the_advice_to_wipe_it(guard: Guard) -> None:
    """What it holds is on the map."""
    done = guard(answers={"FSTYPE": "mpath_member"})
    assert done.returncode == 1
    assert "multipath" in done.stderr
    assert "wipefs" not in done.stderr


@pytest.mark.parametrize(("size", "code"), [(10 << 30, 1), ((11 << 30) - (1 << 20), 0), (4 << 40, 0)])
def test_a_disk_too_small_for_the_partitions_is_refused(guard: Guard, size: int, code: int) -> None:
    """Anaconda says that it cannot allocate the scheme; 10 GiB fail, 11 GiB work with BIOS and UEFI."""
    done = guard(answers={"SIZE": str(size)})
    assert done.returncode == code
    assert code == 0 or "has 10240 MiB" in done.stderr


def test_a_disk_without_any_name_is_installed(guard: Guard) -> None:
    """Some hypervisors show none."""
    assert guard(answers={"SERIAL": "", "WWN": ""}, data_disk="serial=DATA-1").returncode == 0


def test_trap_05_a_path_that_leads_to_the_install_disk_is_refused(tmp_path: Path, guard: Guard) -> None:
    """Two names of one disk."""
    link = tmp_path / "by-id-data"
    link.symlink_to(block_device())
    done = guard(data_disk=f"path={link}")
    assert done.returncode == 1
    assert "is a data disk of this machine" in done.stderr


def test_trap_05_a_serial_is_no_part_of_another_one(guard: Guard) -> None:
    """DATA-1 is neither DATA-11 nor a pattern for DATA-1."""
    assert (
        guard(answers={"SERIAL": "DATA-11"}, data_disk="serial=DATA-1", wal_disk="serial=D.TA-11").returncode
        == 0
    )


@pytest.mark.parametrize(
    ("types", "reason"),
    [("ext4", "is ext4 as a whole"), ("LVM2_member", "that lvm does not list")],
)
def test_trap_05_a_disk_without_partitions_that_holds_something_is_refused(
    guard: Guard, types: str, reason: str
) -> None:
    """The installer makes partitions: this is somebody else's."""
    done = guard(answers={"FSTYPE": types})
    assert done.returncode == 1
    assert reason in done.stderr
    assert "wipefs --all" in done.stderr


@pytest.fixture
def artifact_disc(tmp_path: Path, fake: Callable[[str, str], None]) -> Path:
    """Return what the disc HOLSTER holds; mounting it is a copy here."""
    source = tmp_path / "artifacts"
    (source / "programs").mkdir(parents=True)
    fake("mount", f'for last; do :; done; cp -R "{source}/." "$last"')
    fake("umount", 'rm -rf "$1"')
    return source


BOTH = {"consul_program": "/usr/bin/consul", "vip_manager_program": "/opt/vip/vip-manager"}


@pytest.mark.parametrize(
    ("present", "wanted", "missing"),
    [
        (["consul", "vip-manager"], BOTH, ""),
        (["consul"], BOTH, "lacks programs/vip-manager"),
        ([], BOTH, "lacks programs/consul programs/vip-manager"),
        (["consul"], {**BOTH, "vip_manager_program": ""}, ""),
    ],
)
def test_trap_17_a_missing_program_is_named_before_the_installation(
    tmp_path: Path, artifact_disc: Path, present: list[str], wanted: dict[str, str], missing: str
) -> None:
    """Afterwards there is no network that could bring it."""
    for name in present:
        (artifact_disc / "programs" / name).touch()
    done = run("pre-programs.sh", tmp_path, disc=f"{tmp_path}/disc", **wanted)
    assert done.returncode == bool(missing)
    assert missing in done.stderr


def test_trap_17_without_the_disc_nothing_is_installed(
    tmp_path: Path, fake: Callable[[str, str], None]
) -> None:
    """The label is named, so that people know what to attach."""
    fake("mount", "exit 32")
    done = run("pre-programs.sh", tmp_path, disc=f"{tmp_path}/disc", **BOTH)
    assert done.returncode == 1
    assert "label HOLSTER" in done.stderr


@pytest.mark.parametrize(
    ("present", "vip_manager", "reason"),
    [
        (None, "", ""),
        ([], "", ""),
        (["vip-manager"], "/opt/vip/vip-manager", ""),
        (["consul"], "", ""),
        ([], "/opt/vip/vip-manager", "lacks programs/vip-manager"),
        (None, "/opt/vip/vip-manager", "label HOLSTER"),
    ],
)
def test_a_consul_with_a_declared_source_may_be_absent_from_the_disc(
    tmp_path: Path,
    artifact_disc: Path,
    present: list[str] | None,
    vip_manager: str,
    reason: str,
) -> None:
    """The first boot installs it; what is on the disc is used, and all else stays demanded."""
    if present is None:
        (tmp_path / "mount").write_text("#!/bin/sh\nexit 32\n", "utf-8")
    for name in present or ():
        (artifact_disc / "programs" / name).touch()
    target = tmp_path / "sysimage"
    inputs = {
        "consul_program": "/usr/bin/consul",
        "vip_manager_program": vip_manager,
        "disc": f"{tmp_path}/disc",
    }
    guard = run("pre-programs.sh", tmp_path, consul_has_source="yes", **inputs)
    copy = run("post-programs.sh", tmp_path, consul_has_source="yes", target=str(target), **inputs)
    assert (guard.returncode, reason in guard.stderr) == (bool(reason), True), guard.stderr
    assert bool(copy.returncode) is bool(reason), copy.stderr
    if not reason:
        assert (target / "usr/bin/consul").exists() is ("consul" in (present or ()))
        assert (target / "opt/vip/vip-manager").exists() is bool(vip_manager)


def test_programs_of_the_disc_reach_their_places(tmp_path: Path, artifact_disc: Path) -> None:
    """Executable, below folders that need not exist."""
    for name in ("consul", "vip-manager"):
        (artifact_disc / "programs" / name).write_text(name, "utf-8")
    target = tmp_path / "sysimage"
    done = run("post-programs.sh", tmp_path, disc=f"{tmp_path}/disc", target=str(target), **BOTH)
    assert done.returncode == 0, done.stderr
    for path, name in (
        (target / "usr/bin/consul", "consul"),
        (target / "opt/vip/vip-manager", "vip-manager"),
    ):
        assert path.read_text("utf-8") == name
        assert path.stat().st_mode & 0o777 == 0o755


def test_a_user_of_consul_is_made_once(tmp_path: Path, fake: Callable[[str, str], None]) -> None:
    """A system user: of a person's user systemd would remove shared memory at logout."""
    fake("useradd", f'echo "$@" > {tmp_path}/made')
    fake("restorecon", "exit 0")
    inputs = {"consul_data": "/opt/consul", **BOTH}
    assert run("post-consul-user.sh", tmp_path, consul_user="root", **inputs).returncode == 0
    assert not (tmp_path / "made").exists()
    assert run("post-consul-user.sh", tmp_path, consul_user="nobody-of-that-name", **inputs).returncode == 0
    assert "--system" in (tmp_path / "made").read_text("utf-8").split()


def test_the_policy_stands_before_the_vendors_settings(tmp_path: Path) -> None:
    """Sshd takes the first value of a setting."""
    config = tmp_path / "sshd_config"
    config.write_text("PasswordAuthentication yes\nUsePAM yes\n", "utf-8")
    config.chmod(0o600)
    assert run("post-sshd.sh", tmp_path, sshd_config=str(config), ssh_port="2222").returncode == 0
    lines = config.read_text("utf-8").splitlines()
    assert lines.index("PasswordAuthentication no") < lines.index("PasswordAuthentication yes")
    assert "Port 2222" in lines
    # sshd before 8.7 asks PAM for a password unless this older name says no.
    assert "ChallengeResponseAuthentication no" in lines
    assert "UsePAM yes" in lines
    assert config.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["sshd_config"]


KEYFILE = """\
[connection]
id=ens192

[ipv4]
dns=10.0.0.2;
dns-search=old.example;
method=manual

[ipv6]
method=disabled
"""
IFCFG = "DEVICE=ens192\nBOOTPROTO=none\nDOMAIN=old.example\nDNS1=10.0.0.2\n"


def give_domains(tmp_path: Path, **files: str) -> subprocess.CompletedProcess[str]:
    """Run the fragment over connections below `tmp_path`."""
    script = (FOLDER / "post-search.sh").read_text("utf-8")
    for place in ("/etc/NetworkManager/system-connections", "/etc/sysconfig/network-scripts"):
        folder = tmp_path / place.removeprefix("/")
        folder.mkdir(parents=True, exist_ok=True)
        assert place in script
        script = script.replace(place, str(folder))
    for name, text in files.items():
        kind = "NetworkManager/system-connections" if name == "keyfile" else "sysconfig/network-scripts"
        file = "ens192.nmconnection" if name == "keyfile" else f"ifcfg-{name}"
        path = tmp_path / "etc" / kind / file
        path.write_text(text, "utf-8")
        path.chmod(0o600)
    return subprocess.run(
        ["sh", "-c", f"search_domains='db.example.org example.org'\n{script}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_search_domains_reach_a_keyfile(tmp_path: Path) -> None:
    """As newer installers write connections; twice is once, and the mode stays closed."""
    for _ in range(2):
        assert give_domains(tmp_path, keyfile=KEYFILE).returncode == 0
    (path,) = (tmp_path / "etc/NetworkManager/system-connections").iterdir()
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read_string(path.read_text("utf-8"))
    assert parser["ipv4"]["dns-search"] == "db.example.org;example.org;"
    assert parser["ipv4"]["method"] == "manual"
    assert "dns-search" not in parser["ipv6"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_search_domains_reach_an_ifcfg_file(tmp_path: Path) -> None:
    """As older installers write them; the loopback gets none."""
    for _ in range(2):
        assert give_domains(tmp_path, ens192=IFCFG, lo="DEVICE=lo\n").returncode == 0
    folder = tmp_path / "etc/sysconfig/network-scripts"
    lines = (folder / "ifcfg-ens192").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("DOMAIN")] == ['DOMAIN="db.example.org example.org"']
    assert "DNS1=10.0.0.2" in lines
    assert (folder / "ifcfg-lo").read_text("utf-8") == "DEVICE=lo\n"


def test_search_domains_that_reach_nothing_are_no_success(tmp_path: Path) -> None:
    """A connection without an address, or none at all."""
    assert give_domains(tmp_path).returncode == 1
    answer = give_domains(tmp_path, keyfile="[connection]\nid=x\n")
    assert answer.returncode == 1
    assert "search domains" in answer.stderr
