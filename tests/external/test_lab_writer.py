"""The lab's writer against a real PostgreSQL: what it believes, and what it must not believe."""

from __future__ import annotations

import os
import shutil
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from generator.credentials.bundle import NodeIdentity, create_bundle
from generator.credentials.certificates import name_postgresql
from tests.external.postgresql_server import OWNER, PostgresqlServer, make_folder
from tests.lab.writer import PATIENCE_S, TABLE, Target, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.external


def find_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server(PostgresqlServer):
    """A server on loopback that asks nobody for a password."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "--auth=trust")
        self.target = Target("127.0.0.1", find_port(), "postgres", "not-asked-for")

    def launch(self) -> None:
        """Start, and wait until it answers."""
        self.start(f"-p {self.target.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''")

    def offer_tls(self, certificate: str, key: str) -> None:
        """Serve with a certificate, under the names that PostgreSQL looks for by itself."""
        for name, text in (("server.crt", certificate), ("server.key", key)):
            path = self.folder / name
            path.write_text(text)
            path.chmod(0o600)
            if OWNER:
                shutil.chown(path, OWNER, OWNER)
        self.ask("alter system set ssl = on")
        self.ask("select pg_reload_conf()")

    def ask(self, statement: str) -> None:
        """Run a statement."""
        with self.target.connect() as connection:
            connection.execute(statement)


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a running server with the ledger's table."""
    with make_folder() as folder:
        made = Server(folder)
        made.launch()
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
        server.launch()
        writer.wait_for_rows(10, 20)
        gap = writer.longest_gap(began, time.monotonic())
    assert gap.seconds >= 1.5
    comparison = writer.compare_with(server.target)
    assert comparison.acknowledged >= 20
    assert comparison.lost == comparison.unasked == ()
    # The proof that the comparison can fail at all.
    server.ask("delete from ledger where number = 7")
    assert writer.compare_with(server.target).lost == (7,)


def test_a_client_with_an_authority_believes_certified_servers_only(server: Server, tmp_path: Path) -> None:
    """What the lab's clients demand through the virtual address, and what they must turn down."""
    names = name_postgresql(name="pg1", fqdn="pg1.test", address="10.0.0.1", vip="10.0.0.100")
    node = NodeIdentity("pg1", "10.0.0.1", is_server=False, datacenter="t", domain="consul", postgresql=names)
    mine, other = (
        create_bundle("t", [node], years=2, now=datetime.now(UTC), entropy=os.urandom) for _ in range(2)
    )
    (tmp_path / "mine.pem").write_text(mine.authority.certificate)
    (tmp_path / "other.pem").write_text(other.authority.certificate)
    target = replace(server.target, certified="10.0.0.100", authority=tmp_path / "mine.pem")
    with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
        target.connect()
    own = mine.nodes["pg1"].postgresql
    assert own is not None
    server.offer_tls(own.certificate, own.key.get_secret_value())
    deadline = time.monotonic() + 20
    while True:
        try:
            connection = target.connect()
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with connection:
        assert connection.pgconn.ssl_in_use
    with pytest.raises(psycopg.OperationalError, match="does not match"):
        replace(target, certified="10.0.0.99").connect()
    with pytest.raises(psycopg.OperationalError, match="verify failed"):
        replace(target, authority=tmp_path / "other.pem").connect()


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
