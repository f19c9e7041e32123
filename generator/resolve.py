"""Join spec and platform profile into complete nodes; nothing here is secret.

In: a ClusterSpec and a PlatformProfile.  Out: a ResolvedCluster whose nodes leave nothing optional undecided.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from generator.credentials.bundle import NodeIdentity
from generator.credentials.certificates import name_patroni, name_postgresql
from generator.platforms.defaults import (
    choose_failsafe_mode,
    choose_source,
    choose_version,
    choose_vip_mode,
    find_major,
)
from generator.platforms.huge_pages import HugePages, plan_huge_pages
from generator.postgresql.encodings import find_language
from generator.sizing import (
    DEFAULT_PERCENT,
    MemorySettings,
    WalRetention,
    size_memory,
    size_wal,
)
from generator.spec.defaults import (
    choose_admins,
    choose_clients,
    choose_cpus,
    choose_disk,
    choose_domain,
    choose_memory,
    choose_mount,
    choose_os_disk,
    choose_volume_group,
    choose_volume_name,
)
from generator.spec.locales import list_locales
from generator.spec.model import DiskSelector, Durability, Role
from generator.spec.server_tls import has_server_tls
from generator.spec.storage import merge_storage, smallest_wal_volume
from generator.spec.topology import choose_datacenter
from generator.versions import ConsulDialect, PatroniDialect, VersionNumber

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ipaddress import IPv4Address, IPv4Network

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import (
        ClusterSpec,
        ComponentSpec,
        NodeSpec,
        PatroniComponentSpec,
        RepositorySpec,
        TagsSpec,
        VolumeSpec,
    )


RECOVERY_SECONDS = 300
"""Patroni's default of primary_start_timeout."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What every machine may know of another one."""

    name: str
    fqdn: str
    address: IPv4Address
    is_server: bool
    is_member: bool


@dataclass(frozen=True, slots=True)
class ResolvedComponent:
    """One program: its version and where it comes from."""

    version: VersionNumber
    source: str
    packages: tuple[str, ...]
    url: str | None
    sha256: str | None
    wheels: tuple[str, ...] = ()
    """Patroni only: `name==version sha256:digest`."""


@dataclass(frozen=True, slots=True)
class ResolvedComponents:
    """The programs of a cluster and the packages that an installation or an image needs."""

    consul: ResolvedComponent
    patroni: ResolvedComponent
    vip_manager: ResolvedComponent
    postgresql_major: int
    base_packages: tuple[str, ...]
    """The system's, which the installer of an image installs."""
    packages: tuple[str, ...]
    """The system's, PostgreSQL's and those of the programs that come as packages."""


@dataclass(frozen=True, slots=True)
class ResolvedVolume:
    """One logical volume; `size_mib` wins over `percent` when it is set."""

    disk: DiskSelector
    name: str
    mount: str
    label: str
    percent: int
    size_mib: int | None
    min_size_mib: int
    directory: str


@dataclass(frozen=True, slots=True)
class ResolvedStorage:
    """The volume group of one member and its two volumes."""

    volume_group: str
    data: ResolvedVolume
    wal: ResolvedVolume


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


def _fill_all(names: Iterable[str], major: int) -> tuple[str, ...]:
    """Return the names with the PostgreSQL version in place of `{major}`, each once."""
    return tuple(dict.fromkeys(name.replace("{major}", str(major)) for name in names))


def _list_locale_packages(spec: ClusterSpec, platform: PlatformProfile) -> Iterator[str]:
    """Yield the packages that bring the spec's locales."""
    for locale in list_locales(spec, is_system_set=platform.sets_locale):
        if platform.locale_package:
            yield platform.locale_package.replace("{language}", find_language(locale))


def resolve_component(spec: ComponentSpec, default: ComponentSpec, major: int) -> ResolvedComponent:
    """Return the component with the platform's facts where the spec is silent."""
    version = choose_version(spec, default)
    # A URL of the profile names the profile's version: it is void for another one.
    url = spec.url or (default.url if version == default.version else None)
    packages = default.packages if spec.packages is None else spec.packages
    return ResolvedComponent(
        version=VersionNumber(version),
        source=choose_source(spec, default),
        packages=_fill_all(packages or (), major),
        url=url,
        sha256=spec.sha256 or (default.sha256 if url == default.url else None),
    )


def _resolve_patroni(
    spec: PatroniComponentSpec, default: PatroniComponentSpec, major: int
) -> ResolvedComponent:
    component = resolve_component(spec, default, major)
    # As the URL of a profile, its wheels are those of its version.
    wheels = default.wheels if component.version.text == default.version else ()
    return replace(component, wheels=(wheels if spec.wheels is None else spec.wheels) or ())


def resolve_components(spec: ClusterSpec, platform: PlatformProfile) -> ResolvedComponents:
    """Return the programs of the cluster; no secret is needed for them."""
    components = spec.components
    major = find_major(spec, platform)
    consul = resolve_component(components.consul, platform.consul, major)
    patroni = _resolve_patroni(components.patroni, platform.patroni, major)
    vip_manager = resolve_component(components.vip_manager, platform.vip_manager, major)
    postgresql = components.postgresql.packages or platform.postgresql.packages or ()
    installer = platform.kickstart.packages if platform.kickstart else ()
    base = _fill_all((*installer, *platform.packages, *_list_locale_packages(spec, platform)), major)
    programs = [
        name for part in (consul, patroni, vip_manager) if part.source == "package" for name in part.packages
    ]
    return ResolvedComponents(
        consul=consul,
        patroni=patroni,
        vip_manager=vip_manager,
        postgresql_major=major,
        base_packages=base,
        packages=tuple(dict.fromkeys((*base, *_fill_all(postgresql, major), *programs))),
    )


def resolve_repositories(spec: ClusterSpec, platform: PlatformProfile) -> tuple[RepositorySpec, ...]:
    """Return where packages come from, addresses complete."""
    major = str(find_major(spec, platform))
    return tuple(
        repository.model_copy(
            update={"base_urls": tuple(url.replace("{major}", major) for url in repository.base_urls)}
        )
        for repository in (platform.repositories if spec.repositories is None else spec.repositories)
    )


def _resolve_volume(volume: VolumeSpec, kind: str, *, major: int, least: int) -> ResolvedVolume:
    mount = choose_mount(volume, kind)
    return ResolvedVolume(
        disk=choose_disk(volume, kind),
        name=choose_volume_name(volume, kind),
        mount=mount,
        label=f"pg{kind}",
        percent=volume.percent or DEFAULT_PERCENT,
        size_mib=volume.size,
        min_size_mib=least,
        # A sub-directory: a mount root holds lost+found, which initdb and pg_basebackup refuse.
        directory=f"{mount}/{major}/{'data' if kind == 'data' else 'pg_wal'}",
    )


def resolve_storage(spec: ClusterSpec, node: NodeSpec, major: int, wal: WalRetention) -> ResolvedStorage:
    """Return where the node's data and WAL live."""
    storage = merge_storage(spec, node)
    return ResolvedStorage(
        volume_group=choose_volume_group(storage),
        data=_resolve_volume(storage.data, "data", major=major, least=256),
        wal=_resolve_volume(storage.wal, "wal", major=major, least=wal.smallest_volume),
    )


def resolve_wal(spec: ClusterSpec) -> WalRetention:
    """Return the WAL retention of the cluster."""
    return size_wal(
        smallest_wal_volume(spec),
        max_wal_size=spec.postgresql.max_wal_size,
        wal_keep_size=spec.postgresql.wal_keep_size,
        max_slot_wal_keep_size=spec.postgresql.max_slot_wal_keep_size,
    )


def _resolve_peers(spec: ClusterSpec) -> tuple[Peer, ...]:
    domain = choose_domain(spec)
    return tuple(
        Peer(
            name=node.name,
            fqdn=f"{node.name}.{domain}",
            address=node.address,
            is_server=Role.CONSUL_SERVER in group.roles,
            is_member=Role.POSTGRES in group.roles,
        )
        for group in spec.groups.values()
        for node in group.nodes
    )


def list_identities(spec: ClusterSpec) -> tuple[NodeIdentity, ...]:
    """Return what each machine's certificates must say."""
    datacenter, vip = choose_datacenter(spec).name, str(spec.vip)
    return tuple(
        NodeIdentity(
            name=peer.name,
            address=str(peer.address),
            is_server=peer.is_server,
            datacenter=datacenter,
            domain=spec.consul.domain,
            postgresql=name_postgresql(name=peer.name, fqdn=peer.fqdn, address=str(peer.address), vip=vip)
            if peer.is_member
            else None,
            patroni=name_patroni(name=peer.name, fqdn=peer.fqdn, address=str(peer.address))
            if peer.is_member
            else None,
        )
        for peer in _resolve_peers(spec)
    )


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
        postgresql_bin_dir=fill(platform.paths.postgresql_bin_dir),
        postgresql_units=tuple(fill(unit) for unit in platform.units.postgresql),
        vip_mode=choose_vip_mode(spec, platform),
        failsafe_mode=choose_failsafe_mode(spec, platform),
        repositories=resolve_repositories(spec, platform),
        clients=choose_clients(spec),
        admins=choose_admins(spec),
        wal=resolve_wal(spec),
        peers=_resolve_peers(spec),
    )


def _resolve_node(cluster: ResolvedCluster, group: str, node: NodeSpec, peer: Peer) -> ResolvedNode:
    spec = cluster.spec
    memory, cpus = choose_memory(node), choose_cpus(node)
    storage = settings = huge_pages = None
    if peer.is_member:
        storage = resolve_storage(spec, node, cluster.postgresql_major, cluster.wal)
        settings = size_memory(
            memory,
            cpus,
            spec.postgresql.max_connections,
            shared_buffers=spec.postgresql.shared_buffers,
            work_mem=spec.postgresql.work_mem,
        )
        huge_pages = plan_huge_pages(spec, node, cluster.postgresql_major)
    return ResolvedNode(
        cluster=cluster,
        peer=peer,
        group=group,
        mac=node.mac,
        interface=node.interface or spec.network.interface,
        os_disk=choose_os_disk(merge_storage(spec, node)),
        memory_mib=memory,
        cpus=cpus,
        storage=storage,
        memory=settings,
        huge_pages=huge_pages,
        tags=node.tags,
    )
