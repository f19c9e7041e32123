"""What the machines know of each other, and what their certificates must say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.credentials.bundle import NodeIdentity
from generator.credentials.certificates import name_patroni, name_postgresql
from generator.spec.defaults import choose_domain
from generator.spec.model import Role
from generator.spec.topology import choose_datacenter

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from generator.spec.model import ClusterSpec


@dataclass(frozen=True, slots=True)
class Peer:
    """What every machine may know of another one."""

    name: str
    fqdn: str
    address: IPv4Address
    is_server: bool
    is_member: bool


def resolve_peers(spec: ClusterSpec) -> tuple[Peer, ...]:
    """Return every machine as the others know it, in the order of the spec."""
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
        for peer in resolve_peers(spec)
    )
