"""What a build is made of: closed network, QEMU's arguments, the digest of its inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.artifacts.folder import Artifacts
from generator.build.plan import (
    Base,
    BuildPaths,
    Surroundings,
    choose_base,
    choose_surroundings,
    digest_inputs,
    list_qemu_arguments,
    list_variables,
)
from generator.errors import UsageInvalid
from generator.spec.model import ImageSpec
from generator.tools.qemu import Accelerator

TCG = Accelerator("tcg", "max,-cx16,-la57", "test")
PLACES = BuildPaths(Path("/scratch"))
BASE = Base(Path("/b/disk.qcow2"), "0" * 64, Path("/b/vmlinuz"), Path("/b/initrd.img"))


def arguments(*, base: Base | None, has_disc: bool, firmware: str = "bios") -> dict[str, str]:
    """Return QEMU's arguments by name."""
    image = ImageSpec.model_validate({"firmware": firmware})
    listed = list_qemu_arguments(PLACES, image, TCG, Surroundings(base, has_disc, is_closed=has_disc))
    return {name: "".join(rest) for name, *rest in listed}


def test_a_build_from_artifacts_has_no_network() -> None:
    """The guest reaches nothing; the way in is a port of this machine alone."""
    network = arguments(base=BASE, has_disc=True)["-netdev"]
    assert "restrict=on" in network
    assert "hostfwd=tcp:127.0.0.1:" in network
    assert "restrict" not in arguments(base=BASE, has_disc=False)["-netdev"]


@pytest.mark.parametrize(
    ("names", "has_disc", "is_closed"),
    [
        (("packages/a.rpm", "programs/consul"), True, True),
        (("programs/consul",), True, False),
        (("base/disk.qcow2",), False, False),
    ],
)
def test_only_a_repository_on_the_disc_closes_the_network(
    names: tuple[str, ...], *, has_disc: bool, is_closed: bool
) -> None:
    """Programs alone are no reason: the packages then come from the repositories."""
    around = choose_surroundings(None, Artifacts(Path("/a"), dict.fromkeys(names, "0" * 64)))
    assert (around.has_disc, around.is_closed) == (has_disc, is_closed)
    assert choose_surroundings(BASE, None) == Surroundings(BASE, has_disc=False, is_closed=False)


def test_packers_own_arguments_are_not_replaced() -> None:
    """QEMU refuses -accel beside -machine accel=; -drive and -device would drop Packer's disks."""
    given = arguments(base=BASE, has_disc=True, firmware="uefi")
    assert not {"-accel", "-machine", "-drive", "-device"} & given.keys()
    assert given["-cdrom"] == "/scratch/artifacts.iso"
    assert "-bios" in given


def test_a_disk_without_boot_loader_is_started_by_its_kernel() -> None:
    """And a panic ends the machine; an installer may reboot."""
    given = arguments(base=BASE, has_disc=False)
    assert given["-kernel"] == "/b/vmlinuz"
    assert "panic=-1" in given["-append"]
    assert "-no-reboot" in given
    assert "-no-reboot" not in arguments(base=None, has_disc=False)


def test_the_key_is_passed_by_its_file() -> None:
    """Its bytes are in no variable."""
    variables = list_variables(PLACES, ImageSpec(), TCG, Surroundings(BASE, has_disc=True, is_closed=True))
    assert variables["build_private_key_file"] == "/scratch/build-key"
    assert variables["base_checksum"] == f"sha256:{'0' * 64}"
    assert variables["offline"] is True


def test_a_named_disk_needs_a_checksum() -> None:
    """What an image is made from is never a guess."""
    with pytest.raises(UsageInvalid, match="no checksum"):
        choose_base(Path("/srv/base.qcow2"), None, None)
    artifacts = Artifacts(Path("/a"), {"base/disk.qcow2": "1" * 64})
    assert choose_base(None, None, artifacts) == Base(Path("/a/base/disk.qcow2"), "1" * 64)
    assert choose_base(None, None, None) is None


def test_the_digest_follows_every_input(tmp_path: Path) -> None:
    """An image counts as current only while recipe, artifacts and base are the same."""
    script = tmp_path / "script.sh"
    script.write_text("one")
    artifacts = Artifacts(Path("/a"), {"programs/consul": "1" * 64})
    seen = {digest_inputs(tmp_path, artifacts, BASE), digest_inputs(tmp_path, None, BASE)}
    seen.add(digest_inputs(tmp_path, artifacts, None))
    assert digest_inputs(tmp_path, artifacts, BASE) in seen
    script.write_text("two")
    seen.add(digest_inputs(tmp_path, artifacts, BASE))
    assert len(seen) == 4
