"""A real image, built by Packer and QEMU; good ones are examined from outside, bad ones are refused.

Needs a folder of artifacts for debian13 (docs/image.md), named by HOLSTER_ARTIFACTS.  The good
image is kept beside it and built anew only when recipe, artifacts or base change.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator.artifacts import digest_file, load_artifacts
from generator.build.image import MATERIALS, BuiltImage, Order, build_golden_image
from generator.build.plan import Base, choose_base
from generator.check import check_spec
from generator.credentials.store import load_bundle
from generator.errors import OutputRejected, ToolFailed
from generator.progress import SilentReporter
from generator.tools import programs
from generator.tools.debugfs import extract, list_folder
from generator.tools.qemu import convert_to_raw
from generator.verify.output import load_output
from generator.verify.secrets import collect_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.tools.toolbox import ToolBox

pytestmark = [pytest.mark.external, pytest.mark.image]

ROOT = Path(__file__).resolve().parents[2]
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END PRIVATE KEY-----\n"


@pytest.fixture(scope="session")
def order(rendered_example: Callable[..., Path]) -> Order:
    """Return the order of the example's image."""
    folder = os.environ.get("HOLSTER_ARTIFACTS")
    if not folder:
        pytest.skip("HOLSTER_ARTIFACTS names no folder of artifacts for debian13 (docs/image.md)")
    artifacts = load_artifacts(Path(folder).resolve())
    output = rendered_example("trio")
    checked = check_spec((ROOT / "examples/trio.yaml").read_bytes(), "trio.yaml")
    values = collect_secrets(
        load_output(output), load_bundle(output.with_name(f"{output.name}.secrets.yaml"))
    )
    return Order(
        recipe=output / "packer",
        target=artifacts.root.with_name(f"{artifacts.root.name}-image"),
        name="trio-debian13.qcow2",
        profile=checked.profile,
        image=checked.spec.image,
        artifacts=artifacts,
        base=choose_base(None, None, artifacts),
        accelerator="auto",
        secrets={secret.title: secret.value for secret in values.entries},
    )


@pytest.fixture(scope="session")
def built(order: Order, toolbox: ToolBox) -> BuiltImage:
    """Return the good image."""
    return build_golden_image(order, toolbox, SilentReporter())


@pytest.fixture
def second(order: Order, built: BuiltImage, tmp_path: Path) -> Order:
    """Return an order that starts from the good image: its packages are installed already."""
    folder = built.path.parent
    base = Base(built.path, built.sha256, folder / "vmlinuz", folder / "initrd.img")
    recipe = tmp_path / "packer"
    shutil.copytree(order.recipe, recipe)
    return replace(order, base=base, recipe=recipe, target=tmp_path / "image")


def test_trap_18_the_built_disk_has_no_identity(
    order: Order, built: BuiltImage, toolbox: ToolBox, tmp_path: Path
) -> None:
    """Read by debugfs, on the bytes of the disk itself."""
    raw = tmp_path / "disk.raw"
    convert_to_raw(toolbox.find(programs.QEMU_IMG), built.path, raw)
    debugfs = toolbox.find(programs.DEBUGFS)
    assert (list_folder(debugfs, raw, "/etc") or {})["machine-id"] == 0
    assert not [name for name in list_folder(debugfs, raw, "/etc/ssh") or {} if name.startswith("ssh_host_")]
    assert "random-seed" not in (list_folder(debugfs, raw, "/var/lib/systemd") or {})
    assert "instances" not in (list_folder(debugfs, raw, "/var/lib/cloud") or {})
    assert not list_folder(debugfs, raw, order.profile.paths.consul_config_dir)
    assert not list_folder(debugfs, raw, order.profile.paths.consul_data_dir)
    assert not list_folder(debugfs, raw, "/home")
    passwd = tmp_path / "passwd"
    assert extract(debugfs, raw, "/etc/passwd", passwd)
    names = {line.split(":")[0] for line in passwd.read_text().splitlines()}
    assert {"consul", "postgres"} <= names
    assert order.profile.image.ssh_user not in names
    assert "holster-firstboot" in (list_folder(debugfs, raw, "/usr/local/sbin") or {})
    raw.unlink()


def test_the_materials_name_what_is_installed(built: BuiltImage) -> None:
    """Packages by their package manager, Consul by its digest."""
    document = json.loads((built.path.parent / MATERIALS).read_text())
    names = {component["name"] for component in document["components"]}
    assert {"patroni", "postgresql-17", "cloud-init", "consul"} <= names
    assert document["metadata"]["component"]["hashes"][0]["content"] == digest_file(built.path)


def test_the_same_inputs_build_nothing(order: Order, built: BuiltImage, toolbox: ToolBox) -> None:
    """The image that is there is taken."""
    again = build_golden_image(order, toolbox, SilentReporter())
    assert (again.is_new, again.sha256) == (False, built.sha256)


def test_a_broken_image_fails_with_the_complete_list(second: Order, toolbox: ToolBox) -> None:
    """One program missing and one key left: both are named, and no image is left behind."""
    with (second.recipe / "scripts/30-units.sh").open("a") as script:
        script.write("rm /usr/bin/consul\n")
    (second.recipe / "files/etc/leaked.pem").write_text(PRIVATE_KEY)
    with pytest.raises(ToolFailed) as caught:
        build_golden_image(second, toolbox, SilentReporter())
    assert "the image is not fit (2 findings)" in caught.value.message
    assert "missing in the image: /usr/bin/consul" in caught.value.message
    assert "a private key is in the image: /etc/leaked.pem" in caught.value.message
    assert not list(second.target.glob("*.qcow2"))


def test_a_value_of_the_bundle_in_the_image_is_found_from_outside(second: Order, toolbox: ToolBox) -> None:
    """What the check inside cannot know: it has no bundle."""
    title, value = next((title, value) for title, value in second.secrets.items() if "gossip" in title)
    (second.recipe / "files/etc/leaked.txt").write_text(f"key = {value}\n")
    with pytest.raises(OutputRejected, match=f"{title} stands in the image") as caught:
        build_golden_image(second, toolbox, SilentReporter())
    assert value not in caught.value.message
    assert not list(second.target.glob("*.qcow2"))


def test_qemus_own_words_reach_the_user(second: Order, toolbox: ToolBox, tmp_path: Path) -> None:
    """A kernel that is no kernel: Packer alone would say that QEMU failed to start."""
    kernel = tmp_path / "no-kernel"
    kernel.write_bytes(b"no kernel")
    assert second.base is not None
    broken = replace(second, base=replace(second.base, kernel=kernel), accelerator="tcg")
    with pytest.raises(ToolFailed, match=r"QEMU did not start:\n.*kernel"):
        build_golden_image(broken, toolbox, SilentReporter())
