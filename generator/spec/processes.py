"""How many processes of PostgreSQL there may be: what the spec says, else what its members need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.spec.topology import list_members

if TYPE_CHECKING:
    from generator.spec.model import ClusterSpec

LEAST_WORKERS = 8
LEAST_SENDERS = 10
SPARE_SENDERS = 4


def count_workers(spec: ClusterSpec) -> int:
    """Return max_worker_processes.

    A standby refuses to start when this is lower than on the primary: as many as fit every member.
    """
    processors = [node.cpus or 0 for group in spec.groups.values() for node in group.nodes]
    return spec.postgresql.max_worker_processes or max([LEAST_WORKERS, *processors])


def _count_feeds(spec: ClusterSpec) -> int:
    return max(LEAST_SENDERS, len(list_members(spec)) + len(spec.postgresql.slots) + SPARE_SENDERS)


def count_senders(spec: ClusterSpec) -> int:
    """Return max_wal_senders."""
    return spec.postgresql.max_wal_senders or _count_feeds(spec)


def count_slots(spec: ClusterSpec) -> int:
    """Return max_replication_slots."""
    return spec.postgresql.max_replication_slots or _count_feeds(spec)
