"""Consul on a node: the values of consul.hcl, and the ACLs that servers create."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.credentials.bundle import AclToken, CredentialBundle
    from generator.resolve.cluster import ResolvedCluster, ResolvedNode

DEFAULT_SERF_PORT = 8301


def join_addresses(node: ResolvedNode) -> tuple[str, ...]:
    """Return the servers to join, with the port where it is not Consul's own."""
    port = node.cluster.spec.ports.consul_serf
    suffix = "" if port == DEFAULT_SERF_PORT else f":{port}"
    return tuple(f"{peer.address}{suffix}" for peer in node.retry_join)


@dataclass(frozen=True, slots=True)
class AclGrant:
    """One policy and the token that carries it."""

    name: str
    description: str
    rules: str
    token: AclToken


def _key_path(cluster: ResolvedCluster) -> str:
    """Return where Patroni keeps its keys; Consul's keys have no leading slash (trap 11)."""
    return f"{cluster.spec.patroni.namespace.strip('/')}/{cluster.name}/"


def _patroni_rules(cluster: ResolvedCluster) -> str:
    rules = [
        f'key_prefix "{_key_path(cluster)}" {{ policy = "write" }}',
        # Any node's: the token is shared by all members and can take the leader key anyway.
        'session_prefix "" { policy = "write" }',
        # Patroni reads session_ttl_min to raise a ttl that is too small.
        'agent_prefix "" { policy = "read" }',
    ]
    if cluster.spec.patroni.register_service:
        rules.append(f'service "{cluster.name}" {{ policy = "write" }}')
    return "\n".join(rules)


def list_grants(cluster: ResolvedCluster, bundle: CredentialBundle) -> tuple[AclGrant, ...]:
    """Return every policy of the cluster with its token (reference notes §1.4)."""
    name = cluster.name
    grants = [
        AclGrant(
            f"agent-{peer.name}",
            f"Consul agent of {peer.name}",
            f'node "{peer.name}" {{ policy = "write" }}\nservice_prefix "" {{ policy = "read" }}',
            bundle.nodes[peer.name].agent_token,
        )
        for peer in cluster.peers
    ]
    grants.append(
        AclGrant(
            "catalog-read",
            "requests without a token: names of nodes and services",
            'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }',
            bundle.dns_token,
        )
    )
    grants.append(
        AclGrant(f"patroni-{name}", f"Patroni of {name}", _patroni_rules(cluster), bundle.patroni_token)
    )
    if cluster.vip_mode == "consul":
        grants.append(
            AclGrant(
                f"vip-{name}",
                f"vip-manager of {name}",
                f'key "{_key_path(cluster)}leader" {{ policy = "read" }}',
                bundle.vip_token,
            )
        )
    return tuple(grants)


AUTOPILOT = {"CleanupDeadServers": False}
"""What running servers are told, in the words of Consul's interface; consul.hcl says the same to new ones."""


def describe_acl(cluster: ResolvedCluster, bundle: CredentialBundle) -> dict[str, object]:
    """Return acl.json: what the servers create and set once there is a leader (docs/node-json.md)."""
    grants = list_grants(cluster, bundle)
    management = bundle.management_token
    return {
        "holster_acl": 1,
        "http": f"http://127.0.0.1:{cluster.spec.ports.consul_http}",
        "management_token": {
            "accessor_id": management.accessor_id,
            "secret_id": management.secret_id.get_secret_value(),
        },
        "policies": [
            {"name": grant.name, "description": grant.description, "rules": grant.rules} for grant in grants
        ],
        "tokens": [
            {
                "accessor_id": grant.token.accessor_id,
                "secret_id": grant.token.secret_id.get_secret_value(),
                "description": grant.description,
                "policies": [grant.name],
            }
            for grant in grants
        ],
        "autopilot": AUTOPILOT,
    }
