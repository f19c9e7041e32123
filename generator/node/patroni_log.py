"""What Patroni's log, which PostgreSQL shares, tells of a bootstrap that failed."""

from __future__ import annotations

import re
from typing import Sequence

BEGUN = "trying to bootstrap a new cluster"
MADE = "initialized a new cluster"
FAILED = re.compile(r"removing initialize key after failed|Failed to bootstrap cluster")
# The most telling first; the last line of an attempt that fits counts.
REASONS = (
    re.compile(r"^initdb: (?:error|fatal)", re.IGNORECASE),
    re.compile(r"Cancelling bootstrap because"),
    re.compile(r"^psql:.*(?:ERROR|FATAL)"),
    # The last line of a traceback, save the exception that only repeats another one.
    re.compile(r"^(?!patroni\.exceptions\.)[\w.]+(?:Error|Exception|Canceled|Full|Failure|Shutdown|\w): \S"),
    re.compile(r"\b(?:FATAL|PANIC|ERROR):\s+(?!\s|the database system is)"),
    re.compile(r"post_init script .* (?:failed|returned)"),
    FAILED,
)

DEATH = re.compile(r"\b(?:FATAL|PANIC):\s+(?!\s|the database system is|terminating )")


def find_death(lines: Sequence[str]) -> str | None:
    """Return the last line in which PostgreSQL says why it ended, or why it let nobody in."""
    return next((line for line in reversed(lines) if DEATH.search(line)), None)


def find_failure(lines: Sequence[str]) -> str | None:
    """Return the line that tells why the latest bootstrap failed, None after none or a good one."""
    ends = [number for number, line in enumerate(lines) if FAILED.search(line)]
    if not ends or any(MADE in line for line in lines[ends[-1] :]):
        return None
    # An attempt ends with both lines.
    begins = [number for number, line in enumerate(lines[: ends[-1]]) if BEGUN in line]
    attempt = lines[begins[-1] if begins else 0 : ends[-1] + 1]
    found = (line for reason in REASONS for line in reversed(attempt) if reason.search(line))
    return next(found)
