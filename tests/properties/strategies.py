"""Specs that are valid, for property tests of every stage.

`valid_specs()` yields plain data; `as_yaml()` turns data into the text of a spec.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import strategies as st

from generator.platforms.profile import list_platforms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE admin"
DURABILITIES = ("asynchronous", "synchronous", "synchronous-strict")
LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
HOSTS = LABELS.filter(lambda name: name not in {"localhost", "localdomain", "consul", "server", "client"})
NETWORKS = (IPv4Network("10.77.0.0/24"), IPv4Network("192.168.11.0/24"), IPv4Network("172.20.128.0/20"))


def as_yaml(data: object) -> bytes:
    """Return `data` as a user could have written it; text stays text."""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=None).encode()


@st.composite
def _sizes(draw: st.DrawFn) -> str:
    return f"{draw(st.integers(2, 64))}GiB"


@st.composite
def _disks(draw: st.DrawFn, label: str) -> dict[str, Any]:
    """Return a data or WAL disk; the label keeps the two apart."""
    letter = {"data": "b", "wal": "c"}[label]
    selector = draw(
        st.sampled_from(
            [
                f"/dev/sd{letter}",
                f"/dev/disk/by-id/virtio-{label}",
                {"serial": f"S-{label}"},
                {"path": f"/dev/disk/by-path/pci-0000:00:0{ord(letter) - 90}.0"},
            ]
        )
    )
    volume: dict[str, Any] = {"disk": selector, "disk_size": draw(_sizes())}
    if draw(st.booleans()):
        volume["percent"] = draw(st.integers(50, 100))
    return volume


@st.composite
def _nodes(draw: st.DrawFn, names: Sequence[str], addresses: Sequence[IPv4Address]) -> list[dict[str, Any]]:
    nodes = []
    for name, address in zip(names, addresses, strict=True):
        node: dict[str, Any] = {"name": name, "address": str(address), "memory": draw(_sizes())}
        if draw(st.booleans()):
            octets = [int(address) >> shift & 0xFF for shift in (24, 16, 8, 0)]
            node["mac"] = ":".join(["52:54", *(f"{octet:02x}" for octet in octets)])
        if draw(st.booleans()):
            node["cpus"] = draw(st.integers(1, 64))
        nodes.append(node)
    return nodes


@st.composite
def _groups(draw: st.DrawFn, names: list[str], addresses: list[IPv4Address]) -> dict[str, Any]:
    """Return the seed's shape (servers apart from members) or machines that are both."""
    servers = draw(st.sampled_from([3, 5]))
    if draw(st.booleans()):
        nodes = draw(_nodes(names[:servers], addresses[:servers]))
        return {draw(LABELS): {"roles": ["consul-server", "postgres"], "nodes": nodes}}
    members = draw(st.integers(2, 3))
    both = servers + members
    return {
        "servers": {
            "roles": ["consul-server"],
            "nodes": draw(_nodes(names[:servers], addresses[:servers])),
        },
        "members": {
            "roles": ["postgres"],
            "nodes": draw(_nodes(names[servers:both], addresses[servers:both])),
        },
    }


@st.composite
def _options(draw: st.DrawFn, network: IPv4Network) -> dict[str, Any]:
    """Return some of the keys that a spec may leave out."""
    choices: dict[str, st.SearchStrategy[Any]] = {
        "datacenter": LABELS,
        "datacenters": st.just({"east": [str(network)], "west": ["10.200.0.0/16"]}),
        "patroni": st.fixed_dictionaries({"ttl": st.integers(30, 120)}),
        "consul": st.fixed_dictionaries({"raft_multiplier": st.integers(1, 10)}),
        "postgresql": st.fixed_dictionaries(
            {"max_connections": st.integers(25, 400)},
            optional={
                "parameters": st.just(
                    {"random_page_cost": "1.1", "jit": False, "log_min_duration_statement": 500}
                ),
                "hba": st.just([{"address": "10.0.0.0/8", "database": "app", "user": "app"}]),
            },
        ),
        "access": st.fixed_dictionaries(
            {"user": LABELS.map(lambda name: f"a{name}"), "ssh_keys": st.just([SSH_KEY])}
        ),
        "system": st.fixed_dictionaries({"swappiness": st.integers(0, 100)}),
        "ports": st.fixed_dictionaries(
            {"ssh": st.sampled_from([22, 2222]), "postgresql": st.integers(10000, 20000)}
        ),
        "certificates": st.fixed_dictionaries({"years": st.integers(2, 30)}),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(choices)), unique=True))
    return {key: draw(choices[key]) for key in chosen}


@st.composite
def valid_specs(draw: st.DrawFn) -> dict[str, Any]:
    """Return the data of a spec that `check_spec` accepts."""
    network = draw(st.sampled_from(NETWORKS))
    numbers = draw(st.lists(st.integers(2, 250), min_size=9, max_size=9, unique=True))
    addresses = [network.network_address + number for number in numbers]
    names = draw(st.lists(HOSTS, min_size=9, max_size=9, unique=True))
    return {
        "holster": 1,
        "cluster": draw(HOSTS.filter(lambda name: name not in {"patroni", "postgres"})),
        "platform": draw(st.sampled_from(list_platforms())),
        "durability": draw(st.sampled_from(DURABILITIES)),
        "network": {
            "prefix": str(network),
            "gateway": str(network.network_address + 1),
            "dns": [str(network.network_address + 1)],
            "interface": draw(st.sampled_from(["eth0", "enp0s8", "ens192"])),
        },
        "vip": str(addresses[0]),
        "storage": {"data": draw(_disks("data")), "wal": draw(_disks("wal"))},
        "groups": draw(_groups(names, addresses[1:])),
        **draw(_options(network)),
    }
