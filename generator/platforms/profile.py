"""The facts of one platform: names, paths, versions, packages, installer.

In: `<name>.yaml` beside this module, plus the spec's `platform_overrides`.
Out: a frozen PlatformProfile.  No other module knows a platform by name.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from generator.spec.model import (
    ComponentSpec,
    PatroniComponentSpec,
    PostgresqlComponentSpec,
    RepositorySpec,
)


class ProfileModel(BaseModel):
    """Base of every section: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OsRelease(ProfileModel):
    """What /etc/os-release must say; only the major part of VERSION_ID counts."""

    id: str
    version_major: str


class Users(ProfileModel):
    """System users and groups that run the services."""

    consul: str
    postgres: str
    postgres_home: str


class Units(ProfileModel):
    """systemd units; `{major}` stands for the PostgreSQL major version."""

    consul: str
    patroni: str
    vip_manager: str
    chrony: str
    ssh: str
    postgresql: tuple[str, ...]


class Paths(ProfileModel):
    """Files and programs; `{major}` stands for the PostgreSQL major version."""

    consul_binary: str
    consul_config_dir: str
    consul_data_dir: str
    patroni_binary: str
    patroni_config: str
    vip_manager_binary: str
    vip_manager_config: str
    postgresql_bin_dir: str
    chrony_config: str
    sshd_dropin_dir: str | None
    sshd_config: str
    repositories_dir: str
    ip_binary: str


class KickstartFacts(ProfileModel):
    """The installer: handler versions to validate against, package set, kernel arguments."""

    handlers: tuple[str, ...]
    packages: tuple[str, ...]
    kernel_arguments: tuple[str, ...]


class BootCommand(ProfileModel):
    """Keys that start the installer of some releases; `{{ks}}` marks the kickstart argument."""

    releases: tuple[str, ...]
    firmware: Literal["bios", "uefi"]
    wait: str
    keys: tuple[str, ...]


class IsoFacts(ProfileModel):
    """One installer ISO as published."""

    url: str
    checksum: str | None


class ImageFacts(ProfileModel):
    """What Packer needs; `isos` maps a release to its ISO."""

    default_release: str | None
    isos: dict[str, IsoFacts]
    boot_commands: tuple[BootCommand, ...]
    ssh_user: str


class CloudInitFacts(ProfileModel):
    """How cloud-init must be told about this system (platforms.md §4).

    `oldest`: the oldest version of cloud-init that the system may have; older ones need
    not understand what is rendered for it.
    """

    oldest: str = "22.4"
    distro: str
    renderers: tuple[str, ...]
    admin_groups: tuple[str, ...]


class PlatformProfile(ProfileModel):
    """Everything Holster knows of one platform.

    `restarts_oneshot`: systemd is 244 or newer, which knows `Restart=` in a oneshot unit; an
    older one refuses the whole unit.
    """

    name: str
    title: str
    family: Literal["rpm", "deb"]
    os_release: OsRelease
    python: str
    has_selinux: bool
    has_firewalld: bool = True
    restarts_oneshot: bool = True
    users: Users
    units: Units
    paths: Paths
    packages: tuple[str, ...]
    repositories: tuple[RepositorySpec, ...]
    consul: ComponentSpec
    patroni: PatroniComponentSpec
    vip_manager: ComponentSpec
    vip_manager_modes: Annotated[tuple[Literal["consul", "patroni"], ...], Field(min_length=1)]
    postgresql: PostgresqlComponentSpec
    kickstart: KickstartFacts | None
    image: ImageFacts
    cloud_init: CloudInitFacts


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


def merge_facts(facts: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Return `facts` with `overrides` laid over them; mappings merge, all else is replaced."""
    merged = dict(facts)
    for key, value in overrides.items():
        below = merged.get(key)
        merged[key] = (
            merge_facts(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
        )
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
