"""The marker that says that this machine is ready, and for which payload."""

from __future__ import annotations

import json

from generator.node.machine.clock import format_time
from generator.node.machine.machine import STATE_DIR, Machine

SEALED = f"{STATE_DIR}/sealed"


def is_sealed(machine: Machine) -> bool:
    """Say whether the machine was made ready for this very payload."""
    data = machine.fs.read_mapping(SEALED)
    return data is not None and data.get("instance_id") == machine.node.instance_id


def write_seal(machine: Machine) -> None:
    """Mark the machine as ready."""
    data = {"instance_id": machine.node.instance_id, "sealed": format_time(machine.clock.wall())}
    machine.fs.write(SEALED, json.dumps(data) + "\n")
