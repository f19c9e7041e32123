"""Where a member's data and WAL live, and how much WAL is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.sizing import (
    DEFAULT_PERCENT,
    WalRetention,
    size_wal,
)
from generator.spec.defaults import (
    choose_disk,
    choose_mount,
    choose_volume_group,
    choose_volume_name,
)
from generator.spec.storage import merge_storage, smallest_wal_volume

if TYPE_CHECKING:
    from generator.spec.model import (
        ClusterSpec,
        DiskSelector,
        NodeSpec,
        VolumeSpec,
    )


@dataclass(frozen=True, slots=True)
class ResolvedVolume:
    """One logical volume; `size_mib` wins over `percent` when it is set."""

    disk: DiskSelector
    name: str
    mount: str
    label: str
    percent: int
    size_mib: int | None
    min_size_mib: int
    directory: str


@dataclass(frozen=True, slots=True)
class ResolvedStorage:
    """The volume group of one member and its two volumes."""

    volume_group: str
    data: ResolvedVolume
    wal: ResolvedVolume


def _resolve_volume(volume: VolumeSpec, kind: str, *, major: int, least: int) -> ResolvedVolume:
    mount = choose_mount(volume, kind)
    return ResolvedVolume(
        disk=choose_disk(volume, kind),
        name=choose_volume_name(volume, kind),
        mount=mount,
        label=f"pg{kind}",
        percent=volume.percent or DEFAULT_PERCENT,
        size_mib=volume.size,
        min_size_mib=least,
        # A sub-directory: a mount root holds lost+found, which initdb and pg_basebackup refuse.
        directory=f"{mount}/{major}/{'data' if kind == 'data' else 'pg_wal'}",
    )


def resolve_storage(spec: ClusterSpec, node: NodeSpec, major: int, wal: WalRetention) -> ResolvedStorage:
    """Return where the node's data and WAL live."""
    storage = merge_storage(spec, node)
    return ResolvedStorage(
        volume_group=choose_volume_group(storage),
        data=_resolve_volume(storage.data, "data", major=major, least=256),
        wal=_resolve_volume(storage.wal, "wal", major=major, least=wal.smallest_volume),
    )


def resolve_wal(spec: ClusterSpec) -> WalRetention:
    """Return the WAL retention of the cluster."""
    return size_wal(
        smallest_wal_volume(spec),
        max_wal_size=spec.postgresql.max_wal_size,
        wal_keep_size=spec.postgresql.wal_keep_size,
        max_slot_wal_keep_size=spec.postgresql.max_slot_wal_keep_size,
    )
