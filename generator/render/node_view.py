"""One machine as templates see it; secrets stay SecretStr until a filter writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.errors import InputInvalid
from generator.render.access import Door, Opening, list_doors, list_openings
from generator.render.consul import join_addresses
from generator.render.node_json import describe_consul_source
from generator.render.parameters import local_parameters

if TYPE_CHECKING:
    from pydantic import SecretStr

    from generator.credentials.bundle import CredentialBundle
    from generator.postgresql.values import ParameterValue
    from generator.render.cluster_view import ClusterView
    from generator.resolve.cluster import ResolvedNode
    from generator.resolve.storage import ResolvedStorage
    from generator.spec.model import DiskSelector

STRICT_OVERCOMMIT_FROM_MIB = 4096
"""Strict overcommit breaks smaller machines (reference notes §7)."""

REPLACED = {"nofailover": "failover_priority", "nosync": "sync_priority"}


def _find_artifacts(node: ResolvedNode) -> tuple[str, str]:
    """Return where Consul and vip-manager go when no package brings them, else nothing."""
    cluster, paths = node.cluster, node.cluster.platform.paths
    has_vip_manager = node.is_member and cluster.vip_manager.source == "artifact"
    return (
        paths.consul_binary if cluster.consul.source == "artifact" else "",
        paths.vip_manager_binary if has_vip_manager else "",
    )


def _name_disk(disk: DiskSelector) -> str:
    """Return `kind=value` of a disk that the spec names, nothing for a size rule: that takes what is left."""
    ways = (("path", disk.path), ("serial", disk.serial), ("wwn", disk.wwn))
    return next((f"{kind}={value}" for kind, value in ways if value is not None), "")


class NodeView:
    """One machine as templates see it."""

    def __init__(self, node: ResolvedNode, bundle: CredentialBundle, cluster: ClusterView) -> None:
        spec = node.cluster.spec
        self._node = node
        self._bundle = bundle
        self.cluster = cluster
        self.name, self.fqdn, self.address = node.name, node.peer.fqdn, node.address
        self.is_server, self.is_member = node.is_server, node.is_member
        self.mac, self.interface = node.mac, node.interface
        self.join_addresses = join_addresses(node)
        self.address_with_prefix = f"{node.address}/{spec.network.prefix.prefixlen}"
        self.vip_with_prefix = f"{spec.vip}/{spec.network.prefix.prefixlen}"
        self.rest = f"{node.address}:{spec.ports.patroni}"
        self.postgresql = f"{node.address}:{spec.ports.postgresql}"
        tls = f"{node.cluster.platform.paths.consul_config_dir}/tls"
        self.ca_file, self.certificate_file, self.key_file = (
            f"{tls}/ca.pem",
            f"{tls}/agent.pem",
            f"{tls}/agent.key",
        )
        self.os_disk = node.os_disk
        self.consul_artifact, self.vip_manager_artifact = _find_artifacts(node)
        self.has_artifacts = bool(self.consul_artifact or self.vip_manager_artifact)
        self.consul_has_source = "yes" if describe_consul_source(node.cluster) else ""
        # A switch that is off and a number both say the same: Patroni takes one of them.
        self.tags = tuple(
            (name, value)
            for name, value in node.tags.model_dump(exclude_none=True).items()
            if not (name in REPLACED and getattr(node.tags, REPLACED[name]) is not None)
        )
        self.memory_is_strict = node.is_member and node.memory_mib >= STRICT_OVERCOMMIT_FROM_MIB

    @property
    def gossip_key(self) -> SecretStr:
        """The key of Consul's gossip."""
        return self._bundle.gossip_key

    @property
    def management_token(self) -> SecretStr:
        """Consul's management token; asking for it on a machine that is no server is a bug."""
        if not self.is_server:
            raise AssertionError("the management token belongs to servers only")
        return self._bundle.management_token.secret_id

    @property
    def agent_token(self) -> SecretStr:
        """The token of this machine's Consul agent."""
        return self._bundle.nodes[self.name].agent_token.secret_id

    @property
    def default_token(self) -> SecretStr:
        """What requests without a token may do: read the catalogue."""
        return self._bundle.dns_token.secret_id

    @property
    def patroni_token(self) -> SecretStr:
        """The members' token for Consul's key-value store."""
        return self._bundle.patroni_token.secret_id

    @property
    def vip_token(self) -> SecretStr:
        """vip-manager's token: it may read the leader key."""
        return self._bundle.vip_token.secret_id

    @property
    def rest_password(self) -> SecretStr:
        """The password of Patroni's REST API."""
        return self._bundle.passwords.rest

    @property
    def replication_password(self) -> SecretStr:
        """The password of the replication role."""
        return self._bundle.passwords.replication

    @property
    def rewind_password(self) -> SecretStr:
        """The password of the pg_rewind role."""
        return self._bundle.passwords.rewind

    @property
    def vip_trigger_value(self) -> str:
        """What the leader key, or the REST API's status, says when the VIP belongs here."""
        return self.name if self.cluster.vip_asks_consul else "200"

    @property
    def vip_endpoint(self) -> str:
        """Whom vip-manager asks: the local Consul agent or the node's own Patroni, on loopback.

        A machine without a carrier loses its own address; asked there, Patroni could not say that it
        no longer leads, and vip-manager before 5.0 keeps the virtual address until somebody says so.
        """
        cluster = self.cluster
        return f"http://{cluster.consul_http}" if cluster.vip_asks_consul else cluster.rest_url

    @property
    def _storage(self) -> ResolvedStorage:
        if self._node.storage is None:
            raise AssertionError("only members have data volumes")
        return self._node.storage

    @property
    def data_disk(self) -> str:
        """How the spec names the data disk; nothing where it does not."""
        return _name_disk(self._storage.data.disk) if self.is_member else ""

    @property
    def wal_disk(self) -> str:
        """How the spec names the WAL disk; nothing where it does not."""
        return _name_disk(self._storage.wal.disk) if self.is_member else ""

    @property
    def data_mount(self) -> str:
        """Where the data volume is mounted."""
        return self._storage.data.mount

    @property
    def wal_mount(self) -> str:
        """Where the WAL volume is mounted."""
        return self._storage.wal.mount

    @property
    def data_directory(self) -> str:
        """PostgreSQL's data directory."""
        return self._storage.data.directory

    @property
    def wal_directory(self) -> str:
        """PostgreSQL's WAL directory, one value for initdb and basebackup (trap 7)."""
        return self._storage.wal.directory

    @property
    def local_parameters(self) -> tuple[tuple[str, ParameterValue], ...]:
        """PostgreSQL parameters of this member, sorted."""
        return tuple(sorted(local_parameters(self._node).items()))

    @property
    def openings(self) -> tuple[Opening, ...]:
        """What the firewall lets in."""
        return list_openings(self._node)

    @property
    def doors(self) -> tuple[Door, ...]:
        """The same by port."""
        return list_doors(self._node)

    @property
    def packages(self) -> tuple[str, ...]:
        """What the installer installs."""
        return self._node.cluster.packages

    @property
    def network_id(self) -> str:
        """The name of the card in network-config: a label where the MAC address decides."""
        if self.mac is None and self.interface is None:
            raise InputInvalid(
                f"node {self.name} has neither a mac nor an interface: its card cannot be found"
            )
        return self.interface or "cluster0"

    @property
    def network_device(self) -> str:
        """How the installer finds the card."""
        return self.mac or self.network_id
