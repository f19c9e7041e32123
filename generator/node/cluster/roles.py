"""The roles that the cluster itself needs, asked of this member's PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Container

from generator.node.cluster.patroni_api import is_leader
from generator.node.machine.command import CommandFailed
from generator.node.machine.web import Unreachable

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni
    from generator.node.machine.machine import Machine

ROLES_QUERY = "select string_agg(rolname, ' ') from pg_roles"


def find_missing_roles(machine: Machine, patroni: Patroni) -> str | None:
    """Return which roles do not exist, or why PostgreSQL does not tell; None when all are there."""
    try:
        present = query(machine, patroni, ROLES_QUERY).split()
    except CommandFailed as error:
        return str(error)
    return "; ".join(describe_missing(patroni, present)) or None


def describe_missing(patroni: Patroni, present: Container[str]) -> list[str]:
    """Return in words which of the cluster's roles are not among those that there are."""
    roles = (patroni.replication_user, patroni.rewind_user)
    return [f"the role {role} does not exist" for role in roles if role not in present]


def make_roles(machine: Machine, patroni: Patroni) -> str | None:
    """Make the roles where this member leads; return why that failed, None otherwise.

    The file holds no password, and may be run again.
    """
    try:
        if patroni.roles and is_leader(machine, patroni):
            path = str(machine.fs.at(patroni.roles))
            _psql(machine, patroni, "-v", "ON_ERROR_STOP=1", "-1", "-f", path)
    except (CommandFailed, Unreachable) as error:
        return str(error)
    return None


def query(machine: Machine, patroni: Patroni, statement: str) -> str:
    """Ask PostgreSQL over its local socket as its own user: no password is needed and none is shown.

    Raises:
        CommandFailed: it does not answer.
    """
    return _psql(machine, patroni, "-c", statement)


def _psql(machine: Machine, patroni: Patroni, *words: str) -> str:
    user = machine.node.users["postgres"]
    psql = str(machine.fs.at(f"{patroni.bin_dir}/psql"))
    connection = ["-p", str(patroni.postgresql_port), "-U", patroni.superuser, "-d", "postgres"]
    return machine.commands.run("runuser", "-u", user, "--", psql, "-XAtq", *connection, *words, timeout=30)
