"""A generated fleet: clusters of five machines, each with its own network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NODES_PER_CLUSTER = 5

SPEC = """\
holster: 1
cluster: fleet{number:03d}
platform: redos8
durability: synchronous
datacenters:
  dc{number:03d}: [10.{high}.{low}.0/24]
network:
  prefix: 10.{high}.{low}.0/24
  gateway: 10.{high}.{low}.1
  dns: [10.{high}.{low}.1]
  ntp: [10.{high}.{low}.1]
vip: 10.{high}.{low}.200
storage:
  data: {{disk: {{serial: data}}, disk_size: 100GiB}}
  wal: {{disk: {{serial: wal}}, disk_size: 20GiB}}
groups:
  fleet_consul:
    roles: [consul-server]
    nodes:
{servers}
  fleet_postgres:
    roles: [postgres]
    nodes:
{members}
access:
  ssh_keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA admin
"""


def write_fleet(folder: Path, clusters: int) -> list[Path]:
    """Write the specs of `clusters` clusters and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write_cluster(folder, number) for number in range(clusters)]


def write_cluster(folder: Path, number: int) -> Path:
    """Write one cluster's spec: three Consul servers, two PostgreSQL machines."""
    high, low = divmod(number, 256)

    def describe(name: str, host: int) -> str:
        mac = f"52:54:00:{number >> 8:02x}:{number & 255:02x}:{host:02x}"
        return (
            f'      - {{name: {name}, address: 10.{high}.{low}.{host}, mac: "{mac}", memory: 8GiB, cpus: 4}}'
        )

    servers = "\n".join(describe(f"f{number:03d}c{index}", 10 + index) for index in range(1, 4))
    members = "\n".join(describe(f"f{number:03d}p{index}", 20 + index) for index in range(1, 3))
    path = folder / f"fleet{number:03d}.yaml"
    path.write_text(SPEC.format(number=number, high=high, low=low, servers=servers, members=members), "utf-8")
    return path
