"""Running Consul servers learn the autopilot settings of the payload, whatever becomes of a request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.node_documents import ACL, make_document, write_document
from tests.fakes.node_runs import run

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine

AS_MADE: dict[str, Any] = {
    "CleanupDeadServers": True,
    "LastContactThreshold": "900ms",
    "MinQuorum": 2,
    "CreateIndex": 4,
    "ModifyIndex": 17,
}
TROUBLES = {
    "read-refused": {"GET": [500]},
    "read-lost": {"GET": ["lost"]},
    "write-refused": {"PUT": [500]},
    "write-lost": {"PUT": ["lost"]},
    "done-but-not-heard": {"PUT": ["unheard"]},
    "another-server-was-faster": {"PUT": ["other"]},
    "not-confirmed": {"GET": [None, 500]},
    "several-at-once": {"GET": ["lost", None, 500], "PUT": [500, "other", "unheard"]},
}


def prepare_running(fake: FakeMachine, **state: Any) -> None:
    """Let the servers have what an older release gave them, and an operator's own settings."""
    fake.state.update(autopilot=dict(AS_MADE), **state)
    fake.save()


def list_writes(fake: FakeMachine) -> int:
    """Return how often the settings were written."""
    return int(fake.state["autopilot"]["ModifyIndex"]) - int(AS_MADE["ModifyIndex"])


def test_running_servers_learn_it_and_keep_what_an_operator_set(fake: FakeMachine) -> None:
    """The configuration file counts only when a cluster is made."""
    prepare_running(fake)
    assert run(fake, "acl").code == 0
    assert fake.state["autopilot"] == {**AS_MADE, "CleanupDeadServers": False, "ModifyIndex": 18}


def test_what_is_there_is_not_written_again(fake: FakeMachine) -> None:
    """All servers look; every write costs all of them a disk write."""
    prepare_running(fake)
    assert run(fake, "acl").code == 0
    assert run(fake, "acl").code == 0
    assert list_writes(fake) == 1


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_request_that_fails_is_lost_or_comes_twice_heals(
    fake: FakeMachine, trouble: dict[str, list[object]]
) -> None:
    """Elections last seconds, and the stage waits for their end."""
    prepare_running(fake, autopilot_trouble=trouble)
    assert run(fake, "acl").code == 0
    assert fake.state["autopilot"]["CleanupDeadServers"] is False
    assert fake.state["autopilot"]["LastContactThreshold"] == "900ms"


def test_a_lasting_refusal_is_named(fake: FakeMachine) -> None:
    """Without the setting the machine must not end as ready: its lock may end before its time."""
    prepare_running(fake, autopilot_trouble={"PUT": [500] * 100})
    result = run(fake, "acl")
    assert result.code == 1
    assert (result.failure["stage"], result.failure["cause"]) == ("acl", "consul-settings")
    assert "No cluster leader" in result.failure["reason"]


def test_a_payload_of_an_older_release_sets_nothing(fake: FakeMachine) -> None:
    """The program of a newer image must not stumble over it."""
    prepare_running(fake)
    acl = {key: value for key, value in ACL.items() if key != "autopilot"}
    fake.at("/etc/holster/acl.json").write_text(json.dumps(acl))
    assert run(fake, "acl").code == 0
    assert fake.state["autopilot"] == AS_MADE


def test_a_machine_that_is_no_server_sets_nothing(fake: FakeMachine) -> None:
    """It has no token for it."""
    prepare_running(fake)
    document = make_document()
    document["roles"] = ["postgres"]
    write_document(fake, document)
    run(fake, "acl")
    assert fake.state["autopilot"] == AS_MADE
