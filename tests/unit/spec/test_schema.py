"""JSON Schema and reference: current, complete, and in agreement with the loader."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from generator.layout import find_resources
from generator.spec import model
from generator.spec.attribute_docs import read_attribute_docs
from generator.spec.reference import SECTIONS, format_reference
from generator.spec.schema import build_schema, format_schema
from generator.spec.source import parse_source
from tests.fakes.spec_texts import VALID, change_spec

ROOT = find_resources()
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
VALIDATOR = Draft202012Validator(build_schema())


def list_errors(text: bytes) -> list[str]:
    """Return what JSON Schema finds."""
    return [error.message for error in VALIDATOR.iter_errors(parse_source(text, "x").data)]


def test_schema_beside_the_examples_is_current(*, update_golden: bool) -> None:
    """Editors use the file, so it follows the models."""
    path = ROOT / "examples" / "holster.schema.json"
    if update_golden:
        path.write_text(format_schema(), "utf-8")
    assert path.read_text("utf-8") == format_schema()


def test_reference_is_current(*, update_golden: bool) -> None:
    """docs/spec.md follows the models."""
    path = ROOT / "docs" / "spec.md"
    if update_golden:
        path.write_text(format_reference(), "utf-8")
    assert path.read_text("utf-8") == format_reference()


def test_schema_is_a_schema() -> None:
    """The meta-schema of draft 2020-12 accepts it."""
    Draft202012Validator.check_schema(build_schema())
    assert build_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_validate_and_name_the_schema(path: Any) -> None:
    """An editor that opens an example shows no error."""
    assert list_errors(path.read_bytes()) == []
    assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=holster.schema.json\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("interface: eth0", "interfase: eth0"),
        ("durability: synchronous", "durability: sync"),
        ("10.20.0.13,", "10.20.0.256,"),
        ("disk_size: 4GiB", "disk_size: 4"),
        ("{serial: data-1}", "{}x"),
        ("{serial: data-1}", "{seriel: data-1}"),
        ("vip: 10.20.0.100", "vap: 10.20.0.100"),
        ("[consul-server, postgres]", "[]"),
        ("name: db1", "name: DB1"),
    ],
)
def test_schema_finds_errors_of_shape(old: str, new: str) -> None:
    """The schema is not so lax that an editor would be silent."""
    assert list_errors(VALID.encode()) == []
    assert list_errors(change_spec((old, new)).encode()) != []


def test_every_key_is_documented() -> None:
    """A key without a description would be a riddle in an editor."""
    schema = build_schema()
    docs = read_attribute_docs()
    for name, definition in {**schema["$defs"], "ClusterSpec": schema}.items():
        for key, value in definition.get("properties", {}).items():
            assert value.get("description"), f"{name}.{key}"
        assert name not in docs or name in SECTIONS or not docs[name]


def test_every_open_default_is_described() -> None:
    """Where nothing stands in the spec, docs/spec.md says what counts then."""
    said = re.compile(r"Default: |demanded|needed there")
    for section in SECTIONS:
        owner: type[model.SpecModel] = getattr(model, section)
        for key, doc in read_attribute_docs()[section].items():
            field = owner.model_fields[key]
            if field.default is None and not field.is_required() and (section, key) not in WAYS:
                assert said.search(doc.text), f"{section}.{key}"


WAYS = {("NodeSpec", "storage"), *(("DiskSelector", key) for key in model.DiskSelector.model_fields)}
"""Keys of which one is chosen, or that lie over others: nothing counts in their place."""


def test_schema_is_plain_json() -> None:
    """What `holster schema` prints can be read back."""
    assert json.loads(format_schema()) == build_schema()
