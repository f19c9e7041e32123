"""Questions about the machines of a spec: who they are, which datacenter they form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.spec.model import Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from generator.diagnostics import SpecPath
    from generator.spec.model import ClusterSpec, NodeSpec


def iterate_nodes(spec: ClusterSpec) -> Iterator[tuple[SpecPath, NodeSpec, tuple[Role, ...]]]:
    """Yield path, node and roles of every machine in the order of the spec."""
    for name, group in spec.groups.items():
        for index, node in enumerate(group.nodes):
            yield ("groups", name, "nodes", index), node, group.roles


def list_servers(spec: ClusterSpec) -> tuple[NodeSpec, ...]:
    """Return the Consul servers."""
    return tuple(node for _, node, roles in iterate_nodes(spec) if Role.CONSUL_SERVER in roles)


def list_members(spec: ClusterSpec) -> tuple[NodeSpec, ...]:
    """Return the PostgreSQL machines."""
    return tuple(node for _, node, roles in iterate_nodes(spec) if Role.POSTGRES in roles)


@dataclass(frozen=True, slots=True)
class DatacenterChoice:
    """The datacenter's name, why it was chosen, and whether the servers agreed."""

    name: str
    reason: str
    is_reserve: bool


def match_datacenter(spec: ClusterSpec, address: IPv4Address) -> str | None:
    """Return the datacenter whose longest network holds `address`."""
    matches = [
        (network.prefixlen, name)
        for name, networks in spec.datacenters.items()
        for network in networks
        if address in network
    ]
    return max(matches, default=(0, None))[1]


def choose_datacenter(spec: ClusterSpec) -> DatacenterChoice:
    """Name the datacenter as the original playbook meant to.

    The declared name wins; else all servers' addresses must fall into one
    datacenter; else the reserve name `<cluster>-dc` is used.
    """
    if spec.datacenter is not None:
        return DatacenterChoice(spec.datacenter, "declared in the spec", is_reserve=False)
    if not spec.datacenters:
        reason = "reserve name: the spec declares neither datacenter nor datacenters"
        return DatacenterChoice(f"{spec.cluster}-dc", reason, is_reserve=True)
    found = {node.name: match_datacenter(spec, node.address) for node in list_servers(spec)}
    names = set(found.values())
    if len(names) == 1 and None not in names:
        (name,) = names
        return DatacenterChoice(
            str(name), f"the addresses of all {len(found)} servers lie in it", is_reserve=False
        )
    if names == {None}:
        reason = "reserve name: no network of `datacenters` holds the address of a server"
        return DatacenterChoice(f"{spec.cluster}-dc", reason, is_reserve=True)
    answers = ", ".join(f"{node} in {name or 'none'}" for node, name in found.items())
    return DatacenterChoice(
        f"{spec.cluster}-dc", f"reserve name: the servers do not agree ({answers})", is_reserve=True
    )
