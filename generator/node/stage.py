"""What a stage is: its name and time, its causes and programs; check, apply, confirm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Iterable, Mapping, Sequence

from generator.node.causes import SHARED_HINTS

if TYPE_CHECKING:
    from generator.node.facts.node import Node
    from generator.node.machine.machine import Machine


class Stage(ABC):
    """One step of the first boot.

    An earlier run may have been cut off at any point of it: it looks before it acts.

    Attributes:
        name: in commands, records and documentation.
        deadline: seconds after which it gives up.
        failure: the cause when a program, a file or an answer fails and nothing tells more.
        programs: those that it starts on every machine that has it.
        hints: what an operator does about each cause that is this stage's own.
    """

    name: str
    deadline: int
    failure = "system-failed"
    programs: Sequence[str] = ()
    hints: Mapping[str, str] = {}

    def find_deadline(self, node: Node) -> int:
        """Return the seconds that it has on this machine; node.json may set others."""
        return node.deadlines.get(self.name, self.deadline)

    def is_needed(self, machine: Machine) -> bool:  # noqa: ARG002 - most stages run on every machine
        """Say whether this machine has such a stage at all."""
        return True

    def list_programs(self, machine: Machine) -> Sequence[str]:  # noqa: ARG002 - most need the same everywhere
        """Return the programs that the stage preflight looks for on its behalf."""
        return self.programs

    def check(self, machine: Machine) -> bool:  # noqa: ARG002 - most stages look at each part in `apply`
        """Say whether all that the stage brings about is there already."""
        return False

    @abstractmethod
    def apply(self, machine: Machine) -> None:
        """Bring it about; safe to repeat."""

    @abstractmethod
    def confirm(self, machine: Machine) -> None:
        """Wait until it is there; raises StageFailed with the cause otherwise."""


def find_hint(stages: Iterable[Stage], cause: str) -> str:
    """Return what an operator does about a cause of one of the stages, or about a shared one."""
    own = (stage.hints[cause] for stage in stages if cause in stage.hints)
    return next(own, SHARED_HINTS.get(cause, SHARED_HINTS["internal"]))
