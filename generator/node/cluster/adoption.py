"""Data that this first boot did not make: whether it is fit, and what makes a standalone server's fit.

A server that stood alone has settings of its own, maybe another superuser, maybe `wal_level = minimal`:
Patroni starts every database as a standby first, which ends at such WAL, and reaches it over a socket that
the old settings put elsewhere.  So its configuration files are put aside, and PostgreSQL runs once, alone,
without network: that ends the recovery of a crashed server as the primary that it was, raises `wal_level`,
and makes the superuser of the spec.  Nothing is deleted.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Iterator

from generator.node.causes import StageFailed
from generator.node.cluster.bootstrap import (
    get_data_directory,
    is_own_bootstrap,
    list_directories,
    list_filled,
)
from generator.node.machine.command import CommandFailed

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni
    from generator.node.machine.machine import Machine

MANAGED = "postgresql.base.conf"
"""Made by Patroni when it takes a data directory over."""
CONFIGURATION = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")
ASIDE = ".standalone"
EMPTY = "# The settings of this server come from Patroni.\n"
STANDBY = ("standby.signal", "recovery.signal", "recovery.conf")
# One line for each statement: single-user mode knows no other end of one.
SUPERUSER = (
    "do $$ begin if not exists (select from pg_catalog.pg_roles where rolname = {literal})"
    " then create role {name}; end if; end $$\n"
    "alter role {name} superuser login\n"
)


def check_kept_data(machine: Machine) -> None:
    """Look at a data directory that this first boot did not make; changes nothing.

    Raises:
        StageFailed: PostgreSQL could not start from it as this member; every reason is named.
    """
    if is_own_bootstrap(machine) or len(list_filled(machine)) != len(list_directories(machine)):
        return
    data = get_data_directory(machine)
    problems = [
        *_check_version(machine, data),
        *_check_wal(machine, data),
        *_check_owners(machine, data),
        *_check_tablespaces(machine, data),
    ]
    if is_standalone(machine):
        problems += [
            f"{data}/{name} says that it is a standby's copy: copy the primary instead, or promote it first"
            for name in STANDBY
            if machine.fs.at(f"{data}/{name}").exists()
        ]
    if problems:
        raise StageFailed("data-unfit", "; ".join(problems))


def is_standalone(machine: Machine) -> bool:
    """Say whether no Patroni ever ran the database."""
    return not machine.fs.at(f"{get_data_directory(machine)}/{MANAGED}").exists()


def _check_version(machine: Machine, data: str) -> Iterator[str]:
    found = (machine.fs.read(f"{data}/PG_VERSION") or "").strip()
    major = machine.node.programs["postgres"].version.partition(".")[0]
    if found != major:
        yield (
            f"{data} was made by PostgreSQL {found or '(no PG_VERSION)'}, this member runs {major}:"
            f" bring it to {major} with pg_upgrade on the old server, or declare its version in the spec"
        )


def _check_wal(machine: Machine, data: str) -> Iterator[str]:
    link = machine.fs.at(f"{data}/pg_wal")
    wal = next(path for path in list_directories(machine) if path != data)
    if not link.is_symlink():
        what = "a directory" if link.is_dir() else "missing"
        yield f"{data}/pg_wal is {what}: move the WAL into {wal}, and make {data}/pg_wal a link to it"
        return
    target = os.path.normpath(str(PurePosixPath(data) / os.readlink(str(link))))
    if target != wal:
        yield f"{data}/pg_wal is a link to {target}: move the WAL into {wal}, and let the link lead there"


def _check_owners(machine: Machine, data: str) -> Iterator[str]:
    user = machine.node.users["postgres"]
    account = machine.fs.account(user)
    paths = [f"{data}/PG_VERSION", f"{data}/global/pg_control", *list_directories(machine)]
    there = [path for path in paths if machine.fs.at(path).exists()]
    wrong = [path for path in there if account and machine.fs.at(path).stat().st_uid != account.uid]
    if wrong:
        folders = " ".join(sorted(str(PurePosixPath(path).parent) for path in list_directories(machine)))
        yield f"{wrong[0]} does not belong to {user}: `chown -R {user}: {folders}`"


def _check_tablespaces(machine: Machine, data: str) -> Iterator[str]:
    for name in machine.fs.entries(f"{data}/pg_tblspc"):
        link = machine.fs.at(f"{data}/pg_tblspc/{name}")
        target = os.readlink(str(link)) if link.is_symlink() else ""
        if target and not machine.fs.at(target).is_dir():
            yield (
                f"the tablespace {name} of {data} should be in {target}, which is not there: bring it there,"
                f" or move its tables to pg_default on the old server and drop it"
            )
        elif target:
            machine.warn(
                f"the tablespace in {target} is no part of the volumes:"
                " every other member needs this folder too, empty and PostgreSQL's own"
            )


def adopt_standalone(machine: Machine, patroni: Patroni) -> None:
    """Make the data of a standalone server fit to begin a cluster; safe to repeat.

    Raises:
        StageFailed: PostgreSQL does not start from it; its own words are in the reason.
    """
    if is_own_bootstrap(machine) or not list_filled(machine) or not is_standalone(machine):
        return
    data = get_data_directory(machine)
    moved = [name for name in CONFIGURATION if _put_aside(machine, f"{data}/{name}")]
    if moved:
        machine.warn(
            f"the database comes from a server that stood alone: its {', '.join(moved)} are kept as"
            f" {data}/*{ASIDE}; put what is needed of them into the spec (parameters, hba)"
        )
    _run_alone(machine, patroni, data)


def _put_aside(machine: Machine, path: str) -> bool:
    kept = machine.fs.at(f"{path}{ASIDE}")
    if not kept.exists() and machine.fs.at(path).exists():
        machine.fs.at(path).rename(kept)
    if not machine.fs.at(path).exists() and not path.endswith("auto.conf"):
        machine.fs.write(path, EMPTY, 0o600)
        user = machine.node.users["postgres"]
        machine.fs.own(path, user, user, 0o600)
    return kept.exists()


def _run_alone(machine: Machine, patroni: Patroni, data: str) -> None:
    user, name = machine.node.users["postgres"], patroni.superuser
    program = str(machine.fs.at(f"{patroni.bin_dir}/postgres"))
    statements = SUPERUSER.format(
        literal="'" + name.replace("'", "''") + "'", name='"' + name.replace('"', '""') + '"'
    )
    # The slots of a server that stood alone are its own affair; they are kept.
    settings = ("-c", "wal_level=replica", "-c", "max_wal_senders=10", "-c", "max_replication_slots=100")
    words = ("runuser", "-u", user, "--", program, "--single", "-D", str(machine.fs.at(data)), *settings)
    machine.note("PostgreSQL runs alone, to end its recovery and to make the superuser")
    try:
        done = machine.commands.ask(*words, "template1", timeout=machine.remaining(), text=statements)
    except CommandFailed as error:
        raise StageFailed("data-unfit", f"PostgreSQL does not start from {data}: {error}") from None
    wrong = [line.strip() for line in done.errors.splitlines() if "ERROR:" in line or "FATAL:" in line]
    if wrong or not done.is_fine:
        raise StageFailed(
            "data-unfit", f"PostgreSQL does not start from {data}: {' '.join(wrong) or done.describe()}"
        )
