"""What a folder of artifacts needs for one spec.

In: a valid spec and its platform.  Out: files with their addresses and digests, and, for
what no download of ours brings, the command that does.  A function of its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import join, quote
from typing import TYPE_CHECKING, Final

from generator.artifacts.folder import BASE_DISK, PACKAGES, PROGRAMS, WHEELS
from generator.resolve.components import resolve_components, resolve_repositories

if TYPE_CHECKING:
    from pathlib import Path

    from generator.platforms.profile import PlatformProfile
    from generator.resolve.components import ResolvedComponent
    from generator.spec.model import ClusterSpec, RepositorySpec

REQUIREMENTS: Final = "wheels.txt"
REMOTE: Final = ("http://", "https://", "ftp://")
SHA256: Final = "sha256:"
# pip takes none of the older names for the newer ones.
GLIBC: Final = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


@dataclass(frozen=True, slots=True)
class FileNeed:
    """One file of the folder.

    Attributes:
        name: its path below the folder, such as `programs/consul`.
        key: the key of the spec that says where it comes from.
        version: what it must say it is; None for a disk.
        url: where it is, or an archive that holds it; None where nobody said.
        sha256: the digest of what `url` gives; None where nobody said.
    """

    name: str
    key: str
    version: str | None
    url: str | None
    sha256: str | None

    @property
    def is_program(self) -> bool:
        """Whether it may come inside an archive."""
        return self.name.startswith(f"{PROGRAMS}/")

    @property
    def program(self) -> str:
        """The bare name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that a build of this cluster's image takes from a folder of artifacts.

    Attributes:
        platform, title, family, python: the platform's name, its name for people, rpm or deb,
            and its Python.
        files: programs, and the disk to start from where the spec has an address of one.
        wheels: `name==version sha256:digest`, where Patroni comes as wheels.
        has_wheels: whether Patroni comes as wheels, even when none are named.
        patroni: its version.
        packages, repositories: what must be in the flat repository, and where it is from.
        optional_packages: those of `packages` that it may lack.
        needs_base: whether only a disk can be started from: there is no installer.
        disc: address and checksum of the installer's disc; None where there is none.
    """

    platform: str
    title: str
    family: str
    python: str
    files: tuple[FileNeed, ...]
    wheels: tuple[str, ...]
    has_wheels: bool
    patroni: str
    packages: tuple[str, ...]
    optional_packages: tuple[str, ...]
    repositories: tuple[RepositorySpec, ...]
    needs_base: bool
    disc: tuple[str, str] | None


def list_needs(spec: ClusterSpec, platform: PlatformProfile) -> Needs:
    """Return what the folder needs."""
    components = resolve_components(spec, platform)
    disc = _find_disc(spec, platform)
    programs = (("consul", components.consul), ("vip_manager", components.vip_manager))
    files = [_need_program(key, component) for key, component in programs if component.source == "artifact"]
    base = spec.image.base_image
    if base and base.startswith(REMOTE):
        checksum = spec.image.base_checksum or ""
        digest = checksum.removeprefix(SHA256) if checksum.startswith(SHA256) else None
        files.append(FileNeed(BASE_DISK, "image.base_image", None, base, digest))
    has_wheels = components.patroni.source == "artifact"
    return Needs(
        platform=platform.name,
        title=platform.title,
        family=platform.family,
        python=platform.python,
        files=tuple(files),
        wheels=components.patroni.wheels if has_wheels else (),
        has_wheels=has_wheels,
        patroni=components.patroni.version.text,
        # Groups come with the installer; a flat repository has none.
        packages=tuple(name for name in (*components.packages, "cloud-init") if not name.startswith("@")),
        optional_packages=components.optional_packages,
        repositories=resolve_repositories(spec, platform),
        needs_base=disc is None and base is None,
        disc=disc,
    )


def _need_program(key: str, component: ResolvedComponent) -> FileNeed:
    return FileNeed(
        name=f"{PROGRAMS}/{key.replace('_', '-')}",
        key=f"components.{key}",
        version=component.version.text,
        url=component.url,
        sha256=component.sha256,
    )


def _find_disc(spec: ClusterSpec, platform: PlatformProfile) -> tuple[str, str] | None:
    image = spec.image
    known = platform.image.isos.get(image.release or platform.image.default_release or "")
    if platform.kickstart is None or image.base_image or (image.iso_url is None and known is None):
        return None
    checksum = image.iso_checksum or (known.checksum if known and image.iso_url is None else None)
    return image.iso_url or (known.url if known else ""), checksum or "no checksum is known"


def format_requirements(wheels: tuple[str, ...]) -> str:
    """Return pip's requirements with the digest of each wheel."""
    lines = (wheel.replace(f" {SHA256}", f" --hash={SHA256}") for wheel in wheels)
    return "".join(f"{line}\n" for line in lines)


def list_wheel_command(needs: Needs, folder: Path) -> str:
    """Return the command that downloads the wheels; pip's own configuration says from where."""
    argv = ["pip", "download", "--no-deps", "--only-binary=:all:"]
    argv += ["--implementation", "cp", "--python-version", needs.python]
    argv += [word for name in GLIBC for word in ("--platform", name)]
    argv += ["--dest", str(folder / WHEELS)]
    if needs.wheels:
        return join([*argv, "--require-hashes", "-r", str(folder / REQUIREMENTS)])
    argv.remove("--no-deps")
    return join([*argv, f"patroni[consul,psycopg3]=={needs.patroni}"])


def list_package_commands(needs: Needs, folder: Path) -> tuple[str, ...]:
    """Return the commands that make the flat repository, for a shell.

    Those for rpm belong on a machine of the same system: dnf resolves for the one it runs on.
    The build trusts the manifest of the folder, so signatures are checked here.
    """
    if needs.family == "deb":
        return (f"sudo {join(['packer/make-debian-base', str(folder), *needs.packages])}",)
    target = folder / PACKAGES
    argv = ["dnf", "download", "--resolve", "--alldeps", "--destdir", str(target)]
    for repository in needs.repositories:
        name = f"holster-{repository.id}"
        argv += [f"--repofrompath={name},{repository.base_urls[0]}", f"--repo={name}"]
    keys = dict.fromkeys(entry.gpg_key for entry in needs.repositories if entry.gpg_key)
    return (
        join(["mkdir", "-p", str(target)]),
        join([*argv, *(name for name in needs.packages if name not in needs.optional_packages)]),
        *([join([*argv, "--setopt=strict=0", *needs.optional_packages])] if needs.optional_packages else ()),
        *(f"sudo {join(['rpmkeys', '--import', key])}" for key in keys),
        f"rpmkeys --checksig {quote(str(target))}/*.rpm",
        join(["createrepo_c", str(target)]),
    )
