"""What a stage is: check, apply, confirm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.firstboot.machine import Machine


class Stage(ABC):
    """One step of the first boot.

    An earlier run may have been cut off at any point of it: it looks before it acts.
    """

    name: str
    default_deadline: int

    def is_needed(self, machine: Machine) -> bool:  # noqa: ARG002 - most stages run on every machine
        """Say whether this machine has such a stage at all."""
        return True

    def check(self, machine: Machine) -> bool:  # noqa: ARG002 - most stages look at each part in `apply`
        """Say whether all that the stage brings about is there already."""
        return False

    @abstractmethod
    def apply(self, machine: Machine) -> None:
        """Bring it about; safe to repeat."""

    @abstractmethod
    def confirm(self, machine: Machine) -> None:
        """Wait until it is there; raises StageFailed with the cause otherwise."""
