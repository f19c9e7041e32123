"""postgresql.parameters: what has a key of its own, or cannot be set at all, is refused.

Patroni drops such parameters silently from a member's configuration (its
documentation, "Patroni configuration"; reference notes §2.1), so a user would never
learn that they do nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.postgresql.settings import read_word
from generator.postgresql.values import OFF, ON
from generator.spec.fields import list_time_zones
from generator.spec.model import Durability
from generator.spec.rules.rule import rule
from generator.spec.wording import show_value, suggest

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
    "synchronous_standby_names": "durability",
    "ssl": "postgresql.tls",
}  # fmt: skip
MANAGED = {
    "recovery_min_apply_delay": "every member would lag, and a failover would first apply what it waits for",
    "bonjour": "the packages are built without it, and PostgreSQL would not start",
    "wal_log_hints": "Holster sets it to on, which pg_rewind needs",
    "password_encryption": "Holster sets it to scram-sha-256, which pg_hba.conf demands",
    "listen_addresses": "Holster sets it, because the virtual address moves",
    "cluster_name": "Patroni sets it to the cluster's name",
    "hot_standby": "Patroni sets it to on",
    "ssl_cert_file": "Holster brings each member's certificate, of the cluster's authority",
    "ssl_key_file": "Holster brings each member's key, beside its certificate",
    "ssl_min_protocol_version": "Holster sets it to TLSv1.2",
    "unix_socket_directories": "the packages and Patroni must agree on it",
    **dict.fromkeys(
        (
            "data_directory", "config_file", "hba_file", "ident_file", "external_pid_file",
            "primary_conninfo", "primary_slot_name", "promote_trigger_file", "trigger_file", "standby_mode",
            "recovery_target", "recovery_target_action", "recovery_target_inclusive", "recovery_target_lsn",
            "recovery_target_name", "recovery_target_time", "recovery_target_timeline", "recovery_target_xid",
            "pause_at_recovery_target",
        ),
        "Patroni decides it while the cluster runs",
    ),
}  # fmt: skip


ARCHIVES = ON | {"always"}
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


READ_ONLY = "default_transaction_read_only"
WAL_LEVELS = ("replica", "logical")


@rule("parameter-not-here", "crash-unsafe", reads="postgresql.parameters durability", is_partial=True)
def check_promises(spec: ClusterSpec) -> Iterator[Problem]:
    """Values that would break what the spec promises elsewhere: standbys, and what a commit survives."""
    level = read_word(spec.postgresql.parameters, "wal_level")
    path = ("postgresql", "parameters", "wal_level")
    if level and level not in WAL_LEVELS:
        message = f"wal_level cannot be {level}: standbys need replica or logical"
        yield Problem("parameter-not-here", message, path=path, hint="remove it, or set logical")
    path = ("postgresql", "parameters", READ_ONLY)
    if read_word(spec.postgresql.parameters, READ_ONLY) in ON:
        message = f"{READ_ONLY} cannot be on: the first boot could not make the roles"
        hint = f"remove it, and set it for a role or a database: ALTER ROLE app SET {READ_ONLY} = on"
        yield Problem("parameter-not-here", message, path=path, hint=hint)
    commit = read_word(spec.postgresql.parameters, "synchronous_commit")
    path = ("postgresql", "parameters", "synchronous_commit")
    if spec.durability is not Durability.ASYNCHRONOUS and commit in OFF | {"local", "remote_write"}:
        message = (
            f"with synchronous_commit = {commit} a commit is acknowledged before a standby has it on disk"
        )
        hint = "remove it: applications can set it for a transaction; or choose durability: asynchronous"
        yield Problem("parameter-not-here", message, path=path, hint=hint)
    elif commit in OFF:
        message = "with synchronous_commit off the last commits before a crash are lost"
        yield Problem("crash-unsafe", message, Severity.WARNING, path=path, hint="remove it")


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


ZONES = ("timezone", "log_timezone")

CRASH_SAFETY = {
    "fsync": "a power cut may leave a data directory that no longer starts",
    "full_page_writes": "a power cut may leave half-written pages, which recovery does not mend",
}
"""What each of them keeps from happening while it is on."""


@rule("crash-unsafe", reads="postgresql.parameters", is_partial=True)
def check_crash_safety(spec: ClusterSpec) -> Iterator[Problem]:
    """All members may lose power at once: no durability mode makes up for these."""
    for name, damage in CRASH_SAFETY.items():
        if read_word(spec.postgresql.parameters, name) in OFF:
            message = f"with {name} off {damage}"
            path = ("postgresql", "parameters", name)
            yield Problem("crash-unsafe", message, Severity.WARNING, path=path, hint="remove it")


@rule("parameter-value", reads="postgresql.parameters", is_partial=True)
def check_zones(spec: ClusterSpec) -> Iterator[Problem]:
    """PostgreSQL does not start with a time zone that the system does not have; capitals are all the same."""
    zones = {zone.lower(): zone for zone in list_time_zones()}
    for name in ZONES:
        value = spec.postgresql.parameters.get(name)
        if value is not None and str(value).lower() not in zones:
            match = suggest(value, sorted(zones.values())) if isinstance(value, str) else None
            hint = f"did you mean '{match}'?" if match else "remove it: Holster sets system.timezone"
            message = (
                f"{name} must be in the list of time zones, such as Europe/Moscow, not {show_value(value)}"
            )
            path = ("postgresql", "parameters", name)
            yield Problem("parameter-value", message, path=path, hint=hint)


RULES = (check_parameters, check_promises, check_archive, check_crash_safety, check_zones)
