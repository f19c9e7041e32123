"""The facts of one platform: names, paths, versions, packages, installer.

In: `<name>.yaml` beside this module, plus the spec's `platform_overrides`.
Out: a frozen PlatformProfile.  No module asks which platform it is: what differs is a fact here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictStr

from generator.platforms.fact_fields import (
    Accounts,
    BootKeys,
    BootWait,
    Distro,
    Groups,
    Handler,
    KernelArguments,
    LocalePackage,
    Major,
    MajorPath,
    OsId,
    Packages,
    PostgresqlUnits,
    PythonVersion,
    Renderers,
    Title,
    UnitName,
)
from generator.spec.fields import AbsolutePath, Flag, Release, UnixName, Version
from generator.spec.model import (
    ComponentSpec,
    PatroniComponentSpec,
    PostgresqlComponentSpec,
    RepositorySpec,
)
from generator.spec.url_fields import Checksum, Url


class ProfileModel(BaseModel):
    """Base of every section: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OsRelease(ProfileModel):
    """What /etc/os-release must say; only the major part of VERSION_ID counts."""

    id: OsId
    version_major: Major


class Users(ProfileModel):
    """System users and groups that run the services."""

    consul: UnixName
    postgres: UnixName
    postgres_home: AbsolutePath


class Units(ProfileModel):
    """systemd units; `{major}` stands for the PostgreSQL major version in those of PostgreSQL."""

    consul: UnitName
    patroni: UnitName
    vip_manager: UnitName
    chrony: UnitName
    ssh: UnitName
    postgresql: PostgresqlUnits


class Paths(ProfileModel):
    """Files and programs; `{major}` stands for the PostgreSQL major version in `postgresql_bin_dir`."""

    consul_binary: AbsolutePath
    consul_config_dir: AbsolutePath
    consul_data_dir: AbsolutePath
    patroni_binary: AbsolutePath
    patroni_config: AbsolutePath
    vip_manager_binary: AbsolutePath
    vip_manager_config: AbsolutePath
    postgresql_bin_dir: MajorPath
    chrony_config: AbsolutePath
    sshd_dropin_dir: AbsolutePath | None
    sshd_config: AbsolutePath
    repositories_dir: AbsolutePath
    ip_binary: AbsolutePath


class KickstartFacts(ProfileModel):
    """The installer: handler versions to validate against, package set, kernel arguments."""

    handlers: Annotated[tuple[Handler, ...], Field(min_length=1, max_length=32)]
    packages: Packages
    kernel_arguments: KernelArguments


class BootCommand(ProfileModel):
    """Keys that start the installer of some releases; `{{ks}}` marks the kickstart argument."""

    releases: Annotated[tuple[Release, ...], Field(min_length=1, max_length=64)]
    firmware: Literal["bios", "uefi"]
    wait: BootWait
    keys: Annotated[tuple[BootKeys, ...], Field(min_length=1, max_length=64)]


class IsoFacts(ProfileModel):
    """One installer ISO as published."""

    url: Url
    checksum: Checksum | None


class ImageFacts(ProfileModel):
    """What Packer needs; `isos` maps a release to its ISO."""

    default_release: Release | None
    isos: Annotated[dict[Release, IsoFacts], Field(max_length=100)]
    boot_commands: Annotated[tuple[BootCommand, ...], Field(max_length=100)]
    ssh_user: UnixName


class CloudInitFacts(ProfileModel):
    """How cloud-init must be told about this system (platforms.md §4).

    `oldest`: the oldest version of cloud-init that the system may have; older ones need
    not understand what is rendered for it.
    `host_keys`: kinds of SSH host keys that it makes. A machine in FIPS mode knows no ed25519.
    """

    oldest: Version = "22.4"
    distro: Distro
    renderers: Renderers
    admin_groups: Groups
    host_keys: Annotated[tuple[Literal["ed25519", "ecdsa", "rsa"], ...], Field(min_length=1, max_length=3)]


class PlatformProfile(ProfileModel):
    """Everything Holster knows of one platform.

    `accounts`: users and groups that the system has or its packages make; a person cannot be
    called so.

    `firewall`: what filters packets; `nftables` is a table of Holster's own, `none` leaves every port open.
    `locale_package`: brings a locale that glibc does not have itself; `{language}` stands for its first part.
    It is optional: where glibc has them all there is none, and the image check looks for the locale itself.
    `optional_packages`: those without which an installation goes on, because nobody has seen their names
    in the repositories, or a machine can do without. One of a program comes with that program only.
    `restarts_oneshot`: systemd is 244 or newer, which knows `Restart=` in a oneshot unit; an
    older one refuses the whole unit.
    """

    name: StrictStr
    title: Title
    family: Literal["rpm", "deb"]
    os_release: OsRelease
    python: PythonVersion
    has_selinux: Flag
    firewall: Literal["firewalld", "nftables", "none"] = "firewalld"
    restarts_oneshot: Flag = True
    users: Users
    accounts: Accounts
    units: Units
    paths: Paths
    packages: Packages
    optional_packages: Packages = ()
    locale_package: LocalePackage | None = None
    repositories: Annotated[tuple[RepositorySpec, ...], Field(max_length=100)]
    consul: ComponentSpec
    patroni: PatroniComponentSpec
    vip_manager: ComponentSpec
    vip_manager_modes: Annotated[tuple[Literal["consul", "patroni"], ...], Field(min_length=1, max_length=2)]
    postgresql: PostgresqlComponentSpec
    kickstart: KickstartFacts | None
    image: ImageFacts
    cloud_init: CloudInitFacts

    @property
    def sets_locale(self) -> bool:
        """Whether the system gets the locale of the spec; Debian keeps the image's own."""
        return self.family == "rpm"


FOLDER = Path(__file__).parent


@cache
def list_platforms() -> tuple[str, ...]:
    """Return the names of the known platforms, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@cache
def _read_facts(name: str) -> dict[str, Any]:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    # The C loader is as safe as SafeLoader and ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    facts: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 -- a safe loader
    return facts


ADDED = {("packages",), ("optional_packages",), ("kickstart", "packages")}
"""Lists that an override makes longer: without the platform's own a machine has no LVM, no clock, no sshd."""


def merge_facts(
    facts: dict[str, Any], overrides: dict[str, Any], above: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return `facts` with `overrides` laid over them.

    Mappings merge, the lists in ADDED grow, all else is replaced.  `above`: the keys that lead here.
    """
    merged = dict(facts)
    for key, value in overrides.items():
        below, path = merged.get(key), (*above, key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = merge_facts(below, value, path)
        elif path in ADDED and isinstance(below, list) and isinstance(value, list):
            # The spec's first: the index in an error is that of the spec.
            merged[key] = [*value, *(name for name in below if name not in value)]
        else:
            merged[key] = value
    return merged


def load_profile(name: str, overrides: dict[str, Any] | None = None) -> PlatformProfile:
    """Return the profile of platform `name` with the spec's overrides applied.

    Raises:
        KeyError: no such platform.
        pydantic.ValidationError: an override names an unknown fact or has a wrong type.
    """
    if name not in list_platforms():
        raise KeyError(name)
    return PlatformProfile.model_validate({"name": name, **merge_facts(_read_facts(name), overrides or {})})
