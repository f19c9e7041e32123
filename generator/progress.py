"""Progress of long work.

In: steps.  Out: lines for a person, or silence.

The command line chooses the reporter; everything else only reports.
"""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Receives what happens; never raises."""

    def step(self, text: str) -> None:
        """A piece of work begins or ends; `text` is a whole sentence."""

    def warn(self, text: str) -> None:
        """Something the user should know although the work goes on."""


class SilentReporter:
    """Reports nothing: for tests and for --quiet."""

    def step(self, text: str) -> None:
        """Ignore the step."""

    def warn(self, text: str) -> None:
        """Ignore the warning."""
