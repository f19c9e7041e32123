"""The clusters of the matrix: the examples, rendered for the programs and the system of this machine."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from generator.credentials.bundle import create_bundle
from generator.platforms.defaults import choose_failsafe_mode, choose_vip_mode
from generator.platforms.profile import load_profile
from generator.render.tree import render_cluster
from generator.resolve.cluster import resolve_cluster
from generator.resolve.peers import list_identities
from generator.spec.model import ClusterSpec
from tests.external.machine_fixtures import read_os_release
from tests.lab.specs import read_example
from tests.matrix.demands import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generator.credentials.bundle import CredentialBundle
    from generator.platforms.profile import PlatformProfile
    from generator.render.rendered import RenderedTree
    from generator.spec.model import NodeSpec

MEMBERS_ALONE: Final = "sirius"
"""The example whose Consul servers are machines of their own."""


@dataclass(frozen=True)
class Wanted:
    """What a cluster of the matrix is made of.

    Attributes:
        example: `trio` (three machines that are both) or `sirius` (three servers, two members).
        consul: version of Consul.
        postgresql: major version.
        vip_manager: version, as the rendered configuration is to know it.
        vip_mode: `consul` or `patroni`, None for the default of the version.
        spec: more keys of the spec, laid over the example's; a mapping over a mapping, one level deep.
    """

    example: str
    consul: str
    postgresql: int
    vip_manager: str
    vip_mode: str | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)


class Recipe:
    """A spec with its secrets."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        spec = self._spec(wanted)
        self.bundle: CredentialBundle = create_bundle(
            spec.cluster, tuple(list_identities(spec)), years=10, now=datetime.now(UTC), entropy=os.urandom
        )
        self.spec = spec

    @staticmethod
    def _spec(wanted: Wanted) -> ClusterSpec:
        data = copy.deepcopy(read_example(wanted.example))
        release = read_os_release()
        data["platform"] = "debian13"
        data["network"].pop("ntp", None)
        data["platform_overrides"] = {
            "os_release": {"id": release["ID"], "version_major": release["VERSION_ID"].split(".")[0]}
        }
        data["components"] = {
            "consul": {"version": wanted.consul, "source": "package"},
            "postgresql": {"version": wanted.postgresql},
            "vip_manager": {"version": wanted.vip_manager, "source": "artifact"},
        }
        data["vip_manager"] = {} if wanted.vip_mode is None else {"mode": wanted.vip_mode}
        # A namespace has no watchdog, and it must not open this machine's.
        data["patroni"] = {"watchdog": "off"}
        data["postgresql"] = {"max_connections": 60}
        data["storage"] = {
            "data": {"disk": "/dev/disk/by-id/data", "disk_size": "1536MiB"},
            "wal": {"disk": "/dev/disk/by-id/wal", "disk_size": "1GiB"},
        }
        for group in data["groups"].values():
            for node in group["nodes"]:
                node.pop("interface", None)
                node.update(memory="1GiB", cpus=1, interface="eth0")
                node.pop("mac", None)
        data.pop("system", None)
        for key, value in copy.deepcopy(dict(wanted.spec)).items():
            data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
        return ClusterSpec.model_validate(data)

    def nodes(self) -> list[tuple[NodeSpec, bool, bool]]:
        """Return each machine of the spec, whether it is a server, and whether it is a member."""
        return [
            (node, "consul-server" in group.roles, "postgres" in group.roles)
            for group in self.spec.groups.values()
            for node in group.nodes
        ]

    @property
    def profile(self) -> PlatformProfile:
        """The platform, as this machine is."""
        return load_profile(self.spec.platform, self.spec.platform_overrides)

    def render(self, changes: Mapping[str, Any] | None = None) -> RenderedTree:
        """Return all files, of the same secrets; `changes` are keys of the spec over the recipe's."""
        wanted = replace(self.wanted, spec={**self.wanted.spec, **(changes or {})})
        cluster = resolve_cluster(self._spec(wanted), self.profile)
        return render_cluster(cluster, self.bundle, tool_version="test")

    def terms(self) -> Terms:
        """Return what decides which promises the cluster can keep."""
        spec, patroni = self.spec, self.spec.patroni
        has_failsafe = choose_failsafe_mode(spec, self.profile)
        # One loop; questions to Consul, of which the last begins within retry_timeout and may take a
        # third of it; two questions of 2 s to a silent member (Patroni: Consul.set_read_timeout,
        # Ha.call_failsafe_member).
        gives_up_s = patroni.loop_wait + patroni.retry_timeout * 4 / 3 + (4 if has_failsafe else 0)
        return Terms(
            is_synchronous=spec.durability != "asynchronous",
            has_failsafe=has_failsafe,
            vip_mode=choose_vip_mode(spec, self.profile),
            vip_version=self.wanted.vip_manager,
            gives_up_s=gives_up_s,
        )
