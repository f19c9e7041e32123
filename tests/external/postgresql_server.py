"""A PostgreSQL of this machine's newest version, with a data directory of its own."""

from __future__ import annotations

import os
import pwd
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.external.machine_fixtures import find_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = "postgres" if os.geteuid() == 0 else None
"""PostgreSQL refuses to run as root."""


@contextmanager
def make_folder() -> Iterator[Path]:
    """Give a folder that belongs to the system user of PostgreSQL, and remove it.

    Not below pytest's folder: each new session closes that to other users.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        if OWNER:
            entry = pwd.getpwnam(OWNER)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        yield folder


def run_as_owner(
    program: str, *arguments: str | Path, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs to its end, as the user that runs the server."""
    return subprocess.run(
        [find_postgresql() / program, *arguments],
        user=OWNER,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


class PostgresqlServer:
    """A server in `folder`; `initdb` gets more arguments."""

    def __init__(self, folder: Path, *initdb: str) -> None:
        self.folder = folder
        self.run("initdb", "--username=postgres", "--no-sync", *initdb, "-D", folder)

    def run(self, program: str, *arguments: str | Path) -> str:
        """Run a program that must succeed; return its output."""
        done = run_as_owner(program, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, options: str) -> None:
        """Start with options of `postgres`, and wait until it answers."""
        log = self.folder / "server.log"
        self.run("pg_ctl", "start", "-w", "-D", self.folder, "-l", log, "-o", options)

    def stop(self) -> None:
        """End it without a checkpoint: the next start recovers from the WAL, as after a power cut."""
        self.run("pg_ctl", "stop", "-m", "immediate", "-D", self.folder)
