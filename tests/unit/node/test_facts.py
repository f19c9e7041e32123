"""What the status tells of a machine that is ready: its watchdog, and who may take over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from generator.node.status import format_status
from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import run

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


@pytest.fixture
def watched(fake: FakeMachine) -> FakeMachine:
    """Return a machine with a watchdog that its Patroni has opened."""
    document = make_document()
    document["system"]["watchdog"] = "automatic"
    write_document(fake, document)
    facts = {
        "identity": "i6300ESB timer",
        "timeout": "30",
        "nowayout": "0",
        "bootstatus": "0",
        "state": "active",
    }
    for name, text in facts.items():
        path = fake.at(f"/sys/class/watchdog/watchdog0/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    fake.at("/dev/watchdog0").touch()
    fake.at("/dev/holster-watchdog").symlink_to("watchdog0")
    return fake


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "i6300ESB timer (/dev/watchdog0), timeout 30 s, nowayout 0; resets the machine, counts now"),
        ({"state": "inactive"}, "resets the machine, does not count now"),
        ({"identity": "Software Watchdog"}, "resets the machine while its kernel runs, counts now"),
        ({"identity": "iTCO_wdt"}, "may run out without a reset"),
        ({"state": ""}, "nowayout 0; resets the machine"),
    ],
)
def test_the_status_tells_the_watchdog(watched: FakeMachine, facts: dict[str, str], words: str) -> None:
    """Which device, whether it resets, and whether Patroni has opened it."""
    for name, text in facts.items():
        watched.at(f"/sys/class/watchdog/watchdog0/{name}").write_text(f"{text}\n")
    if facts.get("identity") == "iTCO_wdt":
        path = watched.at("/sys/class/dmi/id/sys_vendor")
        path.parent.mkdir(parents=True)
        path.write_text("QEMU\n")
    result = run(watched)
    assert result.code == 0
    assert words in result.status["facts"]["watchdog"]
    assert words in format_status(result.status)


def test_the_status_tells_that_there_is_no_watchdog(watched: FakeMachine) -> None:
    """And what that means."""
    watched.at("/dev/holster-watchdog").unlink()
    result = run(watched)
    assert result.code == 0
    assert result.status["facts"]["watchdog"] == "none; a leader whose Patroni hangs is not reset"


def set_members(fake: FakeMachine, role: str) -> None:
    """Let Patroni show a standby in a role, and Consul hold settings that want a synchronous one."""
    fake.state["keys"]["service/demo/config"] = json.dumps({"synchronous_mode": True})
    fake.state["members"] = [
        {"name": "pg1", "role": "leader", "state": "running"},
        {"name": "pg2", "role": role, "state": "streaming"},
    ]
    fake.save()


@pytest.mark.parametrize("role", ["sync_standby", "quorum_standby"])
def test_the_leader_names_its_synchronous_standby(fake: FakeMachine, role: str) -> None:
    """Only that one takes over; Patroni's two words for it."""
    set_members(fake, role)
    result = run(fake)
    assert result.code == 0
    assert result.status["facts"]["synchronous standby"] == "pg2"


def test_a_cluster_without_a_synchronous_standby_is_sealed_with_a_warning(fake: FakeMachine) -> None:
    """It works; that nobody takes over is for an operator to know."""
    set_members(fake, "replica")
    result = run(fake)
    assert result.code == 0
    assert [text for text in result.status["warnings"] if "nobody takes over" in text]


@pytest.mark.parametrize("config", ["", "no JSON", "[]", '{"synchronous_mode": false}', "{}"])
def test_where_none_is_wanted_none_is_waited_for(fake: FakeMachine, config: str) -> None:
    """Whatever stands in the key."""
    set_members(fake, "replica")
    fake.state["keys"]["service/demo/config"] = config
    fake.save()
    result = run(fake)
    assert result.code == 0
    assert not [text for text in result.status["warnings"] if "synchronous" in text]


def test_the_member_that_is_named_begins_and_not_the_first(fake: FakeMachine) -> None:
    """The first one of the spec may be one that must not lead: it was waited for in vain."""
    document = make_document()
    document["peers"].reverse()
    document["patroni"]["first"] = "pg1"
    write_document(fake, document)
    result = run(fake)
    assert result.code == 0
    assert "is to make the database" not in result.log.getvalue()


def test_a_payload_that_names_nobody_begins_with_the_first_member(fake: FakeMachine) -> None:
    """One of an older render."""
    document = make_document()
    document["peers"].reverse()
    write_document(fake, document)
    assert "pg2 is to make the database" in run(fake).log.getvalue()
