"""The whole spec."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt

from generator.spec.fields import (
    GroupName,
    Scope,
)
from generator.spec.model.base import SpecModel
from generator.spec.model.failover import ConsulSpec, PatroniSpec, VipManagerSpec
from generator.spec.model.network import NetworkSpec, PortsSpec
from generator.spec.model.nodes import GroupSpec
from generator.spec.model.postgresql import PostgresqlSpec
from generator.spec.model.software import ComponentsSpec, ImageSpec, RepositorySpec
from generator.spec.model.storage import StorageSpec
from generator.spec.model.system import AccessSpec, SystemSpec
from generator.spec.network_fields import (
    Address,
    DnsLabel,
    Network,
)


class Durability(StrEnum):
    """What an acknowledged commit survives; there is no default, people must choose."""

    ASYNCHRONOUS = "asynchronous"
    SYNCHRONOUS = "synchronous"
    SYNCHRONOUS_STRICT = "synchronous-strict"
    QUORUM = "quorum"


class CertificatesSpec(SpecModel):
    """Lifetime of the TLS certificates that Holster issues."""

    years: Annotated[StrictInt, Field(ge=2, le=30)] = 10
    """How long they are valid."""


class ClusterSpec(SpecModel):
    """The whole spec."""

    holster: Literal[1]
    """The format of this file; always 1."""
    cluster: Scope
    """The cluster's name: Patroni's scope, the Consul service and the output folder."""
    platform: DnsLabel = "redos8"
    """The operating system: redos8, redos7, el9 or debian13."""
    durability: Durability
    """What an acknowledged commit survives: asynchronous, synchronous, synchronous-strict or quorum."""
    datacenter: DnsLabel | None = None
    """Consul's datacenter. Default: found by the servers' addresses in `datacenters`, else `<cluster>-dc`."""
    datacenters: dict[DnsLabel, Annotated[tuple[Network, ...], Field(min_length=1)]] = {}
    """Networks by datacenter; the longest network that holds a server's address names its datacenter.
    Default: none."""
    network: NetworkSpec
    """The network of the machines."""
    vip: Address
    """The virtual address, which is always on the leader."""
    storage: StorageSpec = StorageSpec()
    """Disks and volumes; a node may differ."""
    groups: Annotated[dict[GroupName, GroupSpec], Field(min_length=1)]
    """The machines, by group."""
    access: AccessSpec = AccessSpec()
    """Who may log in."""
    consul: ConsulSpec = ConsulSpec()
    """Consul."""
    patroni: PatroniSpec = PatroniSpec()
    """Patroni."""
    postgresql: PostgresqlSpec = PostgresqlSpec()
    """PostgreSQL."""
    vip_manager: VipManagerSpec = VipManagerSpec()
    """vip-manager."""
    system: SystemSpec = SystemSpec()
    """The operating system."""
    ports: PortsSpec = PortsSpec()
    """Ports."""
    repositories: tuple[RepositorySpec, ...] | None = None
    """Package repositories, instead of the platform's own; an empty list means that the discs hold
    everything. Default: the platform's."""
    components: ComponentsSpec = ComponentsSpec()
    """Versions and origins of the programs."""
    image: ImageSpec = ImageSpec()
    """The golden image."""
    certificates: CertificatesSpec = CertificatesSpec()
    """TLS certificates."""
    platform_overrides: dict[str, Any] = {}
    """Facts of the platform that differ here; the keys are those of the platform's file. Packages are
    added to the platform's. Default: none."""
