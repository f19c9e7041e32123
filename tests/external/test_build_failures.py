"""Builds that fail, by a real Packer and a real QEMU: each names its cause in words, within seconds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from hashlib import md5, sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator.artifacts.folder import sum_artifacts
from generator.build.image import BuildRequest, build_golden_image
from generator.build.plan import Base
from generator.check import check_spec
from generator.errors import HolsterError, ToolFailed, ToolMissing
from generator.progress import SilentReporter
from generator.tools import programs
from generator.tools.toolbox import ToolBox

if TYPE_CHECKING:
    from collections.abc import Callable

    Rendered = Callable[..., Path]
    Find = Callable[..., Path]

pytestmark = [pytest.mark.external, pytest.mark.image]

ROOT = Path(__file__).resolve().parents[2]
LAST_WORDS = b"this machine has no sshd\r\n"
NOBODY = "http://127.0.0.1:9"
"""A proxy where nobody listens: nothing of these tests leaves this machine."""


def make_talking_sector() -> bytes:
    """Return a boot sector that writes its last words to the serial port and halts."""
    code = bytes.fromhex("31c0 8ed8 be157c ac 84c0 7406 baf803 ee ebf5 f4 ebfd")
    return (code + LAST_WORDS + b"\0").ljust(510, b"\0") + b"\x55\xaa"


@pytest.fixture(params=["1.11", "1.6"])
def tools(request: pytest.FixtureRequest, tool: Find, toolbox: ToolBox, tmp_path: Path) -> ToolBox:
    """Return the programs of this machine with one version of Packer."""
    return pick_packer(tool, toolbox, tmp_path, request.param)


def pick_packer(tool: Find, toolbox: ToolBox, tmp_path: Path, version: str) -> ToolBox:
    """Return the toolbox with that Packer before all others, and a proxy where nobody listens."""
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("QEMU is not installed: tests/tools/install does not bring it")
    folder = tmp_path / "packer"
    folder.mkdir()
    (folder / "packer").symlink_to(tool("packer", version))
    network = {"HTTPS_PROXY": NOBODY, "HTTP_PROXY": NOBODY}
    tools = ToolBox((folder, *toolbox.folders), toolbox.plugins, network)
    assert str(tools.find(programs.PACKER).version).startswith(version)
    return tools


@pytest.fixture
def order(rendered_example: Rendered, tmp_path: Path) -> BuildRequest:
    """Return an order from a disk whose machine speaks on its console and has no SSH."""
    checked = check_spec((ROOT / "examples/trio.yaml").read_bytes(), "trio.yaml")
    recipe = tmp_path / "recipe"
    shutil.copytree(rendered_example("trio") / "packer", recipe)
    disk = tmp_path / "disk.raw"
    disk.write_bytes(make_talking_sector().ljust(2**20, b"\0"))
    return BuildRequest(
        recipe=recipe,
        target=tmp_path / "image",
        name="trio.qcow2",
        profile=checked.profile,
        image=checked.spec.image.model_copy(update={"memory": 256, "cpus": 1}),
        artifacts=None,
        base=Base(disk, sha256(disk.read_bytes()).hexdigest()),
        accelerator="tcg",
        secrets={},
    )


def change(path: Path, pattern: str, text: str) -> None:
    """Replace what matches, once, in a file of the recipe."""
    changed, count = re.subn(pattern, text, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1, pattern
    path.write_text(changed)


def fail(order: BuildRequest, tools: ToolBox, kind: type[HolsterError] = ToolFailed) -> HolsterError:
    """Build, and return why it failed; no image is left behind."""
    with pytest.raises(kind) as caught:
        build_golden_image(order, tools, SilentReporter())
    left = list(order.target.iterdir()) if order.target.is_dir() else []
    assert {path.name for path in left} <= {"packer.log", "console.log"}
    assert {path.stat().st_mode & 0o777 for path in left} <= {0o600}
    return caught.value


def test_nobody_can_log_in(order: BuildRequest, tools: ToolBox) -> None:
    """The machine runs, SSH never comes: the last lines of its console are the message."""
    change(order.recipe / "source-base.pkr.hcl", "ssh_timeout += .*", 'ssh_timeout = "5s"')
    change(order.recipe / "source-base.pkr.hcl", 'boot_wait += .*|boot_wait = "5s"', 'boot_wait = "1s"')
    said = fail(order, tools).message
    assert "nobody could log in to the machine" in said
    assert said.endswith("  this machine has no sshd")
    assert (order.target / "console.log").read_bytes().endswith(LAST_WORDS)


def make_talking_disc(toolbox: ToolBox, folder: Path) -> Path:
    """Write a bootable ISO image that speaks as the sector does."""
    (folder / "tree").mkdir(parents=True)
    (folder / "tree/boot.bin").write_bytes(make_talking_sector().ljust(2048, b"\0"))
    xorriso, disc = toolbox.find(programs.XORRISO), folder / "installer.iso"
    boot = ["-b", "boot.bin", "-no-emul-boot", "-boot-load-size", "4", "-c", "boot.cat"]
    argv: list[str | Path] = [xorriso.path, "-as", "mkisofs", "-quiet", *boot, "-o", disc, folder / "tree"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return disc


def test_the_installer_starts_although_there_is_a_disc_of_artifacts(
    order: BuildRequest, tools: ToolBox, rendered_example: Rendered, tmp_path: Path
) -> None:
    """Three discs are in the machine: the installer's, ours, and the one with the kickstart."""
    disc = make_talking_disc(tools, tmp_path / "iso")
    recipe, artifacts = tmp_path / "iso-recipe", tmp_path / "artifacts"
    shutil.copytree(rendered_example("sirius") / "packer", recipe)
    change(recipe / "variables.pkr.hcl", r'default     = "https?://[^"]*\.iso"', f'default     = "{disc}"')
    checksum = sha256(disc.read_bytes()).hexdigest()
    change(recipe / "variables.pkr.hcl", r'default     = "md5:[0-9a-f]*"', f'default = "sha256:{checksum}"')
    # Typing takes Packer half a minute.
    keys = r'(variable "boot_command" [\s\S]*?default = )\[[\s\S]*?\n  \]'
    change(recipe / "variables.pkr.hcl", keys, r'\1["<enter>"]')
    change(recipe / "source-iso.pkr.hcl", "ssh_timeout += .*", 'ssh_timeout = "5s"')
    (artifacts / "programs").mkdir(parents=True)
    (artifacts / "programs/consul").write_bytes(b"program")
    said = fail(replace(order, recipe=recipe, base=None, artifacts=sum_artifacts(artifacts)), tools)
    assert "nobody could log in to the machine" in said.message
    assert said.message.endswith("  this machine has no sshd")


def test_qemu_does_not_start(order: BuildRequest, tools: ToolBox, tmp_path: Path) -> None:
    """Packer alone says that it failed to start; QEMU said why."""
    assert order.base
    base = replace(order.base, kernel=tmp_path / "no-kernel", initrd=tmp_path / "no-initrd")
    said = fail(replace(order, base=base), tools).message
    assert f"QEMU did not start:\n  qemu: could not open kernel file '{tmp_path}/no-kernel'" in said


def test_the_disc_is_another_one(
    order: BuildRequest, tools: ToolBox, rendered_example: Rendered, tmp_path: Path
) -> None:
    """Both checksums are named, and the key of the spec that holds the wrong one."""
    shutil.copytree(rendered_example("sirius") / "packer", tmp_path / "iso-recipe")
    disc = tmp_path / "redos.iso"
    disc.write_bytes(b"not the disc")
    variables = tmp_path / "iso-recipe/variables.pkr.hcl"
    change(variables, r'default     = "https?://[^"]*\.iso"', f'default     = "{disc}"')
    change(variables, r'default     = "md5:[0-9a-f]*"', f'default = "md5:{"0" * 32}"')
    said = fail(replace(order, recipe=tmp_path / "iso-recipe", base=None), tools)
    assert "the installer's disc is not the one that its checksum names" in said.message
    assert said.message.splitlines()[1:] == [
        f"  {disc}",
        f"  checksum declared  {'0' * 32}",
        f"  checksum found     {md5(b'not the disc', usedforsecurity=False).hexdigest()}",
    ]


def test_a_disc_that_cannot_be_downloaded(
    order: BuildRequest, tools: ToolBox, rendered_example: Rendered, tmp_path: Path
) -> None:
    """Its address is named, and what to do in a closed network."""
    shutil.copytree(rendered_example("sirius") / "packer", tmp_path / "iso-recipe")
    said = fail(replace(order, recipe=tmp_path / "iso-recipe", base=None), tools)
    assert "the installer's disc could not be downloaded" in said.message
    assert "image.iso_url may name a copy" in said.message
    assert "https://files.red-soft.ru/redos/8.0/" in said.message
    assert "connection refused" in said.message
    assert len(said.message.splitlines()) == 2


def test_the_plugin_is_missing(order: BuildRequest, tool: Find, toolbox: ToolBox, tmp_path: Path) -> None:
    """Packer since 1.7 has no builder of its own."""
    tools = pick_packer(tool, toolbox, tmp_path, "1.11")
    tools.plugins = tmp_path / "no-plugins"
    said = fail(order, tools)
    assert "Packer's plugin for QEMU is not there, and it could not be fetched" in said.message
    assert "packer plugins install --path FILE github.com/hashicorp/qemu" in (said.hint or "")


MISSING = {
    "packer": ("packer",),
    "qemu-system-x86_64": ("qemu-system-x86_64",),
    "qemu-img": ("qemu-img",),
    "ssh-keygen": ("ssh-keygen",),
    "xorriso": ("xorriso", "genisoimage", "mkisofs"),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_program_is_missing(
    order: BuildRequest, tool: Find, toolbox: ToolBox, tmp_path: Path, name: str
) -> None:
    """Before anything is begun, with the package that brings it."""
    tools = pick_packer(tool, toolbox, tmp_path, "1.11")
    only = tmp_path / "programs"
    only.mkdir()
    for folder in reversed(tools.folders):
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_file() and os.access(path, os.X_OK) and not path.name.startswith(MISSING[name]):
                (only / path.name).unlink(missing_ok=True)
                (only / path.name).symlink_to(path)
    said = fail(order, ToolBox((only,), tools.plugins), ToolMissing)
    assert said.message == f"{name} is not installed"
    assert said.hint
