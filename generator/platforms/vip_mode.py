"""Where vip-manager learns who leads, when the spec does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from generator.platforms.components import find_version
from generator.versions import VipManagerDialect

if TYPE_CHECKING:
    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec


def choose_vip_mode(spec: ClusterSpec, profile: PlatformProfile) -> Literal["consul", "patroni"]:
    """Return the declared mode, else the safest that the platform's build can do.

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
