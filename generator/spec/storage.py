"""Storage of the machines of a spec: node settings over cluster settings, WAL volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from generator.sizing import volume_mib
from generator.spec.model import SpecModel
from generator.spec.topology import list_members

if TYPE_CHECKING:
    from generator.spec.model import ClusterSpec, NodeSpec, StorageSpec

ModelT = TypeVar("ModelT", bound=SpecModel)


def _overlay(base: ModelT, over: ModelT) -> ModelT:
    return base.model_copy(update={name: getattr(over, name) for name in over.model_fields_set})


def merge_storage(spec: ClusterSpec, node: NodeSpec) -> StorageSpec:
    """Return the cluster's storage with the node's own settings laid over it."""
    if node.storage is None:
        return spec.storage
    return _overlay(spec.storage, node.storage).model_copy(
        update={
            "data": _overlay(spec.storage.data, node.storage.data),
            "wal": _overlay(spec.storage.wal, node.storage.wal),
        }
    )


def smallest_wal_volume(spec: ClusterSpec) -> int | None:
    """Return the smallest WAL volume of the members in MiB; None where none is declared.

    Retention is part of Patroni's dynamic configuration, one for all members, so
    the smallest volume decides.
    """
    wals = [merge_storage(spec, node).wal for node in list_members(spec)]
    sizes = [volume_mib(wal.disk_size, wal.percent, wal.size) for wal in wals]
    return min((size for size in sizes if size is not None), default=None)
