"""The machines' network, and the ports on it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from generator.spec.model.base import SpecModel
from generator.spec.network_fields import (
    Address,
    DhcpRange,
    DnsName,
    InterfaceName,
    Network,
    Port,
    TimeServer,
)


class NetworkSpec(SpecModel):
    """The layer-2 network of the cluster and who may reach it."""

    prefix: Network
    """The network that holds all machines and the virtual address."""
    gateway: Address | None = None
    """The default gateway. Default: none."""
    dns: Annotated[tuple[Address, ...], Field(max_length=16)] = ()
    """Name servers. Default: none; /etc/hosts names the machines."""
    ntp: Annotated[tuple[TimeServer, ...], Field(max_length=16)] = ()
    """Time servers. Default: the platform's own chrony configuration stays."""
    search: Annotated[tuple[DnsName, ...], Field(max_length=16)] = ()
    """Search domains. Default: none."""
    interface: InterfaceName | None = None
    """The name of the network card on every machine that names none itself. Default: none."""
    dhcp_ranges: Annotated[tuple[DhcpRange, ...], Field(max_length=100)] = ()
    """Ranges that a DHCP server gives out, such as 10.0.0.100-10.0.0.150; no machine may lie in them."""
    clients: tuple[Network, ...] | None = None
    """Networks that may reach PostgreSQL, through the firewall and pg_hba.conf. Default: prefix."""
    admins: tuple[Network, ...] | None = None
    """Networks that may reach SSH. Default: prefix."""
    monitors: tuple[Network, ...] = ()
    """Networks that may reach Patroni's REST API, besides the members. Default: none."""


class PortsSpec(SpecModel):
    """TCP ports (Serf and DNS: also UDP)."""

    ssh: Port = 22
    """SSH."""
    postgresql: Port = 5432
    """PostgreSQL, on the virtual address too."""
    patroni: Port = 8008
    """Patroni's REST API."""
    consul_server: Port = 8300
    """Consul: servers among each other and for clients."""
    consul_serf: Port = 8301
    """Consul: gossip of all machines."""
    consul_http: Port = 8500
    """Consul's API, on loopback."""
    consul_dns: Port = 8600
    """Consul's DNS, on loopback."""
