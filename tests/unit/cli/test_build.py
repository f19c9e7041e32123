"""`holster build`: what is ordered from which words; the building itself is tested with real programs."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from generator.artifacts.folder import sum_artifacts
from generator.build.image import BuildRequest, BuiltImage
from generator.cli import build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Called

    Holster = Callable[..., Called]

DIGEST = "ab" * 32


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[BuildRequest]:
    """Return the orders that are placed; each is answered with an image."""
    placed: list[BuildRequest] = []

    def take(order: BuildRequest, *_: object, force: bool) -> BuiltImage:
        del force
        placed.append(order)
        return BuiltImage(order.target / order.name, DIGEST, is_new=True, seconds=61.24)

    monkeypatch.setattr(build, "build_golden_image", take)
    return placed


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """Return a folder with programs and a disk, where it is found by itself."""
    folder = tmp_path / "artifacts/redos8"
    for name in ("programs/consul", "programs/vip-manager"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    sum_artifacts(folder)
    return folder


def test_an_image_from_the_installer(
    holster: Holster, sirius: Path, artifacts: Path, orders: list[BuildRequest]
) -> None:
    """The spec's own platform, in the cluster's own folders."""
    called = holster("build", str(sirius))
    assert called.code == 0, called.err
    (order,) = orders
    assert order.base is None
    assert order.artifacts
    assert order.artifacts.root == artifacts
    assert str(order.target) == "output/sirius-image"
    assert order.name == "sirius-redos8.qcow2"
    assert len(order.secrets) > 15
    assert called.out == ""
    assert f"sha256  {DIGEST}" in called.err


@pytest.mark.usefixtures("artifacts")
def test_the_result_as_json(holster: Holster, sirius: Path, orders: list[BuildRequest]) -> None:
    """One document on standard output."""
    called = holster("build", str(sirius), "--json", "--quiet")
    assert len(orders) == 1
    assert json.loads(called.out) == {
        "image": "output/sirius-image/sirius-redos8.qcow2",
        "sha256": DIGEST,
        "platform": "redos8",
        "new": True,
        "seconds": 61.2,
        "sbom": "output/sirius-image/sbom.cdx.json",
        "installed": "output/sirius-image/installed.tsv",
    }


def test_a_disk_may_bring_the_programs_itself(
    holster: Holster, sirius: Path, orders: list[BuildRequest], tmp_path: Path
) -> None:
    """Then nothing is missing as far as anybody can tell; the check inside the image does."""
    (tmp_path / "base.qcow2").write_bytes(b"disk")
    words = ("--base", "base.qcow2", "--base-sha256", DIGEST)
    assert holster("build", str(sirius), *words).code == 0
    assert orders[0].artifacts is None


def test_an_image_for_another_platform(
    holster: Holster, sirius: Path, orders: list[BuildRequest], tmp_path: Path
) -> None:
    """Its files get folders of their own; those of the spec's platform stay, and so do its secrets."""
    assert holster("render", str(sirius)).code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "output").rglob("*") if path.is_file()}
    bundle = (tmp_path / "secrets/sirius.yaml").read_bytes()
    disk = tmp_path / "el9.qcow2"
    disk.write_bytes(b"disk")
    digest = sha256(b"disk").hexdigest()
    words = ("--platform", "el9", "--base", str(disk), "--base-sha256", f"SHA256:{digest.upper()}")
    called = holster("build", str(sirius), *words)
    assert called.code == 0, called.err
    (order,) = orders
    assert order.profile.name == "el9"
    assert str(order.recipe) == "output/sirius-el9/packer"
    assert str(order.target) == "output/sirius-el9-image"
    assert order.name == "sirius-el9.qcow2"
    assert order.base
    assert (order.base.disk, order.base.sha256) == (disk, digest)
    assert {path: path.read_bytes() for path in before} == before
    assert (tmp_path / "secrets/sirius.yaml").read_bytes() == bundle
    assert "patroni-consul" in (order.recipe / "variables.pkr.hcl").read_text()


@pytest.mark.usefixtures("artifacts")
def test_the_specs_own_platform_is_no_other(
    holster: Holster, sirius: Path, orders: list[BuildRequest]
) -> None:
    """Nothing changes."""
    assert holster("build", str(sirius), "--platform", "redos8").code == 0
    assert str(orders[0].target) == "output/sirius-image"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--platform", "el9"), "there is nothing to build el9 from"),
        (("--platform", "suse"), "'suse' is not one of"),
        (("--base", "sirius.yaml"), "no checksum is known for"),
        (("--base", "sirius.yaml", "--base-sha256", "abc"), "abc is no SHA-256"),
        (("--base-sha256", DIGEST), "--base-sha256 without --base"),
        (("--platform", "redos7"), "vip-manager 5.0.0 (no SHA-256 is known)"),
    ],
)
def test_what_cannot_be_built_is_said_before_anything_is_made(
    holster: Holster, sirius: Path, orders: list[BuildRequest], words: tuple[str, ...], message: str
) -> None:
    """Exit code 2, and no output, no secrets."""
    called = holster("build", str(sirius), *words)
    assert called.code == 2
    assert message in called.err
    assert orders == []
    assert [path.name for path in sirius.parent.iterdir()] == ["sirius.yaml"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("base_image: /srv/base.qcow2", "no SHA-256 of /srv/base.qcow2 is known"),
        (
            f"base_image: https://files.example/base.qcow2, base_checksum: 'sha256:{DIGEST}'",
            "is not on this machine",
        ),
    ],
)
@pytest.mark.usefixtures("artifacts")
def test_a_disk_of_the_spec_is_here_and_has_a_digest(
    holster: Holster, sirius: Path, orders: list[BuildRequest], image: str, message: str
) -> None:
    """Packer would take anything."""
    with sirius.open("a") as stream:
        stream.write(f"image: {{{image}}}\n")
    called = holster("build", str(sirius))
    assert called.code == 2
    assert message in called.err
    assert orders == []


ADDRESS = "https://reader:hunter2@files.example"


@pytest.mark.parametrize(
    "section",
    [
        f"components: {{consul: {{url: '{ADDRESS}/consul.zip', sha256: {DIGEST}}}}}",
        f"image: {{release: '8.0.2', iso_url: '{ADDRESS}/redos.iso', iso_checksum: 'sha256:{DIGEST}'}}",
        f"image: {{base_image: '{ADDRESS}/base.qcow2', base_checksum: 'sha256:{DIGEST}'}}",
        f"image: {{base_image: /srv/base.qcow2, base_checksum: 'file:{ADDRESS}/sums'}}",
        f"repositories: [{{id: own, base_urls: ['{ADDRESS}/os'], gpg_key: /etc/key}}]",
        f"repositories: [{{id: own, base_urls: ['https://files.example/os'], gpg_key: '{ADDRESS}/key'}}]",
        f"platform_overrides: {{repositories: [{{id: own, base_urls: ['{ADDRESS}/os']}}]}}",
        f"platform_overrides: {{image: {{isos: {{'9': {{url: '{ADDRESS}/x.iso', checksum: null}}}}}}}}",
        f"platform_overrides: {{consul: {{url: '{ADDRESS}/x.zip'}}}}",
        "repositories: [{id: own, base_urls: ['https://hunter2@files.example/os'], gpg_key: /etc/key}]",
    ],
)
@pytest.mark.usefixtures("artifacts")
def test_trap_19_a_password_in_an_address_is_refused_and_not_shown(
    holster: Holster, sirius: Path, orders: list[BuildRequest], section: str
) -> None:
    """It would stand in files of the image and of every machine, in logs and in lists of processes."""
    with sirius.open("a") as stream:
        stream.write(f"{section}\n")
    for arguments in (("check",), ("build",), ("artifacts", "list"), ("render",)):
        called = holster(*arguments, str(sirius))
        assert called.code == 1
        assert "must not hold a user or a password" in called.err
        assert "hunter2" not in called.out + called.err
    assert orders == []


@pytest.mark.usefixtures("artifacts")
def test_a_disk_of_the_spec_is_taken(holster: Holster, sirius: Path, orders: list[BuildRequest]) -> None:
    """Instead of the installer."""
    with sirius.open("a") as stream:
        stream.write(f"image: {{base_image: /srv/base.qcow2, base_checksum: 'sha256:{DIGEST}'}}\n")
    assert holster("build", str(sirius)).code == 0
    assert orders[0].base
    assert orders[0].base.sha256 == DIGEST


def test_patroni_without_wheels_is_refused_at_once(
    holster: Holster, sirius: Path, orders: list[BuildRequest], tmp_path: Path
) -> None:
    """Another version than the profile's: nobody named its wheels; some among the artifacts will do."""
    folder = tmp_path / "artifacts"
    for name in ("programs/consul", "programs/vip-manager"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    sum_artifacts(folder)
    with sirius.open("a") as stream:
        stream.write('components: {patroni: {version: "3.2.0"}}\n')
    words = ("build", str(sirius), "--platform", "redos7", "--artifacts", str(folder))
    called = holster(*words)
    assert called.code == 2
    assert "wheels of Patroni 3.2.0" in called.err
    (folder / "wheels").mkdir()
    (folder / "wheels/patroni-3.2.0-py3-none-any.whl").write_text("wheel")
    sum_artifacts(folder)
    assert holster(*words).code == 0
    assert len(orders) == 1
