"""`holster show`: the resolved cluster, for people and programs; never a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from generator.cli.console import SPEC, check_and_print
from generator.resolve.cluster import resolve_cluster

if TYPE_CHECKING:
    from pathlib import Path

    from generator.resolve.cluster import ResolvedCluster, ResolvedNode
    from generator.resolve.storage import ResolvedVolume

WIDE = 500

CONSEQUENCES = {
    "asynchronous": "a failover may lose the last transactions, up to maximum_lag_on_failover",
    "synchronous": "a commit is on two members; with one member left, writes go on with one copy",
    "synchronous-strict": "a commit is on two members; with one member left, writes stop",
    "quorum": "a commit is on the primary and at least one of the replicas",
}


def describe_volume(volume: ResolvedVolume) -> dict[str, Any]:
    """Return a volume as plain data."""
    return {
        "name": volume.name,
        "disk": volume.disk.model_dump(exclude_none=True),
        "mount": volume.mount,
        "directory": volume.directory,
    }


def describe_node(node: ResolvedNode) -> dict[str, Any]:
    """Return a machine as plain data."""
    storage = node.storage
    return {
        "name": node.name,
        "address": str(node.address),
        "group": node.group,
        "roles": [
            role for role, has in (("consul-server", node.is_server), ("postgres", node.is_member)) if has
        ],
        "network_card": node.mac or node.interface,
        "os_disk": node.os_disk,
        "memory_mib": node.memory_mib,
        "volume_group": storage.volume_group if storage else None,
        "data": describe_volume(storage.data) if storage else None,
        "wal": describe_volume(storage.wal) if storage else None,
    }


def describe_cluster(cluster: ResolvedCluster) -> dict[str, Any]:
    """Return the resolved cluster as plain data without any secret."""
    spec = cluster.spec
    return {
        "cluster": cluster.name,
        "platform": cluster.platform.name,
        "datacenter": cluster.datacenter,
        "datacenter_reason": cluster.datacenter_reason,
        "vip": str(spec.vip),
        "vip_mode": cluster.vip_mode,
        "durability": spec.durability.value,
        "durability_consequence": CONSEQUENCES[spec.durability.value],
        "versions": {
            "consul": str(cluster.consul.version),
            "patroni": str(cluster.patroni.version),
            "postgresql": cluster.postgresql_major,
            "vip_manager": str(cluster.vip_manager.version),
        },
        "wal_retention_mib": {
            "max_wal_size": cluster.wal.max_wal_size,
            "wal_keep_size": cluster.wal.wal_keep_size,
            "max_slot_wal_keep_size": cluster.wal.max_slot_wal_keep_size,
            "smallest_safe_volume": cluster.wal.smallest_volume,
        },
        "nodes": [describe_node(node) for node in cluster.nodes],
    }


def format_disk(disk: dict[str, Any]) -> str:
    """Return how a disk is found: `/dev/sdb`, `serial WD-1`, `at least 10 GiB, at most 20 GiB`."""
    words = {"path": "", "min_size": "at least ", "max_size": "at most "}
    return ", ".join(
        f"{words.get(key, f'{key} ')}{format_size(value) if isinstance(value, int) else value}"
        for key, value in disk.items()
    )


def format_size(mib: int) -> str:
    """Return MiB for people: `512 MiB`, `10 GiB`."""
    return f"{mib} MiB" if mib % 1024 else f"{mib // 1024} GiB"


def create_table(*titles: str) -> Table:
    """Return a table without lines; a narrow terminal breaks cells and cuts nothing off."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def tabulate_machines(nodes: list[dict[str, Any]]) -> Table:
    """Return the table of the machines."""
    table = create_table("machine", "address", "roles", "network card", "memory", "system disk")
    for node in nodes:
        table.add_row(
            node["name"],
            node["address"],
            "\n".join(node["roles"]),
            node["network_card"] or "-",
            format_size(node["memory_mib"]),
            node["os_disk"],
        )
    return table


def tabulate_volumes(nodes: list[dict[str, Any]]) -> Table:
    """Return the table of the data disks."""
    table = create_table("machine", "volume", "disk", "mount")
    for node in nodes:
        for volume in (node["data"], node["wal"]):
            if volume:
                name = f"{node['volume_group']}/{volume['name']}"
                table.add_row(node["name"], name, format_disk(volume["disk"]), volume["mount"])
    return table


def print_cluster(facts: dict[str, Any]) -> None:
    """Print the cluster as tables for people."""
    console = Console(highlight=False)
    if not console.is_terminal:
        # A file or a pipe has no edge at which to break.
        console.width = WIDE
    versions = facts["versions"]
    wal = facts["wal_retention_mib"]
    lines = {
        "cluster": f"{facts['cluster']} on {facts['platform']}",
        "datacenter": f"{facts['datacenter']} ({facts['datacenter_reason']})",
        "VIP": f"{facts['vip']} (vip-manager in {facts['vip_mode']} mode)",
        "durability": f"{facts['durability']}: {facts['durability_consequence']}",
        "versions": f"Consul {versions['consul']}, Patroni {versions['patroni']}, "
        f"PostgreSQL {versions['postgresql']}, vip-manager {versions['vip_manager']}",
        "WAL": f"max_wal_size {wal['max_wal_size']} MiB, kept for replicas up to "
        f"{max(wal['wal_keep_size'], wal['max_slot_wal_keep_size'])} MiB; "
        f"needs a volume of {wal['smallest_safe_volume']} MiB",
    }
    for label, text in lines.items():
        console.print(f"[bold]{label:<11}[/bold]{text}", soft_wrap=True)
    console.print()
    console.print(tabulate_machines(facts["nodes"]))
    console.print()
    console.print(tabulate_volumes(facts["nodes"]))


@click.command("show")
@SPEC
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(spec: Path, *, as_json: bool) -> None:
    """Show what SPEC resolves to: machines, roles, addresses, disks, VIP, datacenter and why.

    Secrets are never shown, none is made.
    """
    checked = check_and_print(spec)
    facts = describe_cluster(resolve_cluster(checked.spec, checked.profile))
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        print_cluster(facts)
