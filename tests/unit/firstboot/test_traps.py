"""Every trap of the reference notes that concerns the node; each test has the trap's name.

Traps of the disks are in test_storage.py.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from generator.firstboot.runner import EXIT_REFUSED
from generator.firstboot.stages.consul import ConsulStage
from tests.fakes.fake_patroni import write_member
from tests.fakes.firstboot_runs import boot, run
from tests.fakes.node_documents import ACL, GOSSIP_KEY, SECRETS, make_document, write_document

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.fake_machine import FakeMachine
    from tests.fakes.firstboot_runs import Run


def verbs(fake: FakeMachine, unit: str) -> list[str]:
    """Return what systemctl was asked to do with a unit."""
    return [call[1] for call in fake.calls if call[0] == "systemctl" and call[-1] == unit]


def stop_at(fake: FakeMachine, stage: str, cause: str) -> Run:
    """Run until a stage fails for a cause."""
    result = run(fake)
    assert result.code == 1, result.log.getvalue()
    assert (result.failure["stage"], result.failure["cause"]) == (stage, cause), result.failure
    return result


def journal(fake: FakeMachine, unit: str, text: str) -> None:
    """Let a unit's log say something."""
    fake.state.setdefault("journal", {})[unit] = f"start\n{text}\nend\n"
    fake.save()


def break_patroni(fake: FakeMachine, text: str) -> None:
    """Let Patroni stay down and say why."""
    fake.state["patroni_stuck"] = True
    journal(fake, "patroni.service", text)


def test_pg_hba_without_loopback_is_named(fake: FakeMachine) -> None:
    """Reference trap 1."""
    break_patroni(fake, 'FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "postgres"')
    assert "127.0.0.1" in stop_at(fake, "patroni", "patroni-hba").failure["reason"]


def test_nothing_waits_for_units_that_wait_for_this_program(fake: FakeMachine) -> None:
    """Reference traps 2 and 3: services are started with --no-block."""
    assert run(fake).code == 0
    for unit in ("consul.service", "patroni.service", "vip-manager.service"):
        starts = [call for call in fake.calls if call[:2] == ["systemctl", "start"] and call[-1] == unit]
        assert starts
        assert all("--no-block" in call for call in starts)


def break_consul(fake: FakeMachine, text: str) -> None:
    """Let the agent end as soon as it is started, and say something."""
    fake.state["consul_ends"] = True
    journal(fake, "consul.service", text)


@pytest.mark.parametrize("words", ["==> invalid config key tls", "==> some words that nobody expects"])
def test_unknown_configuration_keys_are_named_long_before_the_deadline(fake: FakeMachine, words: str) -> None:
    """Reference trap 5: the agent's own `validate` speaks, at once or after a while."""
    break_consul(fake, words)
    fake.script("consul", 1, "", "Config validation failed: 1 error occurred: invalid config key tls")
    result = stop_at(fake, "consul", "consul-config")
    assert "Config validation failed" in result.failure["reason"]
    stage = next(item for item in result.status["stages"] if item["name"] == "consul")
    assert stage["seconds"] < ConsulStage.deadline / 10


def test_old_words_about_the_configuration_stop_nobody(fake: FakeMachine) -> None:
    """The log still holds what the agent said before its configuration was put right."""
    fake.state["consul_late"] = 12
    journal(fake, "consul.service", "==> invalid config key tls")
    assert run(fake).code == 0
    assert len([call for call in fake.calls if call[0].endswith("consul")]) == 1


def test_data_of_an_agent_that_ran_already_stays_its_own(fake: FakeMachine) -> None:
    """Somebody started it by hand: it is restarted with our configuration, and keeps its identity later."""
    fake.state["units"]["consul.service"] = {"active": True, "enabled": False, "starts": 1}
    fake.save()
    fake.at("/opt/consul").mkdir(parents=True, exist_ok=True)
    fake.at("/opt/consul/node-id").write_text("mine")
    assert run(fake, "agent").code == 0
    boot(fake)
    assert fake.at("/opt/consul/node-id").read_text() == "mine"


def test_an_agent_that_comes_up_is_not_asked_about_its_configuration(fake: FakeMachine) -> None:
    """`consul validate` costs as much as the agent's start."""
    assert run(fake).code == 0
    assert not [call for call in fake.calls if call[0].endswith("consul")]


def test_a_machine_that_refuses_its_disks_still_is_a_consul_server(fake: FakeMachine) -> None:
    """Three servers elect their first leader only when all three are there."""
    fake.add_disk("sdb", 1024, {"TYPE": "xfs"})
    assert run(fake).code == EXIT_REFUSED
    assert fake.state["units"]["consul.service"]["active"]


def test_cloud_init_ends_before_its_copies_are_removed(fake: FakeMachine) -> None:
    """Its last stage reads them; this program runs beside it."""
    for path in ("/etc/cloud", "/run/cloud-init"):
        fake.at(path).mkdir(parents=True, exist_ok=True)
    copy = fake.at("/var/lib/cloud/instances/i/obj.pkl")
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text("x")
    fake.at("/run/cloud-init/enabled").touch()
    result = run(fake)
    assert (result.failure["stage"], result.failure["cause"]) == ("seal", "seal-failed")
    assert "cloud-init has not ended" in result.failure["reason"]
    assert copy.exists()
    fake.at("/run/cloud-init/result.json").write_text("{}")
    assert run(fake).code == 0
    assert not copy.exists()


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


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("memberlist: Failed to decrypt: No installed keys could decrypt the message", "gossip-key"),
        ("Multiple private IPv4 addresses found. Please configure one with 'bind'", "consul-address"),
        ("bind: cannot assign requested address", "consul-address"),
        ("Node name pg1 is reserved by node 1234 with name pg1", "consul-name-taken"),
        ("error: refusing to rejoin cluster because server has been offline", "consul-too-old"),
        ("x509: certificate has expired or is not yet valid", "consul-tls"),
        ("No cluster leader", "consul-no-leader"),
    ],
)
def test_log_texts_of_consul_become_causes(fake: FakeMachine, text: str, cause: str) -> None:
    """Gossip key mismatch (traps.md 23), ambiguous address (25, reference 16 and 17), and others."""
    fake.state["consul_leader"] = ""
    journal(fake, "consul.service", text)
    assert text in stop_at(fake, "consul", cause).failure["reason"]


def test_stored_gossip_keyring_wins_over_the_configuration(fake: FakeMachine) -> None:
    """traps.md 23: a ring without our key is moved aside before the first start, ours is kept."""
    ring = fake.at("/opt/consul/serf/local.keyring")
    ring.parent.mkdir()
    ring.write_text('["b3RoZXI="]')
    fake.at("/var/lib/holster").mkdir(parents=True)
    fake.at("/var/lib/holster/consul-started").write_text("before")
    assert run(fake, "consul").code == 0
    assert [path.name[:20] for path in ring.parent.iterdir()] == ["local.keyring.before"]
    ring.write_text(json.dumps([GOSSIP_KEY]))
    boot(fake)
    assert ring.exists()


def test_cloned_identity(fake: FakeMachine) -> None:
    """traps.md 18: state of an agent that ran in the image is moved aside once, our own never."""
    node_id = fake.at("/opt/consul/node-id")
    node_id.write_text("cloned")
    assert run(fake, "consul").code == 0
    assert not node_id.exists()
    node_id.write_text("own")
    boot(fake)
    assert node_id.read_text() == "own"


def test_clock_not_synchronised_at_first_boot(fake: FakeMachine) -> None:
    """traps.md 35, reference trap 19: a bounded wait, then a warning, never a block."""
    fake.state["synchronised"] = False
    fake.save()
    result = run(fake)
    assert result.code == 0
    assert any("not synchronised" in warning for warning in result.status["warnings"])
    assert 15 <= result.status["stages"][1]["seconds"] <= 30


def test_vip_stays_on_the_old_node(fake: FakeMachine) -> None:
    """Reference trap 6: an address without the role is seen and named."""
    fake.script("ip", 0, "2: enp1s0    inet 192.0.2.11/24 x\n2: enp1s0    inet 192.0.2.100/24 x\n")
    fake.state["leads"] = False
    fake.save()
    assert "not the leader" in stop_at(fake, "vip", "vip-wrong").failure["reason"]


def test_interface_names_differ(fake: FakeMachine) -> None:
    """traps.md 14: the interface is found by its address and given to vip-manager."""
    document = make_document()
    document["network"]["interface"] = "eth0"
    write_document(fake, document)
    result = run(fake)
    assert result.code == 0
    assert fake.at("/etc/holster/vip-manager.env").read_text() == "VIP_INTERFACE=enp1s0\n"
    assert any("enp1s0, not on eth0" in warning for warning in result.status["warnings"])


def test_vip_manager_without_support_for_the_mode_is_named(fake: FakeMachine) -> None:
    """Vip manager without support for the mode is named."""
    fake.state["vip_answers"] = False
    journal(fake, "vip-manager.service", "endpoint type not supported")
    stop_at(fake, "vip", "vip-unsupported")


def test_seed_ejected_while_the_datasource_is_pinned(fake: FakeMachine) -> None:
    """Reference trap 13: cloud-init is off before the machine counts as ready."""
    assert run(fake).code == 0
    assert fake.at("/etc/cloud/cloud-init.disabled").exists()


def test_secrets_left_behind(fake: FakeMachine) -> None:
    """Reference trap 21, traps.md 19: copies of the payload are removed when the machine is ready."""
    for path in ("/root/original-ks.cfg", "/var/log/anaconda/ks-script-abc.log"):
        fake.at(path).parent.mkdir(parents=True, exist_ok=True)
        fake.at(path).write_text(GOSSIP_KEY)
    assert run(fake).code == 0
    for path in (
        "/root/original-ks.cfg",
        "/var/log/anaconda/ks-script-abc.log",
        "/var/lib/cloud/instances/i/user-data.txt",
    ):
        assert not fake.at(path).exists()


def test_a_failed_first_boot_keeps_the_copies(fake: FakeMachine) -> None:
    """A failed first boot keeps the copies."""
    fake.state["alive"] = 2
    fake.save()
    assert "2 of 3 Consul agents" in stop_at(fake, "verify", "not-ready").failure["reason"]
    assert fake.at("/var/lib/cloud/instances/i/user-data.txt").exists()
    assert not fake.at("/var/lib/holster/sealed").exists()


def test_write_files_owner_unknown(fake: FakeMachine) -> None:
    """traps.md 15: files arrive as root's; the program names a missing user, and hands over what it has."""
    fake.at("/etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    reason = stop_at(fake, "preflight", "machine-unfit").failure["reason"]
    assert "the user consul is missing" in reason
    assert "the user postgres is missing" in reason


def test_interrupted_delivery_is_repaired_from_the_seed_once(fake: FakeMachine) -> None:
    """Reference trap 15 and design promise 5: half of a payload is found by its digest."""
    fake.state["seed"] = {"/etc/patroni/patroni.yml": "scope: demo\n"}
    fake.save()
    fake.at("/var/lib/cloud/instance").mkdir(parents=True)
    fake.at("/etc/patroni/patroni.yml").write_text("scope: de")
    assert run(fake, "preflight").code == 0
    assert [call for call in fake.calls if call[0] == "cloud-init"] == [
        ["cloud-init", "single", "--name", "write_files", "--frequency", "always"]
    ]


def test_interrupted_delivery_without_a_seed_is_named(fake: FakeMachine) -> None:
    """Interrupted delivery without a seed is named."""
    fake.at("/etc/patroni/patroni.yml").write_text("scope: de")
    fake.at("/etc/consul.d/consul.hcl").unlink()
    reason = stop_at(fake, "preflight", "payload-incomplete").failure["reason"]
    assert "/etc/patroni/patroni.yml differs" in reason
    assert "/etc/consul.d/consul.hcl was not delivered" in reason


def test_the_services_start_by_themselves_only_after_the_seal(fake: FakeMachine) -> None:
    """A power cut before that goes through the stages again, in their order."""
    assert run(fake, "verify").code == 0
    units = ("consul.service", "patroni.service", "vip-manager.service", "holster-storage.service")
    assert not any(fake.state["units"][unit]["enabled"] for unit in units)
    assert run(fake).code == 0
    assert all(fake.state["units"][unit]["enabled"] for unit in units)


def test_the_distribution_s_postgresql_is_disabled(fake: FakeMachine) -> None:
    """Reference §2.5: a server that the package started keeps the port and the directory."""
    assert run(fake, "system").code == 0
    assert fake.state["units"]["postgresql.service"] == {"active": False, "enabled": False, "starts": 1}


def test_units_that_are_disabled_already_are_left_alone(fake: FakeMachine) -> None:
    """Each `disable` and each reading of all units costs seconds of the first boot."""
    assert run(fake, "system").code == 0
    fake.forget_calls()
    assert run(fake).code == 0
    calls = [call for call in fake.calls if call[0] == "systemctl"]
    assert not [call for call in calls if call[1] == "disable"]
    # Once, after the seal: until then systemd would tell the first administrator that units changed.
    assert [number for number, call in enumerate(calls) if call[1] == "daemon-reload"] == [len(calls) - 1]
    assert [call[2] for call in calls if call[1] == "enable" and "patroni.service" in call] == ["--no-reload"]


def test_units_that_changed_under_systemd_are_read_again(fake: FakeMachine) -> None:
    """A payload that was delivered again, or one that systemd does not tell about."""
    for state in ("yes", "unknown"):
        fake.state["shown"] = {"NeedDaemonReload": state}
        fake.save()
        fake.forget_calls()
        assert run(fake, "system").code == 0
        assert ["systemctl", "daemon-reload"] in fake.calls


def test_a_unit_of_the_distribution_does_not_win_over_ours(fake: FakeMachine) -> None:
    """The manager knows Debian's patroni.service already; it must see the one of the payload."""
    path = "/etc/systemd/system/patroni.service"
    fake.at(path).parent.mkdir(parents=True, exist_ok=True)
    fake.at(path).write_text("[Service]\n")
    document = make_document()
    digest = hashlib.sha256(fake.at(path).read_bytes()).hexdigest()
    unit = {"path": path, "owner": "root", "group": "root", "mode": "0644", "sha256": digest, "secret": False}
    document["files"].append(unit)
    write_document(fake, document)
    for shown, is_read in ((f"/usr/lib/{path[5:]}", True), (path, False)):
        fake.state["shown"] = {"FragmentPath": shown}
        fake.save()
        fake.forget_calls()
        result = run(fake, "system")
        assert result.code == 0, result.log.getvalue()
        assert (["systemctl", "daemon-reload"] in fake.calls) is is_read


@pytest.mark.parametrize("before", ["/usr/share/zoneinfo/UTC", "../usr/share/zoneinfo/Europe/Moscow", None])
def test_the_zone_is_set_before_cloud_init_comes_to_it(fake: FakeMachine, before: str | None) -> None:
    """The zone is written down by initdb; `timedatectl` starts a service for it, which takes seconds."""
    link = fake.at("/etc/localtime")
    link.unlink(missing_ok=True)
    if before is not None:
        link.symlink_to(before)
    assert run(fake, "system").code == 0
    assert str(link.readlink()) == "../usr/share/zoneinfo/Europe/Moscow"
    assert not [call for call in fake.calls if call[0] == "timedatectl" and "set-timezone" in call]


def test_the_journal_is_not_read_at_every_look(fake: FakeMachine) -> None:
    """Reading it costs more than the look that it explains; the cause is still found at the end."""
    fake.script("journalctl", 0, "waiting on consul\n")
    fake.state["patroni_stuck"] = True
    fake.save()
    failure = run(fake).failure
    assert failure["cause"] == "patroni-waits-for-consul"
    reads = [call for call in fake.calls if call[0] == "journalctl" and "patroni.service" in call]
    assert 2 <= len(reads) <= 5


def test_a_changed_payload_restarts_what_reads_it(fake: FakeMachine) -> None:
    """A changed payload restarts what reads it."""
    assert run(fake, "vip").code == 0
    document = make_document()
    fake.at("/etc/patroni/patroni.yml").write_text("scope: demo # changed\n")
    document["files"] = [item for item in document["files"] if "patroni" not in item["path"]]
    write_document(fake, document)
    fake.forget_calls()
    assert run(fake, "vip").code == 0
    assert "restart" in verbs(fake, "patroni.service")
    assert "restart" not in verbs(fake, "consul.service")


@pytest.mark.parametrize("status", [403, 404])
def test_acl_missing_answers_403_or_404(fake: FakeMachine, status: int) -> None:
    """Reference §1.4: both mean that a policy or token does not exist."""
    fake.state["missing_status"] = status
    fake.save()
    assert run(fake, "acl").code == 0
    assert sorted(fake.state["tokens"]) == ["agent_token", "patroni_token", "vip_token"]
    assert fake.state["policies"]["patroni-demo"]["Rules"] == "key_prefix"


def test_acl_is_made_by_the_server_that_leads_first(fake: FakeMachine) -> None:
    """Every request costs all servers time; the others begin when it did not help, and look first."""
    fake.state["consul_leader"] = "192.0.2.12:8300"
    fake.save()
    result = run(fake, "acl")
    assert result.code == 0
    acl = next(stage for stage in result.status["stages"] if stage["name"] == "acl")
    # The leader of this test does nothing; so this server begins after the head start.
    assert acl["seconds"] >= 20
    assert fake.state["tokens"]
    acl = next(stage for stage in run(fake, "acl").status["stages"] if stage["name"] == "acl")
    assert acl["seconds"] < 5


def test_acl_that_the_leader_has_just_made_is_not_compared(fake: FakeMachine) -> None:
    """Twenty questions of each server, while the leader starts PostgreSQL."""
    fake.state.update(consul_leader="192.0.2.12:8300", leader_makes_after=4)
    fake.save()
    assert run(fake, "acl").code == 0
    assert fake.state["policies"] == {}
    # A later run compares: the policies of this payload may be newer.
    assert run(fake, "acl").code == 0
    assert fake.state["policies"]


def test_acl_policy_of_an_older_render_gets_its_new_rules(fake: FakeMachine) -> None:
    """Acl policy of an older render gets its new rules."""
    assert run(fake, "acl").code == 0
    acl = {**ACL, "policies": [{"name": "patroni-demo", "description": "d", "rules": "new"}]}
    fake.at("/etc/holster/acl.json").write_text(json.dumps(acl))
    assert run(fake, "acl").code == 0
    assert fake.state["policies"]["patroni-demo"]["Rules"] == "new"


def test_tokens_of_another_render_are_named(fake: FakeMachine) -> None:
    """Tokens of another render are named."""
    assert run(fake, "acl").code == 0
    acl = {**ACL, "tokens": [{**ACL["tokens"][0], "secret_id": "another"}]}  # type: ignore[index]
    fake.at("/etc/holster/acl.json").write_text(json.dumps(acl))
    stop_at(fake, "acl", "acl-failed")


def test_a_machine_that_is_no_server_waits_for_its_token(fake: FakeMachine) -> None:
    """A machine that is no server waits for its token."""
    document = make_document()
    document["roles"] = ["postgres"]
    write_document(fake, document)
    assert "token of the Consul agent" in stop_at(fake, "acl", "acl-token").failure["reason"]


def test_watchdog_required_and_absent(fake: FakeMachine) -> None:
    """traps.md 30: `required` stops in words, `automatic` goes on with a warning."""
    document = make_document()
    document["system"]["watchdog"] = "automatic"
    write_document(fake, document)
    fake.script("modprobe", 1, "", "modprobe: FATAL: Module softdog not found")
    result = run(fake, "system")
    assert result.code == 0
    assert any("softdog not found" in warning for warning in result.status["warnings"])
    document["system"]["watchdog"] = "required"
    write_document(fake, document)
    stop_at(fake, "system", "watchdog-missing")


def give_watchdog(fake: FakeMachine, wanted: str, vendor: str = "Dell Inc.", **facts: str) -> None:
    """Let udev have linked a watchdog of which sysfs tells this."""
    document = make_document()
    document["system"]["watchdog"] = wanted
    write_document(fake, document)
    known = {"timeout": "30", "nowayout": "0", "bootstatus": "0", **facts}
    for path, text in {
        "/dev/watchdog1": "",
        "/sys/class/dmi/id/sys_vendor": f"{vendor}\n",
        **{f"/sys/class/watchdog/watchdog1/{name}": f"{text}\n" for name, text in known.items()},
    }.items():
        fake.at(path).parent.mkdir(parents=True, exist_ok=True)
        fake.at(path).write_text(text)
    fake.at("/dev/holster-watchdog").symlink_to("watchdog1")


def test_the_first_boot_says_which_watchdog_it_is(fake: FakeMachine) -> None:
    """And that it has reset the machine, if it has."""
    give_watchdog(fake, "required", identity="i6300ESB timer", bootstatus="32")
    result = run(fake, "system")
    assert result.code == 0
    assert "watchdog: i6300ESB timer (/dev/watchdog1), timeout 30 s, nowayout 0" in result.log.getvalue()
    assert "which reset this machine" in result.log.getvalue()
    assert not [text for text in result.status["warnings"] if "watchdog" in text]


def test_softdog_is_said_to_be_the_kernel_s(fake: FakeMachine) -> None:
    """It is better than none."""
    give_watchdog(fake, "required", identity="Software Watchdog")
    result = run(fake, "system")
    assert result.code == 0
    assert "it acts only while the kernel runs" in result.log.getvalue()


@pytest.mark.parametrize(("vendor", "is_doubtful"), [("QEMU", True), ("Dell Inc.", False)])
def test_a_watchdog_that_may_not_reset_is_refused(
    fake: FakeMachine, vendor: str, *, is_doubtful: bool
) -> None:
    """Seen in the lab: opened, fed, run out, and nothing happened."""
    give_watchdog(fake, "automatic", vendor, identity="iTCO_wdt")
    warnings = run(fake, "system").status["warnings"]
    assert any("without a reset" in text for text in warnings) is is_doubtful
    fake.at("/dev/holster-watchdog").unlink()
    give_watchdog(fake, "required", vendor, identity="iTCO_wdt")
    if is_doubtful:
        stop_at(fake, "system", "watchdog-missing")
    else:
        assert run(fake, "system").code == 0


def demand_selinux(fake: FakeMachine) -> Path:
    """Let the payload want an enforcing machine; return where its configuration file is."""
    document = make_document()
    document["platform"]["has_selinux"] = True
    document["system"]["selinux"] = "enforcing"
    write_document(fake, document)
    config = fake.at("/etc/selinux/config")
    config.parent.mkdir(parents=True)
    return config


def test_selinux_on_non_default_paths(fake: FakeMachine) -> None:
    """traps.md 34: labels are ruled and restored on the mounted volumes; repeating changes nothing."""
    demand_selinux(fake)
    assert run(fake).code == 0
    boot(fake)
    assert fake.state["fcontext"] == {"/pgdata(/.*)?": "postgresql_db_t", "/pgwal(/.*)?": "postgresql_db_t"}
    assert ["setenforce", "1"] in fake.calls


def test_the_selinux_mode_outlives_the_reboot(fake: FakeMachine) -> None:
    """An image that says permissive: setenforce alone would hold until the next boot."""
    config = demand_selinux(fake)
    config.write_text("# mode\nSELINUX=permissive\nSELINUXTYPE=targeted\n")
    assert run(fake).code == 0
    assert config.read_text() == "# mode\nSELINUXTYPE=targeted\nSELINUX=enforcing\n"


def test_a_system_without_selinux_is_not_made_enforcing(fake: FakeMachine) -> None:
    """Its files have no labels: it would not boot any more."""
    config = demand_selinux(fake)
    config.write_text("SELINUX=disabled\n")
    fake.script("selinuxenabled", 1)
    result = run(fake)
    assert result.code == 0
    assert config.read_text() == "SELINUX=disabled\n"
    assert any("fixfiles onboot" in warning for warning in result.status["warnings"])


def test_secrets_are_in_no_log_status_or_argument(fake: FakeMachine) -> None:
    """Secrets are in no log status or argument."""
    secrets = {*SECRETS.values(), GOSSIP_KEY}
    result = run(fake)
    assert result.code == 0
    shown = [result.log.getvalue(), json.dumps(fake.calls), fake.at("/etc/issue.d/holster.issue").read_text()]
    shown += [path.read_text() for path in fake.at("/var/lib/holster").iterdir() if path.is_file()]
    for secret in secrets:
        assert not any(secret in text for text in shown)
