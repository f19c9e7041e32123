"""What a lab stands on: the golden image, ports, a spec with the lab's own key."""

from __future__ import annotations

import os
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

import pytest

from generator.check import check_spec
from generator.credentials.store import load_bundle
from generator.errors import UsageInvalid
from generator.lab.site import _free_ports, find_image, keep_image, let_in, render_for_lab

GATE = IPv4Network("10.77.0.224/28")
EXAMPLES = Path(__file__).parents[3] / "examples"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEd6bHRoaXNpc25vdGFyZWFsa2V5Zm9ydGVzdHME lab"


def make_image(folder: Path) -> Path:
    """Make what a build leaves."""
    folder.mkdir()
    for name in ("trio-debian13.qcow2", "vmlinuz", "initrd.img", "build.json"):
        (folder / name).write_text(f"old {name}")
    return folder


def test_image_with_and_without_a_boot_loader(tmp_path: Path) -> None:
    """Kernel and initrd count only when both are there."""
    folder = make_image(tmp_path / "image")
    found = find_image(folder)
    assert found.disk.name == "trio-debian13.qcow2"
    assert found.boot is not None
    (folder / "initrd.img").unlink()
    assert find_image(folder).boot is None
    (folder / found.disk.name).unlink()
    with pytest.raises(UsageInvalid, match="holds no image"):
        find_image(folder)


@pytest.mark.parametrize("links", [True, False])
def test_the_image_is_replaced_while_root_disks_stand_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    """A root disk over another image is a broken file system: seen in the lab after a power cycle."""

    def refuse(source: Path, target: Path) -> None:
        raise OSError(f"no link from {source} to {target}")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    folder = make_image(tmp_path / "image")
    kept = keep_image(find_image(folder), tmp_path / "kept")
    for path in folder.iterdir():
        new = path.with_name("new")
        new.write_text("another build")
        new.rename(path)
    assert kept.disk.read_text() == "old trio-debian13.qcow2"
    assert kept.boot is not None
    assert kept.boot.kernel.read_text() == "old vmlinuz"
    assert kept.boot.initrd.read_text() == "old initrd.img"
    again = keep_image(find_image(folder), tmp_path / "kept")
    assert again.disk.read_text() == "another build"


def test_ports_are_all_different_and_free_again() -> None:
    """Each is given to a program that binds it itself."""
    ports = list(islice(_free_ports(), 50))
    assert len(set(ports)) == 50


def test_the_lab_lets_itself_in_and_changes_nothing_else() -> None:
    """The seeds are those of production, plus one key, and the lab's own address among who may come."""
    checked = check_spec((EXAMPLES / "trio.yaml").read_bytes(), "trio.yaml")
    own = let_in(checked, KEY, GATE)
    assert own.spec.access.ssh_keys == (*checked.spec.access.ssh_keys, KEY)
    assert own.spec.network.monitors == (*checked.spec.network.monitors, GATE)
    # Not given: the machines' own network may come, and the gate lies in it.
    assert own.spec.network.admins is own.spec.network.clients is None
    unchanged = {"access": checked.spec.access, "network": checked.spec.network}
    assert own.spec.model_copy(update=unchanged) == checked.spec
    # Another key is another spec: what was rendered for the old one is not current.
    assert own.sha256 != let_in(checked, KEY.replace(" lab", " other"), GATE).sha256
    assert own.sha256 != checked.sha256


def test_the_lab_gets_in_where_only_others_may() -> None:
    """Administrators and clients of another network: the gate is one of them, and they stay."""
    text = (EXAMPLES / "trio.yaml").read_text("utf-8")
    lists = "  admins: [10.1.0.0/24]\n  clients: [10.2.0.0/24]\n"
    checked = check_spec(text.replace("network:\n", f"network:\n{lists}").encode(), "trio.yaml")
    network = let_in(checked, KEY, GATE).spec.network
    assert network.admins == (IPv4Network("10.1.0.0/24"), GATE)
    assert network.clients == (IPv4Network("10.2.0.0/24"), GATE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("10.77.0.11", "10.77.0.21"), ("cluster: trio", "cluster: other"), ("datacenter: lab", "datacenter: b")],
)
def test_secrets_of_the_lab_follow_the_spec(tmp_path: Path, old: str, new: str) -> None:
    """Its machines are made anew each time: no reissue is asked for, which would go to the real bundle."""
    text = (EXAMPLES / "trio.yaml").read_text("utf-8")
    render_for_lab(check_spec(text.encode(), "trio.yaml"), tmp_path)
    first = load_bundle(tmp_path / "secrets.yaml")
    render_for_lab(check_spec(text.encode(), "trio.yaml"), tmp_path)
    assert load_bundle(tmp_path / "secrets.yaml") == first

    render_for_lab(check_spec(text.replace(old, new).encode(), "trio.yaml"), tmp_path)

    assert load_bundle(tmp_path / "secrets.yaml").gossip_key != first.gossip_key
    assert (tmp_path / "rendered" / "manifest.json").is_file()


def test_damaged_secrets_of_the_lab_are_made_anew(tmp_path: Path) -> None:
    """Nothing stands on them."""
    checked = check_spec((EXAMPLES / "trio.yaml").read_bytes(), "trio.yaml")
    (tmp_path / "secrets.yaml").write_text("half a bun")
    render_for_lab(checked, tmp_path)
    assert load_bundle(tmp_path / "secrets.yaml").cluster == "trio"
