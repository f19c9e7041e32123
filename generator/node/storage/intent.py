"""What the storage stage is about to make, written down before the first change.

The UUIDs of the LVM disks and file systems are chosen beforehand: a disk that
carries one of them was begun by this program on this machine and by nobody else,
so an interrupted creation is told from foreign data with certainty.
"""

from __future__ import annotations

import json
import re
import secrets
import string
import uuid
from typing import Any, Sequence

from generator.node.machine.machine import STATE_DIR, Machine

STORAGE_JSON = f"{STATE_DIR}/storage.json"
FORMAT = 1
CREATING = "creating"
CREATED = "created"
# LVM's UUIDs: 32 characters in groups (pvcreate(8)).
GROUPS = (6, 4, 4, 4, 4, 4, 6)
LETTERS = string.ascii_letters + string.digits
UUID = re.compile(r"[0-9A-Za-z-]{1,40}")


class Intent:
    """The plan of one creation and how far it got."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    @property
    def is_creating(self) -> bool:
        """Whether a creation was begun and not ended."""
        return bool(self._data["state"] == CREATING)

    def pv_uuid(self, role: str) -> str:
        """Return the UUID chosen for the LVM disk of a role."""
        return str(self._data["volumes"].get(role, {}).get("pv_uuid", ""))

    def fs_uuid(self, role: str) -> str:
        """Return the UUID chosen for the file system of a role."""
        return str(self._data["volumes"].get(role, {}).get("fs_uuid", ""))

    def is_formatted(self, role: str) -> bool:
        """Whether the file system of a role was made completely."""
        return bool(self._data["volumes"].get(role, {}).get("formatted"))

    def mark_formatted(self, machine: Machine, role: str) -> None:
        """Record that a file system is complete."""
        self._data["volumes"][role]["formatted"] = True
        self.save(machine)

    def mark_created(self, machine: Machine) -> None:
        """Record that everything is complete: from now on nothing is ever made or formatted."""
        self._data["state"] = CREATED
        self.save(machine)

    def save(self, machine: Machine) -> None:
        """Write the plan; it is on the disk when this returns."""
        machine.fs.write(STORAGE_JSON, json.dumps(self._data, indent=2) + "\n", 0o600)


def load_intent(machine: Machine) -> Intent | None:
    """Return the plan of this machine, or None: there is none, or none that can be used."""
    data = machine.fs.read_mapping(STORAGE_JSON)
    return Intent(data) if data is not None and _is_plan(machine, data) else None


def _is_plan(machine: Machine, data: dict[str, Any]) -> bool:
    """Say whether a document has the shape that `save` writes, for all volumes of this machine."""
    volumes = data.get("volumes")
    # A list, since what stands there may be anything: not all of it can be looked for in a set.
    if data.get("holster_storage") != FORMAT or data.get("state") not in [CREATING, CREATED]:
        return False
    storage = machine.node.storage
    roles = [volume.role for volume in storage.volumes] if storage else []
    return isinstance(volumes, dict) and all(_is_volume(volumes.get(role)) for role in roles)


def _is_volume(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("formatted"), bool):
        return False
    uuids = (entry.get("pv_uuid"), entry.get("fs_uuid"))
    return all(isinstance(text, str) and UUID.fullmatch(text) for text in uuids)


def _new_pv_uuid() -> str:
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(length)) for length in GROUPS)


def new_intent(
    volume_group: str, disks: dict[str, dict[str, Any]], roles: Sequence[str], fs_uuids: dict[str, str]
) -> Intent:
    """Return a fresh plan.

    `disks` describes each role's disk for people, `fs_uuids` are those of file systems that exist.
    """
    volumes = {
        role: {
            "pv_uuid": _new_pv_uuid(),
            "fs_uuid": fs_uuids.get(role) or str(uuid.uuid4()),
            "formatted": False,
            "disk": disks[role],
        }
        for role in roles
    }
    return Intent(
        {"holster_storage": FORMAT, "state": CREATING, "volume_group": volume_group, "volumes": volumes}
    )
