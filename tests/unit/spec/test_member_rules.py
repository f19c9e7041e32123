"""Tags, synchronous standbys and slots: what would leave a cluster without a leader, a standby or a slot."""

from __future__ import annotations

import pytest

from tests.fakes.spec_texts import change_spec, describe_problems, find_problems

NODES = "groups.demo.nodes"
NEWEST = 'components: {patroni: {version: "4.1.0"}}\n'
LOGICAL = "{type: logical, database: app, plugin: pgoutput}"


def tag(**members: str) -> list[tuple[str, str]]:
    """Return the replacements that give members their tags."""
    return [(f"name: {name},", f"name: {name}, tags: {{{tags}}},") for name, tags in members.items()]


WRONG = {
    "nobody may lead": (
        tag(db1="nofailover: true", db2="failover_priority: 0", db3="nofailover: true"),
        NEWEST,
        ("error", "no-candidate", "groups"),
    ),
    "only one may lead": (
        tag(db1="nofailover: true", db2="nofailover: true"),
        "",
        ("warning", "no-candidate", "groups"),
    ),
    "a source that is no member": (
        tag(db1="replicatefrom: db9"),
        "",
        ("error", "tags", f"{NODES}.0.tags.replicatefrom"),
    ),
    "itself as source": (
        tag(db1="replicatefrom: db1"),
        "",
        ("error", "tags", f"{NODES}.0.tags.replicatefrom"),
    ),
    "a ring of sources": (
        tag(db1="replicatefrom: db2", db2="replicatefrom: db3", db3="replicatefrom: db1"),
        "",
        ("error", "tags", f"{NODES}.2.tags.replicatefrom"),
    ),
    "switch and number": (
        tag(db1="nosync: true, sync_priority: 2"),
        NEWEST,
        ("error", "tags", f"{NODES}.0.tags.sync_priority"),
    ),
    "a number for a newer patroni": (
        tag(db1="sync_priority: 2"),
        'components: {patroni: {version: "4.0.5"}}\n',
        ("error", "tags", f"{NODES}.0.tags.sync_priority"),
    ),
    "no synchronous standby for one of the leaders": (
        tag(db1="nosync: true", db2="nosync: true"),
        "",
        ("error", "synchronous-standbys", "durability"),
    ),
    "as many standbys as members": (
        [],
        "patroni: {synchronous_node_count: 3}\n",
        ("error", "synchronous-standbys", "patroni.synchronous_node_count"),
    ),
    "standbys of an asynchronous cluster": (
        [("durability: synchronous", "durability: asynchronous")],
        "patroni: {synchronous_node_count: 1}\n",
        ("error", "synchronous-standbys", "patroni.synchronous_node_count"),
    ),
    "a logical slot without logical wal": (
        [],
        f"postgresql: {{slots: {{cdc: {LOGICAL}}}}}\n",
        ("error", "slot", "postgresql.slots.cdc"),
    ),
    "a logical slot without a plugin": (
        [],
        "postgresql: {slots: {cdc: {type: logical, database: a}}, parameters: {wal_level: logical}}\n",
        ("error", "slot", "postgresql.slots.cdc"),
    ),
    "a physical slot with a database": (
        [],
        "postgresql: {slots: {archive: {type: physical, database: app}}}\n",
        ("error", "slot", "postgresql.slots.archive.database"),
    ),
    "a slot of a member": (
        [],
        "postgresql: {slots: {db1: {type: physical}}}\n",
        ("error", "slot", "postgresql.slots.db1"),
    ),
    "more slots than declared": (
        [],
        "postgresql: {max_replication_slots: 4, slots: {a: {type: physical}, b: {type: physical}}}\n",
        ("error", "too-few-senders", "postgresql.max_replication_slots"),
    ),
    "wal that standbys cannot use": (
        [],
        "postgresql: {parameters: {wal_level: minimal}}\n",
        ("error", "parameter-not-here", "postgresql.parameters.wal_level"),
    ),
    "a commit before the standby has it": (
        [],
        "postgresql: {parameters: {synchronous_commit: remote_write}}\n",
        ("error", "parameter-not-here", "postgresql.parameters.synchronous_commit"),
    ),
    "commits that a crash loses": (
        [("durability: synchronous", "durability: asynchronous")],
        "postgresql: {parameters: {synchronous_commit: false}}\n",
        ("warning", "crash-unsafe", "postgresql.parameters.synchronous_commit"),
    ),
}
RIGHT = {
    "a member for reports": (tag(db3="nofailover: true, nosync: true, replicatefrom: db2"), ""),
    "priorities": (tag(db1="failover_priority: 2, sync_priority: 3", db2="failover_priority: 1"), NEWEST),
    "two standbys of three": ([], "patroni: {synchronous_node_count: 2}\n"),
    "logical decoding": (
        [],
        f"postgresql: {{slots: {{cdc: {LOGICAL}}}, parameters: {{wal_level: logical}}}}\n",
    ),
    "logical wal alone": ([], "postgresql: {parameters: {wal_level: logical}}\n"),
    "commits that standbys have applied": (
        [],
        "postgresql: {parameters: {synchronous_commit: remote_apply}}\n",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_together_is_pointed_out(case: str) -> None:
    """With the place of the value that is to change."""
    changes, more, problem = WRONG[case]
    assert problem in describe_problems(change_spec(*changes, more=more))


@pytest.mark.parametrize("case", RIGHT)
def test_what_fits_together_is_left_alone(case: str) -> None:
    """No error and no warning."""
    changes, more = RIGHT[case]
    assert [problem.message for problem in find_problems(change_spec(*changes, more=more))] == []


def test_tags_of_a_machine_without_postgresql() -> None:
    """A Consul server has nothing that they could mean."""
    servers = "  servers:\n    roles: [consul-server]\n    nodes:\n" + "".join(
        f"      - {{name: c{n}, address: 10.20.0.{20 + n}, tags: {{nosync: true}}}}\n" for n in range(3)
    )
    text = change_spec(("[consul-server, postgres]", "[postgres]"), ("access:", f"{servers}access:"))
    assert ("error", "tags", "groups.servers.nodes.0.tags") in describe_problems(text)
