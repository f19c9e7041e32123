"""Stage patroni: the cluster is made, and PostgreSQL serves under Patroni, as leader or as replica."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from generator.node.causes import StageFailed
from generator.node.cluster.adoption import adopt_standalone, check_kept_data
from generator.node.cluster.bootstrap import (
    clear_interruption,
    is_own_bootstrap,
    list_filled,
    record_bootstrap,
)
from generator.node.cluster.bootstrap_order import wait_for_turn
from generator.node.cluster.initialisation import Gap, Initialisation
from generator.node.cluster.kept_data import announce_kept_data, wait_for_leader_of_kept_data
from generator.node.cluster.patroni_api import find_missing, read_version
from generator.node.cluster.roles import find_missing_roles, make_roles
from generator.node.machine.services import ensure_started
from generator.node.machine.web import Unreachable
from generator.node.patroni_log import find_death
from generator.node.stage import Stage
from generator.node.stages.preflight import warn_of_version
from generator.node.stages.storage import check_mounts

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni
    from generator.node.machine.machine import Machine


# Each question takes the processor that Patroni needs to come up; a connection costs nothing.
ASK_INTERVAL = 10.0
SERVING_INTERVAL = 3.0
MADE = ("leader-missing", "data-missing")
LEADERLESS = (*MADE, "patroni-waits-for-leader")
"""Gaps of a cluster without a leader; of one that was made."""
NOT_SERVING = "PostgreSQL does not accept connections"


class PatroniStage(Stage):
    """Start Patroni; the first member begins, and where it does not, they sort it out among themselves."""

    name = "patroni"
    deadline = 3600
    failure = "patroni-down"
    programs = ("runuser",)
    hints = {
        "patroni-down": "look at `journalctl -u patroni`",
        "patroni-waits-for-consul": "Patroni cannot use Consul: check `consul members` and the token",
        "patroni-waits-for-leader": "no member makes the database: `holster-node status` of the others says why; when one of them is lost for good, see the reset procedure in the documentation",
        "leader-missing": "look at `patronictl list` and at `journalctl -u patroni` of all members; start the one that led last",
        "data-missing": "attach the data disks of the member that led last; when nothing of the cluster is to be kept, see the reset procedure in the documentation",
        "cluster-unknown": "on the member that led last, and on no other, create the file `/var/lib/holster/lead`; the others wait for it and follow (see the documentation: data without a cluster)",
        "cluster-paused": "end it with `patronictl resume`; an operator has begun it",
        "leader-stale": "when the member that it names does not lead, delete the key, with the management token (see the documentation of secrets)",
        "data-unfit": "the data is kept as it is: mend what the reason names, then run again (see the documentation: data of a standalone server)",
        "data-down": "the data is kept as it is: PostgreSQL does not start from it; mend what its words name (in full: `journalctl -u patroni`), then `systemctl restart patroni`",
        "patroni-other-cluster": "this member's data is kept, and is of another cluster than the one that was made: attach the right disks; when this data is the one to go on with, see the documentation (data without a cluster); clear the disks by hand only when nothing on them is needed",
        "patroni-name-taken": "another machine already runs as this member; give the machines different names",
        "patroni-hba": "pg_hba has no rule for this connection: `patronictl edit-config`",
        "patroni-not-empty": "a directory that must be empty is not: look what is in it, save what is needed, then clear data and WAL directory of this member together",
        "patroni-bootstrap-failed": "Patroni tries again by itself; mend what its words name (in full: `journalctl -u patroni`)",
        "patroni-roles-missing": "the leader makes them with /etc/holster/roles.sql; its words say why it cannot: mend that, or run the file there by hand as postgres with `psql -f`",
    }

    def is_needed(self, machine: Machine) -> bool:
        """Only members run PostgreSQL."""
        return machine.node.patroni is not None

    def apply(self, machine: Machine) -> None:
        """Move an interrupted bootstrap aside, then start."""
        patroni = get_patroni(machine)
        # Without the mounts initdb would fill the system disk (reference §2.5).
        check_mounts(machine)

        def prepare() -> None:
            clear_interruption(machine, patroni)
            announce_kept_data(machine, patroni)
            check_kept_data(machine)
            if wait_for_leader_of_kept_data(machine, patroni):
                adopt_standalone(machine, patroni)
            record_bootstrap(machine)
            wait_for_turn(machine, patroni)

        ensure_started(machine, machine.node.units.patroni, [patroni.config], prepare)

    def confirm(self, machine: Machine) -> None:
        """Wait until the cluster is made and PostgreSQL serves; the words of Patroni's log tell why not."""
        patroni = get_patroni(machine)
        cluster = Initialisation(machine, patroni)
        asked = machine.clock.steady() - ASK_INTERVAL
        gap = Gap("patroni-down", NOT_SERVING)
        words = NOT_SERVING

        def probe() -> str | None:
            nonlocal asked, gap, words
            cluster.watch()
            now = machine.clock.steady()
            is_serving = machine.web.accepts(machine.node.network.address, patroni.postgresql_port)
            interval = SERVING_INTERVAL if is_serving else ASK_INTERVAL
            if now - asked < interval and machine.deadline - now >= ASK_INTERVAL:
                return words
            asked = now
            found = _look(machine, patroni, cluster)
            if found is None:
                return None
            gap = found
            words = str(_explain(machine, gap, gap.words))
            return words

        machine.wait(probe, lambda missing: _explain(machine, gap, missing), interval=1.0)
        # PostgreSQL serves: a version that is not told in time is no reason to stop.
        with contextlib.suppress(Unreachable):
            warn_of_version(machine, "patroni", read_version(machine, patroni))


def _explain(machine: Machine, gap: Gap, missing: str) -> StageFailed:
    """Return a failure with the cause that the log tells, or else the gap's own."""
    unit = machine.node.units.patroni
    told = machine.explain("patroni", unit, gap.cause, missing)
    # That nobody leads is known, and the line stays in the log when it is no news any more.
    if told.cause.id not in {gap.cause, "patroni-waits-for-leader"} or gap.cause not in LEADERLESS:
        return told
    if list_filled(machine) and not is_own_bootstrap(machine):
        line = find_death(machine.read_journal(unit).splitlines())
        if line is not None:
            words = line.strip()[-300:]
            return StageFailed("data-down", missing if words in missing else f"{missing}; {words}")
    return StageFailed(gap.cause, missing) if gap.cause in MADE else told


def _look(machine: Machine, patroni: Patroni, cluster: Initialisation) -> Gap | None:
    """Return what is missing, the cluster's own first: it explains the rest."""
    gap = cluster.advance()
    missing = find_missing(machine, patroni)
    if missing is not None and cluster.is_paused:
        words = "the cluster is in maintenance mode: Patroni neither copies nor starts a database then"
        return Gap("cluster-paused", f"{words}; {missing}")
    if gap is not None:
        return Gap(gap.cause, f"{gap.words}; {missing}") if missing else gap
    if missing is not None:
        return Gap("patroni-down", missing)
    # Data of before this first boot: another server's has none of the roles, or other passwords.
    failed = None if is_own_bootstrap(machine) else make_roles(machine, patroni)
    lacking = failed or find_missing_roles(machine, patroni)
    if lacking and failed is None:
        # A bootstrap that was cut short leaves a leader without them.
        lacking = make_roles(machine, patroni) or find_missing_roles(machine, patroni)
    return Gap("patroni-roles-missing", lacking) if lacking else None


def get_patroni(machine: Machine) -> Patroni:
    """Return this member's Patroni."""
    if machine.node.patroni is None:
        raise StageFailed("internal", "a stage of members ran on a machine without Patroni")
    return machine.node.patroni
