"""Machines, and groups of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictInt

from generator.spec.fields import (
    Flag,
    SizeMib,
)
from generator.spec.model.base import SpecModel
from generator.spec.model.storage import StorageSpec
from generator.spec.network_fields import (
    Address,
    DnsLabel,
    InterfaceName,
    MacAddress,
)


class Role(StrEnum):
    """What a machine does in the cluster; a group may carry several."""

    CONSUL_SERVER = "consul-server"
    POSTGRES = "postgres"


class TagsSpec(SpecModel):
    """What a member may not do, or does before others: Patroni's tags of that name."""

    nofailover: Flag = False
    """Never become the leader; such a member does not make the database either."""
    failover_priority: Annotated[StrictInt, Field(ge=0, le=1000)] | None = None
    """Among equals the highest becomes the leader, 0 never does; from Patroni 3.2 on. Default: 1."""
    nosync: Flag = False
    """Never be a synchronous standby."""
    sync_priority: Annotated[StrictInt, Field(ge=0, le=1000)] | None = None
    """The highest becomes synchronous first, 0 never does; from Patroni 4.1 on. Default: 1."""
    noloadbalance: Flag = False
    """Answer 503 to load balancers that look for replicas (`GET /replica`)."""
    clonefrom: Flag = False
    """New replicas are copied from here rather than from the leader."""
    replicatefrom: DnsLabel | None = None
    """Replicate from this member instead of the leader. Default: the leader."""


class NodeSpec(SpecModel):
    """One machine."""

    name: DnsLabel
    """The short host name; also the name in Consul and Patroni."""
    address: Address
    """The IPv4 address, without a prefix length."""
    mac: MacAddress | None = None
    """The MAC address of the network card, in quotes; finds the card whatever its name is.
    Default: the card is found by `interface`."""
    interface: InterfaceName | None = None
    """The name of the network card. Default: network.interface."""
    memory: SizeMib | None = None
    """The machine's memory: PostgreSQL is sized by it. Default: 2GiB, with a warning."""
    cpus: Annotated[StrictInt, Field(ge=1, le=1024)] | None = None
    """The machine's processors. Default: 2."""
    storage: StorageSpec | None = None
    """What differs from the `storage` of the cluster."""
    tags: TagsSpec = TagsSpec()
    """What this member may not do, or does before others."""


class GroupSpec(SpecModel):
    """Machines with the same roles."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    """What these machines do: consul-server, postgres or both."""
    nodes: Annotated[tuple[NodeSpec, ...], Field(min_length=1)]
    """The machines."""
