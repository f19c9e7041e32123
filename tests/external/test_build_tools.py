"""The programs of a build, each asked for real: QEMU, debugfs, xorriso, ssh-keygen, Packer."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import partial
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pycdlib import PyCdlib

from generator.build.examine import find_remains
from generator.platforms.profile import load_profile
from generator.tools import programs
from generator.tools.debugfs import extract, holds_file_system, list_folder
from generator.tools.disc import pack_disc
from generator.tools.packer import check_packer_config, copy_for, needs_plugins
from generator.tools.qemu import probe_accelerator
from generator.tools.ssh_keygen import make_key_pair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generator.tools.toolbox import ToolBox
    from generator.versions import VersionNumber

pytestmark = pytest.mark.external


def make_disk(folder: Path, target: Path) -> Path:
    """Write an ext4 file system with the folder's files."""
    mke2fs = shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert mke2fs
    subprocess.run([mke2fs, "-q", "-t", "ext4", "-d", folder, target, "16M"], check=True, timeout=60)
    return target


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree as hygiene should leave it."""
    for name in ("etc/ssh/sshd_config", "etc/passwd", "etc/machine-id", "var/lib/systemd/x", "home/x/y"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "etc/machine-id" else "root:x:0:0\n")
    for name in ("etc/consul.d", "etc/patroni", "var/lib/consul", "var/lib/cloud"):
        (tmp_path / "root" / name).mkdir()
    (tmp_path / "root/var/lib/postgresql/17/main").mkdir(parents=True)
    return tmp_path / "root"


def remains(toolbox: ToolBox, root: Path, tmp_path: Path) -> list[str]:
    """Return what is found on a disk with this tree."""
    raw = make_disk(root, tmp_path / "disk.raw")
    return find_remains(toolbox.find(programs.DEBUGFS), raw, tmp_path, load_profile("debian13"))


def test_a_clean_disk_has_no_remains(
    tool: Callable[..., Path], toolbox: ToolBox, root: Path, tmp_path: Path
) -> None:
    """An empty folder is not an absent one."""
    tool("debugfs")
    assert remains(toolbox, root, tmp_path) == []


REMAINS = {
    "etc/machine-id": "/etc/machine-id is not empty",
    "etc/ssh/ssh_host_ed25519_key": "a host key: /etc/ssh/ssh_host_ed25519_key",
    "var/lib/systemd/random-seed": "/var/lib/systemd/random-seed is there",
    "var/lib/cloud/instances/i-1/user-data.txt": "/var/lib/cloud is not empty",
    "var/log/cloud-init-output.log": "/var/log/cloud-init-output.log is there",
    "etc/consul.d/consul.hcl": "/etc/consul.d is not empty",
    "var/lib/consul/node-id": "/var/lib/consul is not empty",
    "etc/patroni/config.yml": "/etc/patroni/config.yml is there",
    "etc/default/vip-manager.yml": "/etc/default/vip-manager.yml is there",
    "var/lib/postgresql/17/main/PG_VERSION": "/var/lib/postgresql/17/main is not empty",
    "etc/holster/node.json": "/etc/holster is there",
    "etc/passwd": "the build's user holster-build",
    "home/holster-build/.ssh/authorized_keys": "the home of the build's user holster-build",
    "root/.ssh/authorized_keys": "/root/.ssh/authorized_keys is there",
}


def test_trap_18_every_remain_is_named(
    tool: Callable[..., Path], toolbox: ToolBox, root: Path, tmp_path: Path
) -> None:
    """Identity, state and the way in of the machine that built the image: all at once, nothing else."""
    tool("debugfs")
    for name in REMAINS:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("holster-build:x:1000:1000\n")
    assert sorted(remains(toolbox, root, tmp_path)) == sorted(REMAINS.values())


def test_a_disk_is_read_without_mounting(
    tool: Callable[..., Path], toolbox: ToolBox, root: Path, tmp_path: Path
) -> None:
    """Folders, sizes, files; what is not there is None."""
    tool("debugfs")
    raw = make_disk(root, tmp_path / "disk.raw")
    debugfs = toolbox.find(programs.DEBUGFS)
    assert holds_file_system(raw)
    assert (list_folder(debugfs, raw, "/etc") or {})["machine-id"] == 0
    assert list_folder(debugfs, raw, "/nowhere") is None
    assert extract(debugfs, raw, "/etc/passwd", tmp_path / "passwd")
    assert not extract(debugfs, raw, "/etc/nothing", tmp_path / "nothing")


def test_the_disc_keeps_long_names(tool: Callable[..., Path], toolbox: ToolBox, tmp_path: Path) -> None:
    """Package files have names that ISO 9660 alone would cut."""
    tool("xorriso")
    name = "libsomething-with-a-long-name_1.2.3+dfsg-4~deb13u1_amd64.deb"
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / name).write_bytes(b"package")
    disc = tmp_path / "disc.iso"
    pack_disc(toolbox, disc, "HOLSTER", {"packages": tmp_path / "packages"})
    iso = PyCdlib()
    iso.open(str(disc))
    content = BytesIO()
    iso.get_file_from_iso_fp(content, rr_path=f"/packages/{name}")
    assert content.getvalue() == b"package"
    assert iso.pvd.volume_identifier.decode().strip() == "HOLSTER"
    iso.close()


def test_the_key_of_a_build_is_private(tool: Callable[..., Path], toolbox: ToolBox, tmp_path: Path) -> None:
    """And not the same twice."""
    tool("ssh-keygen")
    keygen = toolbox.find(programs.SSH_KEYGEN)
    first, second = (make_key_pair(keygen, tmp_path / name) for name in ("one", "two"))
    assert first.read_text().startswith("ssh-ed25519 ")
    assert first.read_text() != second.read_text()
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0


@pytest.mark.image
def test_the_accelerator_is_one_that_runs(
    tool: Callable[..., Path], toolbox: ToolBox, tmp_path: Path
) -> None:
    """By trying: whatever /dev/kvm promises."""
    tool("qemu-system-x86_64")
    found = probe_accelerator(toolbox.find(programs.QEMU), tmp_path)
    assert found.name in {"kvm", "tcg"}
    assert found.cpu == ("host" if found.name == "kvm" else "max,-cx16,-la57")
    assert found.reason


@pytest.mark.parametrize("version", ["1.11", "1.6"])
@pytest.mark.parametrize("platform", ["redos7", "redos8"])
def test_packer_validate_accepts_the_sources_of_red_os(  # noqa: PLR0913, PLR0917 -- fixtures
    tool: Callable[..., Path],
    toolbox: ToolBox,
    rendered_example: Callable[..., Path],
    tmp_path: Path,
    platform: str,
    version: str,
) -> None:
    """With a dummy ISO, by a Packer with plugins and by one before them; a wrong checksum is refused."""
    tool("packer", version)
    packer = toolbox.find(programs.PACKER, partial(_is, version))
    folder = copy_for(packer, rendered_example("sirius", platform) / "packer", tmp_path / "packer")
    assert "source.qemu.iso" in (folder / "build.pkr.hcl").read_text()
    dummy = tmp_path / "dummy.iso"
    dummy.write_bytes(b"")
    variables = {
        "iso_url": str(dummy),
        "iso_checksum": f"sha256:{sha256(b'').hexdigest()}",
        "accelerator": "tcg",
        "offline": "true",
        "qemu_arguments": json.dumps([["-cpu", "max"], ["-cdrom", str(dummy)]]),
    }
    plugins = toolbox.plugins if needs_plugins(packer) else None

    def validate(**changed: str) -> tuple[str, ...]:
        return check_packer_config(packer, folder, tmp_path, variables=variables | changed, plugins=plugins)

    assert validate() == ()
    assert "checksum" in "".join(validate(iso_checksum="sha256:none-at-all"))


def _is(wanted: str, version: VersionNumber) -> bool:
    return version.text.startswith(f"{wanted}.")
