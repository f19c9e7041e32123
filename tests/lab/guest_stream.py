"""One long-lived command on each machine that prints `clock value` again and again.

A new SSH connection for each sample would cost more processor time under emulation
than the cluster itself.  A machine that is off or out of reach has no samples; as
soon as it answers again, it is watched again.
"""

from __future__ import annotations

import selectors
import shlex
import subprocess
import threading
import time
from typing import IO, TYPE_CHECKING, Final, Self

from tests.lab.sightings import Sample, Sighting, align, parse_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from generator.lab.cluster import Lab
    from generator.lab.machine import Machine

SILENT_S: Final = 5.0
"""A connection that says nothing for so long is dead: the other end lost its power."""
FIRST_LINE_S: Final = 45.0
"""Logging in and starting Python take seconds under emulation."""
FIRST_SIGHT_S: Final = 90.0
RETRY_S: Final = 1.0
# Before everything else on a machine that is busy: a look that comes late is no look.
PREAMBLE: Final = """
import os, sys, time
try:
    os.nice(-10)
except OSError:
    pass
def say(value):
    sys.stdout.write(f"{time.clock_gettime(time.CLOCK_BOOTTIME):.3f} {value}\\n")
    sys.stdout.flush()
"""


def list_ssh_words(machine: Machine, command: Sequence[str]) -> list[str]:
    """Return the arguments of ssh for a command as root, over a connection of its own.

    Not over the shared one: whoever gives up waiting closes that for everybody.
    """
    tool, target = machine._connection._tool, machine._connection._target
    remote = shlex.join(["sudo", "-n", "--", *command])
    return [str(tool.path), *target.options, "-S", "none", f"{target.user}@{target.host}", "--", remote]


class GuestStream:
    """Collects the samples of a Python program that runs on every named machine."""

    def __init__(self, lab: Lab, program: str, arguments: Iterable[str], names: Iterable[str] = ()) -> None:
        self._command = ("python3", "-u", "-c", PREAMBLE + program, *arguments)
        self._machines = [lab.nodes[name] for name in names] or list(lab.nodes.values())
        self._samples: list[Sample] = []
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(machine,), name=f"watch-{machine.name}", daemon=True)
            for machine in self._machines
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(SILENT_S + 10)

    def sightings(self) -> list[Sighting]:
        """Return everything seen so far, on our clock."""
        return align(list(self._samples))

    def wait_until_seen(self, timeout_s: float) -> None:
        """Wait until every watched machine that is on was seen.

        Raises:
            TimeoutError: one stayed silent.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            seen = {sample.node for sample in list(self._samples)}
            if all(machine.name in seen for machine in self._machines if machine.is_on):
                return
            time.sleep(0.2)
        raise TimeoutError(
            f"not every machine could be watched within {timeout_s:.0f} s: only {sorted(seen)}"
        )

    def _watch(self, machine: Machine) -> None:
        session = 0
        while not self._stopping.is_set():
            if machine.is_on:
                session += 1
                self._follow(machine, session)
            self._stopping.wait(RETRY_S)

    def _follow(self, machine: Machine, session: int) -> None:
        process = subprocess.Popen(
            list_ssh_words(machine, self._command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        try:
            if process.stdout is not None:
                self._read(machine, session, process.stdout)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _read(self, machine: Machine, session: int, stream: IO[bytes]) -> None:
        pending, patience = b"", FIRST_LINE_S
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            heard = time.monotonic()
            while not self._stopping.is_set() and machine.is_on:
                if not selector.select(0.5):
                    if time.monotonic() - heard > patience:
                        return
                    continue
                chunk = stream.read(4096)
                heard, patience = time.monotonic(), SILENT_S
                if not chunk:
                    return
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    found = parse_line(line.decode("ascii", "replace") + "\n")
                    if found is not None:
                        self._samples.append(Sample(machine.name, session, found[0], heard, found[1]))


class GuestWatch:
    """Watches a stream between `with` and its end; inside, every machine that is on was seen."""

    def __init__(self, stream: GuestStream) -> None:
        self.stream = stream

    def __enter__(self) -> Self:
        self.stream.__enter__()
        self.stream.wait_until_seen(FIRST_SIGHT_S)
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.__exit__(*error)
