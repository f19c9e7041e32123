"""The manifest and the bill of materials say what the guest wrote down."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker
from packageurl import PackageURL
from referencing import Registry, Resource

from generator.build.inventory import Item, describe_materials, format_manifest, parse_inventory

LIST = (
    "package\tvim\t2:9.1-1\tamd64\t\t\n"
    "package\tbash\t0:5.2-1.red80\tx86_64\tGPLv3+\t\n"
    f"program\tconsul\t1.22.0\t\t\t{'a' * 64}\n"
    "wheel\tpython_consul\t1.1.0\t\t\t\n"
)
"""As packer/scripts/40-list-packages.sh writes it."""


def test_epoch_zero_is_no_epoch() -> None:
    """Rpm prints one where a package has none; Debian's stays."""
    assert parse_inventory(LIST) == (
        Item("package", "bash", "5.2-1.red80", "x86_64", "GPLv3+"),
        Item("package", "vim", "2:9.1-1", "amd64"),
        Item("program", "consul", "1.22.0", sha256="a" * 64),
        Item("wheel", "python_consul", "1.1.0"),
    )


def test_a_line_of_another_form_is_refused() -> None:
    """Nothing is left out of the bill in silence."""
    for text in ("bash\t5.2\n", "bash\t5.2\tx86_64\tGPL\n", f"{LIST[:20]}\n"):
        with pytest.raises(ValueError):  # noqa: PT011 -- a bug of ours, for nobody to read
            parse_inventory(text)


def test_the_manifest_is_one_line_each() -> None:
    """For people, and for `diff` between two images."""
    head, *lines = format_manifest(parse_inventory(LIST)).splitlines()
    assert head.split("\t") == ["kind", "name", "version", "architecture", "licence", "sha256"]
    assert lines[0].split("\t") == ["package", "bash", "5.2-1.red80", "x86_64", "GPLv3+", ""]
    assert len(lines) == 4


def test_packages_wheels_and_programs_are_components() -> None:
    """A program that came as a file has no package manager to speak for it: its digest does."""
    document = describe_materials(
        parse_inventory(LIST), image="trio.qcow2", image_sha256="b" * 64, family="rpm", os_id="redos"
    )
    by_name = {component["name"]: component for component in document["components"]}
    assert by_name["bash"]["purl"] == "pkg:rpm/redos/bash@5.2-1.red80?arch=x86_64"
    assert by_name["vim"]["purl"] == "pkg:rpm/redos/vim@9.1-1?arch=amd64&epoch=2"
    assert by_name["bash"]["licenses"] == [{"license": {"name": "GPLv3+"}}]
    assert by_name["python_consul"]["purl"] == "pkg:pypi/python-consul@1.1.0"
    assert by_name["consul"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert by_name["consul"]["type"] == "application"
    assert document["metadata"]["component"]["hashes"][0]["content"] == "b" * 64


def read_schema(name: str) -> Any:
    """Return one of the schemas that CycloneDX publishes, as its own Python library carries them."""
    path = files("cyclonedx.schema").joinpath(f"_res/{name}.SNAPSHOT.schema.json")
    return json.loads(path.read_text("utf-8"))


def find_faults(document: object) -> list[str]:
    """Return what the official schema has against the document."""
    named = (read_schema("spdx"), read_schema("jsf-0.82"))
    registry = Registry().with_resources((each["$id"], Resource.from_contents(each)) for each in named)
    validator = Draft7Validator(read_schema("bom-1.5"), registry=registry, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(document)]


@pytest.mark.parametrize("family", ["deb", "rpm"])
def test_the_bill_is_what_its_schema_demands(family: str) -> None:
    """CycloneDX's own, not ours; every package URL is written as its own library writes it."""
    text = f"{LIST}package\tlibstdc++6\t14.2.0-19\tamd64\t\t\n"
    document = describe_materials(
        parse_inventory(text), image="trio.qcow2", image_sha256="b" * 64, family=family, os_id="debian"
    )
    assert find_faults(document) == []
    assert find_faults(document | {"specVersion": 1.5})  # the schema does refuse
    for component in document["components"]:
        url = PackageURL.from_string(component["purl"])
        assert url.to_string() == component["purl"]
        assert url.name == component["name"].replace("_", "-")
        assert component["version"].endswith(url.version or "?")
