"""patroni.yml: the traps of the first bootstrap, and what changes with versions."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import pytest

from generator.postgresql.catalog import find_parameter
from generator.postgresql.values import check_value
from generator.render.parameters import SHARED, local_parameters, shared_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.resolve.cluster import ResolvedCluster
    from tests.unit.render.conftest import Render

PATRONI = "/etc/patroni/patroni.yml"


@pytest.fixture
def patroni(render: Render) -> Callable[..., dict[str, Any]]:
    """Return a function that gives patroni.yml of pg1 with changes of the spec."""

    def read(changes: dict[str, Any] | None = None, node: str = "pg1") -> dict[str, Any]:
        document: dict[str, Any] = render(changes=changes).document(node, PATRONI)
        return document

    return read


def test_trap_01_pg_hba_has_loopback_rules(patroni: Callable[..., dict[str, Any]]) -> None:
    """Patroni connects to 127.0.0.1 when it listens on `*`; without rules every node fails in turn."""
    document = patroni()
    hba = document["bootstrap"]["dcs"]["postgresql"]["pg_hba"]
    assert document["postgresql"]["listen"] == "*:5432"
    for loopback in ("127.0.0.1/32", "::1/128"):
        # Patroni asks for localhost, which is ::1 first on a machine with IPv6: seen in the lab.
        assert f"host all all {loopback} scram-sha-256" in hba
        assert f"host replication replicator {loopback} scram-sha-256" in hba


def first_match(
    hba: list[str], database: str, user: str, address: str, *, with_tls: bool = True
) -> str | None:
    """Return the method of the first host rule that fits, as PostgreSQL decides."""
    kinds = {"host", "hostssl" if with_tls else "hostnossl"}
    for rule in hba:
        kind, databases, users, *rest = rule.split()
        # `all` does not stand for replication connections.
        fits = database in databases.split(",") or (databases == "all" and database != "replication")
        if kind not in kinds or not fits or not {user, "all"} & set(users.split(",")):
            continue
        if ip_address(address) in ip_network(rest[0]):
            return rest[1]
    return None


def test_trap_29_pg_hba_knows_every_member(patroni: Callable[..., dict[str, Any]], render: Render) -> None:
    """Each member may replicate from and rewind to each other; nothing is open to the world."""
    hba = patroni()["bootstrap"]["dcs"]["postgresql"]["pg_hba"]
    for peer in render().cluster.members:
        assert first_match(hba, "replication", "replicator", str(peer.address)) == "scram-sha-256"
        assert first_match(hba, "postgres", "rewind_user", str(peer.address)) == "scram-sha-256"
        assert first_match(hba, "postgres", "postgres", str(peer.address)) == "scram-sha-256"
    assert all("0.0.0.0/0" not in rule and "trust" not in rule for rule in hba)


def test_members_speak_tls_with_each_other(patroni: Callable[..., dict[str, Any]], render: Render) -> None:
    """They verify whom they speak to, by the address that Patroni names; without TLS nobody gets in."""
    document = patroni()
    hba, own = document["bootstrap"]["dcs"]["postgresql"]["pg_hba"], document["postgresql"]["authentication"]
    for peer in render().cluster.members:
        for database, role in (("replication", "replicator"), ("a", "rewind_user"), ("a", "postgres")):
            assert first_match(hba, database, role, str(peer.address), with_tls=False) in {None, "reject"}
    for role in ("replication", "rewind"):
        assert own[role]["sslmode"] == "verify-full"
        assert own[role]["sslrootcert"] == "/etc/holster/tls/ca.pem"
    # Patroni reaches its own PostgreSQL on loopback also when its certificate has ended.
    assert "sslmode" not in own["superuser"]


@pytest.mark.parametrize(
    ("tls", "encrypted", "plain"),
    [
        ("off", "scram-sha-256", "scram-sha-256"),
        ("allowed", "scram-sha-256", "scram-sha-256"),
        ("required", "scram-sha-256", None),
    ],
)
def test_clients_use_tls_as_the_spec_says(
    patroni: Callable[..., dict[str, Any]], tls: str, encrypted: str, plain: str | None
) -> None:
    """Only `required` turns plain clients away; their own roles stay barred with and without TLS."""
    hba = patroni({"postgresql.tls": tls})["bootstrap"]["dcs"]["postgresql"]["pg_hba"]
    client = "192.168.11.77"
    assert first_match(hba, "app", "app", client) == encrypted
    assert first_match(hba, "app", "app", client, with_tls=False) == plain
    for with_tls in (True, False):
        assert first_match(hba, "app", "postgres", client, with_tls=with_tls) == "reject"


@pytest.mark.parametrize(("major", "minimum"), [(11, None), (12, "TLSv1.2"), (18, "TLSv1.2")])
def test_tls_parameters_by_postgresql_version(
    patroni: Callable[..., dict[str, Any]], major: int, minimum: str | None
) -> None:
    """The floor of the protocol came with PostgreSQL 12."""
    local = patroni({"components.postgresql": {"version": major}})["postgresql"]["parameters"]
    assert local["ssl"] == "on"
    assert (local["ssl_cert_file"], local["ssl_key_file"]) == (
        "/etc/holster/tls/server.pem",
        "/etc/holster/tls/server.key",
    )
    assert local.get("ssl_min_protocol_version") == minimum


def test_tls_off_leaves_nothing_of_it(patroni: Callable[..., dict[str, Any]], render: Render) -> None:
    """No key lies on a machine that does not use it; Patroni's is for what members ask each other."""
    document = patroni({"postgresql.tls": "off"})
    assert document["postgresql"]["parameters"]["ssl"] == "off"
    assert all("sslmode" not in role for role in document["postgresql"]["authentication"].values())
    assert all("hostssl" not in rule for rule in document["bootstrap"]["dcs"]["postgresql"]["pg_hba"])
    rendered = render(changes={"postgresql.tls": "off"})
    folder = "nodes/pg1/payload/etc/holster/tls/"
    assert {path.removeprefix(folder) for path in rendered.files if path.startswith(folder)} == {
        "ca.pem",
        "patroni.key",
        "patroni.pem",
    }


def test_clients_get_in_but_not_as_superuser(patroni: Callable[..., dict[str, Any]]) -> None:
    """The client network is for applications."""
    hba = patroni()["bootstrap"]["dcs"]["postgresql"]["pg_hba"]
    assert first_match(hba, "app", "app", "192.168.11.77") == "scram-sha-256"
    assert first_match(hba, "app", "postgres", "192.168.11.77") == "reject"
    assert first_match(hba, "replication", "replicator", "192.168.11.77") is None
    assert first_match(hba, "app", "app", "10.0.0.1") is None


def test_rules_of_the_user_come_before_the_client_networks(patroni: Callable[..., dict[str, Any]]) -> None:
    """The first match wins, so a rule of the user can forbid what the network allows."""
    rule = {"database": "app", "user": "app", "address": "192.168.11.66/32", "method": "reject"}
    hba = patroni({"postgresql.hba": [rule]})["bootstrap"]["dcs"]["postgresql"]["pg_hba"]
    assert first_match(hba, "app", "app", "192.168.11.66") == "reject"
    assert first_match(hba, "app", "app", "192.168.11.67") == "scram-sha-256"
    assert first_match(hba, "replication", "replicator", "192.168.11.181") == "scram-sha-256"


OWN_ROLES = ("postgres", "rewind_user", "replicator")


@pytest.mark.parametrize("users", ["all", "app,all"])
@pytest.mark.parametrize("database", ["all", "replication"])
def test_all_in_a_rule_of_the_user_leaves_out_the_clusters_own_roles(
    patroni: Callable[..., dict[str, Any]], users: str, database: str
) -> None:
    """Such a rule stands before the client networks, whose reject lines it would pass by."""
    rule = {"database": database, "user": users, "address": "10.0.0.0/8"}
    hba = patroni({"postgresql.hba": [rule]})["bootstrap"]["dcs"]["postgresql"]["pg_hba"]
    asked = "replication" if database == "replication" else "app"
    assert {first_match(hba, asked, role, "10.1.2.3") for role in OWN_ROLES} == {"reject"}
    assert first_match(hba, asked, "app", "10.1.2.3") == "scram-sha-256"


def test_members_come_before_a_rule_of_the_user_for_all(
    patroni: Callable[..., dict[str, Any]], render: Render
) -> None:
    """What is barred for clients in the members' own network stays open for the members."""
    rule = {"user": "all", "address": "192.168.11.0/24"}
    hba = patroni({"postgresql.hba": [rule]})["bootstrap"]["dcs"]["postgresql"]["pg_hba"]
    for peer in render().cluster.members:
        assert first_match(hba, "replication", "replicator", str(peer.address)) == "scram-sha-256"
        assert first_match(hba, "postgres", "rewind_user", str(peer.address)) == "scram-sha-256"
        assert first_match(hba, "postgres", "postgres", str(peer.address)) == "scram-sha-256"
    assert first_match(hba, "postgres", "postgres", "192.168.11.77") == "reject"


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        (
            {"type": "hostssl", "database": "app", "user": "all", "method": "cert"},
            [
                "hostssl app postgres,rewind_user,replicator 10.0.0.0/8 reject",
                "hostssl app all 10.0.0.0/8 cert",
            ],
        ),
        (
            {"database": "app", "user": "all,postgres"},
            [
                "host app rewind_user,replicator 10.0.0.0/8 reject",
                "host app all,postgres 10.0.0.0/8 scram-sha-256",
            ],
        ),
        ({"user": "postgres"}, ["host all postgres 10.0.0.0/8 scram-sha-256"]),
        ({"method": "reject"}, ["host all all 10.0.0.0/8 reject"]),
    ],
    ids=["all", "all and a role by name", "a role by name", "reject"],
)
def test_a_rule_for_the_clusters_own_roles_names_them(
    patroni: Callable[..., dict[str, Any]], rule: dict[str, str], lines: list[str]
) -> None:
    """The way to let one of them in; a rule that rejects needs no line before it."""
    changes = {"postgresql.hba": [{**rule, "address": "10.0.0.0/8"}]}
    hba = patroni(changes)["bootstrap"]["dcs"]["postgresql"]["pg_hba"]
    assert [line for line in hba if "10.0.0.0/8" in line] == lines


def test_rules_for_the_socket_come_before_its_general_line(patroni: Callable[..., dict[str, Any]]) -> None:
    """The first match wins; the superuser's own lines, which the first boot needs, stay before all."""
    changes = {"postgresql.hba": [{"type": "local", "database": "app", "user": "all", "method": "peer"}]}
    hba = patroni(changes)["bootstrap"]["dcs"]["postgresql"]["pg_hba"]
    assert [line for line in hba if line.startswith("local")] == [
        "local all postgres peer",
        "local replication postgres peer",
        "local app postgres,rewind_user,replicator reject",
        "local app all peer",
        "local all all scram-sha-256",
        "local replication all scram-sha-256",
    ]


def test_trap_07_one_wal_directory_for_initdb_and_basebackup(patroni: Callable[..., dict[str, Any]]) -> None:
    """Two values would leave a replica with its WAL on the data volume."""
    document = patroni()
    initdb = [entry["waldir"] for entry in document["bootstrap"]["initdb"] if "waldir" in entry]
    basebackup = [entry["waldir"] for entry in document["postgresql"]["basebackup"] if "waldir" in entry]
    assert initdb == basebackup == ["/pgwal/16/pg_wal"]


def test_trap_08_directories_are_below_their_mounts(patroni: Callable[..., dict[str, Any]]) -> None:
    """A mount root holds lost+found: initdb and pg_basebackup refuse it."""
    document = patroni({"storage.data.mount": "/srv/pg/data", "storage.wal.mount": "/srv/pg/wal"})
    assert document["postgresql"]["data_dir"] == "/srv/pg/data/16/data"
    assert document["postgresql"]["basebackup"][0]["waldir"] == "/srv/pg/wal/16/pg_wal"


def test_bootstrap_is_the_same_on_every_member(patroni: Callable[..., dict[str, Any]]) -> None:
    """It counts on the member that wins the initialisation, and nobody knows which that is."""
    assert patroni(node="pg1")["bootstrap"] == patroni(node="pg2")["bootstrap"]


def test_shared_parameters_are_never_local(patroni: Callable[..., dict[str, Any]]) -> None:
    """Patroni drops them silently from the local configuration."""
    changes = {"postgresql.parameters": {"track_commit_timestamp": True, "log_min_duration_statement": 250}}
    document = patroni(changes)
    shared = document["bootstrap"]["dcs"]["postgresql"]["parameters"]
    local = document["postgresql"]["parameters"]
    assert not SHARED & set(local)
    assert shared["track_commit_timestamp"] is True
    assert local["log_min_duration_statement"] == 250
    assert not set(shared) & set(local)


@pytest.mark.parametrize("major", [12, 13, 14, 15, 16, 17, 18])
def test_wal_retention_by_postgresql_version(resolve: Callable[..., ResolvedCluster], major: int) -> None:
    """PostgreSQL 13 renamed wal_keep_segments and added the limit for slots."""
    parameters = shared_parameters(resolve(changes={"components.postgresql": {"version": major}}))
    assert ("wal_keep_size" in parameters) is (major >= 13)
    assert ("wal_keep_segments" in parameters) is (major < 13)
    assert ("max_slot_wal_keep_size" in parameters) is (major >= 13)


def test_wal_keep_segments_hold_at_least_as_much(resolve: Callable[..., ResolvedCluster]) -> None:
    """A segment has 16 MiB; the number is rounded up."""
    changes = {"components.postgresql": {"version": 12}, "postgresql.wal_keep_size": "100MiB"}
    assert shared_parameters(resolve(changes=changes))["wal_keep_segments"] == 7


def test_a_dead_replica_cannot_fill_the_wal_volume(patroni: Callable[..., dict[str, Any]]) -> None:
    """max_slot_wal_keep_size is always set: else PostgreSQL panics when the volume is full."""
    shared = patroni()["bootstrap"]["dcs"]["postgresql"]["parameters"]
    assert shared["max_slot_wal_keep_size"].endswith("MB")


@pytest.mark.parametrize(
    ("version", "has_failsafe"),
    [("2.1.3", False), ("3.0.0", True), ("3.3.2", True), ("4.0.5", True), ("4.1.5", True)],
)
def test_failsafe_mode_by_version(
    patroni: Callable[..., dict[str, Any]],
    version: str,
    has_failsafe: bool,  # noqa: FBT001 -- a column
) -> None:
    """Patroni 3.0 brought it; an unknown key of the DCS would only pretend safety."""
    dcs = patroni({"components.patroni": {"version": version}})["bootstrap"]["dcs"]
    assert dcs.get("failsafe_mode", False) is has_failsafe


def test_roles_are_made_by_patroni_and_not_by_bootstrap_users(patroni: Callable[..., dict[str, Any]]) -> None:
    """`bootstrap.users` was removed in Patroni 4."""
    document = patroni()
    assert "users" not in document["bootstrap"]
    assert set(document["postgresql"]["authentication"]) == {"superuser", "replication", "rewind"}


@pytest.mark.parametrize(
    ("durability", "mode", "strict"),
    [
        ("asynchronous", False, False),
        ("synchronous", True, False),
        ("synchronous-strict", True, True),
        ("quorum", "quorum", False),
    ],
)
def test_trap_33_durability_is_a_choice(
    patroni: Callable[..., dict[str, Any]],
    durability: str,
    mode: object,
    strict: bool,  # noqa: FBT001 -- a column
) -> None:
    """The spec says what a commit survives, and Patroni's two settings follow."""
    dcs = patroni({"durability": durability})["bootstrap"]["dcs"]
    assert dcs["synchronous_mode"] == mode
    assert dcs["synchronous_mode_strict"] is strict


def test_trap_12_the_rest_api_is_plain_and_named(patroni: Callable[..., dict[str, Any]]) -> None:
    """Others come to the node's address, vip-manager to loopback; what changes state needs a password."""
    rest = patroni({"ports.patroni": 8018})["restapi"]
    # One address, in every version of Patroni: only the wildcard has both in it.
    assert rest["listen"] == "0.0.0.0:8018"
    assert rest["connect_address"] == "192.168.11.181:8018"
    assert rest["authentication"]["username"] == "patroni"


def test_trap_12_rest_over_tls_asks_for_a_certificate_where_something_changes(
    patroni: Callable[..., dict[str, Any]], render: Render
) -> None:
    """Whoever looks needs none; members have theirs before the first of them speaks TLS."""
    plain, secure = patroni(), patroni({"patroni.rest_tls": True})
    folder = "/etc/holster/tls"
    assert plain["ctl"] == secure["ctl"]
    assert set(plain["ctl"].values()) == {
        f"{folder}/{name}" for name in ("ca.pem", "patroni.pem", "patroni.key")
    }
    rest = secure["restapi"]
    assert rest["verify_client"] == "optional"
    assert [rest[name] for name in ("cafile", "certfile", "keyfile")] == list(plain["ctl"].values())
    assert {"certfile", "verify_client"}.isdisjoint(plain["restapi"])
    facts = render(changes={"patroni.rest_tls": True}).document("pg1", "/etc/holster/node.json")["patroni"]
    assert (facts["rest"], facts["rest_authority"]) == ("https://192.168.11.181:8008", f"{folder}/ca.pem")


def test_trap_26_no_session_checks(patroni: Callable[..., dict[str, Any]]) -> None:
    """None is Patroni's default; an empty list fails its own validation."""
    assert "checks" not in patroni()["consul"]


def test_archiving_is_off_unless_the_user_sets_it(patroni: Callable[..., dict[str, Any]]) -> None:
    """The original archived to /bin/true: it looked safe and kept nothing."""
    document = patroni()
    shared = document["bootstrap"]["dcs"]["postgresql"]["parameters"]
    assert not {"archive_mode", "archive_command"} & {*shared, *document["postgresql"]["parameters"]}
    chosen = {"archive_mode": "on", "archive_command": "test ! -f /backup/%f && cp %p /backup/%f"}
    local = patroni({"postgresql.parameters": chosen})["postgresql"]["parameters"]
    assert {name: local[name] for name in chosen} == chosen


def test_memory_follows_the_machine(resolve: Callable[..., ResolvedCluster]) -> None:
    """A quarter of the memory is for shared buffers."""
    changes = {"groups.sirius_postgres.nodes.0.memory": "8GiB"}
    nodes = {node.name: node for node in resolve(changes=changes).nodes}
    assert local_parameters(nodes["pg1"])["shared_buffers"] == "2048MB"
    assert local_parameters(nodes["pg2"])["shared_buffers"] == "512MB"
    assert local_parameters(nodes["consul1"]) == {}


def test_worker_processes_are_enough_for_the_largest_member(resolve: Callable[..., ResolvedCluster]) -> None:
    """A standby refuses to start with fewer than its primary, so all get the same."""
    cluster = resolve(changes={"groups.sirius_postgres.nodes.0.cpus": 24})
    assert shared_parameters(cluster)["max_worker_processes"] == 24


def test_senders_and_slots_leave_room(resolve: Callable[..., ResolvedCluster]) -> None:
    """Members, a backup and a rebuild at once."""
    parameters = shared_parameters(resolve())
    assert parameters["max_wal_senders"] == parameters["max_replication_slots"] == 10


def test_huge_pages_are_tried_and_not_demanded(patroni: Callable[..., dict[str, Any]]) -> None:
    """`on` refuses to start when the pool is one page short."""
    assert patroni()["postgresql"]["parameters"]["huge_pages"] == "try"


@pytest.mark.parametrize("mode", ["off", "automatic", "required"])
def test_trap_30_the_watchdog_is_what_the_spec_says(
    patroni: Callable[..., dict[str, Any]], render: Render, mode: str
) -> None:
    """Where it is used, the module is loaded and the device belongs to postgres."""
    assert patroni({"patroni.watchdog": mode})["watchdog"]["mode"] == mode
    files = render(changes={"patroni.watchdog": mode}).files
    for path in ("/etc/udev/rules.d/90-holster-watchdog.rules", "/etc/modules-load.d/holster.conf"):
        assert (f"nodes/pg1/payload{path}" in files) is (mode != "off")
        assert f"nodes/consul1/payload{path}" not in files


def test_what_only_a_standby_reads_goes_where_patroni_takes_it(
    patroni: Callable[..., dict[str, Any]],
) -> None:
    """Among the parameters, Patroni leaves these out of the configuration without a word."""
    commands = {
        "restore_command": "cp /mnt/wal/%f %p",
        "archive_cleanup_command": "pg_archivecleanup /mnt/wal %r",
        "recovery_end_command": "/bin/touch /tmp/x",
    }
    document = patroni({"postgresql": {"parameters": {**commands, "archive_mode": "on"}}})
    assert document["postgresql"]["recovery_conf"] == commands
    assert not set(commands) & set(document["postgresql"]["parameters"])
    assert document["postgresql"]["parameters"]["archive_mode"] == "on"
    assert "recovery_conf" not in patroni()["postgresql"]


@pytest.mark.parametrize("major", range(10, 19))
def test_no_parameter_is_dropped_or_cut(resolve: Callable[..., ResolvedCluster], major: int) -> None:
    """What Holster sets by itself exists in every major, with a value in its range."""
    cluster = resolve(changes={"components.postgresql": {"version": major}})
    for node in cluster.nodes:
        for name, value in {**shared_parameters(cluster), **local_parameters(node)}.items():
            parameter = find_parameter(name, major)
            assert parameter is not None, name
            assert check_value(parameter, value, major) is None, name


def test_tags_slots_and_times_reach_patroni(patroni: Callable[..., dict[str, Any]]) -> None:
    """Per member its tags; for all of them slots, times and the number of synchronous standbys."""
    nodes = "groups.sirius_postgres.nodes"
    slots = {
        "cdc": {"type": "logical", "database": "app", "plugin": "pgoutput"},
        "archive": {"type": "physical"},
    }
    changes = {
        f"{nodes}.1.tags": {"failover_priority": 0, "nosync": True, "replicatefrom": "pg1"},
        "patroni": {"synchronous_node_count": 1, "primary_start_timeout": 0, "primary_stop_timeout": 90},
        "postgresql": {"slots": slots, "parameters": {"wal_level": "logical"}},
    }
    dcs = patroni(changes)["bootstrap"]["dcs"]
    assert dcs["slots"] == slots
    assert dcs["postgresql"]["parameters"]["wal_level"] == "logical"
    assert dcs["synchronous_node_count"] == 1
    assert (dcs["primary_start_timeout"], dcs["primary_stop_timeout"]) == (0, 90)
    assert patroni(changes, "pg1")["tags"] == {
        "nofailover": False,
        "nosync": False,
        "noloadbalance": False,
        "clonefrom": False,
    }
    assert patroni(changes, "pg2")["tags"] == {
        "failover_priority": 0,
        "nosync": True,
        "noloadbalance": False,
        "clonefrom": False,
        "replicatefrom": "pg1",
    }


def test_an_older_patroni_gets_the_names_that_it_knows(patroni: Callable[..., dict[str, Any]]) -> None:
    """It ignores the others without a word."""
    dcs = patroni({"components.patroni": {"version": "2.1.4"}, "patroni.primary_stop_timeout": 60})
    settings = dcs["bootstrap"]["dcs"]
    assert (settings["master_start_timeout"], settings["master_stop_timeout"]) == (30, 60)
    assert not {"primary_start_timeout", "primary_stop_timeout"} & set(settings)


@pytest.mark.parametrize(
    ("durability", "start", "sender"),
    [("asynchronous", 300, None), ("synchronous", 60, "18s"), ("quorum", 60, "18s")],
)
def test_times_follow_durability(
    patroni: Callable[..., dict[str, Any]], durability: str, start: int, sender: str | None
) -> None:
    """With a copy elsewhere nobody waits for recovery, nor a minute for a standby without power."""
    config = patroni({"durability": durability, "patroni.ttl": 60})
    assert config["bootstrap"]["dcs"]["primary_start_timeout"] == start
    assert config["postgresql"]["parameters"].get("wal_sender_timeout") == sender


def test_a_short_ttl_leaves_a_standby_time_to_answer(patroni: Callable[..., dict[str, Any]]) -> None:
    """What is given in the spec counts; else five seconds at least."""
    changes: dict[str, Any] = {"patroni": {"ttl": 20, "loop_wait": 10, "retry_timeout": 4}}
    assert patroni(changes)["postgresql"]["parameters"]["wal_sender_timeout"] == "5s"
    changes["postgresql.parameters"] = {"wal_sender_timeout": "20s"}
    assert patroni(changes)["postgresql"]["parameters"]["wal_sender_timeout"] == "20s"
