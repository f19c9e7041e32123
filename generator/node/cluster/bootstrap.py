"""What this first boot knows about PostgreSQL's directories: whether their content is its own.

Written before Patroni is started for the first time.  Only when both directories
were empty then, and the machine was not sealed since, may an interrupted
bootstrap be moved aside and repeated (reference trap 7).  Nothing is deleted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Mapping

from generator.node.cluster.patroni_keys import Key, delete_key, read_keys, read_members
from generator.node.machine.machine import STATE_DIR, Machine
from generator.node.seals import is_sealed

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni

BOOTSTRAP_JSON = f"{STATE_DIR}/bootstrap.json"
HELD = "initialize"
"""Index of the empty key `initialize` under which this machine's Patroni made the database."""


def is_own_bootstrap(machine: Machine) -> bool:
    """Say whether what the directories hold was made by this first boot."""
    return _load_note(machine).get("instance_id") == machine.node.instance_id and not is_sealed(machine)


def _load_note(machine: Machine) -> dict[str, Any]:
    return machine.fs.read_mapping(BOOTSTRAP_JSON) or {}


def _save_note(machine: Machine, **more: int) -> None:
    note = {"instance_id": machine.node.instance_id, **more}
    machine.fs.write(BOOTSTRAP_JSON, json.dumps(note) + "\n")


def record_bootstrap(machine: Machine) -> None:
    """Write down that the directories are empty now, when they are."""
    if not list_filled(machine):
        _save_note(machine)


def get_held_key(machine: Machine) -> int:
    """Return the index of the empty key `initialize` that is this machine's own, 0 when it knows of none."""
    index = _load_note(machine).get(HELD, 0)
    return index if isinstance(index, int) else 0


def record_held_key(machine: Machine, keys: Mapping[str, Key]) -> None:
    """Write down the empty key `initialize` under which this first boot filled the directories.

    Not when another member is at work: then it is that member's.
    """
    key = find_open_key(keys)
    if key is not None and is_own_bootstrap(machine) and not find_busy(machine, keys):
        _save_note(machine, **{HELD: key.changed_at})


def list_filled(machine: Machine) -> list[str]:
    """Return those of PostgreSQL's directories that hold anything."""
    return [path for path in list_directories(machine) if next(machine.fs.entries(path), None) is not None]


def list_directories(machine: Machine) -> list[str]:
    """Return PostgreSQL's directories: data, and WAL."""
    storage = machine.node.storage
    return [volume.directory for volume in storage.volumes] if storage else []


def get_data_directory(machine: Machine) -> str:
    """Return PostgreSQL's data directory, or nothing where the machine is no member."""
    storage = machine.node.storage
    return next(volume.directory for volume in storage.volumes if volume.role == "data") if storage else ""


def find_open_key(keys: Mapping[str, Key]) -> Key | None:
    """Return the empty key `initialize` of a cluster without a leader: a bootstrap is under way, or was."""
    key = keys.get("initialize")
    return key if key is not None and not key.value and "leader" not in keys else None


def clear_interruption(machine: Machine, patroni: Patroni) -> None:
    """Move aside what an interrupted bootstrap of this first boot left, so that it can begin again.

    Both directories are renamed and the empty key `initialize` is freed.

    Raises:
        StageFailed: Consul does not answer in time; the next run goes on.
    """
    if not is_own_bootstrap(machine):
        return
    keys = read_keys(machine, patroni)
    why = find_damage(machine)
    if why is None and list_filled(machine) and find_open_key(keys) is not None:
        why = "the cluster was never completed: its initialize key is empty and it has no leader"
    if why is not None:
        move_aside(machine, keys, why)
    free_held_key(machine, patroni, keys)


def free_held_key(machine: Machine, patroni: Patroni, keys: Mapping[str, Key]) -> None:
    """Delete the empty key `initialize` of this machine's own bootstrap, which is over."""
    key = find_open_key(keys)
    if key is not None and key.changed_at == get_held_key(machine) and not find_busy(machine, keys):
        # With the index: when another member has begun in the meantime, its key stays.
        delete_key(machine, patroni, "initialize", key.changed_at)


def move_aside(machine: Machine, keys: Mapping[str, Key], why: str) -> None:
    """Stop Patroni and rename the directories that this first boot filled."""
    # Between two attempts systemd may start it at any moment.
    machine.commands.run("systemctl", "stop", machine.node.units.patroni, timeout=330)
    # Noted first: after the renames nothing else shows that the key is this bootstrap's.
    record_held_key(machine, keys)
    for path in list_filled(machine):
        machine.fs.at(path).rename(machine.fs.at(_free_name(machine, path)))
    machine.warn(f"an interrupted bootstrap was moved aside: {why}")


def find_busy(machine: Machine, keys: Mapping[str, Key]) -> list[str]:
    """Return the other members whose Patroni says that it is at work, with their state."""
    own = machine.node.patroni.member if machine.node.patroni else ""
    others = [member for member in read_members(keys) if member.name != own]
    return [f"{member.name} ({member.state})" for member in others if not member.is_idle]


def find_damage(machine: Machine) -> str | None:
    """Return why PostgreSQL cannot start from the directories, None where it can, or where both are empty."""
    paths, full = list_directories(machine), list_filled(machine)
    if not full:
        return None
    if len(full) != len(paths):
        return f"only {full[0]} was filled"
    data = get_data_directory(machine)
    if not machine.fs.at(f"{data}/global/pg_control").exists():
        return f"{data} has no control file"
    return None


def _free_name(machine: Machine, path: str) -> str:
    number = 1
    while machine.fs.at(f"{path}.interrupted-{number}").exists():
        number += 1
    return f"{path}.interrupted-{number}"
