"""What a folder of artifacts needs, for each platform."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from generator.artifacts.needs import (
    Needs,
    format_requirements,
    list_needs,
    list_package_commands,
    list_wheel_command,
)
from generator.check import check_spec
from generator.errors import SpecInvalid
from generator.platforms.profile import list_platforms
from tests.fakes.platforms import select_platforms

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path("artifacts/x")


def needs(example: str, platform: str | None = None, extra: str = "") -> Needs:
    """Return the needs of an example."""
    text = (ROOT / f"examples/{example}.yaml").read_text() + extra
    checked = check_spec(text.encode(), example, platform)
    return list_needs(checked.spec, checked.profile)


def test_red_os_8_needs_two_programs_and_packages() -> None:
    """With addresses; the digest of vip-manager is not known to the profile."""
    found = needs("sirius")
    consul, vip_manager = found.files
    assert (consul.name, consul.version) == ("programs/consul", "1.22.0")
    assert consul.sha256
    assert vip_manager.url
    assert vip_manager.url.endswith(".tar.gz")
    assert found.disc
    assert not found.needs_base
    assert not found.has_wheels


@pytest.mark.parametrize("platform", select_platforms(lambda facts: not facts.image.isos))
def test_a_platform_without_a_known_disc_needs_a_base(platform: str) -> None:
    """There is nothing else to start from."""
    assert needs("sirius", platform).needs_base


@pytest.mark.parametrize("platform", list_platforms())
def test_the_packages_are_those_of_the_build(rendered_example: Callable[..., Path], platform: str) -> None:
    """The flat repository holds what the recipe installs; groups are in neither list."""
    variables = (rendered_example("sirius", platform) / "packer/variables.pkr.hcl").read_text()

    def read(name: str) -> list[str]:
        block = variables.partition(f'variable "{name}"')[2].partition("default = ")[2]
        names: list[str] = json.loads(re.sub(r",\s*\]", "]", block.partition("]")[0] + "]"))
        return names

    optional = read("optional_packages")
    installed = [*read("packages"), *optional]
    needed = needs("sirius", platform)
    assert sorted(needed.packages) == sorted([*installed, "cloud-init"])
    assert list(needed.optional_packages) == optional
    assert not [name for name in installed if name.startswith("@")]


def test_the_command_for_rpm_is_complete() -> None:
    """Every repository with its major version filled in, dependencies, signatures, the index."""
    make, download, lenient, *keys, check, index = list_package_commands(needs("sirius", "el9"), FOLDER)
    assert make == "mkdir -p artifacts/x/packages"
    words = shlex.split(download)
    assert words[:4] == ["dnf", "download", "--resolve", "--alldeps"]
    assert {"patroni", "patroni-consul", "consul", "vip-manager", "postgresql16", "cloud-init"} <= set(words)
    assert (
        "--repofrompath=holster-pgdg,https://download.postgresql.org/pub/repos/yum/16/redhat/rhel-9-$basearch"
    ) in words
    # What no repository has does not stop the download of the others.
    assert shlex.split(lenient)[-2:] == ["--setopt=strict=0", "glibc-langpack-ru"]
    assert "glibc-langpack-ru" not in words
    assert all("rpmkeys --import" in key for key in keys)
    assert check == "rpmkeys --checksig artifacts/x/packages/*.rpm"
    assert index == "createrepo_c artifacts/x/packages"


def test_the_command_for_debian_makes_disk_and_packages() -> None:
    """One script does both."""
    (command,) = list_package_commands(needs("trio"), FOLDER)
    assert command.startswith("sudo packer/make-debian-base artifacts/x lvm2 ")
    assert command.endswith(" cloud-init")


def test_red_os_7_gets_patroni_as_wheels() -> None:
    """Each with its digest, for its Python; pip refuses every other file."""
    found = needs("sirius", "redos7")
    names = {wheel.partition("==")[0] for wheel in found.wheels}
    assert {"patroni", "python-consul", "psycopg", "psycopg-binary", "pyyaml", "psutil"} <= names
    lines = format_requirements(found.wheels).splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    words = shlex.split(list_wheel_command(found, FOLDER))
    assert words[words.index("--python-version") + 1] == "3.8"
    assert words[-3:] == ["--require-hashes", "-r", "artifacts/x/wheels.txt"]


def test_wheels_of_the_profile_are_those_of_its_version() -> None:
    """Another version of Patroni needs others; the command then names the version only."""
    found = needs("sirius", "redos7", 'components: {patroni: {version: "3.2.0"}}\n')
    assert found.wheels == ()
    assert list_wheel_command(found, FOLDER).endswith("'patroni[consul,psycopg3]==3.2.0'")


@pytest.mark.parametrize(
    ("checksum", "digest"), [("sha256:" + "a" * 64, "a" * 64), ("sha512:" + "a" * 128, None)]
)
def test_a_base_image_on_the_network_is_a_file_to_bring(checksum: str, digest: str | None) -> None:
    """Compared by SHA-256, as everything in the folder."""
    image: dict[str, Any] = {"base_image": "https://files.example/base.qcow2", "base_checksum": checksum}
    found = needs("sirius", extra=f"image: {json.dumps(image)}\n")
    base = found.files[-1]
    assert (base.name, base.url, base.sha256) == ("base/disk.qcow2", image["base_image"], digest)
    assert not base.is_program
    assert not found.needs_base


@pytest.mark.parametrize(
    "wheel", ["patroni==3.3.2", "patroni>=3 sha256:" + "a" * 64, "p; x==1 sha256:" + "a" * 64]
)
def test_a_wheel_without_version_and_digest_is_refused(wheel: str) -> None:
    """It would not be the one that was tried."""
    with pytest.raises(SpecInvalid) as caught:
        needs("sirius", "redos7", f"components: {{patroni: {{wheels: ['{wheel}']}}}}\n")
    (problem,) = (each for each in caught.value.problems if each.id == "wrong-value")
    assert "must be a wheel such as" in problem.message
