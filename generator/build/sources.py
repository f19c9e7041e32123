"""What a build starts from: artifacts, a disk or the installer's disc, and the programs.

In: the checked spec and what the command line names.  Out: the choice, or a refusal before
anything is begun.  Nothing is started or downloaded here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from generator.artifacts.folder import BASE_DISK, WHEELS, Artifacts, load_artifacts
from generator.artifacts.needs import SHA256, list_needs
from generator.build.plan import Base, choose_base
from generator.errors import UsageInvalid

if TYPE_CHECKING:
    from generator.artifacts.needs import FileNeed
    from generator.check import CheckedSpec
    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ImageSpec


def find_artifacts(named: Path | None, platform: str) -> Artifacts | None:
    """Return the artifacts that were named, else those of `artifacts/<platform>` where there are some.

    Raises:
        ArtifactsInvalid: the folder has no manifest.
    """
    folder = named or Path("artifacts") / platform
    return load_artifacts(folder.resolve()) if named or folder.is_dir() else None


def find_base(
    checked: CheckedSpec, base: Path | None, checksum: str | None, artifacts: Artifacts | None
) -> Base | None:
    """Return the disk to start from, or None when the platform is installed from its ISO.

    What the command line names wins over the artifacts, and they over the spec.

    Raises:
        UsageInvalid: there is neither, or the disk has no SHA-256.
    """
    image, facts = checked.spec.image, checked.profile
    if base is not None:
        # Packer and QEMU run in folders of their own.
        return choose_base(base.resolve(), parse_sha256(checksum), artifacts)
    if checksum is not None:
        raise UsageInvalid("--base-sha256 without --base", hint="name the disk with --base")
    if (found := choose_base(None, None, artifacts)) is not None:
        return found
    if image.base_image is not None:
        return find_spec_base(image.base_image, image.base_checksum)
    demand_installer(image, facts)
    return None


def find_spec_base(place: str, checksum: str | None) -> Base:
    """Return the disk that the spec names.

    Raises:
        UsageInvalid: it is not on this machine, or has no SHA-256.
    """
    place = place.removeprefix("file://")
    if not place.startswith("/"):
        raise UsageInvalid(
            f"the disk {place} is not on this machine",
            hint="`holster artifacts fetch SPEC` brings it, or --base names a copy",
        )
    if checksum is None or not checksum.startswith(SHA256):
        raise UsageInvalid(f"no SHA-256 of {place} is known", hint="set image.base_checksum: sha256:…")
    return Base(Path(place), checksum.removeprefix(SHA256))


def parse_sha256(text: str | None) -> str | None:
    """Return the digest, as `sha256sum` or a vendor writes it.

    Raises:
        UsageInvalid: it is none.
    """
    digest = text and text.strip().lower().removeprefix(SHA256)
    if digest and not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise UsageInvalid(f"{text} is no SHA-256", hint="--base-sha256 takes 64 hex digits")
    return digest


def demand_installer(image: ImageSpec, facts: PlatformProfile) -> None:
    """Do nothing where the installer's disc and its checksum are known.

    Raises:
        UsageInvalid: they are not, or Packer would be told a password.
    """
    release = facts.image.isos.get(image.release or facts.image.default_release or "")
    if facts.kickstart is None or (image.iso_url is None and release is None):
        raise UsageInvalid(
            f"there is nothing to build {facts.name} from",
            hint=f"--base IMAGE names a disk; artifacts/{facts.name}/{BASE_DISK} is found by itself",
        )
    if not (image.iso_checksum or (release and release.checksum and not image.iso_url)):
        raise UsageInvalid(
            "the installer's disc has no checksum",
            hint="set image.iso_checksum in the spec (sha256:… or md5:…)",
        )


def _find_lack(need: FileNeed) -> str | None:
    """Return why a build cannot download a program, or None when it can."""
    if need.url is None:
        return "no address is known"
    if need.sha256 is None:
        return "no SHA-256 is known"
    return None


def demand_programs(checked: CheckedSpec, artifacts: Artifacts | None, base: Base | None) -> None:
    """Do nothing where every program that comes as a file is there or can be downloaded.

    A build that misses one would say so only at its end. A disk of the user's own may hold them.

    Raises:
        UsageInvalid: with each of them.
    """
    if base is not None and (artifacts is None or base.disk != artifacts.find(BASE_DISK)):
        return
    needs = list_needs(checked.spec, checked.profile)
    known = artifacts.sums if artifacts else {}
    missing = [
        f"{need.program} {need.version} ({lack})"
        for need in needs.files
        if need.is_program and need.name not in known and (lack := _find_lack(need))
    ]
    if needs.has_wheels and not needs.wheels and not any(name.startswith(f"{WHEELS}/") for name in known):
        missing.append(f"wheels of Patroni {needs.patroni}")
    if missing:
        raise UsageInvalid(
            f"these come as files and are not among the artifacts: {', '.join(missing)}",
            hint="`holster artifacts fetch SPEC` brings what has an address, and says how to get the rest",
        )
