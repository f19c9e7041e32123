"""Programs, where they come from, and the golden image."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from generator.spec.fields import (
    Flag,
    PackageName,
    Release,
    RepositoryId,
    Sha256,
    SizeMib,
    SuiteName,
    Version,
    Wheel,
)
from generator.spec.model.base import SpecModel
from generator.spec.url_fields import Checksum, RepositoryUrl, Url, UrlOrPath


class RepositorySpec(SpecModel):
    """A package repository; replaces the platform's own list when given.

    `id` names the file on the node.  `suite` and `components` are for Debian only.
    """

    id: RepositoryId
    """The repository's name; also the name of its file."""
    base_urls: Annotated[tuple[RepositoryUrl, ...], Field(min_length=1, max_length=32)]
    """Where the packages are; {major} stands for the PostgreSQL version."""
    gpg_key: UrlOrPath | None = None
    """The key that signs the packages. Default: none; dnf then refuses the packages, apt takes the
    system's keys."""
    gpg_check: Flag = True
    """Refuse packages that the key does not sign."""
    enabled: Flag = True
    """Use the repository."""
    suite: SuiteName | None = None
    """Debian's suite; needed there."""
    components: tuple[SuiteName, ...] = ()
    """Debian's components; needed there."""


class ComponentSpec(SpecModel):
    """Version and origin of one program.

    `source: package` installs `packages` from the repositories, `artifact`
    takes the file from `artifacts/`, or from `url` when the machine that builds
    the image may reach it; `sha256` is demanded with `url`.
    """

    version: Version | None = None
    """The version, in quotes: it decides which keys are rendered. Default: the platform's."""
    source: Literal["package", "artifact"] | None = None
    """From the repositories, or as a file. Default: artifact with a `url`, else the platform's."""
    packages: Annotated[tuple[PackageName, ...], Field(max_length=100)] | None = None
    """Package names; {major} stands for the PostgreSQL version. Default: the platform's."""
    url: Url | None = None
    """Where the file is; the first boot installs an absent Consul from here as well.
    Default: the platform's, for the platform's own version."""
    sha256: Sha256 | None = None
    """The digest of the file at `url`; demanded with it."""


class PatroniComponentSpec(ComponentSpec):
    """Patroni: like the others; `source: artifact` installs it from Python wheels.

    It then gets a virtual environment of its own, `/opt/patroni`. The wheels come from `artifacts/`,
    or from the package index that pip is configured for.
    """

    wheels: tuple[Wheel, ...] | None = None
    """Patroni, its Consul client, a PostgreSQL driver and all that they need, each as
    `name==version sha256:<digest of the wheel>`. Default: the platform's, for the platform's own version."""


class PostgresqlComponentSpec(SpecModel):
    """PostgreSQL: the major version decides packages and paths."""

    version: Annotated[StrictInt, Field(ge=9)] | None = None
    """The major version. Default: the platform's."""
    packages: Annotated[tuple[PackageName, ...], Field(min_length=1, max_length=100)] | None = None
    """Package names; {major} stands for the version. Default: the platform's."""


class ComponentsSpec(SpecModel):
    """The programs whose version decides what is rendered."""

    consul: ComponentSpec = ComponentSpec()
    """Consul."""
    patroni: PatroniComponentSpec = PatroniComponentSpec()
    """Patroni."""
    vip_manager: ComponentSpec = ComponentSpec()
    """vip-manager."""
    postgresql: PostgresqlComponentSpec = PostgresqlComponentSpec()
    """PostgreSQL."""


class ImageSpec(SpecModel):
    """The golden image that Packer builds."""

    iso_url: UrlOrPath | None = None
    """The installer's ISO. Default: the platform's own for `release`."""
    iso_checksum: Checksum | None = None
    """The ISO's checksum; SHA-256 where you can, for MD5 finds no forged disc.
    Default: the platform's own for `release`."""
    base_image: UrlOrPath | None = None
    """A ready disk image to start from, instead of an ISO. Default: none; platforms without a known ISO
    need one."""
    base_checksum: Checksum | None = None
    """The disk image's checksum; demanded where it is downloaded."""
    release: Release | None = None
    """The platform's release; decides the ISO and the keys that start its installer.
    Default: 8.0.2 on redos8, 7.3.6 on redos7, none elsewhere."""
    firmware: Literal["bios", "uefi"] = "bios"
    """Firmware of the machine that builds the image."""
    disk_size: SizeMib = 30 * 1024
    """Size of the image's disk."""
    memory: SizeMib = 5 * 1024
    """Memory of the machine that builds the image."""
    cpus: Annotated[StrictInt, Field(ge=1, le=64)] = 2
    """Processors of the machine that builds the image."""
