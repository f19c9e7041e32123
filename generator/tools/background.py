"""Programs that run beside us: started, watched, ended; they never outlive us unless they are told to.

In: a Command and a file for what it says.  Out: a Background.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed, ToolMissing
from generator.tools.process import (
    GRACE_S,
    Command,
    describe_exit,
    describe_failure,
    signal_group,
    spawn,
)

if TYPE_CHECKING:
    from pathlib import Path

POLL_S: Final = 0.02
LAUNCHER: Final = """
import ctypes, os, sys
PR_SET_PDEATHSIG, SIGKILL = 1, 9
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the program that started this one is gone")
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]} cannot be started: {error.strerror}")
"""
"""Linux ends the program with the thread that started it, also when that one is killed.

A program of its own, because between fork and exec of a process with threads nothing
safe can be done in Python.  The comparison covers a parent that ended before prctl(2).
"""


@cache
def _starter() -> ThreadPoolExecutor:
    """Return the one thread that starts programs: it lives as long as we do.

    PR_SET_PDEATHSIG means the thread that forked, not the process.
    """
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


class Background:
    """One program beside us, with everything that it starts.

    Args:
        command: what to start; its `stdin` and `timeout_s` do not count.
        output: both streams are appended to this file.
        outlives: go on when we end, however we end; otherwise it ends with us, also when
            we are killed.

    Raises:
        ToolMissing, ToolFailed: it cannot be started.
    """

    def __init__(self, command: Command, output: Path, *, outlives: bool = False) -> None:
        self._command = command
        self._output = output
        self._offset = output.stat().st_size if output.exists() else 0
        if outlives:
            self._process = spawn(command, output)
        else:
            program = str(command.argv[0])
            if not os.access(program, os.X_OK):
                raise ToolMissing(f"could not {command.purpose}: {program} is missing", hint=command.hint)
            launch = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command.argv]
            started = _starter().submit(spawn, replace(command, argv=launch), output)
            self._process = started.result()

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs, else its exit code; negated signal number where a signal ended it."""
        return self._process.poll()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.exit_code is None

    def read_output(self) -> str:
        """Return what it said since it was started."""
        with self._output.open("rb") as stream:
            stream.seek(self._offset)
            return stream.read().decode("utf-8", "replace")

    def explain(self) -> ToolFailed:
        """Return the error for a program that ended when it should not."""
        code = self.exit_code
        reason = "still runs" if code is None else f"ended with {describe_exit(code)}"
        return ToolFailed(
            describe_failure(self._command, reason, self.read_output()), hint=self._command.hint
        )

    def wait(self, timeout_s: float) -> int | None:
        """Wait until it ends; return its exit code, or None when it still runs after that time."""
        deadline = time.monotonic() + timeout_s
        while (code := self.exit_code) is None and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return code

    def kill(self) -> None:
        """End the whole group on the spot."""
        if self.is_alive:
            signal_group(self._process, signal.SIGKILL)
            self._process.wait()

    def end(self, grace_s: float = GRACE_S) -> None:
        """Ask the whole group to end, then end it; safe to repeat."""
        if self.is_alive:
            signal_group(self._process, signal.SIGTERM)
            self.wait(grace_s)
        self.kill()


def read_start(pid: int) -> int | None:
    """Return when a process was started, in ticks since the machine's start; None where there is none.

    With the pid it names one process for certain: pids are used again.
    """
    with suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stream:  # noqa: PTH123 - procfs
            fields = stream.read().rpartition(")")[2].split()
        # proc(5): state is field 3, starttime field 22.
        return None if fields[0] == "Z" else int(fields[19])
    return None


def end_other(pid: int, start: int, grace_s: float = GRACE_S) -> bool:
    """End the group of a process that an earlier run of ours left behind; False where it is gone already."""
    if read_start(pid) != start:
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while read_start(pid) == start and time.monotonic() < deadline:
            time.sleep(POLL_S)
        if read_start(pid) == start:
            os.killpg(pid, signal.SIGKILL)
    return True
