"""postgresql.parameters: what has a key of its own, or cannot be set at all, is refused.

Patroni drops such parameters silently from a member's configuration (its
documentation, "Patroni configuration"; reference notes §2.1), so a user would never
learn that they do nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.spec.rules.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.spec.model import ClusterSpec

OWN_KEYS = {
    **{
        name: f"postgresql.{name}"
        for name in (
            "max_connections", "max_wal_senders", "max_replication_slots", "max_worker_processes",
            "max_prepared_transactions", "max_locks_per_transaction", "max_wal_size", "wal_keep_size",
            "max_slot_wal_keep_size", "shared_buffers", "work_mem",
        )
    },
    "wal_keep_segments": "postgresql.wal_keep_size",
    "port": "ports.postgresql",
    "synchronous_commit": "durability",
    "synchronous_standby_names": "durability",
}  # fmt: skip
MANAGED = {
    "wal_level": "Holster sets it to replica",
    "wal_log_hints": "Holster sets it to on, which pg_rewind needs",
    "track_commit_timestamp": "it is a setting of the whole cluster: `patronictl edit-config`",
    "listen_addresses": "Holster sets it, because the virtual address moves",
    "cluster_name": "Patroni sets it to the cluster's name",
    "hot_standby": "Patroni sets it to on",
    "unix_socket_directories": "the packages and Patroni must agree on it",
    **dict.fromkeys(
        (
            "data_directory", "config_file", "hba_file", "ident_file", "external_pid_file",
            "primary_conninfo", "primary_slot_name", "promote_trigger_file", "trigger_file", "standby_mode",
            "recovery_target", "recovery_target_action", "recovery_target_inclusive", "recovery_target_lsn",
            "recovery_target_name", "recovery_target_time", "recovery_target_timeline", "recovery_target_xid",
        ),
        "Patroni decides it while the cluster runs",
    ),
}  # fmt: skip


ARCHIVES = frozenset({"on", "always", "true", "yes", "1"})
"""Values of archive_mode that archive."""


@rule("parameter-not-here", reads="postgresql.parameters.*", is_partial=True)
def check_parameters(spec: ClusterSpec) -> Iterator[Problem]:
    """P6: parameters with a key of their own, and those that nobody can set."""
    for name in spec.postgresql.parameters:
        path = ("postgresql", "parameters", name)
        if name in OWN_KEYS:
            message = f"{name} has a key of its own in the spec"
            yield Problem("parameter-not-here", message, path=path, at_key=True, hint=f"use {OWN_KEYS[name]}")
        elif name in MANAGED:
            message = f"{name} cannot be set: {MANAGED[name]}"
            yield Problem("parameter-not-here", message, path=path, at_key=True, hint="remove it")


@rule("archives-nothing", reads="postgresql.parameters", is_partial=True)
def check_archive(spec: ClusterSpec) -> Iterator[Problem]:
    """The original playbook archived to /bin/true: it looks like a backup and is none.

    Without any command PostgreSQL keeps every segment for the one that may come
    (its manual, `archive_command`): the WAL volume fills up, and it stops.
    """
    parameters = spec.postgresql.parameters
    command = parameters.get("archive_command")
    archives = str(parameters.get("archive_mode", "off")).lower() in ARCHIVES
    if archives and not command and not parameters.get("archive_library"):
        message = "archive_mode without archive_command keeps all WAL until its volume is full"
        path = ("postgresql", "parameters", "archive_mode")
        hint = "give an archive_command that copies the file, or remove archive_mode"
        yield Problem("archives-nothing", message, path=path, hint=hint)
    if isinstance(command, str) and command.strip() in {"true", "/bin/true", "/usr/bin/true", ":"}:
        message = f"archive_command = {command} reports success and keeps nothing"
        path = ("postgresql", "parameters", "archive_command")
        hint = "give a command that copies the file, or remove archive_mode and archive_command"
        yield Problem("archives-nothing", message, Severity.WARNING, path=path, hint=hint)


RULES = (check_parameters, check_archive)
