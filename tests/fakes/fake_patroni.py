"""What the fake machine's Patroni does with directories and Consul's keys, and what its REST interface says.

It goes on whenever somebody asks it or Consul anything: the moments between do not matter to who asks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.fake_machine import FakeMachine

UNIT = "patroni.service"
PREFIX = "service/demo/"
DATA = "/pgdata/15/data"
WAL = "/pgwal/15/pg_wal"
CONTROL = "global/pg_control"
SEGMENT = "000000010000000000000001"
SYSTEM_ID = "7000000000000000001"
ROLES = ["postgres", "replicator", "rewind_user"]


def read_key(machine: FakeMachine, name: str) -> str | None:
    """Return the value of one of the cluster's keys."""
    value: str | None = machine.state["keys"].get(PREFIX + name)
    return value


def write_key(machine: FakeMachine, name: str, value: str) -> None:
    """Write one of the cluster's keys; Consul counts the changes."""
    if read_key(machine, name) == value:
        return
    machine.state["index"] = machine.state.get("index", 7) + 1
    machine.state["keys"][PREFIX + name] = value
    machine.state.setdefault("indexes", {})[PREFIX + name] = machine.state["index"]


def write_member(machine: FakeMachine, name: str, state: str, role: str) -> None:
    """Write what a member's Patroni says of itself."""
    write_key(machine, f"members/{name}", json.dumps({"state": state, "role": role}))


def fill(machine: FakeMachine) -> None:
    """Make the database, or a copy of it."""
    made = ((DATA, CONTROL), (DATA, "postgresql.base.conf"), (WAL, SEGMENT))
    for folder, leaf in made:
        path = machine.at(folder) / leaf
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("made by the bootstrap\n")
    (machine.at(DATA) / "PG_VERSION").write_text("15\n")
    if not (machine.at(DATA) / "pg_wal").is_symlink():
        (machine.at(DATA) / "pg_wal").symlink_to(WAL)


def is_answering(machine: FakeMachine) -> bool:
    """Say whether Patroni runs and answers."""
    return bool(machine.state["units"].get(UNIT, {}).get("active")) and not machine.state.get("patroni_stuck")


def is_serving(machine: FakeMachine) -> bool:
    """Say whether its PostgreSQL serves."""
    return is_answering(machine) and all(_has_files(machine)) and not machine.state.get("rounds")


def _has_files(machine: FakeMachine) -> tuple[bool, bool]:
    return (machine.at(DATA) / CONTROL).exists(), _is_filled(machine.at(WAL))


def _is_filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def go_on(machine: FakeMachine) -> None:
    """Do what Patroni does in one of its rounds."""
    if not is_answering(machine):
        return
    if machine.state.get("rounds"):
        _fail(machine)
    elif is_serving(machine):
        _serve(machine)
    elif _is_filled(machine.at(DATA)) or _is_filled(machine.at(WAL)):
        # "data dir for the cluster is not empty, but system ID is invalid"
        write_member(machine, "pg1", "stopped", "replica")
    elif read_key(machine, "leader") is not None:
        fill(machine)
        _serve(machine)
    elif read_key(machine, "initialize") is None:
        _bootstrap(machine)
    elif machine.state.get("other_ends"):
        write_key(machine, "initialize", SYSTEM_ID)
        write_key(machine, "leader", "pg2")
    else:
        # "waiting for leader to bootstrap"
        write_member(machine, "pg1", "stopped", "uninitialized")


def _bootstrap(machine: FakeMachine) -> None:
    failures: list[int] = machine.state.get("failures", [])
    if not failures:
        fill(machine)
        machine.state.setdefault("db_roles", ROLES)
        _serve(machine)
        return
    write_key(machine, "initialize", "")
    machine.state["rounds"] = failures.pop(0)
    if machine.state["rounds"]:
        fill(machine)
        write_member(machine, "pg1", "initializing new cluster", "uninitialized")


def _fail(machine: FakeMachine) -> None:
    """Work for some rounds at a bootstrap that fails then; its deletion of the key is lost."""
    machine.state["rounds"] -= 1
    if not machine.state["rounds"]:
        for folder in (DATA, WAL):
            machine.at(folder).rename(machine.at(f"{folder}.failed"))


def _serve(machine: FakeMachine) -> None:
    if not read_key(machine, "initialize"):
        write_key(machine, "initialize", SYSTEM_ID)
    if read_key(machine, "leader") is None:
        write_key(machine, "leader", "pg1" if machine.state["leads"] else "pg2")
    write_member(machine, "pg1", "running", "primary" if machine.state["leads"] else "replica")


def answer_patroni(machine: FakeMachine, path: str) -> tuple[int, str]:
    """Answer a request to the REST interface; 0 means no connection."""
    go_on(machine)
    if not is_answering(machine):
        return 0, "Connection refused"
    if not is_serving(machine):
        return 503, json.dumps({"state": "stopped"})
    if path in {"readiness", "patroni"} and "not_ready" in machine.state:
        return (503, "") if path == "readiness" else (200, json.dumps({"state": machine.state["not_ready"]}))
    if path == "leader":
        return (200 if machine.state["leads"] else 503), "{}"
    if path == "cluster":
        members = machine.state.get(
            "members",
            [
                {"name": "pg1", "role": "leader", "state": "running"},
                {"name": "pg2", "role": "replica", "state": "streaming"},
            ],
        )
        return 200, json.dumps({"members": members})
    about = {"version": machine.state["patroni_version"]} if "patroni_version" in machine.state else {}
    return 200, json.dumps({"state": "running", "patroni": about})
