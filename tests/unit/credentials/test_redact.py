"""No secret in anything that is shown: a sentinel stands in every secret field."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from generator.credentials.bundle import SERVERS, CredentialBundle
from generator.credentials.check import check_bundle
from generator.credentials.redact import redact_bundle
from generator.errors import BundleInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.credentials.bundle import NodeIdentity

SENTINEL = "SENTINEL"


def plant(value: Any) -> Iterator[Any]:
    """Yield copies of the value, each with one secret field replaced by a sentinel."""
    if isinstance(value, SecretStr):
        yield SecretStr(f"{SENTINEL}-{value.get_secret_value()[:3]}")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            for changed in plant(getattr(value, name)):
                yield value.model_copy(update={name: changed})
    elif isinstance(value, dict):
        for key, part in value.items():
            for changed in plant(part):
                yield value | {key: changed}


def list_secret_fields(model: type[BaseModel], place: str = "") -> Iterator[str]:
    """Yield every secret field that the models declare."""
    for name, field in model.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if kind is SecretStr:
                yield f"{place}{name}"
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from list_secret_fields(kind, f"{place}{name}.")


def test_every_declared_secret_is_planted(bundle: CredentialBundle) -> None:
    """A field that is added later is covered by itself."""
    per_node = [name for name in list_secret_fields(CredentialBundle) if name.startswith("nodes.")]
    shared = [name for name in list_secret_fields(CredentialBundle) if not name.startswith("nodes.")]
    servers = [f"nodes.{kind}.key" for kind in SERVERS]
    assert per_node == ["nodes.key", "nodes.agent_token.secret_id", *servers]
    assert len(shared) == 10
    members = [own for own in bundle.nodes.values() if own.postgresql is not None]
    assert len(members) == 2
    assert len(list(plant(bundle))) == len(shared) + 2 * len(bundle.nodes) + len(servers) * len(members)


def test_nothing_that_is_shown_holds_a_secret(
    bundle: CredentialBundle, nodes: tuple[NodeIdentity, ...]
) -> None:
    """Text, repr, JSON, redaction, and the errors of the check."""
    for planted in plant(bundle):
        shown = [str(planted), repr(planted), planted.model_dump_json(), json.dumps(redact_bundle(planted))]
        try:
            check_bundle(planted, "sirius", nodes, None)
        except BundleInvalid as error:
            shown += [str(error), repr(error), str(error.hint), *traceback.format_exception(error)]
        assert not [text for text in shown if SENTINEL in text]


def test_validation_errors_hide_what_was_given(bundle: CredentialBundle) -> None:
    """A secret in the wrong place is still a secret."""
    data: dict[str, Any] = bundle.model_dump()
    data["cluster"] = [SENTINEL]
    data["nodes"]["pg1"] = SENTINEL
    with pytest.raises(ValidationError) as caught:
        CredentialBundle.model_validate(data)
    assert SENTINEL not in str(caught.value)


def test_redaction_shows_what_people_ask_for(bundle: CredentialBundle) -> None:
    """Whose certificate, for which names, until when; which token; that secrets are there."""
    shown = redact_bundle(bundle)
    node = shown["nodes"]["consul1"]
    assert node["certificate"]["subject"] == "CN=consul1"
    assert node["certificate"]["names"] == [
        "consul1",
        "localhost",
        "server.sirius.consul",
        "127.0.0.1",
        "192.168.11.191",
    ]
    assert node["certificate"]["not_after"] == "2036-11-20T12:00:00+00:00"
    assert len(node["certificate"]["sha256"]) == 64
    assert node["agent_token"] == {
        "accessor_id": bundle.nodes["consul1"].agent_token.accessor_id,
        "secret_id": "present",
    }
    assert shown["nodes"]["pg1"]["postgresql"]["certificate"]["subject"] == "CN=pg1"
    assert "postgresql" not in node
    assert shown["gossip_key"] == "present, 32 bytes"
    assert shown["passwords"] == dict.fromkeys(("superuser", "replication", "rewind", "rest"), "present")


def test_redaction_of_a_broken_bundle(bundle: CredentialBundle) -> None:
    """`show` must work just when something is broken; what is unreadable is not repeated."""
    data: dict[str, Any] = bundle.model_dump()
    data["nodes"]["pg1"]["certificate"] = SENTINEL
    data["gossip_key"] = SENTINEL + "!"
    shown = redact_bundle(CredentialBundle.model_validate(data))
    assert shown["nodes"]["pg1"]["certificate"] == {"error": "not readable"}
    assert shown["gossip_key"] == "present, not base64"
    assert SENTINEL not in json.dumps(shown)
