"""`/var/lib/holster/status.json`: how far the first boot is, and why it stopped.

Written atomically after every change; read by `holster-node status`, by the
lab and by people.  Never holds a secret.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Sequence

from generator.node import VERSION
from generator.node.machine.clock import Clock, format_time

if TYPE_CHECKING:
    from generator.node.causes import Cause
    from generator.node.machine.rootfs import RootFs

STATUS_JSON = "/var/lib/holster/status.json"
FORMAT = 1

RUNNING = "running"
FAILED = "failed"
REFUSED = "refused"
INTERRUPTED = "interrupted"
SEALED = "sealed"
PENDING = "pending"
DONE = "done"
SKIPPED = "skipped"
STOPPED = "stopped"


class Status:
    """The record of one run; every method writes the file."""

    def __init__(self, fs: RootFs, clock: Clock, stages: Sequence[str], identity: dict[str, str]) -> None:
        self._fs = fs
        self._clock = clock
        self._began: dict[str, float] = {}
        self._data = {
            "holster_status": FORMAT,
            "program_version": VERSION,
            **identity,
            "state": RUNNING,
            "stage": None,
            "started": format_time(clock.wall()),
            "updated": None,
            "facts": {},
            "warnings": [],
            "failure": None,
            "stages": [_blank_stage(name) for name in stages],
        }  # type: dict[str, Any]
        self.write()

    def _stage(self, name: str) -> dict[str, Any]:
        stages: list[dict[str, Any]] = self._data["stages"]
        return next(stage for stage in stages if stage["name"] == name)

    def write(self) -> None:
        """Put the record on the disk."""
        self._data["updated"] = format_time(self._clock.wall())
        # A full or read-only disk: the journal and the console tell what this file cannot.
        with contextlib.suppress(OSError):
            self._fs.write(STATUS_JSON, json.dumps(self._data, indent=2) + "\n")

    def start(self, name: str) -> None:
        """Record that a stage begins."""
        self._began[name] = self._clock.steady()
        self._data["stage"] = name
        self._stage(name).update(state=RUNNING, started=format_time(self._clock.wall()), note=None)
        self.write()

    def note(self, name: str, text: str) -> bool:
        """Record what a stage waits for; return whether that is news."""
        stage = self._stage(name)
        if stage["note"] == text:
            return False
        stage["note"] = text
        self.write()
        return True

    def warn(self, text: str) -> bool:
        """Record what an operator should know although the boot goes on; return whether that is news."""
        if text in self._data["warnings"]:
            return False
        self._data["warnings"].append(text)
        self.write()
        return True

    def state_fact(self, name: str, text: str) -> bool:
        """Record what an operator wants to know of this machine; return whether that is news."""
        if self._data["facts"].get(name) == text:
            return False
        self._data["facts"][name] = text
        self.write()
        return True

    def finish(self, name: str, state: str) -> float:
        """Record that a stage ended; return its seconds."""
        seconds = round(self._clock.steady() - self._began.get(name, self._clock.steady()), 3)
        stage = self._stage(name)
        stage.update(state=state, finished=format_time(self._clock.wall()), seconds=seconds)
        if state != FAILED:
            stage["note"] = None
        self.write()
        return seconds

    def close(self, state: str, cause: Cause | None = None, hint: str = "") -> None:
        """Record how the run ended, and what an operator does about it."""
        self._data["state"] = state
        if cause:
            self._data["failure"] = {
                "stage": self._data["stage"],
                "cause": cause.id,
                "reason": cause.reason,
                "hint": hint,
            }
        self.write()


def _blank_stage(name: str) -> dict[str, Any]:
    return {"name": name, "state": PENDING, "started": None, "finished": None, "seconds": None, "note": None}


def load_status(fs: RootFs) -> dict[str, Any] | None:
    """Return the record of the last run, or None when there is none that can be read."""
    data = fs.read_mapping(STATUS_JSON)
    return data if data is not None and _is_record(data) else None


def _is_record(data: dict[str, Any]) -> bool:
    """Say whether a document has the shape that this program writes."""
    stages, failure, warnings = data.get("stages"), data.get("failure"), data.get("warnings")
    # Records of an older program have none.
    facts = data.get("facts", {})
    is_whole = isinstance(stages, list) and all(
        isinstance(stage, dict)
        and isinstance(stage.get("name"), str)
        and isinstance(stage.get("state"), str)
        and isinstance(stage.get("seconds", ""), (int, float, type(None)))
        and isinstance(stage.get("note", 0), (str, type(None)))
        for stage in stages
    )
    parts = ("stage", "cause", "reason", "hint")
    has_failure = isinstance(failure, dict) and all(isinstance(failure.get(part), str) for part in parts)
    has_lists = isinstance(warnings, list) and isinstance(facts, dict)
    return is_whole and (failure is None or has_failure) and has_lists


def format_status(data: dict[str, Any]) -> str:
    """Return the record as a table for a person."""
    lines = [f"{data.get('cluster')}/{data.get('node')}: {data.get('state')}"]
    for stage in data.get("stages", []):
        seconds = "" if stage["seconds"] is None else f"{stage['seconds']:.1f} s"
        note = stage["note"] or ""
        lines.append(f"  {stage['name']:<10} {stage['state']:<8} {seconds:>10}  {note}".rstrip())
    lines += [f"  {name}: {text}" for name, text in data.get("facts", {}).items()]
    lines += [f"  warning: {text}" for text in data.get("warnings", [])]
    failure = data.get("failure")
    if failure:
        lines += [
            f"  cause:  {failure['cause']} ({failure['stage']})",
            f"  reason: {failure['reason']}",
            f"  hint:   {failure['hint']}",
        ]
    return "\n".join(lines) + "\n"
