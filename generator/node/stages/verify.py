"""Stage verify: everything that "ready" means, looked at together (reference §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from generator.node.causes import StageFailed
from generator.node.cluster.consul_api import check_token, count_alive, find_leader
from generator.node.cluster.patroni_api import (
    GOOD_STATES,
    LEADERS,
    SYNCHRONOUS,
    find_missing,
    is_leader,
    read_members,
)
from generator.node.cluster.patroni_keys import read_keys, read_mapping
from generator.node.cluster.roles import describe_missing, query
from generator.node.machine.command import CommandFailed
from generator.node.machine.watchdog import state_watchdog
from generator.node.machine.web import Unreachable
from generator.node.stage import Stage
from generator.node.stages.acl import own_tokens
from generator.node.stages.storage import check_mounts
from generator.node.stages.vip import find_wrong_vip

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni
    from generator.node.machine.machine import Machine


# While members are missing, looking would take the processor that they need to come up.
INTERVAL = 4.0
# The last looks before the deadline are thorough: their words are what an operator reads.
NEAR_END = 10.0
# Twice loop_wait and a little: Patroni names a standby in the round after the one that sees it stream.
STANDBY_WAIT = 15.0


# One question: each costs the start of psql.
LEADER_QUERY = (
    "select (select count(*) from pg_stat_replication where state = 'streaming')"
    " || ' ' || (select string_agg(rolname, ' ') from pg_roles)"
)


class VerifyStage(Stage):
    """Ask all parts until all agree."""

    name = "verify"
    deadline = 1800
    failure = "not-ready"
    hints = {
        "replicas-missing": "boot the other members; look at `patronictl list` and at their journals",
        "not-ready": "the reason lists what is still missing; look there first",
    }

    def apply(self, machine: Machine) -> None:
        """Change nothing: this stage only looks."""

    def confirm(self, machine: Machine) -> None:
        """Wait until nothing is missing.

        Raises:
            StageFailed: with everything that is missing at the deadline.
        """
        causes: dict[str, str] = {}

        def probe() -> str | None:
            # What tells most while the cluster comes up; only then, and at the end, the rest.
            missing = _look(_look_at_cluster, machine)
            if not missing or machine.deadline - machine.clock.steady() < NEAR_END:
                missing = [*_look(_look_at_consul, machine), *_look(_look_at_member, machine), *missing]
            causes.update({text: cause for cause, text in missing})
            return "; ".join(text for _, text in missing) or None

        def fail(words: str) -> StageFailed:
            first = words.split("; ", maxsplit=1)[0]
            return StageFailed(causes.get(first, "not-ready"), words)

        machine.wait(probe, fail, interval=INTERVAL)
        if machine.node.patroni is not None:
            _state_standby(machine, machine.node.patroni)
        state_watchdog(machine)


def _state_standby(machine: Machine, patroni: Patroni) -> None:
    """Record on the leader who may take over without a loss; Patroni names it one of its rounds later.

    A cluster that works is no reason to stop: after a while the lack is a warning.
    """
    latest = machine.clock.steady() + STANDBY_WAIT
    try:
        if not is_leader(machine, patroni) or not _is_synchronous(machine, patroni):
            return
        while True:
            members = read_members(machine, patroni)
            names = [member.name for member in members if member.role in SYNCHRONOUS]
            if names or machine.clock.steady() >= min(latest, machine.deadline):
                break
            machine.note("no standby is synchronous yet")
            machine.clock.sleep(1.0)
    except (StageFailed, Unreachable):
        # What was asked before is enough: all of it was right.
        return
    if names:
        machine.state_fact("synchronous standby", ", ".join(names))
    else:
        machine.warn("no standby is synchronous: while that lasts, nobody takes over when the leader is lost")


def _is_synchronous(machine: Machine, patroni: Patroni) -> bool:
    """Say whether the cluster's own settings, which an operator may have changed, want a synchronous standby."""
    mode = read_mapping(read_keys(machine, patroni), "config").get("synchronous_mode")
    return patroni.members > 1 and str(mode).lower() in {"true", "on", "quorum"}


def _look(part: Callable[[Machine], list[tuple[str, str]]], machine: Machine) -> list[tuple[str, str]]:
    try:
        return part(machine)
    except StageFailed as failure:
        return [(failure.cause.id, str(failure))]
    except (Unreachable, CommandFailed, OSError) as error:
        return [("not-ready", str(error))]


def _look_at_consul(machine: Machine) -> list[tuple[str, str]]:
    missing = find_leader(machine)
    if missing:
        return [("consul-no-leader", missing)]
    found = []
    alive, expected = count_alive(machine), machine.node.consul.agents
    if alive < expected:
        found.append(("not-ready", f"{alive} of {expected} Consul agents are alive"))
    words = [check_token(machine, token, owner) for token, owner in own_tokens(machine)]
    return found + [("acl-token", text) for text in words if text]


def _look_at_member(machine: Machine) -> list[tuple[str, str]]:
    patroni = machine.node.patroni
    if patroni is None:
        return []
    check_mounts(machine)
    missing = find_missing(machine, patroni)
    if missing:
        return [("patroni-down", missing)]
    leads = is_leader(machine, patroni)
    found = _look_at_leader(machine, patroni) if leads else []
    wrong = find_wrong_vip(machine, leads=leads)
    return found + ([("vip-wrong", wrong)] if wrong else [])


def _look_at_cluster(machine: Machine) -> list[tuple[str, str]]:
    patroni = machine.node.patroni
    if patroni is None:
        return []
    members = read_members(machine, patroni)
    bad = [f"{member.name} is {member.state}" for member in members if member.state not in GOOD_STATES]
    found = [("replicas-missing", text) for text in bad]
    if len(members) < patroni.members:
        found.append(("replicas-missing", f"Patroni sees {len(members)} of {patroni.members} members"))
    leaders = [member.name for member in members if member.role in LEADERS]
    if len(leaders) != 1:
        found.append(("not-ready", f"the cluster has {len(leaders)} leaders"))
    return found


def _look_at_leader(machine: Machine, patroni: Patroni) -> list[tuple[str, str]]:
    """Look at roles and replicas: a bootstrap cut short leaves a leader without them (reference trap 7)."""
    answer = query(machine, patroni, LEADER_QUERY).split()
    streaming, present = (answer[0], answer[1:]) if answer else ("0", [])
    found = [("patroni-roles-missing", words) for words in describe_missing(patroni, present)]
    if int(streaming) < patroni.members - 1:
        found.append(
            ("replicas-missing", f"{streaming} of {patroni.members - 1} replicas stream from this leader")
        )
    return found
