"""node.json: all problems at once, the version by name, no secret in any message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generator.node.facts.document import NodeInvalid, parse_node
from tests.fakes.node_documents import SECRETS, make_document


def problems(document: Any) -> tuple[str, ...]:
    """Return the problems of a document."""
    with pytest.raises(NodeInvalid) as caught:
        parse_node(document if isinstance(document, str) else json.dumps(document))
    return caught.value.problems


def test_a_complete_document_is_read() -> None:
    """Unknown keys are ignored: a newer render works with an older image."""
    document = {**make_document(), "news": 1}
    node = parse_node(json.dumps(document))
    assert node.storage is not None
    assert node.storage.volumes[1].name == "pg_val"
    assert node.units.storage == "holster-storage.service"
    assert node.patroni is not None
    assert node.patroni.key("leader") == "service/demo/leader"


def test_all_problems_are_reported_together() -> None:
    """With their places; a boolean is no number, and a mode is octal text."""
    document = make_document()
    del document["name"], document["consul"]["http"], document["units"]
    document["network"]["prefix_length"] = True
    document["files"][0]["mode"] = "rw-r--r--"
    document["storage"]["volumes"][1]["disk"] = {}
    document["users"] = "postgres"
    assert set(problems(document)) == {
        "name: missing",
        "network.prefix_length: a whole number is expected",
        "files[0].mode: an octal number as text is expected",
        "users: a JSON object is expected",
        "units: missing",
        "storage.volumes[1].disk: path, serial, wwn, min_size or max_size is expected",
        "consul.http: missing",
    }


def test_an_unknown_version_is_named_and_nothing_else_is_read() -> None:
    """A program refuses a version that it does not know, by name."""
    assert problems({"holster_node": 2}) == (
        "holster_node: version 2 is unknown, this program reads version 1",
    )


def test_a_member_needs_its_parts() -> None:
    """Without them its stages would be skipped silently."""
    document = make_document()
    document.update(storage=None, vip=None)
    assert problems(document) == (
        "storage: needed for the role postgres",
        "vip: needed for the role postgres",
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"'])
def test_what_is_no_document_is_refused(text: str) -> None:
    """Half of a file, or another kind of value."""
    assert problems(text)


def test_no_secret_is_in_a_message() -> None:
    """A secret of the wrong type, or beside a mistake, stays unseen."""
    document = make_document()
    document["consul"]["agent_token"] = [SECRETS["agent_token"]]
    document["patroni"]["members"] = SECRETS["patroni_token"]
    text = " ".join(problems(document))
    assert "consul.agent_token: text is expected" in text
    assert not any(secret in text for secret in SECRETS.values())


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({}, ": either path or url is expected"),
        ({"path": "/a", "url": "http://b/c"}, ": either path or url is expected"),
        ({"url": "ftp://b/c"}, ".url: an http or https address without a user is expected"),
        (
            {"url": "http://u:pw@b/c"},
            ".url: an http or https address without a user is expected",
        ),
    ],
)
def test_a_source_has_one_place_and_a_known_format(source: dict[str, str], problem: str) -> None:
    """Found before anything is installed from it."""
    document = make_document()
    document["programs"]["consul"]["source"] = {"sha256": "0" * 64, **source}
    assert problems(document) == (f"programs.consul.source{problem}",)


def test_a_source_needs_a_digest() -> None:
    """Without one nothing from elsewhere is installed."""
    document = make_document()
    document["programs"]["consul"]["source"] = {"path": "/a"}
    assert problems(document) == ("programs.consul.source.sha256: missing",)
