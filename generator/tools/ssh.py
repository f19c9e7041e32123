"""ssh: commands on a machine of the lab, over one connection that stays open.

The server's key is taken over at the first contact and compared ever after.
"""

from __future__ import annotations

import shlex
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed
from generator.tools.background import Background
from generator.tools.process import Command, Completed, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from generator.tools.toolbox import Tool

FAILURE: Final = 255
"""ssh's own failures; a program that ends with it cannot be told from them."""
CONNECT_S: Final = 30
POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Target:
    """Where to log in, as whom, and how the machine proves who it is.

    Attributes:
        name: the machine's name, under which its key is kept.
        host, port: the forwarded port.
        user: who logs in.
        key: the private key.
        known_hosts: where the machine's key is kept.
        control: the socket of the open connection.
    """

    name: str
    host: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    control: Path

    @property
    def options(self) -> list[str]:
        """The options of every call; no configuration of the user's plays in."""
        settings = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "IdentityFile": f'"{self.key}"',
            "UserKnownHostsFile": f'"{self.known_hosts}"',
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "accept-new",
            "HostKeyAlias": self.name,
            "ConnectTimeout": str(CONNECT_S),
            # A machine whose power was cut leaves the connection open.
            "ServerAliveInterval": "5",
            "ServerAliveCountMax": "6",
            "LogLevel": "ERROR",
        }
        words = ["-F", "none", "-p", str(self.port)]
        for name, value in settings.items():
            words += ["-o", f"{name}={value}"]
        return words


class Connection:
    """One open connection to a machine; opened when it is needed, again after it broke.

    Several threads may run commands over it at the same time.
    """

    def __init__(self, tool: Tool, target: Target, log: Path) -> None:
        self._tool = tool
        self._target = target
        self._log = log
        self._master: Background | None = None
        self._lock = threading.Lock()

    @property
    def _is_open(self) -> bool:
        return self._master is not None and self._master.is_alive and self._target.control.exists()

    def open(self) -> None:
        """Connect, unless the connection is open.

        Raises:
            ToolFailed: nobody answers, or it is another machine than at the first contact.
        """
        with self._lock:
            if not self._is_open:
                self._connect()

    def _connect(self) -> None:
        self.close()
        target = self._target
        argv: list[str | Path] = [self._tool.path, *target.options, "-M", "-N", "-S", target.control]
        command = Command([*argv, f"{target.user}@{target.host}"], purpose=f"log in to {target.name}")
        self._master = master = Background(command, self._log)
        deadline = time.monotonic() + CONNECT_S + 5
        while master.is_alive and not target.control.exists():
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
        if not self._is_open:
            master.kill()
            raise master.explain()

    def close(self) -> None:
        """End the connection."""
        if self._master is not None:
            self._master.kill()
            self._master = None
        self._target.control.unlink(missing_ok=True)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        check: bool,
        stdin: bytes | None = None,
        secrets: tuple[str, ...] = (),
    ) -> Completed:
        """Run a program on the machine and return what it answered.

        `check` False takes every exit code of the program as an answer.

        Raises:
            ToolFailed: the machine cannot be reached, or the program failed.
        """
        self.open()
        target = self._target
        words: list[str | Path] = [self._tool.path, *target.options, "-S", target.control]
        command = Command(
            [*words, "-o", "ControlMaster=no", f"{target.user}@{target.host}", "--", shlex.join(argv)],
            purpose=f"run {argv[0]} on {target.name}",
            stdin=stdin,
            timeout_s=timeout_s,
            accepted=None,
            secrets=secrets,
        )
        try:
            answer = run(command)
        except ToolFailed:
            self.close()
            raise
        if answer.exit_code == FAILURE:
            self.close()
        if answer.exit_code == FAILURE or (check and answer.exit_code):
            raise ToolFailed(
                f"could not run `{shlex.join(argv)}` on {target.name}: {answer.ended_by}\n{answer.output}"
            )
        return answer

    def forget_host_key(self) -> None:
        """Take over the machine's key anew at the next contact: it was made anew."""
        with suppress(FileNotFoundError):
            self._target.known_hosts.unlink()
