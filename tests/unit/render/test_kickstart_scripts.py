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


def test_the_policy_stands_before_the_vendors_settings(tmp_path: Path) -> None:
    """Sshd takes the first value of a setting."""
    config = tmp_path / "sshd_config"
    config.write_text("PasswordAuthentication yes\nUsePAM yes\n", "utf-8")
    config.chmod(0o600)
    assert run("post-sshd.sh", tmp_path, sshd_config=str(config), ssh_port="2222").returncode == 0
    lines = config.read_text("utf-8").splitlines()
    assert lines.index("PasswordAuthentication no") < lines.index("PasswordAuthentication yes")
    assert "Port 2222" in lines
    assert "UsePAM yes" in lines
    assert config.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["sshd_config"]
