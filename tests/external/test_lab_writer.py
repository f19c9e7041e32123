"""The lab's writer against a real PostgreSQL: what it believes, and what it must not believe."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.external.machine_fixtures import absent
from tests.lab.writer import PATIENCE_S, TABLE, Target, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.external

POSTGRESQL = Path("/usr/lib/postgresql")


def find_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """A PostgreSQL of this machine's newest version, with a data directory of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self.target = Target("127.0.0.1", find_port(), "postgres", "not-asked-for")
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "-D", str(folder))

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            user=self._user,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-p {self.target.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        log = str(self._folder / "server.log")
        self._run("pg_ctl", "start", "-w", "-D", str(self._folder), "-l", log, "-o", options)

    def stop(self) -> None:
        """End it without a checkpoint: the next start recovers from the WAL, as after a power cut."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", str(self._folder))

    def ask(self, statement: str) -> None:
        """Run a statement."""
        with self.target.connect() as connection:
            connection.execute(statement)


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a running server with the ledger's table.

    Not below pytest's folder: each new session closes that to other users, PostgreSQL's among them.
    """
    found = sorted(POSTGRESQL.glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    if not found:
        absent("PostgreSQL server (package postgresql)")
    with TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        made = Server(found[-1].parent, folder)
        made.start()
        made.ask(TABLE)
        yield made
        made.stop()


def test_no_promised_row_is_lost_when_the_server_crashes(server: Server, tmp_path: Path) -> None:
    """The time without writes is measured; the client finds its way back by itself."""
    with Writer(server.target, tmp_path / "ledger", "crash") as writer:
        writer.wait_for_rows(10, 20)
        began = time.monotonic()
        server.stop()
        time.sleep(1.5)
        server.start()
        writer.wait_for_rows(10, 20)
        gap = writer.longest_gap(began, time.monotonic())
    assert gap.seconds >= 1.5
    comparison = writer.compare_with(server.target)
    assert comparison.acknowledged >= 20
    assert comparison.lost == comparison.unasked == ()
    # The proof that the comparison can fail at all.
    server.ask("delete from ledger where number = 7")
    assert writer.compare_with(server.target).lost == (7,)


def test_commit_that_waits_for_a_standby_is_not_acknowledged(server: Server, tmp_path: Path) -> None:
    """The client hangs up after its patience; the row may be there, but nobody was promised it."""
    with Writer(server.target, tmp_path / "ledger", "standby") as writer:
        writer.wait_for_rows(3, 20)
        server.ask("alter system set synchronous_standby_names = 'ghost'")
        server.ask("select pg_reload_conf()")
        time.sleep(1.0)
        before = writer.acknowledged
        with pytest.raises(TimeoutError, match="OperationalError"):
            writer.wait_for_rows(1, PATIENCE_S + 1.0)
        assert writer.acknowledged == before


def test_cancelled_wait_for_a_standby_is_not_acknowledged(server: Server, tmp_path: Path) -> None:
    """PostgreSQL says INSERT 0 1 with a warning: committed here only.  A promise that may be lost."""
    with Writer(server.target, tmp_path / "ledger", "cancelled") as writer:
        writer.wait_for_rows(3, 20)
        server.ask("alter system set synchronous_standby_names = 'ghost'")
        server.ask("select pg_reload_conf()")
        time.sleep(1.0)
        with psycopg.connect(
            host=server.target.host, port=server.target.port, user="postgres", autocommit=True
        ) as admin:
            for _ in range(20):
                admin.execute(
                    "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"
                )
                time.sleep(0.1)
    assert any(
        word.startswith("warning: canceling wait for synchronous replication") for word in writer.errors
    )
    comparison = writer.compare_with(server.target)
    assert comparison.lost == ()
    assert comparison.unacknowledged, "these rows are on one machine only"
