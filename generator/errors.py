"""The error tree.

In: what failed.  Out: a message, its fix, and the exit code of the command that it ends.

An expected failure is one of these; a traceback is always a bug of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.diagnostics import Problem


class HolsterError(Exception):
    """An expected failure: a message for the user and, where known, the fix.

    Args:
        message: what went wrong, in words; never holds a secret.
        hint: how to mend it.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputInvalid(HolsterError):
    """What the user gave cannot be used: the spec or the credential bundle."""

    exit_code = 1


class SpecInvalid(InputInvalid):
    """The spec has errors; carries every problem found, warnings included."""

    def __init__(self, problems: Sequence[Problem], *, source: str, lines: Sequence[str]) -> None:
        super().__init__(f"{source} is not a valid cluster spec")
        self.problems = tuple(problems)
        self.source = source
        self.lines = tuple(lines)


class BundleInvalid(InputInvalid):
    """The credential bundle is unreadable, open to others, or another cluster's."""


class UsageInvalid(HolsterError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class EnvironmentFailed(HolsterError):
    """Something outside Holster failed: the disk, a folder's rights."""


class ToolMissing(EnvironmentFailed):
    """An outside program is not installed."""


class ToolFailed(EnvironmentFailed):
    """An outside program ended with an error that is not a verdict on our files."""


class OutputRejected(HolsterError):
    """A consumer refused a file that Holster made: a bug of Holster."""

    exit_code = 4
