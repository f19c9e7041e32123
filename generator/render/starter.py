"""A short commented spec to start from.

In: a few answers.  Out: YAML text that `check_spec` accepts once the answers are right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.render.environment import create_environment
from generator.spec.defaults import DISKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv4Network

MOST_SERVERS = 3


@dataclass(frozen=True, slots=True)
class StarterNode:
    """One machine of the starter."""

    name: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class StarterGroup:
    """Machines with the same roles."""

    name: str
    roles: tuple[str, ...]
    nodes: tuple[StarterNode, ...]
    memory: str


@dataclass(frozen=True, slots=True)
class Starter:
    """The answers; sizes as the spec writes them.

    Attributes:
        addresses: of the members.
        servers: addresses of the Consul servers; where there are none, members are servers as well.
        has_schema: whether the schema lies beside the spec, for editors.
    """

    name: str
    platform: str
    durability: str
    prefix: IPv4Network
    vip: IPv4Address
    addresses: tuple[IPv4Address, ...]
    servers: tuple[IPv4Address, ...] = ()
    has_schema: bool = False
    interface: str = "eth0"
    gateway: IPv4Address | None = None
    ssh_keys: Sequence[str] = ()
    memory: str = "4GiB"
    server_memory: str = "1GiB"
    data_disk: str = DISKS["data"]
    data_size: str = "100GiB"
    wal_disk: str = DISKS["wal"]
    wal_size: str = "20GiB"

    @property
    def has_one_server(self) -> bool:
        """Whether Consul has one server only."""
        return len(self.servers or self.addresses) == 1

    @property
    def groups(self) -> tuple[StarterGroup, ...]:
        """Servers apart from members; else the first three machines are both, all others member only."""
        name = self.name
        nodes = _name_nodes(name, self.addresses)
        if self.servers:
            servers = _name_nodes(f"{name}-consul", self.servers)
            return (
                StarterGroup(f"{name}_consul", ("consul-server",), servers, self.server_memory),
                StarterGroup(f"{name}_postgres", ("postgres",), nodes, self.memory),
            )
        roles = ("consul-server", "postgres")
        both = StarterGroup(f"{name}_consul_postgres", roles, nodes[:MOST_SERVERS], self.memory)
        rest = StarterGroup(f"{name}_postgres", ("postgres",), nodes[MOST_SERVERS:], self.memory)
        return (both, rest) if rest.nodes else (both,)


def _name_nodes(stem: str, addresses: tuple[IPv4Address, ...]) -> tuple[StarterNode, ...]:
    return tuple(StarterNode(f"{stem}{number}", address) for number, address in enumerate(addresses, 1))


def render_starter(starter: Starter) -> str:
    """Return the starter spec as YAML text."""
    template = create_environment().get_template("spec/starter.yaml.j2")
    return template.render(cluster=starter)
