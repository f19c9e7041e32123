"""What this first boot knows about PostgreSQL's directories: whether their content is its own.

Written before Patroni is started for the first time.  Only when both directories
were empty then, and the machine was not sealed since, may an interrupted
bootstrap be moved aside and repeated (reference trap 7).  Nothing is deleted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from generator.firstboot.machine import STATE_DIR, Machine
from generator.firstboot.seals import is_sealed

if TYPE_CHECKING:
    from generator.firstboot.node import Patroni

BOOTSTRAP_JSON = f"{STATE_DIR}/bootstrap.json"


def is_own_bootstrap(machine: Machine) -> bool:
    """Say whether what the directories hold was made by this first boot."""
    try:
        data = json.loads(machine.fs.read(BOOTSTRAP_JSON) or "")
    except ValueError:
        return False
    return (
        isinstance(data, dict)
        and data.get("instance_id") == machine.node.instance_id
        and not is_sealed(machine)
    )


def record_bootstrap(machine: Machine) -> None:
    """Write down that the directories are empty now, when they are."""
    if not any(_is_populated(machine, path) for path in _directories(machine)):
        machine.fs.write(BOOTSTRAP_JSON, json.dumps({"instance_id": machine.node.instance_id}) + "\n")


def _directories(machine: Machine) -> list[str]:
    storage = machine.node.storage
    return [volume.directory for volume in storage.volumes] if storage else []


def _is_populated(machine: Machine, path: str) -> bool:
    return next(machine.fs.entries(path), None) is not None


def find_interruption(machine: Machine, patroni: Patroni) -> str | None:
    """Say in words why the directories hold an interrupted bootstrap, or return None."""
    paths = _directories(machine)
    full = [path for path in paths if _is_populated(machine, path)]
    if not full or not is_own_bootstrap(machine):
        return None
    if len(full) != len(paths):
        return f"only {full[0]} was filled"
    storage = machine.node.storage
    data = next(volume.directory for volume in storage.volumes if volume.role == "data") if storage else ""
    if not machine.fs.at(f"{data}/global/pg_control").exists():
        return f"{data} has no control file"
    if _read_initialize(machine, patroni) == "" and not _has_key(machine, patroni, "leader"):
        return "the cluster was never completed: its initialize key is empty and it has no leader"
    return None


def move_aside(machine: Machine, patroni: Patroni, why: str) -> None:
    """Rename both directories and free the initialize key, so that the bootstrap starts again."""
    # Between two attempts systemd may start it at any moment.
    machine.commands.run("systemctl", "stop", machine.node.units.patroni, timeout=330)
    for path in _directories(machine):
        if _is_populated(machine, path):
            machine.fs.at(path).rename(machine.fs.at(_free_name(machine, path)))
    machine.warn(f"an interrupted bootstrap was moved aside: {why}")
    if _read_initialize(machine, patroni) == "" and not _has_key(machine, patroni, "leader"):
        answer = machine.web.ask(_key_url(machine, patroni, "initialize"), token=patroni.token)
        index = answer.json()[0]["ModifyIndex"] if answer.is_fine else 0
        # With the index: when another member has begun in the meantime, its key stays.
        machine.web.ask(
            f"{_key_url(machine, patroni, 'initialize')}?cas={index}", method="DELETE", token=patroni.token
        )


def _free_name(machine: Machine, path: str) -> str:
    number = 1
    while machine.fs.at(f"{path}.interrupted-{number}").exists():
        number += 1
    return f"{path}.interrupted-{number}"


def _key_url(machine: Machine, patroni: Patroni, name: str) -> str:
    return f"{machine.node.consul.http}/v1/kv/{patroni.key(name)}"


def _has_key(machine: Machine, patroni: Patroni, name: str) -> bool:
    return machine.web.ask(_key_url(machine, patroni, name), token=patroni.token).is_fine


def _read_initialize(machine: Machine, patroni: Patroni) -> str | None:
    """Return the initialize key: empty while a bootstrap is under way, None when there is none."""
    answer = machine.web.ask(f"{_key_url(machine, patroni, 'initialize')}?raw", token=patroni.token)
    return answer.text.strip() if answer.is_fine else None
