"""Data that lay on the volumes before the first boot: adopted, or every reason named; nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.fakes import fake_patroni
from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import Run, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes.fake_machine import FakeMachine

LEAD = "/var/lib/holster/lead"
OWN = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")


@pytest.fixture
def standalone(fake: FakeMachine) -> FakeMachine:
    """Return a machine whose volumes hold the data of a server that stood alone."""
    assert run(fake, "acl").code == 0
    fake_patroni.fill(fake)
    data = fake.at(fake_patroni.DATA)
    (data / "postgresql.base.conf").unlink()
    for name in OWN:
        (data / name).write_text("old\n")
    return fake


def try_patroni(fake: FakeMachine) -> Run:
    """Run until the stage patroni is over; never has data gone."""
    before = {
        path.name: path.read_bytes() for path in fake.at(fake_patroni.DATA).rglob("*") if path.is_file()
    }
    result = run(fake, "patroni")
    after = [path.read_bytes() for path in fake.at(fake_patroni.DATA).rglob("*") if path.is_file()]
    assert not [name for name, content in before.items() if content not in after]
    fake.load()
    return result


def list_starts(fake: FakeMachine) -> list[list[str]]:
    """Return the starts of Patroni."""
    return [call for call in fake.calls if call[:2] == ["systemctl", "start"] and "patroni" in call[-1]]


def test_a_standalone_server_begins_the_cluster(standalone: FakeMachine) -> None:
    """Its settings are put aside, PostgreSQL runs alone once, and then Patroni starts."""
    assert try_patroni(standalone).failure["cause"] == "cluster-unknown"
    assert not list_starts(standalone)
    assert (standalone.at(fake_patroni.DATA) / "postgresql.conf").read_text() == "old\n"
    standalone.at(LEAD).touch()
    result = try_patroni(standalone)
    assert result.code == 0, result.log.getvalue()
    alone = [call for call in standalone.calls if "--single" in call]
    assert len(alone) == 1
    assert alone[0][alone[0].index("-D") + 1] == fake_patroni.DATA
    assert "wal_level=replica" in alone[0]
    assert 'alter role "postgres" superuser login' in standalone.state["inputs"][0]
    data = standalone.at(fake_patroni.DATA)
    assert all((data / f"{name}.standalone").read_text() == "old\n" for name in OWN)
    assert (data / "postgresql.conf").read_text().startswith("#")
    assert not (data / "postgresql.auto.conf").exists()
    assert any(
        "postgresql.conf.standalone" in text or "*.standalone" in text for text in result.status["warnings"]
    )


def test_without_configuration_files_it_begins_as_well(standalone: FakeMachine) -> None:
    """Debian keeps them elsewhere, and Patroni ends at a postgresql.conf that is not there."""
    for name in OWN:
        (standalone.at(fake_patroni.DATA) / name).unlink()
    standalone.at(LEAD).touch()
    assert try_patroni(standalone).code == 0
    assert (standalone.at(fake_patroni.DATA) / "postgresql.conf").exists()


def test_a_server_that_does_not_start_is_told_in_its_own_words(standalone: FakeMachine) -> None:
    """And the next run tries again: the settings that were put aside are still there."""
    standalone.state["alone_says"] = (
        'FATAL:  could not access file "timescaledb": No such file or directory\n'
    )
    standalone.save()
    standalone.at(LEAD).touch()
    failure = try_patroni(standalone).failure
    assert failure["cause"] == "data-unfit"
    assert "timescaledb" in failure["reason"]
    assert "kept as it is" in failure["hint"]
    assert not list_starts(standalone)
    standalone.state["alone_says"] = ""
    standalone.save()
    assert try_patroni(standalone).code == 0
    assert (standalone.at(fake_patroni.DATA) / "postgresql.conf.standalone").read_text() == "old\n"


def test_a_member_that_follows_adopts_nothing(standalone: FakeMachine) -> None:
    """Where another one leads, Patroni compares the data with the cluster's."""
    for key, value in (("initialize", fake_patroni.SYSTEM_ID), ("leader", "pg2"), ("status", "{}")):
        fake_patroni.write_key(standalone, key, value)
    standalone.save()
    assert try_patroni(standalone).code == 0
    assert not [call for call in standalone.calls if "--single" in call]
    assert (standalone.at(fake_patroni.DATA) / "postgresql.conf").read_text() == "old\n"


def move_wal_back(data: Path) -> None:
    """Have the WAL where initdb makes it."""
    (data / "pg_wal").unlink()
    (data / "pg_wal").mkdir()
    (data / "pg_wal/000000010000000000000001").write_text("wal")


def link_wal(data: Path) -> None:
    """Have the WAL on some other disk."""
    (data / "pg_wal").unlink()
    (data / "pg_wal").symlink_to("/srv/wal")


def lose_tablespace(data: Path) -> None:
    """Have a tablespace that was left behind."""
    (data / "pg_tblspc").mkdir()
    (data / "pg_tblspc/16399").symlink_to("/srv/fast")


UNFIT: dict[str, tuple[Callable[[Path], object], str]] = {
    "an older major": (lambda data: (data / "PG_VERSION").write_text("13\n"), "pg_upgrade"),
    "no PG_VERSION": (lambda data: (data / "PG_VERSION").unlink(), "no PG_VERSION"),
    "WAL inside": (move_wal_back, "pg_wal is a directory: move the WAL into /pgwal/15/pg_wal"),
    "WAL elsewhere": (link_wal, "is a link to /srv/wal"),
    "no WAL": (lambda data: (data / "pg_wal").unlink(), "pg_wal is missing"),
    "a lost tablespace": (lose_tablespace, "should be in /srv/fast, which is not there"),
    "a standby": (lambda data: (data / "standby.signal").touch(), "a standby's copy"),
    "an old standby": (lambda data: (data / "recovery.conf").touch(), "a standby's copy"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_data_that_cannot_be_used_is_kept_and_every_reason_named(standalone: FakeMachine, kind: str) -> None:
    """Before anything starts; also where the operator has said that it shall lead."""
    spoil, words = UNFIT[kind]
    spoil(standalone.at(fake_patroni.DATA))
    standalone.at(LEAD).touch()
    result = try_patroni(standalone)
    assert result.failure["cause"] == "data-unfit"
    assert words in result.failure["reason"]
    assert "kept as it is" in result.failure["hint"]
    assert not [call for call in standalone.calls if "--single" in call]
    assert not list_starts(standalone)
    # The others do not make an empty database meanwhile.
    assert "service/demo/kept/pg1" in standalone.state["keys"]


def test_a_relative_link_to_the_wal_is_a_link_to_it(standalone: FakeMachine) -> None:
    """What it leads to counts, not how it is written."""
    link = standalone.at(fake_patroni.DATA) / "pg_wal"
    link.unlink()
    link.symlink_to("../../../pgwal/15/pg_wal")
    standalone.at(LEAD).touch()
    assert try_patroni(standalone).code == 0


def test_a_tablespace_that_is_there_is_told_to_the_others(standalone: FakeMachine) -> None:
    """pg_basebackup wants the same folder on each member."""
    (standalone.at(fake_patroni.DATA) / "pg_tblspc").mkdir()
    (standalone.at(fake_patroni.DATA) / "pg_tblspc/16399").symlink_to("/srv/fast")
    standalone.at("/srv/fast").mkdir(parents=True)
    standalone.at(LEAD).touch()
    result = try_patroni(standalone)
    assert result.code == 0
    assert [text for text in result.status["warnings"] if "/srv/fast" in text]


def test_files_of_another_user_are_told(standalone: FakeMachine) -> None:
    """A copy that root made: PostgreSQL refuses it."""
    passwd = standalone.at("/etc/passwd")
    passwd.write_text(
        passwd.read_text().replace(f"postgres:x:{os.getuid()}:", f"postgres:x:{os.getuid() + 7}:")
    )
    data = standalone.at(fake_patroni.DATA)
    standalone.at(LEAD).touch()
    result = try_patroni(standalone)
    # Without root the test's own user cannot give files away: the stage before ends first.
    assert result.failure["cause"] in {"data-unfit", "storage-failed", "system-failed"}
    if result.failure["cause"] == "data-unfit":
        assert "chown -R postgres: /pgdata/15 /pgwal/15" in result.failure["reason"]
    assert data.exists()


def test_a_member_without_data_waits_for_one_that_has_some(fake: FakeMachine) -> None:
    """It would make an empty database, and the data could not join it then."""
    fake.state["keys"] = {"service/demo/kept/pg2": "x"}
    fake.save()
    failure = (
        try_patroni(fake).failure if fake.at(fake_patroni.DATA).exists() else run(fake, "patroni").failure
    )
    assert failure["cause"] == "cluster-unknown"
    assert "the volumes of pg2 hold a database" in failure["reason"]
    assert "consul kv delete service/demo/kept/NAME" in failure["reason"]
    assert not list_starts(fake)
    fake.at(LEAD).touch()
    assert run(fake, "patroni").code == 0


def test_a_member_whose_volumes_were_cleared_takes_its_word_back(fake: FakeMachine) -> None:
    """Else all would wait for data that is no more."""
    assert run(fake, "acl").code == 0
    fake.state["keys"] = {"service/demo/kept/pg1": "x"}
    fake.save()
    assert run(fake, "patroni").code == 0
    fake.load()
    assert "service/demo/kept/pg1" not in fake.state["keys"]


def test_the_word_of_a_member_counts_only_while_nobody_leads(fake: FakeMachine) -> None:
    """Once there is a leader, whoever has no data copies its."""
    fake.state["keys"] = {"service/demo/kept/pg2": "x", "service/demo/leader": "pg2"}
    fake.save()
    assert run(fake, "patroni").code == 0


def test_postgresql_s_last_words_are_told_where_data_was_kept(standalone: FakeMachine) -> None:
    """Not the advice to move the data away, which is for a cluster that holds none."""
    (standalone.at(fake_patroni.DATA) / "postgresql.base.conf").touch()
    standalone.at(LEAD).touch()
    death = "FATAL:  could not locate a valid checkpoint record"
    standalone.state.update(
        patroni_stuck=True,
        keys={"service/demo/initialize": "7"},
        journal={
            "patroni.service": f"{death}\nFATAL:  the database system is starting up\n"
            "INFO: waiting for leader to bootstrap\n"
        },
    )
    standalone.save()
    failure = try_patroni(standalone).failure
    assert failure["cause"] == "data-down"
    assert "valid checkpoint record" in failure["reason"]
    assert "kept as it is" in failure["hint"]


def test_a_leader_key_that_no_session_holds_is_told(fake: FakeMachine) -> None:
    """From a restored snapshot or a hand: every member would follow somebody who is not there, for ever."""
    fake.state["keys"] = {"service/demo/leader": "pg9", "service/demo/initialize": "7"}
    fake.state["stale_leader"] = True
    fake.save()
    failure = run(fake, "patroni").failure
    assert failure["cause"] == "leader-stale"
    assert "consul kv delete service/demo/leader" in failure["reason"]


def test_wal_among_the_data_is_told_where_the_wal_volume_is_empty(standalone: FakeMachine) -> None:
    """As a plain copy of a server has it: the pair is refused, and the way out is named."""
    data = standalone.at(fake_patroni.DATA)
    move_wal_back(data)
    shutil.rmtree(standalone.at(fake_patroni.WAL))
    result = run(standalone)
    assert result.failure["cause"] == "volumes-unequal"
    assert "the WAL is in /pgdata/15/data/pg_wal: move it" in result.failure["reason"]


def test_each_change_of_the_adoption_may_be_the_last(standalone: FakeMachine) -> None:
    """A power cut between two renames: the next run goes on, and no file of the old server is lost."""
    standalone.at(LEAD).touch()
    data = standalone.at(fake_patroni.DATA)
    (data / "postgresql.conf").rename(data / "postgresql.conf.standalone")
    (data / "postgresql.conf").write_text("# ours\n")
    (data / "pg_hba.conf").rename(data / "pg_hba.conf.standalone")
    assert try_patroni(standalone).code == 0
    assert all((data / f"{name}.standalone").read_text() == "old\n" for name in OWN)


def test_the_only_member_adopts_without_being_told(standalone: FakeMachine) -> None:
    """There is no other copy."""
    document = make_document()
    document["patroni"]["members"] = 1
    document["peers"] = document["peers"][:1]
    write_document(standalone, document)
    assert json.loads(standalone.at("/etc/holster/node.json").read_text())["patroni"]["members"] == 1
    assert try_patroni(standalone).code == 0
    assert [call for call in standalone.calls if "--single" in call]
