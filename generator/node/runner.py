"""Run the stages in order, record each transition, and stop at the first cause.

In: a machine and the stages.  Out: an exit code.  Every stage may have been
interrupted at any point by an earlier run: it looks before it acts.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Sequence

from generator.node import exits
from generator.node import status as states
from generator.node.causes import Cause, Refused, StageFailed
from generator.node.machine.command import CommandFailed
from generator.node.machine.web import Unreachable
from generator.node.seals import write_seal
from generator.node.stage import find_hint
from generator.node.status import Status

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine
    from generator.node.stage import Stage

# The words of ENOSPC, EDQUOT and EROFS, this program's own and those of programs that it started.
DISK_TEXTS = {
    "No space left on device": "disk-full",
    "Disk quota exceeded": "disk-full",
    "Read-only file system": "disk-read-only",
}


class Interrupted(BaseException):
    """The program was asked to end (SIGTERM, SIGINT)."""


class Runner:
    """Runs stages on a machine and keeps the record."""

    def __init__(self, machine: Machine, stages: Sequence[Stage]) -> None:
        self._machine = machine
        self._stages = tuple(stages)
        node = machine.node
        identity = {"cluster": node.cluster, "node": node.name, "instance_id": node.instance_id}
        self._status = Status(machine.fs, machine.clock, [stage.name for stage in self._stages], identity)

    def run(self, until: str | None = None) -> int:
        """Run all stages, or those up to `until`; return the exit code."""
        self._machine.warn = self._warn
        self._machine.state_fact = self._state_fact
        for stage in self._stages:
            try:
                ending = self._run_stage(stage)
            except Interrupted:
                self._status.close(states.INTERRUPTED)
                raise
            if ending is not None:
                return self._fail(stage, *ending)
            if stage.name == until:
                self._status.close(states.STOPPED)
                self._machine.console.say(f"stopped after the stage {until}, as asked")
                return exits.READY
        self._status.close(states.SEALED)
        self._machine.console.show(f"Holster: {self._machine.node.name} is ready")
        self._machine.console.say("ready")
        # Last of all: with the marker the unit does not run this program again.
        try:
            write_seal(self._machine)
        except OSError as error:
            return self._fail(
                self._stages[-1], Cause(_find_cause(self._stages[-1], str(error)), str(error)), exits.FAILED
            )
        # The services were enabled without it, since it takes seconds; until it is done systemd
        # says of every unit that it changed on disk.
        with contextlib.suppress(CommandFailed):
            self._machine.commands.ask("systemctl", "daemon-reload")
        return exits.READY

    def _run_stage(self, stage: Stage) -> tuple[Cause, int] | None:
        machine = self._machine
        if not stage.is_needed(machine):
            self._status.finish(stage.name, states.SKIPPED)
            return None
        machine.allow(stage.find_deadline(machine.node))
        machine.note = lambda text: self._note(stage, text)
        self._status.start(stage.name)
        machine.console.say(f"[{stage.name}] begins")
        machine.console.show(f"Holster: first boot of {machine.node.name}, stage {stage.name}")
        try:
            if not stage.check(machine):
                stage.apply(machine)
                stage.confirm(machine)
        except StageFailed as failure:
            return failure.cause, exits.REFUSED if isinstance(failure, Refused) else exits.FAILED
        except (CommandFailed, Unreachable, OSError, LookupError) as error:
            return Cause(_find_cause(stage, str(error)), str(error)), exits.FAILED
        except Exception as error:  # noqa: BLE001 - a bug must reach the status file too, not only the journal
            return Cause("internal", f"{type(error).__name__}: {error}"), exits.FAILED
        seconds = self._status.finish(stage.name, states.DONE)
        machine.console.say(f"[{stage.name}] done in {seconds:.1f} s")
        return None

    def _fail(self, stage: Stage, cause: Cause, code: int) -> int:
        console = self._machine.console
        hint = find_hint(self._stages, cause.id)
        self._status.finish(stage.name, states.FAILED)
        self._status.close(states.REFUSED if code == exits.REFUSED else states.FAILED, cause, hint)
        verdict = "refused, no disk was changed" if code == exits.REFUSED else "failed"
        lines = [
            f"[{stage.name}] {verdict}: {cause.id}: {cause.reason}",
            f"[{stage.name}] what to do: {hint}",
        ]
        for line in lines:
            console.say(line)
        console.show("\n".join([f"Holster: first boot of {self._machine.node.name} stopped", *lines]))
        return code

    def _note(self, stage: Stage, text: str) -> None:
        if self._status.note(stage.name, text):
            self._machine.console.say(f"[{stage.name}] waiting: {text}")

    def _state_fact(self, name: str, text: str) -> None:
        if self._status.state_fact(name, text):
            self._machine.console.say(f"{name}: {text}")

    def _warn(self, text: str) -> None:
        if self._status.warn(text):
            self._machine.console.say(f"warning: {text}")


def _find_cause(stage: Stage, words: str) -> str:
    return next((cause for text, cause in DISK_TEXTS.items() if text in words), stage.failure)
