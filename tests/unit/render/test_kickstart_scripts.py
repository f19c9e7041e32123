"""The hand-written kickstart scripts, run by a shell as the installer runs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

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


DISK = r"""
case "$*" in
*TYPE*) echo disk ;;
*RO*) echo 0 ;;
*KNAME*) printf '%s\n' sda sda1 sda2 ;;
esac
"""


def block_device() -> str:
    """Return any block device of this machine."""
    found = next((path for path in Path("/dev").iterdir() if path.is_block_device()), None)
    if found is None:
        pytest.skip("this machine has no block device to look at")
    return str(found)


@pytest.mark.usefixtures("fake")
def test_a_missing_install_disk_is_refused(tmp_path: Path) -> None:
    """The installer would take another one, or ask."""
    done = run("pre-guard.sh", tmp_path, install_disk=f"{tmp_path}/none", volume_group="pg")
    assert done.returncode == 1
    assert "does not exist" in done.stderr


@pytest.mark.parametrize(("answer", "reason"), [("part", "not a whole disk"), ("rom", "not a whole disk")])
def test_only_a_whole_disk_is_taken(
    tmp_path: Path, fake: Callable[[str, str], None], answer: str, reason: str
) -> None:
    """A partition or a drive for discs is no place for the system."""
    fake("lsblk", f"echo {answer}")
    done = run("pre-guard.sh", tmp_path, install_disk=block_device(), volume_group="pg")
    assert done.returncode == 1
    assert reason in done.stderr


@pytest.mark.parametrize(("member", "code"), [("/dev/sda2", 1), ("/dev/sdb", 0)])
def test_trap_05_a_disk_of_the_volume_group_is_refused(
    tmp_path: Path, fake: Callable[[str, str], None], member: str, code: int
) -> None:
    """Names change between boots: the data disk may be called sda today."""
    fake("lsblk", DISK)
    fake("lvm", f"echo '  {member}'")
    done = run("pre-guard.sh", tmp_path, install_disk=block_device(), volume_group="pg")
    assert done.returncode == code, done.stderr
    assert ("physical volume" in done.stderr) is bool(code)


def test_a_machine_without_data_volumes_asks_no_lvm(tmp_path: Path, fake: Callable[[str, str], None]) -> None:
    """A Consul server may carry any volume group."""
    fake("lsblk", DISK)
    fake("lvm", "echo /dev/sda2")
    assert run("pre-guard.sh", tmp_path, install_disk=block_device(), volume_group="").returncode == 0


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
