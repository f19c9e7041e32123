"""Loading: every problem in one run, in our own words, none that only follows from another."""

from __future__ import annotations

import pytest
import yaml
from inline_snapshot import snapshot

from generator.diagnostics import Problem, Severity
from generator.errors import SpecInvalid
from generator.spec.load import read_spec
from generator.spec.model import ClusterSpec
from generator.spec.pruning import STAND_INS

VALID = """\
holster: 1
cluster: demo
durability: synchronous
network:
  prefix: 10.20.0.0/24
  interface: eth0
vip: 10.20.0.100
storage:
  data: {disk: {serial: data-1}, disk_size: 20GiB}
  wal: {disk: {serial: wal-1}, disk_size: 4GiB}
groups:
  demo:
    roles: [consul-server, postgres]
    nodes:
      - {name: db1, address: 10.20.0.11, memory: 4GiB}
      - {name: db2, address: 10.20.0.12, memory: 4GiB}
      - {name: db3, address: 10.20.0.13, memory: 4GiB}
access:
  console_password_hash: $6$salt$hash
"""


def find(text: str) -> tuple[Problem, ...]:
    """Return the problems of a spec, warnings included."""
    try:
        return read_spec(text.encode(), "spec.yaml").finish()[1]
    except SpecInvalid as invalid:
        return invalid.problems


def change(*pairs: tuple[str, str], more: str = "") -> str:
    """Return the valid spec with replacements; each must apply."""
    text = VALID
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text + more


def brief(*pairs: tuple[str, str], more: str = "") -> list[tuple[int, str]]:
    """Return line and id of each problem of the changed spec."""
    problems = find(change(*pairs, more=more))
    return [(problem.position.line if problem.position else 0, problem.id) for problem in problems]


def test_valid_spec_has_no_problem() -> None:
    """The text that the other tests change is fine."""
    assert find(VALID) == ()


def test_shape_and_rules_are_checked_in_the_same_run() -> None:
    """An unknown key, a wrong type and a duplicate address are shown together, in file order."""
    assert brief(
        ("interface: eth0", "interface: eth0\n  colour: red"),
        ("memory: 4GiB}\nacc", "memory: 4GiB, cpus: many}\nacc"),
        ("10.20.0.12", "10.20.0.11"),
        ("vip: 10.20.0.100", "vip: 10.20.0.255"),
    ) == [(7, "unknown-key"), (8, "address-reserved"), (17, "duplicate-address"), (18, "wrong-type")]


def test_text_problems_and_rules_are_checked_in_the_same_run() -> None:
    """A duplicate key does not hide the rest, and neither of its values is judged."""
    assert brief(
        ("vip: 10.20.0.100", "vip: 10.20.0.255\nvip: 10.20.0.11"),
        ("10.20.0.12", "10.20.0.13"),
    ) == [(8, "duplicate-key"), (18, "duplicate-address")]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # A misspelled required key is one problem, not an unknown and a missing one.
        ([("vip: 10", "vipp: 10")], [(7, "unknown-key")]),
        ([("{name: db2, address", "{name: db2, adress")], [(16, "unknown-key")]),
        # Three servers are declared: dropping a broken one must not make an even number.
        ([("10.20.0.13,", "nowhere,")], [(17, "wrong-value")]),
        # A wrong role leaves open who is a server or a member.
        ([("[consul-server, postgres]", "[consul-servers, postgres]")], [(13, "wrong-value")]),
        # The misspelled option might have allowed what the rule forbids.
        ([("  interface: eth0", "  interfce: eth0")], [(6, "unknown-key")]),
        # A wrong prefix says nothing about addresses.
        ([("10.20.0.0/24", "10.20.0.0/33")], [(5, "wrong-value")]),
        ([("    roles: [consul-server, postgres]\n", "")], [(12, "missing-key")]),
        ([("durability: synchronous\n", "")], [(1, "missing-key")]),
        ([("{serial: data-1}", "{seriel: data-1}")], [(9, "unknown-key")]),
        (
            [("{serial: data-1}", "{serial: 5}"), ("{serial: wal-1}", "{serial: 5}")],
            [(9, "wrong-type"), (10, "wrong-type")],
        ),
    ],
)
def test_no_problem_only_follows_from_another(
    pairs: list[tuple[str, str]], expected: list[tuple[int, str]]
) -> None:
    """What had to be set aside takes the rules that read it along."""
    assert brief(*pairs) == expected


def test_rules_that_more_nodes_cannot_heal_run_without_the_broken_one() -> None:
    """A broken node does not hide that two others clash."""
    assert brief(("db1, address: 10.20.0.11", "db1, address: x"), ("10.20.0.13", "10.20.0.12")) == [
        (15, "wrong-value"),
        (17, "duplicate-address"),
    ]


def test_paths_and_lines_are_those_of_the_file() -> None:
    """Setting a list item aside does not shift the places of those after it."""
    problems = find(change(("db1, address: 10.20.0.11", "db1, address: x"), ("10.20.0.13", "10.20.0.12")))
    assert problems[1].path == ("groups", "demo", "nodes", 2, "address")
    assert problems[1].message == "10.20.0.12 is already used by the node db2 (line 16)"


@pytest.mark.parametrize("key", sorted(key for (key, *rest) in STAND_INS if not rest))
def test_each_required_key_can_be_missing(key: str) -> None:
    """Whatever is missing, there is exactly that problem, and no traceback."""
    data = yaml.safe_load(VALID)
    del data[key]
    (problem,) = find(yaml.safe_dump(data))
    assert (problem.id, problem.path) == ("missing-key", (key,))


@pytest.mark.parametrize("key", sorted(key for (key, *rest) in STAND_INS if not rest))
@pytest.mark.parametrize("junk", [None, [], {}, "", {"a": 1}, [[]]])
def test_each_required_key_can_be_junk(key: str, junk: object) -> None:
    """The first problem stands at the key, and there is no traceback."""
    data = {**yaml.safe_load(VALID), key: junk}
    problems = find(yaml.safe_dump(data))
    assert problems
    # Without `network` there is no interface either, and that is said too.
    assert {problem.path[0] for problem in problems if problem.id != "nic-unknown"} == {key}


def test_stand_ins_make_a_valid_spec() -> None:
    """What stands in for a required key is valid itself."""
    data = {key: value for (key, *rest), value in STAND_INS.items() if not rest}
    ClusterSpec.model_validate(data)


def test_all_nodes_broken_leaves_only_their_problems() -> None:
    """An emptied list is no problem of the user's."""
    assert {identifier for _, identifier in brief(("address: 10.20.0.1", "address: x"))} == {"wrong-value"}


@pytest.mark.parametrize(
    "disk", ["5", "[a]", "{}", "{pth: /dev/sdb}", "{path: sdb}", "{path: 5}", "true", "sdb", "{path: {}}"]
)
def test_a_disk_in_either_form_gives_one_problem(disk: str) -> None:
    """A union in the model is no reason for two contradicting messages."""
    (problem,) = find(change(("{serial: data-1}", disk)))
    assert problem.severity is Severity.ERROR
    assert problem.path[:3] == ("storage", "data", "disk")


@pytest.mark.parametrize("value", ["[5]", "[10.0.0.256]", "[-x-]", "[{a: 1}]", "[[]]"])
def test_a_time_server_gives_one_problem(value: str) -> None:
    """Address or name: one message."""
    (problem,) = find(change(("interface: eth0", f"interface: eth0\n  ntp: {value}")))
    assert problem.path == ("network", "ntp", 0)


def message_of(*pairs: tuple[str, str], more: str = "") -> str:
    """Return message and hint of the only problem."""
    (problem,) = find(change(*pairs, more=more))
    return f"{problem.message} ({problem.hint})"


def test_wording() -> None:
    """Messages name the rule and the value; hints the fix."""
    assert message_of(("interface: eth0", "gatway: 10.20.0.1\n  interface: eth0")) == snapshot(
        "unknown key 'gatway' in network (did you mean 'gateway'?)"
    )
    assert message_of(more="ssh_keys: []\n") == snapshot(
        "unknown key 'ssh_keys' in the spec ('ssh_keys' belongs in access)"
    )
    assert message_of(more="certificates: {days: 5}\n") == snapshot(
        "unknown key 'days' in certificates (known keys here: years)"
    )
    assert message_of(more="consul: {log_level: warn}\n") == snapshot(
        "log_level must be one of TRACE, DEBUG, INFO, WARN or ERROR, not 'warn' (did you mean 'WARN'?)"
    )
    assert message_of(("holster: 1", "holster: 2")) == snapshot("holster must be 1, not 2 (None)")
    assert message_of(more="image: {cpus: 65}\n") == snapshot("cpus must be at most 64, not 65 (None)")
    assert message_of(more="components: {consul: {version: 2}}\n") == snapshot(
        'version must be text, not 2 (put it in quotes: "2")'
    )
    assert message_of(("roles: [consul-server, postgres]", "roles: []")) == snapshot(
        "roles must not be empty (None)"
    )
    assert message_of(more="consul: {allow_single_server: on}\n") == snapshot(
        "allow_single_server must be true or false, not 'on' (write true)"
    )
    assert message_of(more="consul: 5\n") == snapshot(
        "consul must be a mapping of keys to values, not 5 (None)"
    )
    assert message_of(more="datacenters: {East: [10.0.0.0/8]}\n") == snapshot(
        "'East' is not valid as a key: it must be a DNS label: "
        "lower-case letters, digits and inner hyphens, at most 63 (None)"
    )
    assert message_of(more="datacenters: {east: [10.0.0.1/8]}\n") == snapshot(
        "'10.0.0.1/8' is not valid for east[0]: it has host bits set; the network is 10.0.0.0/8 (None)"
    )


def test_a_plain_password_is_never_repeated() -> None:
    """Whoever writes a password where a hash belongs does not find it in a log."""
    text = change(("$6$salt$hash", "hunter2"))
    with pytest.raises(SpecInvalid) as caught:
        read_spec(text.encode(), "spec.yaml").finish()
    (problem,) = caught.value.problems
    assert problem.id == "wrong-value"
    assert "hunter2" not in f"{problem}{caught.value.lines}{caught.value}"


def test_unreadable_text_ends_loading() -> None:
    """Nothing is guessed about a file that cannot be read to its end."""
    with pytest.raises(SpecInvalid) as caught:
        read_spec(b"holster: [", "spec.yaml").finish()
    assert [problem.id for problem in caught.value.problems] == ["yaml-syntax"]
    assert caught.value.source == "spec.yaml"
    assert caught.value.exit_code == 1
