"""The rendered pg_hba.conf on the real PostgreSQL: who gets in over the socket, which lines it reads."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from generator.render.access import list_hba
from tests.external.postgresql_server import PostgresqlServer, make_folder, run_as_owner
from tests.fakes.spec_texts import change_spec, find_problems
from tests.unit.render.conftest import make_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.external

TYPES = ("local", "host", "hostssl", "hostnossl", "hostgssenc")
METHODS = ("scram-sha-256", "md5", "cert", "gss", "peer", "reject", "trust")
LOOPBACK = "127.0.0.0/8"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """Return a server on a socket in its folder, with the lines of an example."""
    with make_folder() as folder:
        made = PostgresqlServer(folder, "--auth-local=peer", "--auth-host=reject")
        hba = list_hba(make_cluster(changes={"postgresql.tls": "off"}))
        (folder / "pg_hba.conf").write_text("\n".join(hba) + "\n", "utf-8")
        made.start(f"-c listen_addresses='' -c unix_socket_directories='{folder}'")
        yield made
        made.stop()


def ask(server: PostgresqlServer, statement: str) -> list[str]:
    """Return the rows of a statement, asked over the socket as the system user postgres."""
    return server.run(
        "psql", "-h", str(server.folder), "-d", "postgres", "-X", "-At", "-c", statement
    ).splitlines()


def test_a_base_backup_over_the_socket_works(server: PostgresqlServer) -> None:
    """`all` stands for no replication connection: without a line of its own it is refused."""
    with make_folder() as target:
        done = run_as_owner(
            "pg_basebackup", "-h", server.folder, "-D", target / "copy", "-X", "stream", "--checkpoint=fast"
        )
        assert done.returncode == 0, done.stderr
        assert (target / "copy" / "PG_VERSION").exists()


def test_every_rendered_line_is_read(server: PostgresqlServer) -> None:
    """PostgreSQL lists what it could not read, and would not start with it."""
    assert ask(server, "select line_number from pg_hba_file_rules where error is not null") == []
    assert int(ask(server, "select count(*) from pg_hba_file_rules")[0]) > 8


def test_the_check_knows_which_lines_postgresql_reads(server: PostgresqlServer) -> None:
    """Every kind of connection with every method: refused by the check if PostgreSQL cannot read it."""
    lines, verdicts = [], []
    for kind, method, address in itertools.product(TYPES, METHODS, ("", LOOPBACK)):
        lines.append(" ".join(part for part in (kind, "app", "app", address, method) if part))
        verdicts.append(is_accepted(kind, method, address))
    (server.folder / "pg_hba.conf").write_text("\n".join(["local all postgres peer", *lines, ""]), "utf-8")
    rows = ask(server, "select line_number from pg_hba_file_rules where error is not null order by 1")
    refused = {int(row) - 2 for row in rows}
    for number, (line, verdict) in enumerate(zip(lines, verdicts, strict=True)):
        # This server has no TLS: it reads hostssl with a complaint that is none of the line's.
        if not line.startswith("hostssl"):
            assert verdict == (number not in refused), line
    assert refused
    assert any(verdicts)


def is_accepted(kind: str, method: str, address: str) -> bool:
    """Say whether a spec with this line has no error."""
    fields = f"type: {kind}, database: app, user: app, method: {method}"
    entry = f"{{{fields}, address: {address}}}" if address else f"{{{fields}}}"
    problems = find_problems(change_spec(more=f"postgresql: {{hba: [{entry}]}}\n"))
    return not any(problem.severity == "error" for problem in problems)
