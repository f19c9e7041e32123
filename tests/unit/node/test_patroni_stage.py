"""The stage patroni: traps of the reference notes that concern who begins, and with which data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.fake_patroni import write_member
from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import boot, run
from tests.fakes.stage_runs import journal, stop_at, verbs

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


def break_patroni(fake: FakeMachine, text: str) -> None:
    """Let Patroni stay down and say why."""
    fake.state["patroni_stuck"] = True
    journal(fake, "patroni.service", text)


def test_pg_hba_without_loopback_is_named(fake: FakeMachine) -> None:
    """Reference trap 1."""
    break_patroni(fake, 'FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "postgres"')
    assert "127.0.0.1" in stop_at(fake, "patroni", "patroni-hba").failure["reason"]


def start_bootstrap(fake: FakeMachine) -> None:
    """Let the first boot reach Patroni, which then makes no progress, and cut the power."""
    fake.state["patroni_stuck"] = True
    fake.save()
    assert run(fake).failure["stage"] == "patroni"
    fake.state["patroni_stuck"] = False
    fake.save()


@pytest.mark.parametrize(
    ("files", "leader"),
    [
        (("data/PG_VERSION", "pg_wal/0"), False),
        (("data/PG_VERSION",), False),
        (("data/global/pg_control", "pg_wal/0"), False),
        (("data/PG_VERSION", "pg_wal/0"), True),
    ],
)
def test_interrupted_first_bootstrap(fake: FakeMachine, files: tuple[str, ...], *, leader: bool) -> None:
    """Reference trap 7: what this first boot began and did not end is moved aside and begun again."""
    start_bootstrap(fake)
    fake.state["keys"]["service/demo/initialize"] = "7" if leader else ""
    if leader:
        fake.state["keys"]["service/demo/leader"] = "pg2"
    fake.save()
    for name in files:
        mount = "fs-pgdata" if name.startswith("data") else "fs-pgwal"
        path = fake.folder / mount / "15" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    result = boot(fake)
    assert result.code == 0, result.log.getvalue()
    kept = sorted(path.name for path in (fake.folder / "fs-pgdata/15").iterdir())
    assert kept == ["data", "data.interrupted-1"]
    assert fake.state["keys"]["service/demo/initialize"]
    assert any("interrupted bootstrap" in warning for warning in result.status["warnings"])


def test_data_that_was_there_before_is_never_moved(fake: FakeMachine) -> None:
    """The reverse of trap 7: the same picture without our record is not touched."""
    keep_data(fake, keys={"service/demo/initialize": ""})
    before = sorted(path.name for path in (fake.folder / "fs-pgdata/15").iterdir())
    stop_at(fake, "patroni", "cluster-unknown")
    assert sorted(path.name for path in (fake.folder / "fs-pgdata/15").iterdir()) == before
    assert set(fake.state["keys"]) == {"service/demo/initialize", "service/demo/kept/pg1"}


def keep_data(fake: FakeMachine, keys: dict[str, str]) -> None:
    """Reinstall a sealed machine with its data disks; Consul holds these keys."""
    assert run(fake).code == 0
    fake.at("/var/lib/holster/sealed").unlink()
    # Patroni is not started by systemd before the program looks.
    fake.state["units"]["patroni.service"]["enabled"] = False
    fake.save()
    fake.reboot()
    fake.state["keys"] = dict(keys)
    fake.save()
    fake.forget_calls()


def test_kept_data_begins_only_where_the_operator_says_so(fake: FakeMachine) -> None:
    """Consul lost with the root disks: an older copy that comes first would have the newer ones rewound."""
    keep_data(fake, keys={})
    controls = (
        "Database cluster state:               in archive recovery\nLatest checkpoint's TimeLineID:       3\n"
    )
    fake.script("pg_controldata", 0, controls)
    result = stop_at(fake, "patroni", "cluster-unknown")
    assert "in archive recovery, timeline 3" in result.failure["reason"]
    assert "/var/lib/holster/lead" in result.failure["hint"]
    assert "start" not in verbs(fake, "patroni.service")
    fake.at("/var/lib/holster/lead").touch()
    assert run(fake).code == 0
    assert "start" in verbs(fake, "patroni.service")
    # Said once; another loss of Consul is another decision.
    assert not fake.at("/var/lib/holster/lead").exists()


@pytest.mark.parametrize(
    "keys",
    [
        {"service/demo/initialize": "7000000000000000001", "service/demo/status": "{}"},
        {"service/demo/initialize": "7000000000000000001", "service/demo/optime/leader": "1"},
        {"service/demo/initialize": "", "service/demo/leader": "pg2"},
    ],
)
def test_kept_data_joins_a_cluster_that_consul_knows(fake: FakeMachine, keys: dict[str, str]) -> None:
    """One rebuilt machine, or one that waited for the operator's choice elsewhere."""
    keep_data(fake, keys=keys)
    assert run(fake).code == 0


def test_kept_data_does_not_race_with_the_member_that_was_named(fake: FakeMachine) -> None:
    """That one writes `initialize` first and leads later: an older copy could take the lock in between."""
    keep_data(fake, keys={"service/demo/initialize": "7000000000000000001"})
    stop_at(fake, "patroni", "cluster-unknown")
    assert "start" not in verbs(fake, "patroni.service")


def test_kept_data_of_the_only_member_begins_by_itself(fake: FakeMachine) -> None:
    """There is no newer copy that it could overtake."""
    keep_data(fake, keys={})
    document = make_document()
    document["patroni"]["members"] = 1
    write_document(fake, document)
    fake.state["streaming"] = 0
    fake.save()
    assert run(fake).code == 0


def be_second(fake: FakeMachine) -> None:
    """Let another machine be the first member of the cluster."""
    document = make_document()
    document["peers"].reverse()
    document["deadlines"]["patroni"] = 600
    write_document(fake, document)
    # That machine ends what it began by the time that this one's Patroni looks.
    fake.state["other_ends"] = True
    fake.save()


@pytest.mark.parametrize(("initialize", "waited"), [(None, 30), ("", 300), ("7000000000000000001", 0)])
def test_the_first_member_makes_the_database(fake: FakeMachine, initialize: str | None, waited: int) -> None:
    """The others start when it is made; the first one may be the one that is missing, or die meanwhile."""
    be_second(fake)
    fake.state["keys"] = {} if initialize is None else {"service/demo/initialize": initialize}
    write_member(fake, "pg2", "initializing new cluster", "uninitialized")
    fake.save()
    result = run(fake, "patroni")
    assert result.code == 0, result.log.getvalue()
    stage = next(stage for stage in result.status["stages"] if stage["name"] == "patroni")
    assert waited <= stage["seconds"] < waited + 5


@pytest.mark.parametrize(("accepts", "waited"), [(True, 10), (False, 300)])
def test_on_a_slow_machine_patroni_starts_while_the_first_member_ends(
    fake: FakeMachine, *, accepts: bool, waited: int
) -> None:
    """PostgreSQL listens there: what is left takes less time than Patroni's own start here."""
    be_second(fake)
    fake.state.update(keys={"service/demo/initialize": ""}, peer_accepts=accepts)
    write_member(fake, "pg2", "initializing new cluster", "uninitialized")
    fake.save()
    result = run(fake, "patroni")
    assert result.code == 0, result.log.getvalue()
    stage = next(stage for stage in result.status["stages"] if stage["name"] == "patroni")
    assert waited <= stage["seconds"] < waited + 5


@pytest.mark.parametrize("state", ["stopped", None])
def test_nobody_waits_long_for_a_member_that_does_not_work(fake: FakeMachine, state: str | None) -> None:
    """Its writing of the key was answered with an error; whose it is shows only when all are there."""
    be_second(fake)
    fake.state["keys"] = {"service/demo/initialize": ""}
    if state:
        write_member(fake, "pg2", state, "uninitialized")
    fake.save()
    result = run(fake, "patroni")
    assert result.code == 0, result.log.getvalue()
    stage = next(stage for stage in result.status["stages"] if stage["name"] == "patroni")
    assert 60 <= stage["seconds"] < 65


def test_a_member_with_data_waits_for_no_turn(fake: FakeMachine) -> None:
    """It joins, or leads."""
    be_second(fake)
    keep_data(fake, keys={"service/demo/initialize": "", "service/demo/leader": "pg2"})
    result = run(fake)
    assert result.code == 0
    assert "to make the database" not in result.log.getvalue()


def test_a_consul_without_leader_says_nothing_about_the_bootstrap(fake: FakeMachine) -> None:
    """Reference trap 7: an election at the moment of the question hid the interruption."""
    start_bootstrap(fake)
    fake.state["keys"]["service/demo/initialize"] = ""
    fake.state["kv_without_leader"] = 2
    fake.save()
    for mount, name in (("fs-pgdata", "data/global/pg_control"), ("fs-pgwal", "pg_wal/0")):
        path = fake.folder / mount / "15" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    result = boot(fake)
    assert result.code == 0, result.log.getvalue()
    assert any("interrupted bootstrap" in warning for warning in result.status["warnings"])


def test_a_power_cut_while_a_bootstrap_is_moved_aside(fake: FakeMachine) -> None:
    """Reference trap 7: the empty key is freed by the next run, or everybody waits for ever."""
    start_bootstrap(fake)
    fake.state["keys"]["service/demo/initialize"] = ""
    fake.save()
    note = fake.at("/var/lib/holster/bootstrap.json")
    # As the power cut leaves it after the renames: the directories are gone, the key is not freed.
    note.write_text(json.dumps({**json.loads(note.read_text()), "initialize": 7}))
    deleted: list[str] = []
    answer = fake.web

    def watch(method: str, url: str, token: str | None, body: object) -> tuple[int, str]:
        if method == "DELETE":
            deleted.append(url.rpartition("/v1/")[2])
        return answer(method, url, token, body)

    fake.web = watch  # type: ignore[method-assign]
    assert boot(fake).code == 0
    assert deleted == ["kv/service/demo/initialize?cas=7"]
    assert not note.exists()


def test_missing_roles_after_a_cut_bootstrap_are_named(fake: FakeMachine) -> None:
    """Reference trap 7, second half: replicas would never join."""
    fake.state["db_roles"] = ["postgres"]
    fake.save()
    assert "replicator" in stop_at(fake, "patroni", "patroni-roles-missing").failure["reason"]


def test_waiting_for_leader_to_bootstrap_is_named(fake: FakeMachine) -> None:
    """Reference trap 7, seen from another member."""
    break_patroni(fake, "INFO: waiting for leader to bootstrap")
    stop_at(fake, "patroni", "patroni-waits-for-leader")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "CRITICAL: system ID mismatch, node pg1 belongs to a different cluster: 1 != 2",
            "patroni-other-cluster",
        ),
        ("Can't start; there is already a node named 'pg1' running", "patroni-name-taken"),
        ('pg_basebackup: error: directory "/pgwal/15/pg_wal" exists but is not empty', "patroni-not-empty"),
        (
            "data dir for the cluster is not empty, but system ID is invalid; consider doing reinitialize",
            "patroni-not-empty",
        ),
        ("waiting on consul", "patroni-waits-for-consul"),
        ("ACL not found", "acl-token"),
        ("Permission denied", "acl-policy"),
        ("PatroniFatalException: Failed to bootstrap cluster", "patroni-bootstrap-failed"),
    ],
)
def test_log_texts_of_patroni_become_causes(fake: FakeMachine, text: str, cause: str) -> None:
    """Log texts of patroni become causes."""
    break_patroni(fake, text)
    assert text in stop_at(fake, "patroni", cause).failure["reason"]
