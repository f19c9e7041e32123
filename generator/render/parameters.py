"""PostgreSQL parameters of a member: which go through the DCS, which are local.

Patroni drops some parameters silently from the local configuration, because all
members must agree on them; these belong to `bootstrap.dcs` (reference notes §2.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.layout import NodePaths
from generator.postgresql.catalog import find_parameter
from generator.spec.processes import count_senders, count_slots, count_workers
from generator.versions import PostgresqlDialect

if TYPE_CHECKING:
    from generator.postgresql.values import ParameterValue
    from generator.resolve.cluster import ResolvedCluster, ResolvedNode

SHARED = frozenset(
    {
        "max_connections",
        "max_locks_per_transaction",
        "max_worker_processes",
        "max_prepared_transactions",
        "max_wal_senders",
        "max_replication_slots",
        "wal_level",
        "wal_log_hints",
        "wal_keep_size",
        "wal_keep_segments",
        "track_commit_timestamp",
    }
)
"""Taken from the DCS only."""

SEGMENT_MIB = 16
TLS_MIN_VERSION = "TLSv1.2"


def _megabytes(size: int) -> str:
    return f"{size}MB"


def _wal_keep(cluster: ResolvedCluster) -> dict[str, ParameterValue]:
    size = cluster.wal.wal_keep_size
    if PostgresqlDialect(cluster.postgresql_major).has_wal_keep_size:
        return {"wal_keep_size": _megabytes(size)}
    return {"wal_keep_segments": max(1, -(-size // SEGMENT_MIB))}


def shared_parameters(cluster: ResolvedCluster) -> dict[str, ParameterValue]:
    """Return the parameters of the DCS: those all members must agree on, and WAL retention."""
    postgresql, dialect = cluster.spec.postgresql, PostgresqlDialect(cluster.postgresql_major)
    parameters: dict[str, ParameterValue] = {
        "max_connections": postgresql.max_connections,
        "max_locks_per_transaction": postgresql.max_locks_per_transaction,
        "max_prepared_transactions": postgresql.max_prepared_transactions,
        "max_replication_slots": count_slots(cluster.spec),
        "max_wal_senders": count_senders(cluster.spec),
        "max_worker_processes": count_workers(cluster.spec),
        "track_commit_timestamp": "off",
        "wal_level": "replica",
        "wal_log_hints": "on",
        **_wal_keep(cluster),
        "max_wal_size": _megabytes(cluster.wal.max_wal_size),
    }
    if dialect.has_max_slot_wal_keep_size:
        # Without it the slot of a dead replica fills the WAL volume, and PostgreSQL panics.
        parameters["max_slot_wal_keep_size"] = _megabytes(cluster.wal.max_slot_wal_keep_size)
    chosen = {
        name: value for name, value in postgresql.parameters.items() if name in parameters or name in SHARED
    }
    return {**parameters, **chosen}


def _tls_parameters(cluster: ResolvedCluster) -> dict[str, ParameterValue]:
    # Said where it is off, too: a line of an older render may still stand in the data directory.
    if not cluster.has_tls:
        return {"ssl": "off"}
    folder = NodePaths.member_tls
    parameters: dict[str, ParameterValue] = {
        "ssl": "on",
        "ssl_cert_file": f"{folder}/server.pem",
        "ssl_key_file": f"{folder}/server.key",
    }
    if PostgresqlDialect(cluster.postgresql_major).has_ssl_min_protocol_version:
        parameters["ssl_min_protocol_version"] = TLS_MIN_VERSION
    return parameters


SENDER_LEAST_S = 5
SENDER_SHARE = 3


def _sender_parameters(cluster: ResolvedCluster) -> dict[str, ParameterValue]:
    """Return how long the primary believes in a standby that is silent.

    So long, and up to loop_wait more until Patroni takes it off the list, commits wait for a synchronous
    standby that lost its power: 8 + 5 s with the defaults.  PostgreSQL's own 60 s stopped commits for
    28.3 s in the lab, 8 s (with a loop_wait of 10 s) for 17.0 s.  A third of what ttl leaves keeps the
    stop below a failover's; a standby answers after half of the time, so that a stall of seconds is borne.
    """
    if not cluster.is_synchronous:
        return {}
    patroni = cluster.spec.patroni
    return {
        "wal_sender_timeout": f"{max(SENDER_LEAST_S, (patroni.ttl - patroni.loop_wait) // SENDER_SHARE)}s"
    }


def local_parameters(node: ResolvedNode) -> dict[str, ParameterValue]:
    """Return the parameters of one member: what depends on its memory and processors."""
    memory = node.memory
    if memory is None:
        return {}
    shared = shared_parameters(node.cluster)
    own: dict[str, ParameterValue] = {
        **_tls_parameters(node.cluster),
        **_sender_parameters(node.cluster),
        "shared_buffers": _megabytes(memory.shared_buffers),
        "effective_cache_size": _megabytes(memory.effective_cache_size),
        "maintenance_work_mem": _megabytes(memory.maintenance_work_mem),
        "work_mem": _megabytes(memory.work_mem),
        "max_parallel_workers": memory.max_parallel_workers,
        "max_parallel_workers_per_gather": memory.max_parallel_workers_per_gather,
        # Reserved where memory is large (`platforms/huge_pages.py`); `on` would not start a page short of it.
        "huge_pages": "try",
        "password_encryption": "scram-sha-256",
        "checkpoint_completion_target": "0.9",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "effective_io_concurrency": 200,
        "log_destination": "stderr",
        # Patroni hands standard error to the journal, which rotates by itself.
        "logging_collector": "off",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_checkpoints": "on",
        "log_lock_waits": "on",
        "log_timezone": node.cluster.spec.system.timezone,
        "timezone": node.cluster.spec.system.timezone,
    }
    recovery = recovery_parameters(node.cluster)
    chosen = {
        name: value
        for name, value in node.cluster.spec.postgresql.parameters.items()
        if name not in shared and name not in recovery
    }
    return {**own, **chosen}


def recovery_parameters(cluster: ResolvedCluster) -> dict[str, ParameterValue]:
    """Return the parameters that only a standby reads: Patroni takes them in `recovery_conf`."""
    major = cluster.postgresql_major
    return {
        name: value
        for name, value in cluster.spec.postgresql.parameters.items()
        if (parameter := find_parameter(name, major)) and parameter.is_recovery
    }
