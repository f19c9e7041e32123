"""What holds where the spec is silent: rules and resolve ask here, so that a check and a render agree.

In: a spec or a part of it.  Out: the value that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from generator.sizing import DEFAULT_CPUS, DEFAULT_MEMORY_MIB
from generator.spec.model import DiskSelector

if TYPE_CHECKING:
    from ipaddress import IPv4Network

    from generator.spec.model import ClusterSpec, NodeSpec, StorageSpec, VolumeSpec

DISKS: Final = {"data": "/dev/sdb", "wal": "/dev/sdc"}
MOUNTS: Final = {"data": "/pgdata", "wal": "/pgwal"}
VOLUMES: Final = {"data": "pg_data", "wal": "pg_wal"}
VOLUME_GROUP: Final = "pg"
OS_DISK: Final = "/dev/sda"


def choose_disk(volume: VolumeSpec, kind: str) -> DiskSelector:
    """Return the selector of a volume's disk, whichever way it is written; `kind` is `data` or `wal`."""
    if isinstance(volume.disk, DiskSelector):
        return volume.disk
    return DiskSelector(path=volume.disk or DISKS[kind])


def choose_mount(volume: VolumeSpec, kind: str) -> str:
    """Return where a volume is mounted."""
    return volume.mount or MOUNTS[kind]


def choose_volume_name(volume: VolumeSpec, kind: str) -> str:
    """Return what a volume is called in its group."""
    return volume.name or VOLUMES[kind]


def choose_volume_group(storage: StorageSpec) -> str:
    """Return what the volume group is called."""
    return storage.volume_group or VOLUME_GROUP


def choose_os_disk(storage: StorageSpec) -> str:
    """Return the disk of the operating system."""
    return storage.os_disk or OS_DISK


def choose_domain(spec: ClusterSpec) -> str:
    """Return the domain of the host names."""
    return spec.system.domain or f"{spec.cluster}.internal"


def choose_clients(spec: ClusterSpec) -> tuple[IPv4Network, ...]:
    """Return from where clients reach PostgreSQL."""
    return (spec.network.prefix,) if spec.network.clients is None else spec.network.clients


def choose_admins(spec: ClusterSpec) -> tuple[IPv4Network, ...]:
    """Return from where people reach SSH."""
    return (spec.network.prefix,) if spec.network.admins is None else spec.network.admins


def choose_memory(node: NodeSpec) -> int:
    """Return the memory for which PostgreSQL is sized, in MiB."""
    return node.memory or DEFAULT_MEMORY_MIB


def choose_cpus(node: NodeSpec) -> int:
    """Return the number of processors for which PostgreSQL is sized."""
    return node.cpus or DEFAULT_CPUS
