"""Ask this machine's Patroni."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from generator.node.machine.web import Answer, Unreachable

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni
    from generator.node.machine.machine import Machine

SYNCHRONOUS = {"sync_standby", "quorum_standby"}
LEADERS = {"leader", "standby_leader"}
# "streaming" since Patroni 3; a synchronous replica of older ones says "running".
GOOD_STATES = {"running", "streaming"}


class Member(NamedTuple):
    """One member as Patroni's /cluster shows it."""

    name: str
    role: str
    state: str


def ask(machine: Machine, patroni: Patroni, path: str) -> Answer:
    """Send a GET to the REST interface."""
    return machine.web.ask(f"{patroni.rest}/{path}", authority=patroni.rest_authority)


def find_missing(machine: Machine, patroni: Patroni) -> str | None:
    """Return what is missing until PostgreSQL serves on this member, or None."""
    try:
        answer = ask(machine, patroni, "readiness")
        if answer.is_fine:
            return None
        # The refusal says the state, too.
        status = answer.json() or ask(machine, patroni, "patroni").json()
    except Unreachable as error:
        return f"Patroni does not answer: {error}"
    state = status.get("state", "unknown") if isinstance(status, dict) else "unknown"
    return f"PostgreSQL is not ready (state: {state})"


def read_version(machine: Machine, patroni: Patroni) -> str | None:
    """Return the version of the Patroni that runs here, None where it does not tell."""
    data = ask(machine, patroni, "patroni").json()
    about = data.get("patroni") if isinstance(data, dict) else None
    version = about.get("version") if isinstance(about, dict) else None
    return version if isinstance(version, str) else None


def is_leader(machine: Machine, patroni: Patroni) -> bool:
    """Say whether this member holds the leader lock."""
    return ask(machine, patroni, "leader").is_fine


def read_members(machine: Machine, patroni: Patroni) -> list[Member]:
    """Return the members of the cluster as this one sees them."""
    data = ask(machine, patroni, "cluster").json()
    members: list[dict[str, Any]] = data.get("members", []) if isinstance(data, dict) else []
    return [Member(str(item.get("name")), str(item.get("role")), str(item.get("state"))) for item in members]
