"""One sampler on each machine that writes `boot clock value` again and again, and a reader of its file.

A new SSH connection for each sample would cost more processor time under emulation than
the cluster itself.  The sampler is a unit of its own, which no session and no orderly
shutdown ends before systemd's last signal, and its file is on the machine's disk: what was
sampled while nobody could read it is read with the next connection, also after a reboot.
A machine that is off has no samples; as soon as somebody can log in, it is sampled again.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
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
    from generator.lab.machine import VirtualMachine

SILENT_S: Final = 20.0
"""A connection that says nothing for so long is tried anew: nothing is lost by that."""
FIRST_LINE_S: Final = 45.0
"""Logging in and starting Python take seconds under emulation."""
FIRST_SIGHT_S: Final = 90.0
RETRY_S: Final = 1.0
TIDY_S: Final = 20.0
LIFE_S: Final = 7200
"""A sampler that could not be stopped ends after this time."""
FOLDER: Final = "/var/lib"
"""Of the guest: on its disk, and nobody tidies up there."""
# Sampled by the main thread and written by another one: a disk that is slow for a moment delays a
# line, not the next look.  Two samplers of one file would be two lines for each moment: the lock.
# When its file is removed a sampler ends, whoever started it.  The names with an underscore are ours:
# the program that follows has names of its own.
PREAMBLE: Final = """
import fcntl, os, queue, sys, threading, time
_samples = open(sys.argv.pop(1), "a")
try:
    fcntl.flock(_samples, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit()
try:
    os.nice(-10)
except OSError:
    pass
_boot = open("/proc/sys/kernel/random/boot_id").read().strip()
_lines = queue.SimpleQueue()
# A power cut may have left half a line.
_lines.put("\\n")
def _write():
    while True:
        _samples.write(_lines.get())
        _samples.flush()
        if not os.path.exists(_samples.name):
            os._exit(0)
threading.Thread(target=_write, daemon=True).start()
def say(value):
    _lines.put(f"{_boot} {time.clock_gettime(time.CLOCK_BOOTTIME):.3f} {value}\\n")
"""
# DefaultDependencies=no: the unit does not conflict with shutdown.target, so that it is ended by
# systemd's last signal to all processes, long after sshd.  Where systemd takes no such unit, the
# sampler runs in the session: fewer moments of a shutdown are seen then, and scenario 12 says so.
FOLLOW: Final = """
unit=$1 file=$2 life=$3; shift 3
touch "$file"
{
    systemctl --quiet is-active "$unit" ||
        systemd-run --quiet --collect --unit="$unit" --property=DefaultDependencies=no \\
            --property=RuntimeMaxSec="$life" "$@" ||
        setsid "$@"
} </dev/null >/dev/null 2>&1 &
exec tail -n +1 -F "$file"
"""
TIDY: Final = 'systemctl --quiet stop "$1"; rm -f "$2"'


def list_ssh_words(machine: VirtualMachine, command: Sequence[str]) -> list[str]:
    """Return the arguments of ssh for a command as root, over a connection of its own.

    Not over the shared one: whoever gives up waiting closes that for everybody.
    """
    tool, target = machine._connection._tool, machine._connection._target
    remote = shlex.join(["sudo", "-n", "--", *command])
    return [str(tool.path), *target.options, "-S", "none", f"{target.user}@{target.host}", "--", remote]


class GuestStream:
    """Collects the samples of a Python program that runs on every named machine."""

    def __init__(self, lab: Lab, program: str, arguments: Iterable[str], names: Iterable[str] = ()) -> None:
        # One word without a blank or a special character: it passes ssh, sudo, a shell and systemd.
        code = base64.b64encode((PREAMBLE + program).encode()).decode("ascii")
        self._unit = f"holster-lab-{secrets.token_hex(4)}.service"
        self._file = f"{FOLDER}/{self._unit}.samples"
        sampler = ("python3", "-c", f"import base64;exec(base64.b64decode('{code}'))", self._file, *arguments)
        self._follow_words = ("sh", "-c", FOLLOW, "sh", self._unit, self._file, str(LIFE_S), *sampler)
        self._tidy_words = ("sh", "-c", TIDY, "sh", self._unit, self._file)
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
            thread.join(TIDY_S + 10)

    def sightings(self) -> list[Sighting]:
        """Return everything seen so far, on our clock."""
        return align(list(self._samples))

    def samples(self) -> list[Sample]:
        """Return everything seen so far, as it arrived: for a machine whose own clock stood still."""
        return list(self._samples)

    def wait_until_seen(self, timeout_s: float, since: float | None = None) -> None:
        """Wait until every watched machine that is on was seen, after the moment `since` where one is given.

        Raises:
            TimeoutError: one stayed silent.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            seen = {
                sighting.node for sighting in self.sightings() if since is None or sighting.moment >= since
            }
            silent = [
                machine.name for machine in self._machines if machine.is_on and machine.name not in seen
            ]
            if not silent:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"not watched for {timeout_s:.0f} s although on: {', '.join(silent)}")
            time.sleep(0.2)

    def _watch(self, machine: VirtualMachine) -> None:
        while not self._stopping.is_set():
            if machine.is_on:
                self._follow(machine)
            self._stopping.wait(RETRY_S)
        if machine.is_on:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    list_ssh_words(machine, self._tidy_words),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=TIDY_S,
                    check=False,
                )

    def _follow(self, machine: VirtualMachine) -> None:
        process = subprocess.Popen(
            list_ssh_words(machine, self._follow_words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        try:
            if process.stdout is not None:
                self._read(machine, process.stdout)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _read(self, machine: VirtualMachine, stream: IO[bytes]) -> None:
        pending, patience, power_on = b"", FIRST_LINE_S, machine.on_at
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            heard = time.monotonic()
            # Another power-on: this connection leads to a machine that is no more.
            while not self._stopping.is_set() and machine.is_on and machine.on_at == power_on:
                if not selector.select(0.5):
                    if time.monotonic() - heard > patience:
                        return
                    continue
                chunk = stream.read(1 << 16)
                heard, patience = time.monotonic(), SILENT_S
                if not chunk:
                    return
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    found = parse_line(line.decode("ascii", "replace") + "\n")
                    if found is not None:
                        boot, guest, value = found
                        self._samples.append(Sample(machine.name, boot, guest, heard, value))


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
