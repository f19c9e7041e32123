"""What a failure can leave of a cluster that is being made: it heals, or the status says what to do.

Outside states: the keys `initialize` and `leader`, the members' own keys, the directories, the unit, the
roles, and what this first boot wrote down.  The table is in docs/first-boot.md.
"""

from __future__ import annotations

import itertools
import json
import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

from generator.node.runner import Runner
from generator.node.stages.patroni import PatroniStage
from tests.fakes import fake_patroni
from tests.fakes.fake_machine import FakeMachine
from tests.fakes.node_documents import make_document, prepare, write_document
from tests.fakes.node_runs import Run, run

if TYPE_CHECKING:
    from collections.abc import Iterator

TTL = 30
DEADLINE = 100
NOTE = "/var/lib/holster/bootstrap.json"
INDEX = 7
"""Index of keys that the test itself wrote."""
FILES = {
    "empty": (),
    "data alone": ("data/PG_VERSION",),
    "half": ("data/PG_VERSION", "pg_wal/0"),
    "whole": ("data/global/pg_control", "pg_wal/0"),
}
OTHERS = {
    "away": None,
    "waits": {"state": "stopped", "role": "uninitialized"},
    "works": {"state": "initializing new cluster", "role": "uninitialized"},
    "works (Patroni 2)": {"state": "initalizing new cluster", "role": "uninitialized"},
    "has data": {"state": "stopped", "role": "replica"},
}


class Left(NamedTuple):
    """What a failure left."""

    initialize: str | None
    leader: bool
    files: str
    other: str
    holds: bool
    runs: bool


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeMachine]:
    """Return a machine whose disks and Consul are ready, for many tests."""
    machine = FakeMachine(tmp_path_factory.mktemp("member"))
    prepare(machine)
    document = make_document()
    document["deadlines"]["patroni"] = DEADLINE
    write_document(machine, document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _descriptor: None)
        patch.setattr("os.sync", lambda: None)
        # To its end: what was started is written down, and is not started again.
        assert run(machine, "patroni").code == 0
        yield machine


def put(machine: FakeMachine, left: Left) -> None:
    """Bring the machine into a state, whatever an earlier test left."""
    for folder in (machine.folder / "fs-pgdata/15", machine.folder / "fs-pgwal/15"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    for name in FILES[left.files]:
        mount = "fs-pgdata" if name.startswith("data") else "fs-pgwal"
        path = machine.folder / mount / "15" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left")
    keys = {"service/demo/config": "{}"}
    if left.initialize is not None:
        keys["service/demo/initialize"] = left.initialize
    if left.leader:
        keys["service/demo/leader"] = "pg2"
    if OTHERS[left.other]:
        keys["service/demo/members/pg2"] = json.dumps(OTHERS[left.other])
    machine.load()
    machine.state.update(keys=keys, indexes={}, failures=[], leads=not left.leader)
    for name in ("lose_deletion", "db_roles", "journal", "rounds"):
        machine.state.pop(name, None)
    machine.state["units"]["patroni.service"] = {"active": left.runs, "enabled": False, "starts": 0}
    held = {"initialize": INDEX} if left.holds else {}
    machine.at(NOTE).write_text(json.dumps({"instance_id": make_document()["instance_id"], **held}))
    machine.save()
    machine.forget_calls()


def run_stage(machine: FakeMachine) -> Run:
    """Run the stage alone."""
    result = Run(machine)
    result.code = Runner(result.open(), [PatroniStage()]).run("patroni")
    machine.load()
    return result


def list_kept(machine: FakeMachine) -> list[str]:
    """Return the content of all files of both volumes."""
    return sorted(
        path.read_text()
        for mount in ("fs-pgdata", "fs-pgwal")
        for path in (machine.folder / mount / "15").rglob("*")
        if path.is_file()
    )


def expect(left: Left) -> str:
    """Return the cause that the stage ends with, nothing where it heals."""
    other_works = left.other.startswith("works")
    if left.files == "whole" and (left.runs or left.leader or left.initialize != ""):
        return ""
    if left.leader or left.initialize is None:
        return ""
    if left.initialize:
        # A made cluster is never unmade: the data is somewhere.
        return "leader-missing" if left.other in {"away", "has data"} else "data-missing"
    if left.files != "empty":
        return "patroni-waits-for-leader" if other_works else ""
    if other_works:
        return "patroni-waits-for-leader"
    return "" if left.holds or left.other == "waits" else "patroni-waits-for-leader"


@pytest.mark.parametrize("initialize", [None, "", "7000000000000000001"], ids=["no key", "empty", "id"])
@pytest.mark.parametrize("files", FILES)
def test_every_state_heals_or_is_named(member: FakeMachine, initialize: str | None, files: str) -> None:
    """And nothing that anybody needs is deleted: no file, no key of a cluster that is made or being made."""
    for leader, other, holds, runs in itertools.product([False, True], OTHERS, [False, True], [False, True]):
        left = Left(initialize, leader, files, other, holds, runs)
        put(member, left)
        before = list_kept(member)
        result = run_stage(member)
        cause = "" if result.code == 0 else result.failure["cause"]
        assert cause == expect(left), f"{left}: {result.log.getvalue()}"
        assert not [word for word in before if list_kept(member).count(word) < before.count(word)], left
        kept = fake_patroni.read_key(member, "initialize")
        if initialize:
            assert kept == initialize, left
        if other.startswith("works") and initialize == "" and not leader and files != "whole":
            assert (kept, member.state["indexes"].get("service/demo/initialize", INDEX)) == ("", INDEX), left
        if cause:
            assert result.failure["reason"], left
            assert result.failure["hint"], left


def list_calls(machine: FakeMachine, verb: str) -> list[list[str]]:
    """Return what systemctl was asked to do with Patroni."""
    return [
        call for call in machine.calls if call[0] == "systemctl" and call[1] == verb and "patroni" in call[-1]
    ]


@pytest.mark.parametrize("rounds", [20, 0], ids=["after initdb", "before initdb"])
@pytest.mark.parametrize("other", ["away", "waits"])
def test_a_lost_deletion_of_the_key_stops_nobody(member: FakeMachine, other: str, rounds: int) -> None:
    """Patroni's bootstrap failed while raft changed its leader: all members waited for ever, in every run.

    Without files of its own, only the members' own words can tell that the key is nobody's.
    """
    put(member, Left(None, leader=False, files="empty", other=other, holds=False, runs=False))
    member.state["failures"] = [rounds]
    member.save()
    result = run_stage(member)
    assert (result.code == 0) is (rounds > 0 or other == "waits"), result.log.getvalue()
    if result.code == 0:
        assert any("nobody worked at" in text for text in result.status["warnings"])
        assert len(list_calls(member, "start")) == 1
    else:
        assert result.failure["cause"] == "patroni-waits-for-leader"


@pytest.mark.parametrize("fault", ["request", "answer"])
def test_our_own_deletion_of_the_key_may_be_lost_too(member: FakeMachine, fault: str) -> None:
    """Sent again: the index makes a second one harmless."""
    put(member, Left("", leader=False, files="half", other="away", holds=False, runs=False))
    member.state["lose_deletion"] = fault
    member.save()
    assert run_stage(member).code == 0
    assert "lose_deletion" not in member.state


def test_a_member_that_was_cut_off_keeps_its_bootstrap(member: FakeMachine) -> None:
    """It is in no list of Consul while it works: nobody but itself may free its key."""
    put(member, Left("", leader=False, files="empty", other="away", holds=False, runs=True))
    assert run_stage(member).failure["cause"] == "patroni-waits-for-leader"
    assert fake_patroni.read_key(member, "initialize") == ""


def test_patroni_s_directories_of_a_failed_bootstrap_are_reported(member: FakeMachine) -> None:
    """They take room on the WAL volume; nothing is deleted."""
    put(member, Left(None, leader=False, files="empty", other="away", holds=False, runs=False))
    left = member.folder / "fs-pgwal/15/pg_wal.failed"
    left.mkdir()
    result = run_stage(member)
    assert result.code == 0
    assert [text for text in result.status["warnings"] if "/pgwal/15/pg_wal.failed" in text]
    assert left.exists()
    assert result.log.getvalue().count("pg_wal.failed") == 1


@pytest.mark.parametrize("state", ["post_bootstrap runs", "no leader yet"])
def test_the_stage_does_not_end_before_the_cluster_is_made(
    member: FakeMachine, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """PostgreSQL serves already: the stage was called done, and a later one failed for a wrong cause."""
    put(member, Left("", leader=False, files="whole", other="works", holds=True, runs=True))
    monkeypatch.setattr(fake_patroni, "_serve", lambda _machine: None)
    if state == "no leader yet":
        member.state["keys"]["service/demo/initialize"] = "7000000000000000001"
        member.save()
    cause = "leader-missing" if state == "no leader yet" else "patroni-waits-for-leader"
    assert run_stage(member).failure["cause"] == cause


@pytest.mark.parametrize("kind", ["fails", "its answer is lost"])
@pytest.mark.parametrize("number", [1, 2])
def test_each_question_of_the_stage_to_postgresql_may_fail_once(
    member: FakeMachine, kind: str, number: int
) -> None:
    """Data of before this first boot: its roles are made and asked for, and asked for again."""
    put(member, Left("7", leader=False, files="whole", other="away", holds=False, runs=True))
    member.at(NOTE).unlink()
    fake_patroni.fill(member)
    document = make_document()
    document["deadlines"]["patroni"] = DEADLINE
    document["patroni"]["roles"] = "/etc/holster/roles.sql"
    write_document(member, document)
    member.state.update(db_roles=["postgres"], sql_fault=[number, kind], sql_calls=0)
    member.save()
    result = run_stage(member)
    assert result.code == 0, result.log.getvalue()
    assert member.state["db_roles"] == fake_patroni.ROLES
    assert member.state["sql_calls"] >= 2
    del member.state["sql_fault"]
    member.save()


@pytest.mark.parametrize("files", ["empty", "whole"])
def test_a_paused_cluster_is_named(member: FakeMachine, files: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patroni copies and starts nothing then: a rebuilt machine would wait for its PostgreSQL in vain."""
    put(member, Left("7", leader=True, files=files, other="away", holds=False, runs=True))
    member.state["keys"]["service/demo/config"] = json.dumps({"pause": True})
    member.save()
    monkeypatch.setattr(fake_patroni, "is_serving", lambda _machine: False)
    monkeypatch.setattr(fake_patroni, "fill", lambda _machine: None)
    monkeypatch.setattr(fake_patroni, "_serve", lambda _machine: None)
    monkeypatch.setattr(FakeMachine, "is_serving", lambda _machine: False)
    failure = run_stage(member).failure
    assert failure["cause"] == "cluster-paused"
    assert "patronictl resume" in failure["hint"]


@pytest.mark.parametrize(
    ("sync", "heirs"),
    [
        ({"leader": "pg2", "sync_standby": "pg3,pg4"}, "pg2, pg3, pg4"),
        ({"leader": "pg2", "sync_standby": None}, "pg2"),
        ({"leader": None, "sync_standby": ""}, ""),
        ([], ""),
    ],
)
def test_who_may_lead_without_a_loss_is_named(member: FakeMachine, sync: object, heirs: str) -> None:
    """The others wait, and rightly so; an operator must know for whom."""
    put(member, Left("7", leader=False, files="empty", other="has data", holds=False, runs=True))
    member.state["keys"]["service/demo/sync"] = json.dumps(sync)
    member.save()
    failure = run_stage(member).failure
    assert failure["cause"] == "leader-missing"
    assert ("only these may lead" in failure["reason"]) is bool(heirs)
    assert heirs in failure["reason"]


@pytest.mark.parametrize("value", ["", "no JSON", "[]", "7", "[" * 5000])
def test_other_keys_may_hold_anything(member: FakeMachine, value: str) -> None:
    """What an earlier cluster, or a hand, left there."""
    put(member, Left(None, leader=False, files="empty", other="away", holds=False, runs=False))
    for name in ("config", "sync", "history", "failover", "members/pg9", "anything/else"):
        member.state["keys"][f"service/demo/{name}"] = value
    member.save()
    assert run_stage(member).code == 0
