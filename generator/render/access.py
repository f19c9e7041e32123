"""Who may connect where: pg_hba rules and firewall rules from one list of machines."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.resolve.cluster import ResolvedCluster, ResolvedNode
    from generator.spec.model import HbaRule

LOOPBACKS: Final = ("127.0.0.1/32", "::1/128")


def _list_lines(rule: HbaRule, own: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of one rule of the spec; `own` are the roles of the cluster itself.

    `all` does not stand for them: a rule for them names them.
    """
    users = rule.user.split(",")
    barred = [role for role in own if role not in users]
    address = "" if rule.address is None else f" {rule.address}"
    if "all" in users and barred and rule.method != "reject":
        yield f"{rule.type} {rule.database} {','.join(barred)}{address} reject"
    yield f"{rule.type} {rule.database} {rule.user}{address} {rule.method}"


def list_hba(cluster: ResolvedCluster) -> tuple[str, ...]:
    """Return pg_hba.conf, first match wins.

    Patroni reaches its own PostgreSQL as `localhost` when it listens on `*`: without the
    loopback rules every first bootstrap fails (trap 1).  Both families, because the name
    is ::1 first where the machine has IPv6, and libpq tries no other address after a refusal.
    Members come from the list of nodes, never from 0.0.0.0/0.  With TLS they use it among each
    other; on loopback nobody listens, and a certificate that ended must not stop Patroni.
    """
    settings = cluster.spec.postgresql
    replication, trusted = settings.replication_user, f"{settings.superuser},{settings.rewind_user}"
    own = (settings.superuser, settings.rewind_user, replication)
    local = [line for rule in settings.hba if rule.type == "local" for line in _list_lines(rule, own)]
    # `all` stands for no replication connection: pg_basebackup over the socket has lines of its own.
    rules = [
        f"local all {settings.superuser} peer",
        f"local replication {settings.superuser} peer",
        *local,
        "local all all scram-sha-256",
        "local replication all scram-sha-256",
    ]
    for loopback in LOOPBACKS:
        rules.append(f"host all all {loopback} scram-sha-256")
        rules.append(f"host replication {replication} {loopback} scram-sha-256")
    among_members = "hostssl" if cluster.has_tls else "host"
    for peer in cluster.members:
        rules.append(f"{among_members} replication {replication} {peer.address}/32 scram-sha-256")
        rules.append(f"{among_members} all {trusted} {peer.address}/32 scram-sha-256")
    # Before the client networks, so that they can forbid what these allow.
    rules += [line for rule in settings.hba if rule.type != "local" for line in _list_lines(rule, own)]
    # The superuser comes from the members alone, everybody else from the client networks.
    from_clients = "hostssl" if settings.tls == "required" else "host"
    for network in cluster.clients:
        rules.append(f"host all {trusted},{replication} {network} reject")
        rules.append(f"{from_clients} all all {network} scram-sha-256")
    return tuple(rules)


@dataclass(frozen=True, slots=True)
class Opening:
    """One port that one source may reach."""

    source: str
    port: int
    protocol: str


def _openings(node: ResolvedNode) -> Iterator[Opening]:
    cluster, ports = node.cluster, node.cluster.spec.ports
    everyone = [str(peer.address) for peer in cluster.peers if peer.name != node.name]
    members = [str(peer.address) for peer in cluster.members if peer.name != node.name]
    for admins in cluster.admins:
        yield Opening(str(admins), ports.ssh, "tcp")
    for source in everyone:
        yield Opening(source, ports.consul_serf, "tcp")
        yield Opening(source, ports.consul_serf, "udp")
        if node.is_server:
            yield Opening(source, ports.consul_server, "tcp")
    if node.is_member:
        for source in (*members, *map(str, cluster.clients)):
            yield Opening(source, ports.postgresql, "tcp")
        for source in (*members, *map(str, cluster.spec.network.monitors)):
            yield Opening(source, ports.patroni, "tcp")


def list_openings(node: ResolvedNode) -> tuple[Opening, ...]:
    """Return what the firewall of a node lets in (reference notes §1.5, §7), without repeats."""
    return tuple(dict.fromkeys(_openings(node)))


@dataclass(frozen=True, slots=True)
class Door:
    """One port, and all who may reach it: networks that do not overlap, sorted."""

    port: int
    protocol: str
    sources: tuple[str, ...]


def list_doors(node: ResolvedNode) -> tuple[Door, ...]:
    """Return what the firewall of a node lets in, one entry a port, however many machines there are."""
    networks: dict[tuple[int, str], list[IPv4Network]] = {}
    for opening in list_openings(node):
        networks.setdefault((opening.port, opening.protocol), []).append(IPv4Network(opening.source))
    return tuple(
        Door(port, protocol, tuple(str(network) for network in collapse_addresses(sources)))
        for (port, protocol), sources in networks.items()
    )
