"""What one build is made of: the source, the variables of the recipe, QEMU's arguments.

A function of its arguments; nothing is started here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from generator.artifacts.folder import BASE_DISK, BASE_INITRD, BASE_KERNEL, PACKAGES
from generator.errors import UsageInvalid
from generator.tools.qemu import KERNEL_ARGUMENTS, UEFI_FIRMWARE

if TYPE_CHECKING:
    from pathlib import Path

    from generator.artifacts.folder import Artifacts
    from generator.spec.model import ImageSpec
    from generator.tools.qemu import Accelerator

DISC_LABEL: Final = "HOLSTER"
CLOSED_NETWORK: Final = "user,id=user.0,restrict=on,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"
"""`restrict` keeps the guest from every address but the forwarded port of this machine."""
OPEN_NETWORK: Final = CLOSED_NETWORK.replace("restrict=on,", "")


@dataclass(frozen=True, slots=True)
class Base:
    """The disk to start from; kernel and initrd where it has no boot loader of its own."""

    disk: Path
    sha256: str
    kernel: Path | None = None
    initrd: Path | None = None


@dataclass(frozen=True, slots=True)
class BuildPaths:
    """The files of one build, all below its private folder."""

    scratch: Path

    @property
    def packer(self) -> Path:
        """The recipe, as this version of Packer reads it."""
        return self.scratch / "packer"

    @property
    def key(self) -> Path:
        """The private key of this build."""
        return self.scratch / "build-key"

    @property
    def disc(self) -> Path:
        """The disc of artifacts."""
        return self.scratch / "artifacts.iso"

    @property
    def variables(self) -> Path:
        """Packer's variables."""
        return self.scratch / "build.pkrvars.json"

    @property
    def inventory(self) -> Path:
        """What is installed, as the guest wrote it down."""
        return self.scratch / "inventory.tsv"

    @property
    def console(self) -> Path:
        """What the guest said on its serial console."""
        return self.scratch / "console.log"

    @property
    def log(self) -> Path:
        """Packer's own log."""
        return self.scratch / "packer.log"

    @property
    def image_folder(self) -> Path:
        """Where Packer puts the image."""
        return self.scratch / "image"


def choose_base(base: Path | None, checksum: str | None, artifacts: Artifacts | None) -> Base | None:
    """Return the disk to start from: the one that was named, else that of the artifacts.

    Raises:
        UsageInvalid: a disk without a checksum.
    """
    if base is not None:
        if not checksum:
            raise UsageInvalid(
                f"no checksum is known for {base}", hint="add --base-sha256: what its vendor publishes"
            )
        return Base(base, checksum)
    if artifacts is None or (disk := artifacts.find(BASE_DISK)) is None:
        return None
    return Base(disk, artifacts.sums[BASE_DISK], artifacts.find(BASE_KERNEL), artifacts.find(BASE_INITRD))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the machine that is built gets to see.

    Attributes:
        base: the disk to start from; None installs from the ISO.
        has_disc: whether there is a disc of artifacts.
        is_closed: whether it reaches no network: with a repository on the disc it needs none. A
            disc of programs alone leaves the packages to the repositories.
    """

    base: Base | None
    has_disc: bool
    is_closed: bool


def choose_surroundings(base: Base | None, artifacts: Artifacts | None) -> Surroundings:
    """Return what a build from these gets to see."""
    folders = artifacts.disc_folders if artifacts else {}
    return Surroundings(base, has_disc=bool(folders), is_closed=PACKAGES in folders)


def list_qemu_arguments(
    places: BuildPaths, image: ImageSpec, accelerator: Accelerator, around: Surroundings
) -> list[list[str]]:
    """Return QEMU's arguments beside those of Packer; the accelerator is not among them.

    Packer passes `-machine accel=…` itself, and QEMU refuses it beside `-accel`.
    """
    base = around.base
    arguments = [
        ["-cpu", accelerator.cpu],
        ["-serial", f"file:{places.console}"],
        ["-netdev", CLOSED_NETWORK if around.is_closed else OPEN_NETWORK],
    ]
    if around.has_disc:
        # Not -drive: that would replace Packer's own drives.
        arguments.append(["-cdrom", str(places.disc)])
    if image.firmware == "uefi":
        arguments.append(["-bios", UEFI_FIRMWARE])
    if base is not None and base.kernel is not None and base.initrd is not None:
        arguments += [
            ["-kernel", str(base.kernel)],
            ["-initrd", str(base.initrd)],
            ["-append", f"{KERNEL_ARGUMENTS} panic=-1"],
            # A kernel that panics then ends the build at once, not at its deadline.
            ["-no-reboot"],
        ]
    return arguments


def list_variables(
    places: BuildPaths, image: ImageSpec, accelerator: Accelerator, around: Surroundings
) -> dict[str, Any]:
    """Return the recipe's variables; no secret is among them, only the names of key files."""
    variables: dict[str, Any] = {
        "accelerator": accelerator.name,
        "build_private_key_file": str(places.key),
        "build_public_key_file": f"{places.key}.pub",
        "inventory_file": str(places.inventory),
        "offline": around.has_disc,
        "output_directory": str(places.image_folder),
        "qemu_arguments": list_qemu_arguments(places, image, accelerator, around),
    }
    if around.base is not None:
        checksum = f"sha256:{around.base.sha256}"
        variables |= {"base_image": str(around.base.disk), "base_checksum": checksum}
    return variables


def digest_inputs(recipe: Path, artifacts: Artifacts | None, base: Base | None) -> str:
    """Return one digest over everything that decides what is in the image."""
    total = sha256()
    for path in sorted(recipe.rglob("*")):
        if path.is_file():
            total.update(f"{path.relative_to(recipe)}\0".encode())
            total.update(sha256(path.read_bytes()).digest())
    rest = {"artifacts": artifacts.sums if artifacts else None, "base": base.sha256 if base else None}
    total.update(json.dumps(rest, sort_keys=True).encode())
    return total.hexdigest()
