"""A standalone server becomes a cluster: its data lies on the first member's volumes, the others copy it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.external.test_firstboot_cluster import (  # noqa: F401 -- fixtures
    FIRSTBOOT,
    NAMES,
    READY_SECONDS,
    Cluster,
    check_ready,
    cluster,
    postgresql,
    run_sql,
    start,
    vip_manager,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.machines import TestMachine

pytestmark = pytest.mark.external

BIN = "/usr/lib/postgresql/{major}/bin"
# As a server stands that somebody made years ago: its own settings, which must not outlive the change.
MAKE = """set -e
export PATH={bin}:$PATH
mkdir -p /srv/old /run/old && chown postgres: /srv/old /run/old
as() {{ runuser -u postgres -- "$@"; }}
as initdb -D /srv/old/main {initdb} >/dev/null
cat >>/srv/old/main/postgresql.conf <<'END'
port = 5499
listen_addresses = 'localhost'
unix_socket_directories = '/run/old'
max_connections = 321
hba_file = '/srv/old/main/pg_hba.conf'
wal_level = minimal
max_wal_senders = 0
logging_collector = on
{more}
END
as pg_ctl -D /srv/old/main -w -l /srv/old/log start >/dev/null
as psql -qX -h /run/old -p 5499 {user} postgres <<'END'
create role app login password 'kept';
create database shop owner app;
\\c shop
create table goods as select number from generate_series(1, 1000) number;
alter system set work_mem = '7MB';
END
as pg_ctl -D /srv/old/main -m {mode} stop >/dev/null
"""
# The procedure of docs/first-boot.md, once the volumes are mounted.
COPY = """set -e
cp -a /srv/old/main /pgdata/{major}/data
mv /pgdata/{major}/data/pg_wal /pgwal/{major}/pg_wal
ln -s /pgwal/{major}/pg_wal /pgdata/{major}/data/pg_wal
chown -R postgres: /pgdata/{major} /pgwal/{major}
"""
# Of a server that runs on, as Debian makes them: its configuration is not among its data.
BACKUP = """set -e
export PATH={bin}:$PATH
as() {{ runuser -u postgres -- "$@"; }}
as pg_ctl -D /srv/old/main -w -l /srv/old/log start >/dev/null
as pg_basebackup -h /run/old -p 5499 --checkpoint=fast --wal-method=stream \\
    --waldir=/pgwal/{major}/pg_wal -D /pgdata/{major}/data
rm /pgdata/{major}/data/*.conf
as psql -qX -h /run/old -p 5499 -c 'insert into goods values (0)' shop
as pg_ctl -D /srv/old/main stop >/dev/null
"""


def make_old_server(machine: TestMachine, major: str, **settings: Any) -> None:
    """Make a standalone server on a machine, with rows, and stop it."""
    words = {"initdb": "", "user": "", "mode": "fast", "more": "", **settings}
    machine.ask("sh", "-c", MAKE.format(bin=BIN.format(major=major), **words))


def adopt(machine: TestMachine, major: str, script: str) -> None:
    """Put its data onto the volumes that the first boot makes, as documented."""
    machine.ask(FIRSTBOOT, "run", "--until", "storage")
    machine.ask("sh", "-c", script.format(bin=BIN.format(major=major), major=major))


def wait_for_words(cluster: Cluster, words: str) -> None:  # noqa: F811
    """Wait until the members without data say something; they must not make an empty database."""
    deadline = time.monotonic() + READY_SECONDS
    while any(words not in str(machine.status()) for machine in cluster.machines):
        assert time.monotonic() < deadline, cluster.logs()
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("settings", "script"),
    [
        pytest.param({"initdb": "-U boss", "user": "-U boss"}, COPY, id="another superuser"),
        pytest.param({"mode": "immediate", "initdb": "--locale=C --encoding=SQL_ASCII"}, COPY, id="crashed"),
        pytest.param({"more": "wal_level = replica\nmax_wal_senders = 5"}, BACKUP, id="copied while it runs"),
    ],
)
def test_data_of_a_standalone_server_becomes_the_cluster(
    cluster: Cluster,  # noqa: F811
    start: Callable[..., None],  # noqa: F811
    postgresql: str,  # noqa: F811
    settings: dict[str, str],
    script: str,
) -> None:
    """Rows, roles and databases are kept; access and settings are the cluster's; the others copy it."""
    start("1.13")
    first = cluster.machines[0]
    make_old_server(first, postgresql, **settings)
    adopt(first, postgresql, script)
    cluster.boot()
    wait_for_words(cluster, "hold a database")
    assert "Consul knows no cluster" in str(first.status())
    first.ask("touch", "/var/lib/holster/lead")
    assert cluster.wait() == dict.fromkeys(NAMES, 0), cluster.logs()
    assert check_ready(cluster, postgresql) is first
    for machine in cluster.machines:
        found = run_sql(machine, postgresql, "select count(*) from pg_roles where rolname = 'app'")
        assert found.split() == ["1"]
        rows = machine.ask(
            *("runuser", "-u", "postgres", "--", f"{BIN.format(major=postgresql)}/psql", "-qXAt"),
            *("-c", "select count(*) from goods", "shop"),
        )
        assert rows.split() == ["1000"]
    shown = run_sql(first, postgresql, "show hba_file; show port; show logging_collector").split()
    assert shown == [f"/pgdata/{postgresql}/data/pg_hba.conf", "5432", "off"]
