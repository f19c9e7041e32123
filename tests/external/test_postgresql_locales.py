"""Encodings and locales against the real initdb, with the locales that this machine has."""

from __future__ import annotations

import subprocess

import pytest

from generator.postgresql.encodings import CLIENT_ONLY, SERVER, normalise_locale
from tests.external.postgresql_server import PostgresqlServer, make_folder, run_as_owner
from tests.fakes.spec_texts import change_spec, find_problems

pytestmark = pytest.mark.external


def test_encodings_are_those_of_the_server() -> None:
    """It lists its own; those above KOI8U are for clients only (its pg_wchar.h)."""
    with make_folder() as folder:
        server = PostgresqlServer(folder, "--auth=trust", "--no-locale")
        server.start(f"-c listen_addresses='' -c unix_socket_directories='{folder}'")
        try:
            statement = "select pg_encoding_to_char(number) from generate_series(0, 60) number"
            listed = server.run("psql", "-h", folder, "-d", "postgres", "-XAtc", statement).split()
        finally:
            server.stop()
    last = listed.index("KOI8U") + 1
    assert set(listed[:last]) == set(SERVER)
    assert set(listed[last:]) == set(CLIENT_ONLY)


@pytest.mark.parametrize(
    ("locale", "encoding"),
    [("C.UTF-8", "UTF8"), ("C.UTF-8", "LATIN1"), ("C", "KOI8R"), ("C", "NOPE"), ("xx_YY.UTF-8", "UTF8")],
)
def test_initdb_takes_what_the_check_takes(locale: str, encoding: str) -> None:
    """A locale that the system lacks is the one thing that only the machine can tell."""
    known = subprocess.run(["locale", "-a"], check=True, capture_output=True, text=True).stdout.split()
    text = change_spec(more=f"postgresql: {{locale: {locale}, encoding: {encoding}}}\n")
    is_fine = not find_problems(text) and normalise_locale(locale) in known
    with make_folder() as folder:
        done = run_as_owner(
            "initdb", "-D", folder / "data", "--no-sync", f"--locale={locale}", f"--encoding={encoding}"
        )
    assert is_fine == (done.returncode == 0), done.stderr
