"""The cluster and its machines, with every open question decided."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from generator.platforms.defaults import (
    choose_failsafe_mode,
    choose_vip_mode,
)
from generator.platforms.huge_pages import HugePages, plan_huge_pages
from generator.resolve.components import ResolvedComponent, resolve_components, resolve_repositories
from generator.resolve.peers import Peer, resolve_peers
from generator.resolve.storage import ResolvedStorage, resolve_storage, resolve_wal
from generator.spec.defaults import (
    choose_admins,
    choose_clients,
    choose_cpus,
    choose_memory,
    choose_os_disk,
)
from generator.spec.locales import list_locales
from generator.spec.memory import size_member
from generator.spec.model import Durability
from generator.spec.server_tls import has_server_tls
from generator.spec.storage import merge_storage
from generator.spec.topology import choose_datacenter
from generator.versions import ConsulDialect, PatroniDialect

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network

    from generator.platforms.profile import PlatformProfile
    from generator.sizing import (
        MemorySettings,
        WalRetention,
    )
    from generator.spec.model import (
        ClusterSpec,
        NodeSpec,
        RepositorySpec,
        TagsSpec,
    )


RECOVERY_SECONDS = 300
"""Patroni's default of primary_start_timeout."""


@dataclass(frozen=True)
class ResolvedCluster:
    """What holds for the whole cluster; what the spec left open is decided here."""

    spec: ClusterSpec
    platform: PlatformProfile
    datacenter: str
    datacenter_reason: str
    consul: ResolvedComponent
    patroni: ResolvedComponent
    vip_manager: ResolvedComponent
    postgresql_major: int
    base_packages: tuple[str, ...]
    packages: tuple[str, ...]
    optional_packages: tuple[str, ...]
    postgresql_bin_dir: str
    postgresql_units: tuple[str, ...]
    vip_mode: str
    failsafe_mode: bool
    repositories: tuple[RepositorySpec, ...]
    clients: tuple[IPv4Network, ...]
    admins: tuple[IPv4Network, ...]
    wal: WalRetention
    peers: tuple[Peer, ...]

    @property
    def name(self) -> str:
        """The cluster's name, which is Patroni's scope."""
        return self.spec.cluster

    @cached_property
    def nodes(self) -> tuple[ResolvedNode, ...]:
        """Every machine, in the order of the spec."""
        peers = {peer.name: peer for peer in self.peers}
        return tuple(
            _resolve_node(self, group_name, node, peers[node.name])
            for group_name, group in self.spec.groups.items()
            for node in group.nodes
        )

    @property
    def servers(self) -> tuple[Peer, ...]:
        """The Consul servers."""
        return tuple(peer for peer in self.peers if peer.is_server)

    @property
    def members(self) -> tuple[Peer, ...]:
        """The Patroni members."""
        return tuple(peer for peer in self.peers if peer.is_member)

    @property
    def consul_dialect(self) -> ConsulDialect:
        """What the declared Consul version knows."""
        return ConsulDialect(self.consul.version)

    @property
    def patroni_dialect(self) -> PatroniDialect:
        """What the declared Patroni version knows."""
        return PatroniDialect(self.patroni.version)

    @property
    def has_tls(self) -> bool:
        """Whether PostgreSQL offers TLS, and the members speak it among each other."""
        return has_server_tls(self.spec)

    @property
    def locales(self) -> tuple[str, ...]:
        """The locales that an installation or an image must bring."""
        return list_locales(self.spec, is_system_set=self.platform.sets_locale)

    @property
    def is_synchronous(self) -> bool:
        """Whether an acknowledged commit is on two members."""
        return self.spec.durability is not Durability.ASYNCHRONOUS

    @property
    def primary_start_timeout(self) -> int:
        """Seconds for the recovery of a primary that crashed, before another member takes over.

        Where a standby has every commit, nobody waits for it longer than for a machine that is gone;
        without one, recovery keeps commits that taking over would lose: Patroni's own default.
        """
        given = self.spec.patroni.primary_start_timeout
        if given is not None:
            return given
        return self.spec.patroni.ttl if self.is_synchronous else RECOVERY_SECONDS


@dataclass(frozen=True, slots=True)
class ResolvedNode:
    """One machine, complete.

    `storage`, `memory` and `huge_pages` are None only on machines that are no member.
    `interface` is None where the name is found by MAC on the first boot.
    """

    cluster: ResolvedCluster
    peer: Peer
    group: str
    mac: str | None
    interface: str | None
    os_disk: str
    memory_mib: int
    cpus: int
    storage: ResolvedStorage | None
    memory: MemorySettings | None
    huge_pages: HugePages | None
    tags: TagsSpec

    @property
    def name(self) -> str:
        """The machine's short name."""
        return self.peer.name

    @property
    def address(self) -> IPv4Address:
        """The machine's address."""
        return self.peer.address

    @property
    def is_server(self) -> bool:
        """Whether it is a Consul server."""
        return self.peer.is_server

    @property
    def is_member(self) -> bool:
        """Whether it is a Patroni member."""
        return self.peer.is_member

    @property
    def retry_join(self) -> tuple[Peer, ...]:
        """The servers to join, itself excluded: a self-join ends the retries (reference §1.2)."""
        return tuple(peer for peer in self.cluster.servers if peer.name != self.name)


def resolve_cluster(spec: ClusterSpec, platform: PlatformProfile) -> ResolvedCluster:
    """Return the cluster with every open question decided."""
    components = resolve_components(spec, platform)
    major = components.postgresql_major

    def fill(text: str) -> str:
        return text.replace("{major}", str(major))

    patroni = components.patroni
    choice = choose_datacenter(spec)
    return ResolvedCluster(
        spec=spec,
        platform=platform,
        datacenter=choice.name,
        datacenter_reason=choice.reason,
        consul=components.consul,
        patroni=patroni,
        vip_manager=components.vip_manager,
        postgresql_major=major,
        base_packages=components.base_packages,
        packages=components.packages,
        optional_packages=components.optional_packages,
        postgresql_bin_dir=fill(platform.paths.postgresql_bin_dir),
        postgresql_units=tuple(fill(unit) for unit in platform.units.postgresql),
        vip_mode=choose_vip_mode(spec, platform),
        failsafe_mode=choose_failsafe_mode(spec, platform),
        repositories=resolve_repositories(spec, platform),
        clients=choose_clients(spec),
        admins=choose_admins(spec),
        wal=resolve_wal(spec),
        peers=resolve_peers(spec),
    )


def _resolve_node(cluster: ResolvedCluster, group: str, node: NodeSpec, peer: Peer) -> ResolvedNode:
    spec = cluster.spec
    storage = settings = huge_pages = None
    if peer.is_member:
        storage = resolve_storage(spec, node, cluster.postgresql_major, cluster.wal)
        settings = size_member(spec, node)
        huge_pages = plan_huge_pages(spec, node, cluster.postgresql_major)
    return ResolvedNode(
        cluster=cluster,
        peer=peer,
        group=group,
        mac=node.mac,
        interface=node.interface or spec.network.interface,
        os_disk=choose_os_disk(merge_storage(spec, node)),
        memory_mib=choose_memory(node),
        cpus=choose_cpus(node),
        storage=storage,
        memory=settings,
        huge_pages=huge_pages,
        tags=node.tags,
    )
