"""What this first boot knows about PostgreSQL's directories: whether their content is its own.

Written before Patroni is started for the first time.  Only when both directories
were empty then, and the machine was not sealed since, may an interrupted
bootstrap be moved aside and repeated (reference trap 7).  Nothing is deleted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from generator.firstboot.machine import STATE_DIR, Machine
from generator.firstboot.patroni_keys import delete_key, read_key
from generator.firstboot.seals import is_sealed

if TYPE_CHECKING:
    from generator.firstboot.node import Patroni

BOOTSTRAP_JSON = f"{STATE_DIR}/bootstrap.json"
STALE = "stale_initialize"
"""Index of the key `initialize` that an interrupted bootstrap left, while it is being moved aside."""


def is_own_bootstrap(machine: Machine) -> bool:
    """Say whether what the directories hold was made by this first boot."""
    return _load_note(machine).get("instance_id") == machine.node.instance_id and not is_sealed(machine)


def _load_note(machine: Machine) -> dict[str, Any]:
    try:
        data = json.loads(machine.fs.read(BOOTSTRAP_JSON) or "")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _save_note(machine: Machine, **more: int) -> None:
    note = {"instance_id": machine.node.instance_id, **more}
    machine.fs.write(BOOTSTRAP_JSON, json.dumps(note) + "\n")


def record_bootstrap(machine: Machine) -> None:
    """Write down that the directories are empty now, when they are."""
    if not list_filled(machine):
        _save_note(machine)


def list_filled(machine: Machine) -> list[str]:
    """Return those of PostgreSQL's directories that hold anything."""
    return [path for path in _directories(machine) if next(machine.fs.entries(path), None) is not None]


def _directories(machine: Machine) -> list[str]:
    storage = machine.node.storage
    return [volume.directory for volume in storage.volumes] if storage else []


def get_data_directory(machine: Machine) -> str:
    """Return PostgreSQL's data directory, or nothing where the machine is no member."""
    storage = machine.node.storage
    return next(volume.directory for volume in storage.volumes if volume.role == "data") if storage else ""


def clear_interruption(machine: Machine, patroni: Patroni) -> None:
    """Move aside what an interrupted bootstrap of this first boot left, so that it can begin again.

    Both directories are renamed and the empty key `initialize` is freed.

    Raises:
        StageFailed: Consul does not tell the keys in time.
        Unreachable: Consul went away before the key was freed; the next run frees it.
    """
    if not is_own_bootstrap(machine):
        return
    why = _find_interruption(machine, patroni)
    if why is not None:
        # Between two attempts systemd may start it at any moment.
        machine.commands.run("systemctl", "stop", machine.node.units.patroni, timeout=330)
        # Noted first: after the renames nothing else shows that the key is this bootstrap's.
        _save_note(machine, **{STALE: _find_stale_key(machine, patroni)})
        for path in list_filled(machine):
            machine.fs.at(path).rename(machine.fs.at(_free_name(machine, path)))
        machine.warn(f"an interrupted bootstrap was moved aside: {why}")
    index = _load_note(machine).get(STALE, 0)
    if index:
        # With the index: when another member has begun in the meantime, its key stays.
        delete_key(machine, patroni, "initialize", index)


def _find_interruption(machine: Machine, patroni: Patroni) -> str | None:
    paths, full = _directories(machine), list_filled(machine)
    if not full:
        return None
    if len(full) != len(paths):
        return f"only {full[0]} was filled"
    data = get_data_directory(machine)
    if not machine.fs.at(f"{data}/global/pg_control").exists():
        return f"{data} has no control file"
    if _find_stale_key(machine, patroni):
        return "the cluster was never completed: its initialize key is empty and it has no leader"
    return None


def _find_stale_key(machine: Machine, patroni: Patroni) -> int:
    """Return the index of an empty key `initialize` without a leader; 0 when there is none."""
    key = read_key(machine, patroni, "initialize")
    if key is None or key.value or read_key(machine, patroni, "leader") is not None:
        return 0
    return key.changed_at


def _free_name(machine: Machine, path: str) -> str:
    number = 1
    while machine.fs.at(f"{path}.interrupted-{number}").exists():
        number += 1
    return f"{path}.interrupted-{number}"
