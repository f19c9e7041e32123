"""The one entry of the commands: bad input gets a clear error, good input is fast."""

from __future__ import annotations

import pytest

from generator.check import check_spec
from generator.errors import SpecInvalid
from generator.layout import find_resources
from tests.fakes.spec_texts import VALID, change_spec, describe_problems, find_problems

EXAMPLES = sorted((find_resources() / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_valid(path: object) -> None:
    """They are the golden inputs of everything else; a user may copy them."""
    checked = check_spec(path.read_bytes(), "x")  # type: ignore[attr-defined]
    assert checked.spec.platform == checked.profile.name


def test_seed_cluster_warns_of_its_disks_and_of_no_way_in() -> None:
    """The original's disk names are pointed out, not refused."""
    (path,) = (path for path in EXAMPLES if path.stem == "sirius")
    checked = check_spec(path.read_bytes(), "x")
    assert [problem.id for problem in checked.problems] == [
        "unstable-disk-name",
        "unstable-disk-name",
        "unstable-disk-name",
        "no-way-in",
    ]


def only_id(text: str | bytes) -> str:
    """Return the id of the first problem; there must be one with a position."""
    with pytest.raises(SpecInvalid) as caught:
        check_spec(text.encode() if isinstance(text, str) else text, "spec.yaml")
    first = caught.value.problems[0]
    assert first.position
    return first.id


def test_bad_input_duplicate_key() -> None:
    """The second one is pointed at."""
    assert only_id(change_spec(("vip: 10.20.0.100", "vip: 10.20.0.100\nvip: 10.20.0.101"))) == "duplicate-key"


def test_bad_input_tab() -> None:
    """A tab in the indentation."""
    assert only_id(change_spec(("  prefix", "\tprefix"))) == "tab"


def test_bad_input_wrong_type() -> None:
    """Text for a list."""
    assert only_id(change_spec(("[consul-server, postgres]", "postgres"))) == "wrong-type"


def test_bad_input_unquoted_mac_is_read_as_written() -> None:
    """YAML 1.1 makes 41135085296 of it; here it is the MAC address."""
    text = change_spec(("10.20.0.11,", "10.20.0.11, mac: 52:54:00:12:34:56,"))
    assert check_spec(text.encode(), "s").spec.groups["demo"].nodes[0].mac == "52:54:00:12:34:56"


def test_bad_input_yaml_bomb_of_aliases() -> None:
    """Aliases are refused, not expanded."""
    assert only_id("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n") in {"alias", "missing-key"}
    assert "alias" in {problem.id for problem in find_problems("a: &a [x]\nb: *a\n")}


def test_bad_input_yaml_bomb_of_depth() -> None:
    """A hundred thousand brackets."""
    assert only_id("[" * 100_000) == "too-deep"


def test_bad_input_yaml_bomb_of_size() -> None:
    """More than a megabyte."""
    assert only_id(b"#" * 2_000_000) == "file-too-large"


def test_bad_input_not_utf8() -> None:
    """Another encoding."""
    assert only_id("кластер: 1\n".encode("cp1251")) == "not-utf8"


@pytest.mark.parametrize("value", ['"x\\n%pre\\necho owned"', '"x\\r\\nfoo"', "|\n  x\n  %pre\n  rm -rf /"])
@pytest.mark.parametrize("key", ["cluster", "platform", "datacenter"])
def test_bad_input_newline_injection(key: str, value: str) -> None:
    """No line gets into a kickstart or HCL file through a name."""
    lines = [line for line in VALID.splitlines() if not line.startswith(f"{key}:")]
    assert only_id("\n".join([*lines, f"{key}: {value}", ""])) == "wrong-value"


@pytest.mark.parametrize(
    "name", ['"${x}"', '"{{ x }}"', "'{% x %}'", '"%{ if true }"', "$(reboot)", "'`reboot`'"]
)
def test_bad_input_expression_in_a_name(name: str) -> None:
    """Nothing that a template, HCL or a shell would evaluate."""
    assert only_id(change_spec(("name: db2", f"name: {name}"))) == "wrong-value"


def test_bad_input_host_name_of_64_characters() -> None:
    """A DNS label has at most 63."""
    assert only_id(change_spec(("name: db2", f"name: {'d' * 64}"))) == "wrong-value"


def test_bad_input_overlapping_networks() -> None:
    """One network in two datacenters."""
    more = "datacenters: {east: [10.20.0.0/24], west: [10.20.0.0/24]}\n"
    assert only_id(change_spec(more=more)) == "datacenter-overlap"


def test_bad_input_exhausted_network() -> None:
    """Four addresses wanted, two there."""
    assert ("error", "network-exhausted", "network.prefix") in describe_problems(
        change_spec(("10.20.0.0/24", "10.20.0.8/30"))
    )


def test_bad_input_vip_on_a_node() -> None:
    """The virtual address must be free."""
    assert only_id(change_spec(("10.20.0.100", "10.20.0.11"))) == "address-clash"


def test_bad_input_even_number_of_servers() -> None:
    """Two or four servers."""
    text = change_spec(("      - {name: db3, address: 10.20.0.13, memory: 4GiB}\n", ""))
    assert only_id(text) == "server-count"


def test_bad_input_sda_as_data_disk() -> None:
    """The disk of the operating system."""
    assert only_id(change_spec(("{serial: data-1}", "/dev/sda"))) == "os-disk"


def test_bad_input_unknown_platform() -> None:
    """Known ones are named."""
    (problem,) = find_problems(change_spec(more="platform: windows\n"))
    assert problem.id == "unknown-platform"
    assert problem.hint == "known platforms: debian13, el9, redos7, redos8"


def test_spec_and_platform_problems_come_in_one_run() -> None:
    """Shape, rules and platform rules together."""
    text = change_spec(
        ("vip: 10.20.0.100", "vip: 10.20.0.11\ncolour: red"), more="components: {postgresql: {version: 99}}\n"
    )
    assert {identifier for _, identifier, _ in describe_problems(text)} == {
        "address-clash",
        "unknown-key",
        "postgresql-unsupported",
    }


def test_broken_component_silences_the_rules_on_versions() -> None:
    """Nothing is said about versions that could not be read."""
    text = change_spec(("synchronous", "quorum"), more="components: {patroni: {version: old}}\n")
    assert {identifier for _, identifier, _ in describe_problems(text)} == {"wrong-value"}


def test_broken_platform_silences_its_rules() -> None:
    """Nothing is said about a platform that is not known."""
    text = change_spec(more="platform: Bad\nvip_manager: {mode: patroni}\n")
    assert {identifier for _, identifier, _ in describe_problems(text)} == {"wrong-value"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("cluster: demo", "\u0441luster: demo"), "did you mean 'cluster'? '\u0441' is a Cyrillic letter"),
        (("cluster: demo", "cluster: d\u0435mo"), "'\u0435' is a Cyrillic letter"),
    ],
)
def test_letters_that_only_look_latin_are_named(change: tuple[str, str], expected: str) -> None:
    """Nobody sees the difference, and on a Russian keyboard it is quickly made."""
    (problem,) = (problem for problem in find_problems(change_spec(change)) if problem.hint)
    assert problem.hint
    assert expected in problem.hint


def test_overrides_report_everything_at_once() -> None:
    """The name of the platform among them hides no other mistake."""
    problems = find_problems(change_spec(more="platform_overrides: {name: x, colour: red, family: 3}\n"))
    assert {".".join(map(str, problem.path)) for problem in problems} == {
        "platform_overrides.name",
        "platform_overrides.colour",
        "platform_overrides.family",
    }
    assert "unknown key 'colour' in platform_overrides" in {problem.message for problem in problems}
