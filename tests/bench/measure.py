"""Run a command, tell its wall time and the peak memory of its largest process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of wall time, MiB of resident memory at the peak."""

    seconds: float
    peak_mib: float


def measure(argv: Sequence[str], cwd: Path, environment: dict[str, str] | None = None) -> Measured:
    """Run the command to its end.

    Raises:
        SystemExit: it failed; its output is shown.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        shown = "\n".join(line[:600] for line in output.decode().splitlines()[-40:])
        sys.exit(f"{' '.join(argv[:4])} … ended with {process.returncode}:\n{shown}")
    return Measured(seconds, usage.ru_maxrss / 1024)


def median_seconds(argv: Sequence[str], cwd: Path, times: int) -> float:
    """Return the median wall time of several runs, after one that warms the caches."""
    measure(argv, cwd)
    return statistics.median(measure(argv, cwd).seconds for _ in range(times))
