"""Process 1 of a test machine: a small stand-in for systemd that really runs units.

Started as `init_stand_in.py` inside the machine's namespaces and root.  Reads the
unit files of /etc/systemd/system, honours Environment, EnvironmentFile, User,
ExecStart, ExecStopPost, KillSignal, Restart, RestartSec and Requires, and takes
requests of `systemctl_stand_in.py` over a socket.  Standard library only.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

SOCKET = "/run/init-stand-in.sock"
UNITS = Path("/etc/systemd/system")
LOGS = Path("/var/log/units")
STOP_SECONDS = 60
ENABLED = Path("/var/lib/enabled-units")


def read_unit(name: str) -> dict[str, list[str]] | None:
    """Return option -> values of a unit file, or None when there is none."""
    path = UNITS / name
    if not path.is_file():
        return None
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key.strip(), []).append(value.strip())
    return found


class Service:
    """One unit that runs or ran."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self.is_wanted = False
        self.is_done = False
        self._keeper: threading.Thread | None = None
        self._unwanted = threading.Event()

    def _environment(self, unit: dict[str, list[str]]) -> dict[str, str]:
        values = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        for line in unit.get("Environment", []):
            values.update(word.partition("=")[::2] for word in shlex.split(line))
        for name in unit.get("EnvironmentFile", []):
            path = Path(name.lstrip("-"))
            if path.exists():
                lines = path.read_text().splitlines()
                values.update(line.partition("=")[::2] for line in lines if "=" in line)
        return values

    def _run(self, unit: dict[str, list[str]], command: str) -> subprocess.Popen[bytes]:
        prefix = re.match(r"[-+@!:]*", command)
        marks = prefix.group() if prefix else ""
        environment = self._environment(unit)
        words = [
            re.sub(r"\$\{(\w+)\}", lambda found: environment.get(found[1], ""), word)
            for word in shlex.split(command[len(marks) :])
        ]
        user = None if "+" in marks else unit.get("User", [None])[-1]
        log = (LOGS / f"{self.name}.log").open("ab")
        account = pwd.getpwnam(user) if user else None
        if account:
            environment.update(HOME=account.pw_dir, USER=account.pw_name)
        process = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
            cwd="/",
        )
        STARTED.add(process.pid)
        return process

    def start(self) -> None:
        """Start the unit and keep it running as its Restart says."""
        if self.is_wanted:
            return
        self.is_wanted = True
        self._unwanted.clear()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        while self.is_wanted:
            unit = read_unit(self.name) or {}
            for required in " ".join(unit.get("Requires", [])).split():
                service(required).start_and_wait()
            self.process = self._run(unit, unit["ExecStart"][-1])
            code = self.process.wait()
            if unit.get("Type", ["simple"])[-1] == "oneshot":
                self.is_done = code == 0
                return
            self._clean_up(unit)
            again = unit.get("Restart", ["no"])[-1]
            if again == "no" or (again == "on-failure" and code == 0):
                return
            self._unwanted.wait(float(unit.get("RestartSec", ["1"])[-1]))

    def _clean_up(self, unit: dict[str, list[str]]) -> None:
        for command in unit.get("ExecStopPost", []):
            self._run(unit, command).wait()

    def start_and_wait(self) -> None:
        """Start a oneshot unit and wait for its end."""
        self.start()
        while self.is_wanted and not self.is_done and (self.process is None or self.process.poll() is None):
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the unit with its own signal, as systemd does with KillMode=process."""
        self.is_wanted = self.is_done = False
        self._unwanted.set()
        process = self.process
        if process is not None and process.poll() is None:
            unit = read_unit(self.name) or {}
            os.kill(process.pid, getattr(signal, unit.get("KillSignal", ["SIGTERM"])[-1]))
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        # A restart must not find the one who keeps it running still at work: there would be two.
        if self._keeper is not None:
            self._keeper.join(STOP_SECONDS)

    @property
    def is_active(self) -> bool:
        """Whether it runs, or ended well as a oneshot unit."""
        return self.is_done or (self.process is not None and self.process.poll() is None)


STARTED: set[int] = set()


def reap_orphans() -> None:
    """End the zombies that others left to process 1: Patroni waits for PostgreSQL to vanish."""
    while True:
        time.sleep(0.5)
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent = path.read_text().rpartition(")")[2].split()[:2]
                pid = int(path.parent.name)
                if (state, parent) == ("Z", "1") and pid not in STARTED:
                    os.waitpid(pid, os.WNOHANG)
            except OSError:
                continue


SERVICES: dict[str, Service] = {}


def service(name: str) -> Service:
    """Return the unit of that name."""
    return SERVICES.setdefault(name, Service(name))


def read_enabled() -> list[str]:
    """Return the units that start with the machine."""
    return ENABLED.read_text().split() if ENABLED.exists() else []


def set_enabled(name: str, *, is_enabled: bool) -> None:
    """Enable or disable a unit; survives a reboot."""
    names = [other for other in read_enabled() if other != name]
    ENABLED.write_text("\n".join([*names, name] if is_enabled else names))


def _change(verb: str, name: str) -> None:
    if verb in {"stop", "restart", "reload-or-restart"}:
        service(name).stop()
    if verb in {"start", "restart", "reload-or-restart"}:
        service(name).start()
    if verb in {"enable", "disable"}:
        set_enabled(name, is_enabled=verb == "enable")


def answer(arguments: list[str]) -> tuple[int, str]:
    """Do what systemctl was asked for."""
    words = [word for word in arguments if not word.startswith("-")]
    verb, name = words[0], words[-1]
    if verb == "is-active":
        return (0 if service(name).is_active else 3), ""
    if verb == "is-enabled":
        return 0, "".join(f"{'enabled' if unit in read_enabled() else 'disabled'}\n" for unit in words[1:])
    # `enable` takes several at once.
    for name in words[1:]:
        if verb in {"start", "restart", "reload-or-restart", "enable"} and read_unit(name) is None:
            return 5, f"Unit {name} not found."
        _change(verb, name)
    return 0, ""


def serve(connection: socket.socket) -> None:
    """Answer one request."""
    with connection:
        request: Any = json.loads(connection.makefile().readline())
        code, text = answer(request)
        connection.sendall(json.dumps([code, text]).encode())


def main() -> None:
    """Take requests until the machine is switched off."""
    LOGS.mkdir(parents=True, exist_ok=True)
    Path(SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(SOCKET)
    listener.listen()
    threading.Thread(target=reap_orphans, daemon=True).start()
    for name in read_enabled():
        service(name).start()
    sys.stdout.write("up\n")
    sys.stdout.flush()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def reap(child: int) -> None:
    """Be process 1 as a kernel expects it: take the end of every orphan, until our own child ends.

    Patroni waits for a PostgreSQL that it has stopped, and one that nobody reaps never goes.
    """
    while True:
        ended, status = os.wait()
        if ended == child:
            sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    # The units' own processes belong to a child: two who wait for the same process take it from each other.
    forked = os.fork()
    if forked:
        reap(forked)
    main()
