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


@dataclass(frozen=True, slots=True)
class Starter:
    """The answers; sizes as the spec writes them."""

    name: str
    platform: str
    durability: str
    prefix: IPv4Network
    vip: IPv4Address
    addresses: tuple[IPv4Address, ...]
    interface: str = "eth0"
    gateway: IPv4Address | None = None
    ssh_keys: Sequence[str] = ()
    memory: str = "4GiB"
    data_disk: str = DISKS["data"]
    data_size: str = "100GiB"
    wal_disk: str = DISKS["wal"]
    wal_size: str = "20GiB"

    @property
    def is_single(self) -> bool:
        """Whether there is one machine only."""
        return len(self.addresses) == 1

    @property
    def groups(self) -> tuple[StarterGroup, ...]:
        """The first three machines are server and member, all others member only."""
        nodes = tuple(
            StarterNode(f"{self.name}{number}", address) for number, address in enumerate(self.addresses, 1)
        )
        both = StarterGroup(
            f"{self.name}_consul_postgres", ("consul-server", "postgres"), nodes[:MOST_SERVERS]
        )
        rest = StarterGroup(f"{self.name}_postgres", ("postgres",), nodes[MOST_SERVERS:])
        return (both, rest) if rest.nodes else (both,)


def render_starter(starter: Starter) -> str:
    """Return the starter spec as YAML text."""
    template = create_environment().get_template("spec/starter.yaml.j2")
    return template.render(cluster=starter)
