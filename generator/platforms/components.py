"""Version and origin of the programs: what the spec says, else the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from generator.versions import VersionNumber

if TYPE_CHECKING:
    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec, ComponentSpec


def find_version(spec: ClusterSpec, profile: PlatformProfile, name: str) -> VersionNumber:
    """Return the version of `consul`, `patroni` or `vip_manager`; 0 where nobody names one."""
    component: ComponentSpec = getattr(spec.components, name)
    default: ComponentSpec = getattr(profile, name)
    return VersionNumber(component.version or default.version or "0")


def find_source(spec: ClusterSpec, profile: PlatformProfile, name: str) -> Literal["package", "artifact"]:
    """Return where `consul`, `patroni` or `vip_manager` comes from."""
    return choose_source(getattr(spec.components, name), getattr(profile, name))


def choose_source(component: ComponentSpec, default: ComponentSpec) -> Literal["package", "artifact"]:
    """Return where a program comes from: as declared, else as a URL tells, else as on the platform."""
    return component.source or ("artifact" if component.url else default.source or "package")


def find_major(spec: ClusterSpec, profile: PlatformProfile) -> int:
    """Return PostgreSQL's major version; 0 where nobody names one."""
    return spec.components.postgresql.version or profile.postgresql.version or 0
