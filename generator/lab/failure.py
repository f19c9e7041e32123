"""What goes wrong in the lab: always with a cause in words."""

from __future__ import annotations

from generator.errors import EnvironmentFailed


class LabFailed(EnvironmentFailed):
    """A machine of the lab did not do what was expected; the message has the cause and the console's end."""
