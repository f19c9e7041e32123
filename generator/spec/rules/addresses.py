"""Addresses: inside the network, used once, and enough of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from generator.diagnostics import Problem, SpecPath
from generator.spec.rules.names import find_repeats
from generator.spec.rules.rule import rule
from generator.spec.topology import iterate_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

UNSPECIFIED = IPv4Network("0.0.0.0/8")
"""This network, RFC 791."""
POINT_TO_POINT = 31
"""Prefix length from which a network has no network and broadcast address, RFC 3021."""


def _list_nodes(spec: ClusterSpec) -> list[tuple[SpecPath, str, IPv4Address]]:
    return [
        ((*path, "address"), f"the node {node.name}", node.address) for path, node, _ in iterate_nodes(spec)
    ]


def _list_hosts(spec: ClusterSpec) -> list[tuple[SpecPath, str, IPv4Address]]:
    """Return everything that needs an address of its own in the network."""
    hosts = [*_list_nodes(spec), (("vip",), "the virtual address", spec.vip)]
    if spec.network.gateway:
        hosts.append((("network", "gateway"), "the gateway", spec.network.gateway))
    return hosts


@rule("network-unusable", reads="network.prefix")
def check_prefix(spec: ClusterSpec) -> Iterator[Problem]:
    """N1: machines cannot live in a loopback, multicast or reserved network."""
    prefix = spec.network.prefix
    kinds = {
        "loopback": prefix.is_loopback,
        "multicast": prefix.is_multicast,
        "link-local": prefix.is_link_local,
        "reserved": prefix.is_reserved or prefix.overlaps(UNSPECIFIED),
    }
    kind = next((name for name, holds in kinds.items() if holds), None)
    if kind:
        message = f"{prefix} is a {kind} network; no machine can have an address in it"
        yield Problem("network-unusable", message, path=("network", "prefix"))


@rule("network-exhausted", reads="network.prefix network.gateway groups.*.nodes.*", is_partial=True)
def check_room(spec: ClusterSpec) -> Iterator[Problem]:
    """The network must hold all machines, the virtual address and the gateway."""
    prefix, needed = spec.network.prefix, len(_list_hosts(spec))
    usable = prefix.num_addresses - (2 if prefix.prefixlen < POINT_TO_POINT else 0)
    if usable < needed:
        count = "1 address" if usable == 1 else f"{usable} addresses"
        gateway = (
            ", the virtual address and the gateway" if spec.network.gateway else " and the virtual address"
        )
        message = f"{prefix} has {count} for hosts; the machines{gateway} need {needed}"
        yield Problem("network-exhausted", message, path=("network", "prefix"), hint="use a shorter prefix")


@rule(
    "address-outside-network",
    reads="network.prefix network.gateway vip groups.*.nodes.*.address",
    is_partial=True,
)
def check_inside(spec: ClusterSpec) -> Iterator[Problem]:
    """N1, V1, V2: one layer-2 network holds everything; the VIP moves inside it."""
    prefix = spec.network.prefix
    for path, owner, address in _list_hosts(spec):
        if address not in prefix:
            message = f"{address} ({owner}) is not in {prefix}"
            hint = "the machines and the virtual address share network.prefix"
            yield Problem("address-outside-network", message, path=path, hint=hint)


@rule(
    "address-reserved", reads="network.prefix network.gateway vip groups.*.nodes.*.address", is_partial=True
)
def check_reserved(spec: ClusterSpec) -> Iterator[Problem]:
    """V1: the first and the last address of a network belong to nobody."""
    prefix = spec.network.prefix
    if prefix.prefixlen >= POINT_TO_POINT:
        return
    kinds = {prefix.network_address: "network", prefix.broadcast_address: "broadcast"}
    for path, owner, address in _list_hosts(spec):
        if address in kinds:
            message = f"{address} is the {kinds[address]} address of {prefix}; {owner} cannot have it"
            yield Problem("address-reserved", message, path=path)


@rule("duplicate-address", reads="groups.*.nodes.*.address groups.*.nodes.*.name", is_partial=True)
def check_unique(spec: ClusterSpec) -> Iterator[Problem]:
    """N1: one address, one machine."""
    nodes = _list_nodes(spec)
    owners = {path: owner for path, owner, _ in nodes}
    for path, address, other in find_repeats((path, address) for path, _, address in nodes):
        message = f"{address} is already used by {owners[other]}"
        hint = f"give every node its own address in {spec.network.prefix}"
        yield Problem("duplicate-address", message, path=path, hint=hint, related=other)


@rule("address-clash", reads="vip network.gateway network.dns.* groups.*.nodes.*.address", is_partial=True)
def check_clashes(spec: ClusterSpec) -> Iterator[Problem]:
    """V1: virtual address, gateway, name servers and machines are different things.

    A gateway may serve names; a machine of the cluster serves none.
    """
    nodes = {address: (path, owner) for path, owner, address in reversed(_list_nodes(spec))}
    gateway, dns = spec.network.gateway, spec.network.dns
    if spec.vip in nodes:
        path, owner = nodes[spec.vip]
        message = f"the virtual address {spec.vip} is the address of {owner}"
        hint = "the virtual address must be free: it is moved to whoever leads"
        yield Problem("address-clash", message, path=("vip",), hint=hint, related=path)
    elif spec.vip == gateway or spec.vip in dns:
        owner = "the gateway" if spec.vip == gateway else "a name server"
        yield Problem(
            "address-clash", f"the virtual address {spec.vip} is the address of {owner}", path=("vip",)
        )
    if gateway and gateway in nodes:
        path, owner = nodes[gateway]
        message = f"the gateway {gateway} is the address of {owner}"
        yield Problem("address-clash", message, path=("network", "gateway"), related=path)
    for index, server in enumerate(dns):
        if server in nodes:
            path, owner = nodes[server]
            message = f"the name server {server} serves no names: it is {owner}"
            yield Problem("address-clash", message, path=("network", "dns", index), related=path)


@rule(
    "address-in-dhcp-range",
    reads="network.dhcp_ranges.* network.gateway vip groups.*.nodes.*.address",
    is_partial=True,
)
def check_dhcp(spec: ClusterSpec) -> Iterator[Problem]:
    """V1: a DHCP server must not give our addresses to somebody else."""
    for index, text in enumerate(spec.network.dhcp_ranges):
        first, last = (IPv4Address(part) for part in text.split("-"))
        for path, owner, address in _list_hosts(spec):
            if first <= address <= last:
                message = f"{address} ({owner}) lies in the DHCP range {text}"
                hint = "choose an address that DHCP does not give out"
                related = ("network", "dhcp_ranges", index)
                yield Problem("address-in-dhcp-range", message, path=path, hint=hint, related=related)


RULES = (
    check_prefix,
    check_room,
    check_inside,
    check_reserved,
    check_unique,
    check_clashes,
    check_dhcp,
)
