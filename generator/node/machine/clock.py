"""Time: the wall clock for records, a steady clock for deadlines, and waiting.

One object, so that tests can put their own in its place.
"""

from __future__ import annotations

import time


class Clock:
    """The machine's clocks, in seconds."""

    def wall(self) -> float:
        """Return seconds since 1970; may jump when the time is set."""
        return time.time()

    def steady(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def format_time(seconds: float) -> str:
    """Return a moment as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
