"""Version and origin of a program: what the spec says, else the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.versions import VersionNumber

if TYPE_CHECKING:
    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec, ComponentSpec


def find_version(spec: ClusterSpec, profile: PlatformProfile, name: str) -> VersionNumber:
    """Return the version of `consul`, `patroni` or `vip_manager`; 0 where nobody names one."""
    component: ComponentSpec = getattr(spec.components, name)
    default: ComponentSpec = getattr(profile, name)
    return VersionNumber(component.version or default.version or "0")


def find_source(spec: ClusterSpec, profile: PlatformProfile, name: str) -> str:
    """Return `package` or `artifact`."""
    component: ComponentSpec = getattr(spec.components, name)
    default: ComponentSpec = getattr(profile, name)
    return component.source or ("artifact" if component.url else default.source or "package")
