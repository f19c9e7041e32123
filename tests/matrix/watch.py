"""Everything that is seen of a site while something is done to it."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tests.lab.clients import ROLE
from tests.lab.ledger import read_ledger
from tests.matrix.processes import find_init

if TYPE_CHECKING:
    from tests.matrix.site import Site

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]


@dataclass
class Seen:
    """What one machine said: (moment, value) of each kind, in order."""

    address: list[tuple[float, str]] = field(default_factory=list)
    role: list[tuple[float, str]] = field(default_factory=list)
    row: list[tuple[float, str]] = field(default_factory=list)
    key: list[tuple[float, str]] = field(default_factory=list)


class Observer:
    """The program in one machine, and a thread that reads it."""

    def __init__(self, site: Site, name: str, run: str, seen: Seen) -> None:
        machine = site.machines[name]
        account = pwd.getpwnam("postgres")
        order = {
            "vip": site.vip,
            "socket": "/run/postgresql" if name in site.members else None,
            "run": run,
            "key": f"http://127.0.0.1:8500/v1/kv/service/{site.recipe.spec.cluster}/leader"
            if name in site.servers
            else None,
            "token": site.recipe.bundle.patroni_token.secret_id.get_secret_value(),
        }
        identity = ["-S", str(account.pw_uid), "-G", str(account.pw_gid)]
        enter = ["nsenter", "-t", str(find_init(machine)), "-m", "-n", "-r", *identity, "env", "-i"]
        program = [sys.executable, "-c", (HERE / "observer.py").read_text(), json.dumps(order)]
        with (machine.folder / "observer.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*enter, *program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._thread = threading.Thread(target=self._read, args=(seen,), daemon=True)
        self._thread.start()

    def _read(self, seen: Seen) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            kind, moment, value = line.rstrip("\n").split(" ", 2)
            getattr(seen, kind).append((float(moment), value))

    def stop(self) -> None:
        """End the program and the thread."""
        self._process.kill()
        self._process.wait(10)
        self._thread.join(10)
        if self._process.stdout:
            self._process.stdout.close()


class Watch:
    """Watches all machines and writes as a client, between `with Watch(site, run)` and its end."""

    def __init__(self, site: Site, run: str) -> None:
        self.site = site
        self.run = run
        self.seen = {name: Seen() for name in site.machines}
        self.path = site.folder / f"{run}.ledger"
        self.attempted = 0
        self.errors: dict[str, int] = {}
        self._observers: dict[str, Observer] = {}
        self._client: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        for name in self.site.machines:
            self.look(name)
        self._client = subprocess.Popen(
            ["ip", "netns", "exec", self.site.client, sys.executable, "-m", "tests.matrix.client"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        order = {
            "host": self.site.vip,
            "user": ROLE,
            "password": self.site.password,
            "run": self.run,
            "path": str(self.path),
        }
        assert self._client.stdin is not None
        self._client.stdin.write(json.dumps(order) + "\n")
        self._client.stdin.flush()
        return self

    def look(self, name: str) -> None:
        """Begin to watch a machine that is on."""
        self._observers[name] = Observer(self.site, name, f"{self.run}@{name}", self.seen[name])

    def look_away(self, name: str) -> None:
        """End it: a program that stays in a machine's mounts would keep them."""
        self._observers.pop(name).stop()

    def rows(self) -> list[float]:
        """Return when the client's rows were acknowledged."""
        return sorted(read_ledger(self.path).values()) if self.path.exists() else []

    def wait_for_rows(self, count: int, timeout_s: float) -> bool:
        """Wait until the client has that many more rows acknowledged."""
        wanted, deadline = len(self.rows()) + count, time.monotonic() + timeout_s
        while len(self.rows()) < wanted:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def acknowledged(self) -> dict[str, dict[int, float]]:
        """Return run -> number -> moment of all acknowledged rows, the client's and the machines' own."""
        found = {self.run: dict(read_ledger(self.path))}
        for name, seen in self.seen.items():
            found[f"{self.run}@{name}"] = {int(value): moment for moment, value in seen.row}
        return found

    def __exit__(self, *_problem: object) -> None:
        client = self._client
        if client is not None:
            output = client.communicate(timeout=60)[0]
            told: dict[str, Any] = json.loads(output or "{}")
            self.attempted, self.errors = told.get("attempted", 0), told.get("errors", {})
        for name in list(self._observers):
            self.look_away(name)
