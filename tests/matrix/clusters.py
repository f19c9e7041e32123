"""The clusters of the matrix: the examples, rendered for the programs and the system of this machine."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from generator.credentials.bundle import create_bundle
from generator.platforms.profile import load_profile
from generator.render.tree import render_cluster
from generator.resolve import list_identities, resolve_cluster
from generator.spec.model import ClusterSpec
from tests.external.machine_fixtures import read_os_release
from tests.lab.specs import read_example

if TYPE_CHECKING:
    from generator.credentials.bundle import CredentialBundle
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
        spec: more keys of the spec, laid over the example's.
    """

    example: str
    consul: str
    postgresql: int
    vip_manager: str
    vip_mode: str | None = None
    spec: tuple[tuple[str, Any], ...] = ()


class Recipe:
    """A spec with its secrets; it can be rendered again for another vip-manager."""

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
        data.update(copy.deepcopy(dict(wanted.spec)))
        return ClusterSpec.model_validate(data)

    def nodes(self) -> list[tuple[NodeSpec, bool, bool]]:
        """Return each machine of the spec, whether it is a server, and whether it is a member."""
        return [
            (node, "consul-server" in group.roles, "postgres" in group.roles)
            for group in self.spec.groups.values()
            for node in group.nodes
        ]

    def render(self, vip_manager: str | None = None, vip_mode: str | None = None) -> RenderedTree:
        """Return all files, for another version or mode of vip-manager where one is named."""
        wanted = self.wanted
        if vip_manager is not None:
            wanted = replace(wanted, vip_manager=vip_manager, vip_mode=vip_mode)
        spec = self._spec(wanted)
        profile = load_profile(spec.platform, spec.platform_overrides)
        return render_cluster(resolve_cluster(spec, profile, self.bundle), tool_version="test")
