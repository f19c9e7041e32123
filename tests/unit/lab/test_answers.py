"""What machines answer: the status of the first boot, Patroni's view of the cluster."""

from __future__ import annotations

import json

import pytest

from generator.lab.status import parse_status
from generator.lab.view import parse_view

STAGE = {"name": "storage", "state": "failed", "started": "2026-01-01T00:00:00Z", "finished": None}
STATUS = {
    "holster_status": 1,
    "state": "refused",
    "stage": "storage",
    "instance_id": "demo-pg1-1",
    "warnings": ["no watchdog"],
    "failure": {"stage": "storage", "cause": "disk-foreign", "reason": "sdb holds xfs", "hint": "wipe it"},
    "stages": [
        {**STAGE, "name": "preflight", "state": "done", "seconds": 6.8, "note": None},
        {**STAGE, "seconds": None, "note": "words"},
    ],
}
CLUSTER = {
    "members": [
        {
            "name": "trio2",
            "role": "replica",
            "state": "streaming",
            "host": "10.77.0.12",
            "lag": 0,
            "timeline": 1,
        },
        {"name": "trio1", "role": "leader", "state": "running", "host": "10.77.0.11", "timeline": 1},
        {"name": "trio3", "role": "sync_standby", "state": "stopped", "lag": "unknown"},
    ],
    "scope": "trio",
}


def test_status_tells_stages_and_cause() -> None:
    """All that a scenario asks for."""
    status = parse_status("pg1", json.dumps(STATUS))
    assert (status.state, status.is_sealed) == ("refused", False)
    assert status.failure is not None
    assert (status.failure.cause, status.failure.hint) == ("disk-foreign", "wipe it")
    assert status.seconds("preflight") == 6.8
    assert status.seconds("storage") is None
    assert status.seconds("vip") is None
    assert status.warnings == ("no watchdog",)


@pytest.mark.parametrize("text", ["null\n", ""])
def test_first_boot_that_has_not_begun(text: str) -> None:
    """The program prints null then."""
    status = parse_status("pg1", text)
    assert status.state == "absent"


@pytest.mark.parametrize(
    "text", ["{}", "[]", "sudo: a password is required", '{"state": "x", "stages": [1]}']
)
def test_other_answers_are_none(text: str) -> None:
    """They must not pass for a status."""
    with pytest.raises(ValueError, match=r"."):
        parse_status("pg1", text)


def test_view_knows_leader_and_replicas() -> None:
    """A lag that Patroni does not know is none."""
    view = parse_view(json.dumps(CLUSTER))
    assert view.leader == "trio1"
    assert {member.name for member in view.replicas} == {"trio2", "trio3"}
    assert (view.members["trio2"].lag, view.members["trio3"].lag) == (0, None)
    assert [member.is_serving for member in view.members.values()] == [True, True, False]


def test_cluster_without_a_leader() -> None:
    """Between two leaders there is none."""
    assert parse_view(json.dumps({"members": CLUSTER["members"][:1]})).leader is None


@pytest.mark.parametrize("text", ["{}", "<html>", '{"members": [{}]}'])
def test_other_answers_are_no_view(text: str) -> None:
    """A proxy's page is no cluster."""
    with pytest.raises(ValueError, match=r"."):
        parse_view(text)
