"""The rendered roles.sql on the real PostgreSQL: each statement fails once, is cut off once, comes twice.

It runs as Patroni runs it after initdb, and as the leader's first boot runs it: one transaction of psql.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.external.machine_fixtures import find_postgresql
from tests.external.postgresql_server import OWNER, PostgresqlServer, make_folder, run_as_owner

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.external

ROLES = Path(__file__).parents[1] / "golden/trio/nodes/trio1/payload/etc/holster/roles.sql"
STATEMENT = re.compile(r"(?:;|\\gexec)$")
FAILURES = {
    # Before the statement, so that it never ran; after it, as if its answer were lost.
    "fails": "SELECT 1 / 0;\n",
    "is cut off": "SELECT pg_terminate_backend(pg_backend_pid());\n",
    "runs into the timeout": "SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(5);\n",
}
MADE = (
    "select string_agg(rolname || ':' || rolsuper || rolreplication || rolcanlogin || ':' || rolpassword, ' '"
    " order by rolname) from pg_authid where rolname in ('postgres', 'replicator', 'rewind_user')"
)
GRANTED = "select count(*) from pg_proc where proacl::text like '%rewind_user%'"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """Return a server that listens on a socket in its folder."""
    with make_folder() as folder:
        made = PostgresqlServer(folder, "--auth-local=trust")
        made.start(f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off")
        yield made
        made.stop()


@pytest.fixture
def text() -> str:
    """Return roles.sql of an example."""
    return ROLES.read_text("utf-8")


def split(text: str) -> list[str]:
    """Return the statements, comments with the one that follows."""
    found, begun = [], ""
    for line in text.splitlines(keepends=True):
        begun += line
        if STATEMENT.search(line.rstrip()):
            found.append(begun)
            begun = ""
    assert not begun.strip()
    return found


def ask(server: PostgresqlServer, statement: str) -> str:
    """Return what the server answers."""
    return server.run("psql", "-h", str(server.folder), "-d", "postgres", "-XAtqc", statement).strip()


def write(server: PostgresqlServer, text: str) -> Path:
    """Put a script where the server's user can read it."""
    path = server.folder / "roles.sql"
    path.write_text(text)
    return path


def run(server: PostgresqlServer, text: str) -> subprocess.CompletedProcess[str]:
    """Run a script as the payload has it run."""
    path = write(server, text)
    where = ("-h", server.folder, "-d", "postgres", "-U", "postgres")
    return run_as_owner("psql", *where, "-Xq", "-v", "ON_ERROR_STOP=1", "-1", "-f", path)


def clear(server: PostgresqlServer) -> None:
    """Take away what a script made."""
    for role in ("replicator", "rewind_user"):
        drop = f"execute 'drop owned by {role}'"
        ask(server, f"do $$ begin if to_regrole('{role}') is not null then {drop}; end if; end $$")
        ask(server, f"drop role if exists {role}")
    ask(server, "alter role postgres password null")


def check_made(server: PostgresqlServer) -> None:
    """See that the roles are as they should be."""
    found = ask(server, MADE)
    assert re.fullmatch(
        r"postgres:\w+:SCRAM\S+ replicator:falsetruetrue:SCRAM\S+ rewind_user:falsefalsetrue:SCRAM\S+", found
    ), found
    assert ask(server, GRANTED) == "4"


@pytest.mark.parametrize("kind", FAILURES)
def test_each_statement_may_fail_or_be_cut_off_once(server: PostgresqlServer, text: str, kind: str) -> None:
    """Nothing of a run that failed is left; the next one makes everything."""
    statements = split(text)
    assert len(statements) >= 12
    for place in range(len(statements) + 1):
        clear(server)
        broken = "".join([*statements[:place], FAILURES[kind], *statements[place:]])
        done = run(server, broken)
        assert done.returncode != 0, (place, done.stderr)
        assert ask(server, MADE) == "", (place, done.stderr)
        assert run(server, text).returncode == 0
        check_made(server)


def test_each_statement_may_come_twice(server: PostgresqlServer, text: str) -> None:
    """And the whole, when the answer to its commit was lost."""
    statements = split(text)
    clear(server)
    done = run(server, "".join(statement * 2 for statement in statements))
    assert done.returncode == 0, done.stderr
    check_made(server)
    before = ask(server, MADE)
    assert run(server, text).returncode == 0
    assert ask(server, MADE) == before


def test_two_at_once_end_well(server: PostgresqlServer, text: str) -> None:
    """Patroni after the bootstrap and an operator, say: whoever loses says so, and comes again."""
    clear(server)
    path = write(server, text)
    words = [str(find_postgresql() / "psql"), "-h", str(server.folder), "-d", "postgres", "-U", "postgres"]
    words += ["-Xq", "-v", "ON_ERROR_STOP=1", "-1", "-f", str(path)]
    both = [subprocess.Popen(words, user=OWNER, cwd="/", stderr=subprocess.PIPE) for _ in range(2)]
    for one in both:
        one.communicate(timeout=60)
    assert 0 in [one.returncode for one in both]
    assert run(server, text).returncode == 0
    check_made(server)


def test_the_log_holds_no_verifier_whatever_failed(server: PostgresqlServer, text: str) -> None:
    """PostgreSQL writes the statement that failed into its log; here it does not."""
    log = (server.folder / "server.log").read_text()
    assert "division by zero" in log or run(server, text).returncode == 0
    assert "SCRAM-SHA-256" not in log
