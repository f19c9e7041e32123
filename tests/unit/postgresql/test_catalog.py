"""The facts about PostgreSQL's parameters are those of the installed Patroni."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from generator.postgresql import catalog
from generator.postgresql.catalog import NEWEST, describe_lifetime, find_parameter, list_parameters

FACTS = Path(catalog.__file__).with_name("parameters.json")
OLDEST = 9
SECTIONS = {"parameters": "parameters", "recovery_parameters": "recovery"}
NEXT_OF_9 = 90600
"""The major 9 of a spec is 9.6."""


def read_patroni() -> dict[str, Any]:
    """Return the validators that Patroni ships."""
    folder = files("patroni.postgresql.available_parameters")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".yml")]
    assert [entry.name for entry in found] == ["0_postgres.yml"]
    content: dict[str, Any] = yaml.safe_load(found[0].read_text("utf-8"))
    return content


def covers(entry: dict[str, Any], major: int) -> bool:
    """Say whether a validator holds for some release of `major`."""
    first, after = (NEXT_OF_9, 100000) if major == OLDEST else (major * 10000, (major + 1) * 10000)
    return entry["version_from"] < after and (entry.get("version_till") or after) > first


def describe(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what a validator says, in our words."""
    kind = entry["type"].lower()
    facts: dict[str, Any] = {"type": "enum" if kind == "enumbool" else kind}
    names = {"min_val": "minimum", "max_val": "maximum", "unit": "unit", "possible_values": "choices"}
    facts.update({ours: entry[theirs] for theirs, ours in names.items() if theirs in entry})
    return facts | ({"is_switch": True} if kind == "enumbool" else {})


def collect(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one entry for each run of majors in which the validator stays the same."""
    forms: list[dict[str, Any]] = []
    previous = None
    for major in range(OLDEST, NEWEST + 1):
        facts = next((describe(entry) for entry in entries if covers(entry, major)), None)
        if facts is not None and facts == previous:
            forms[-1]["last"] = major
        elif facts is not None:
            forms.append({**facts, "since": major, "last": major})
        previous = facts
    for form in forms:
        if form["last"] == NEWEST:
            del form["last"]
    return forms


def render() -> str:
    """Return the file as it should be, one parameter a line."""
    sections = []
    for theirs, ours in SECTIONS.items():
        collected = {name.lower(): collect(entries) for name, entries in read_patroni()[theirs].items()}
        lines = [
            f"    {json.dumps(name)}: {json.dumps(forms)}"
            for name, forms in sorted(collected.items())
            if forms
        ]
        sections.append(f"  {json.dumps(ours)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def test_facts_are_those_of_the_installed_patroni(*, update_golden: bool) -> None:
    """A new Patroni knows new parameters: the file is made anew with --update-golden."""
    if update_golden:
        FACTS.write_text(render(), "utf-8")
    assert FACTS.read_text("utf-8") == render()


def test_no_validator_is_newer_than_the_newest_major() -> None:
    """The constant moves when Patroni learns another major."""
    since = [
        entry["version_from"]
        for section in SECTIONS
        for entries in read_patroni()[section].values()
        for entry in entries
    ]
    assert max(since) // 10000 == NEWEST


def test_a_parameter_is_found_by_major() -> None:
    """What came and went is known in its majors only."""
    assert find_parameter("transaction_timeout", 16) is None
    assert find_parameter("transaction_timeout", 17) is not None
    assert describe_lifetime("transaction_timeout", 15) == "it came with PostgreSQL 17"
    assert describe_lifetime("stats_temp_directory", 15) == "PostgreSQL 14 was the last to have it"
    assert describe_lifetime("no_such_thing", 15) is None
    assert "datestyle" in list_parameters(15)
    assert "transaction_timeout" not in list_parameters(15)


def test_recovery_parameters_are_marked() -> None:
    """Patroni has a section of its own for them."""
    restore, archive = find_parameter("restore_command", 16), find_parameter("archive_command", 16)
    assert restore is not None
    assert archive is not None
    assert restore.is_recovery
    assert not archive.is_recovery
