"""What holds where the spec is silent and the platform decides: asked by rules and by resolve.

In: a spec and its platform's profile.  Out: the value that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from generator.versions import PatroniDialect, VersionNumber, VipManagerDialect

if TYPE_CHECKING:
    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec, ComponentSpec


def choose_version(component: ComponentSpec, default: ComponentSpec) -> str:
    """Return a program's version as text; empty where nobody names one."""
    return component.version or default.version or ""


def find_version(spec: ClusterSpec, profile: PlatformProfile, name: str) -> VersionNumber:
    """Return the version of `consul`, `patroni` or `vip_manager`; 0 where nobody names one."""
    return VersionNumber(choose_version(getattr(spec.components, name), getattr(profile, name)) or "0")


def choose_source(component: ComponentSpec, default: ComponentSpec) -> Literal["package", "artifact"]:
    """Return where a program comes from: as declared, else as a URL tells, else as on the platform."""
    return component.source or ("artifact" if component.url else default.source or "package")


def find_source(spec: ClusterSpec, profile: PlatformProfile, name: str) -> Literal["package", "artifact"]:
    """Return where `consul`, `patroni` or `vip_manager` comes from."""
    return choose_source(getattr(spec.components, name), getattr(profile, name))


def find_major(spec: ClusterSpec, profile: PlatformProfile) -> int:
    """Return PostgreSQL's major version; 0 where nobody names one."""
    return spec.components.postgresql.version or profile.postgresql.version or 0


def choose_failsafe_mode(spec: ClusterSpec, profile: PlatformProfile) -> bool:
    """Return whether a primary goes on without Consul while all members answer it: wherever Patroni can."""
    declared = spec.patroni.failsafe_mode
    if declared is not None:
        return declared
    return PatroniDialect(find_version(spec, profile, "patroni")).has_failsafe_mode


def choose_vip_mode(spec: ClusterSpec, profile: PlatformProfile) -> Literal["consul", "patroni"]:
    """Return where vip-manager learns who leads: as declared, else the safest way of the platform's build.

    In mode `patroni` versions before 5.0 keep the address when the REST API dies.
    From 5.0 on that mode is better: the address stays with a leader that failsafe
    mode keeps while Consul is away (reference notes §3).
    """
    if spec.vip_manager.mode is not None:
        return spec.vip_manager.mode
    version = find_version(spec, profile, "vip_manager")
    modes = profile.vip_manager_modes
    if "patroni" in modes and VipManagerDialect(version).drops_vip_without_rest:
        return "patroni"
    return modes[0]
