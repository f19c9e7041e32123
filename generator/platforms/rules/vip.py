"""vip-manager's mode: whether the build has it, and which hole it leaves.

Each mode has one. What was measured stands in docs/lab.md, what vip-manager does in reference notes §3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.platforms.defaults import choose_failsafe_mode, choose_vip_mode, find_source, find_version
from generator.spec.rules.rule import Rule, rule
from generator.spec.wording import join_words
from generator.versions import VipManagerDialect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec

READS = "platform platform_overrides components vip_manager.mode"
PATH = ("vip_manager", "mode")


@rule("vip-mode", "vip-stays", "vip-drops", reads=f"{READS} patroni.failsafe_mode")
def check_vip_mode(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """V4: the mode exists in this version and in this build of vip-manager; its hole is named."""
    mode = choose_vip_mode(spec, profile)
    version = find_version(spec, profile, "vip_manager")
    dialect = VipManagerDialect(version)
    if mode not in profile.vip_manager_modes and find_source(spec, profile, "vip_manager") != "artifact":
        modes = join_words(profile.vip_manager_modes)
        message = f"the vip-manager package of {profile.title} cannot do mode {mode}, only {modes}"
        hint = "set components.vip_manager.source: artifact and put a release binary into artifacts/"
        yield Problem("vip-mode", message, path=PATH, hint=hint)
    elif mode == "consul":
        yield from _name_holes_of_consul(spec, profile)
    elif not dialect.has_patroni_mode:
        message = f"mode patroni needs vip-manager 2.8 or newer; this cluster gets {version}"
        yield Problem("vip-mode", message, path=PATH, hint="use mode consul")
    elif not dialect.drops_vip_without_rest:
        message = f"vip-manager {version} keeps the virtual address when Patroni's REST API does not answer"
        hint = "vip-manager 5.0 drops it; so does mode consul where the build has it"
        yield Problem("vip-stays", message, Severity.WARNING, path=PATH, hint=hint)


def _name_holes_of_consul(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    hint = "vip-manager 5.0 in mode patroni asks this machine's Patroni, and leaves neither hole"
    is_failsafe = choose_failsafe_mode(spec, profile)
    message = (
        "in mode consul a healthy primary loses the virtual address for seconds at every election of Consul's"
        " servers"
    )
    if is_failsafe:
        message += ", and for as long as failsafe mode keeps it without Consul"
    yield Problem("vip-drops", message, Severity.WARNING, path=PATH, hint=hint)
    if not is_failsafe:
        message = (
            "in mode consul vip-manager waits for ever for a Consul agent that hangs: without failsafe mode"
            " another member leads meanwhile, and two machines have the virtual address"
        )
        yield Problem("vip-stays", message, Severity.WARNING, path=PATH, hint=hint)


RULES: tuple[Rule, ...] = (check_vip_mode,)
