"""The stages agent, consul and acl: traps of the reference notes that concern the agent and its tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from generator.node import exits
from generator.node.stages.consul import ConsulStage
from tests.fakes.node_documents import ACL, GOSSIP_KEY, make_document, write_document
from tests.fakes.node_runs import boot, run
from tests.fakes.stage_runs import journal, stop_at

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


def break_consul(fake: FakeMachine, text: str) -> None:
    """Let the agent end as soon as it is started, and say something."""
    fake.state["consul_ends"] = True
    journal(fake, "consul.service", text)


@pytest.mark.parametrize("words", ["==> invalid config key tls", "==> some words that nobody expects"])
def test_unknown_configuration_keys_are_named_long_before_the_deadline(fake: FakeMachine, words: str) -> None:
    """Reference trap 5: the agent's own `validate` speaks, at once or after a while."""
    break_consul(fake, words)
    fake.script("consul", 1, "", "Config validation failed: 1 error occurred: invalid config key tls")
    result = stop_at(fake, "consul", "consul-config")
    assert "Config validation failed" in result.failure["reason"]
    stage = next(item for item in result.status["stages"] if item["name"] == "consul")
    assert stage["seconds"] < ConsulStage.deadline / 10


def test_old_words_about_the_configuration_stop_nobody(fake: FakeMachine) -> None:
    """The log still holds what the agent said before its configuration was put right."""
    fake.state["consul_late"] = 12
    journal(fake, "consul.service", "==> invalid config key tls")
    assert run(fake).code == 0
    assert len([call for call in fake.calls if call[0].endswith("consul")]) == 1


def test_data_of_an_agent_that_ran_already_stays_its_own(fake: FakeMachine) -> None:
    """Somebody started it by hand: it is restarted with our configuration, and keeps its identity later."""
    fake.state["units"]["consul.service"] = {"active": True, "enabled": False, "starts": 1}
    fake.save()
    fake.at("/opt/consul").mkdir(parents=True, exist_ok=True)
    fake.at("/opt/consul/node-id").write_text("mine")
    assert run(fake, "agent").code == 0
    boot(fake)
    assert fake.at("/opt/consul/node-id").read_text() == "mine"


def test_an_agent_that_comes_up_is_not_asked_about_its_configuration(fake: FakeMachine) -> None:
    """`consul validate` costs as much as the agent's start."""
    assert run(fake).code == 0
    assert not [call for call in fake.calls if call[0].endswith("consul")]


def test_a_machine_that_refuses_its_disks_still_is_a_consul_server(fake: FakeMachine) -> None:
    """Three servers elect their first leader only when all three are there."""
    fake.add_disk("sdb", 1024, {"TYPE": "xfs"})
    assert run(fake).code == exits.REFUSED
    assert fake.state["units"]["consul.service"]["active"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("memberlist: Failed to decrypt: No installed keys could decrypt the message", "gossip-key"),
        ("Multiple private IPv4 addresses found. Please configure one with 'bind'", "consul-address"),
        ("bind: cannot assign requested address", "consul-address"),
        ("Node name pg1 is reserved by node 1234 with name pg1", "consul-name-taken"),
        ("error: refusing to rejoin cluster because server has been offline", "consul-too-old"),
        ("x509: certificate has expired or is not yet valid", "consul-tls"),
        ("No cluster leader", "consul-no-leader"),
    ],
)
def test_log_texts_of_consul_become_causes(fake: FakeMachine, text: str, cause: str) -> None:
    """Gossip key mismatch (traps.md 23), ambiguous address (25, reference 16 and 17), and others."""
    fake.state["consul_leader"] = ""
    journal(fake, "consul.service", text)
    assert text in stop_at(fake, "consul", cause).failure["reason"]


def test_stored_gossip_keyring_wins_over_the_configuration(fake: FakeMachine) -> None:
    """traps.md 23: a ring without our key is moved aside before the first start, ours is kept."""
    ring = fake.at("/opt/consul/serf/local.keyring")
    ring.parent.mkdir()
    ring.write_text('["b3RoZXI="]')
    fake.at("/var/lib/holster").mkdir(parents=True)
    fake.at("/var/lib/holster/consul-started").write_text("before")
    assert run(fake, "consul").code == 0
    assert [path.name[:20] for path in ring.parent.iterdir()] == ["local.keyring.before"]
    ring.write_text(json.dumps([GOSSIP_KEY]))
    boot(fake)
    assert ring.exists()


def test_cloned_identity(fake: FakeMachine) -> None:
    """traps.md 18: state of an agent that ran in the image is moved aside once, our own never."""
    node_id = fake.at("/opt/consul/node-id")
    node_id.write_text("cloned")
    assert run(fake, "consul").code == 0
    assert not node_id.exists()
    node_id.write_text("own")
    boot(fake)
    assert node_id.read_text() == "own"


@pytest.mark.parametrize("status", [403, 404])
def test_acl_missing_answers_403_or_404(fake: FakeMachine, status: int) -> None:
    """Reference §1.4: both mean that a policy or token does not exist."""
    fake.state["missing_status"] = status
    fake.save()
    assert run(fake, "acl").code == 0
    assert sorted(fake.state["tokens"]) == ["agent_token", "patroni_token", "vip_token"]
    assert fake.state["policies"]["patroni-demo"]["Rules"] == "key_prefix"


def test_acl_is_made_by_the_server_that_leads_first(fake: FakeMachine) -> None:
    """Every request costs all servers time; the others begin when it did not help, and look first."""
    fake.state["consul_leader"] = "192.0.2.12:8300"
    fake.save()
    result = run(fake, "acl")
    assert result.code == 0
    acl = next(stage for stage in result.status["stages"] if stage["name"] == "acl")
    # The leader of this test does nothing; so this server begins after the head start.
    assert acl["seconds"] >= 20
    assert fake.state["tokens"]
    acl = next(stage for stage in run(fake, "acl").status["stages"] if stage["name"] == "acl")
    assert acl["seconds"] < 5


def test_acl_that_the_leader_has_just_made_is_not_compared(fake: FakeMachine) -> None:
    """Twenty questions of each server, while the leader starts PostgreSQL."""
    fake.state.update(consul_leader="192.0.2.12:8300", leader_makes_after=4)
    fake.save()
    assert run(fake, "acl").code == 0
    assert fake.state["policies"] == {}
    # A later run compares: the policies of this payload may be newer.
    assert run(fake, "acl").code == 0
    assert fake.state["policies"]


def test_acl_policy_of_an_older_render_gets_its_new_rules(fake: FakeMachine) -> None:
    """Acl policy of an older render gets its new rules."""
    assert run(fake, "acl").code == 0
    acl = {**ACL, "policies": [{"name": "patroni-demo", "description": "d", "rules": "new"}]}
    fake.at("/etc/holster/acl.json").write_text(json.dumps(acl))
    assert run(fake, "acl").code == 0
    assert fake.state["policies"]["patroni-demo"]["Rules"] == "new"


def test_tokens_of_another_render_are_named(fake: FakeMachine) -> None:
    """Tokens of another render are named."""
    assert run(fake, "acl").code == 0
    acl = {**ACL, "tokens": [{**ACL["tokens"][0], "secret_id": "another"}]}  # type: ignore[index]
    fake.at("/etc/holster/acl.json").write_text(json.dumps(acl))
    stop_at(fake, "acl", "acl-failed")


def test_a_machine_that_is_no_server_waits_for_its_token(fake: FakeMachine) -> None:
    """A machine that is no server waits for its token."""
    document = make_document()
    document["roles"] = ["postgres"]
    write_document(fake, document)
    assert "token of the Consul agent" in stop_at(fake, "acl", "acl-token").failure["reason"]
