"""Start systemd units, and start them again when what they read was changed."""

from __future__ import annotations

import hashlib
import json
from typing import Callable, Sequence

from generator.node.machine.machine import STATE_DIR, Machine

SERVICES_JSON = f"{STATE_DIR}/services.json"


def is_active(machine: Machine, unit: str) -> bool:
    """Say whether a unit runs now."""
    return machine.commands.ask("systemctl", "is-active", "--quiet", unit).is_fine


def ensure_started(
    machine: Machine, unit: str, inputs: Sequence[str], prepare: Callable[[], None] | None = None
) -> None:
    """Start a unit, or restart it when it runs with other inputs than these.

    `prepare` is called before the start of a unit that does not run.

    The digest is recorded after the start: an interruption in between costs one
    needless restart, never a unit that keeps running with old inputs.
    """
    record = _load(machine)
    digest = _digest(machine, inputs)
    active = is_active(machine, unit)
    if active and record.get(unit) == digest:
        return
    if active:
        machine.commands.run("systemctl", "restart", unit, timeout=330)
    else:
        if prepare is not None:
            prepare()
        # Our units have no limit of starts: one that failed is started like any other.
        # --no-block: a unit that is ordered after this program's own unit would wait for ever.
        machine.commands.run("systemctl", "start", "--no-block", unit)
    machine.fs.write(SERVICES_JSON, json.dumps({**record, unit: digest}, indent=2) + "\n")


def _load(machine: Machine) -> dict[str, str]:
    return machine.fs.read_mapping(SERVICES_JSON) or {}


def _digest(machine: Machine, inputs: Sequence[str]) -> str:
    text = "\n".join(f"{path} {machine.fs.digest(path)}" for path in inputs)
    return hashlib.sha256(text.encode()).hexdigest()
