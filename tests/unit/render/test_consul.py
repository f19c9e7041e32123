"""consul.hcl and acl.json: dialects by version, and the traps of the Consul agent."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import hcl2
import pytest
from hcl2 import SerializationOptions

from generator.render.consul import list_grants

if TYPE_CHECKING:
    from generator.render.consul import AclGrant
    from tests.unit.render.conftest import Render, Rendered

CONSUL = "/etc/consul.d/consul.hcl"


def read_consul(rendered: Rendered, node: str) -> dict[str, Any]:
    """Return consul.hcl as an HCL parser sees it."""
    text = rendered.payload(node, CONSUL)
    parsed: dict[str, Any] = hcl2.loads(
        text, serialization_options=SerializationOptions(strip_string_quotes=True)
    )
    return parsed


def block(parsed: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a nested block; a block that occurs once is a list of one."""
    for name in names:
        parsed = parsed[name][0]
    return parsed


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        ("1.8.4", {"verify_server_hostname", "ui", "acl.master"}, {"tls", "ui_config", "ports.grpc_tls"}),
        ("1.9.0", {"verify_server_hostname", "ui_config", "acl.master"}, {"tls", "ui", "ports.grpc_tls"}),
        ("1.11.0", {"verify_server_hostname", "acl.initial_management"}, {"tls", "acl.master"}),
        (
            "1.12.0",
            {"tls", "acl.initial_management"},
            {"verify_server_hostname", "ca_file", "ports.grpc_tls"},
        ),
        ("1.13.9", {"tls", "ui_config"}, {"ports.grpc_tls", "acl.master"}),
        ("1.14.0", {"tls", "ports.grpc_tls"}, {"acl.master", "ui"}),
        ("1.22.0", {"tls", "ports.grpc_tls", "acl.initial_management"}, {"acl.master", "ui", "ca_file"}),
    ],
)
def test_trap_05_keys_follow_the_version(
    render: Render, version: str, present: set[str], absent: set[str]
) -> None:
    """An unknown key ends the agent: each version gets the keys that it knows."""
    parsed = read_consul(render(changes={"components.consul": {"version": version}}), "consul1")
    keys = {
        *parsed,
        *(f"ports.{key}" for key in block(parsed, "ports")),
        *(f"acl.{key}" for key in block(parsed, "acl", "tokens")),
    }
    assert present <= keys
    assert not absent & keys


@pytest.mark.parametrize("version", ["1.8.4", "1.22.0"])
def test_tls_is_verified_in_both_directions(render: Render, version: str) -> None:
    """All three verify options, or TLS is not in force."""
    parsed = read_consul(render(changes={"components.consul": {"version": version}}), "pg1")
    if "tls" in parsed:
        defaults, rpc = block(parsed, "tls", "defaults"), block(parsed, "tls", "internal_rpc")
    else:
        defaults = rpc = parsed
    assert defaults["verify_incoming"] is True
    assert defaults["verify_outgoing"] is True
    assert rpc["verify_server_hostname"] is True
    assert parsed["enable_agent_tls_for_checks"] is True


def test_trap_20_the_main_file_is_hcl_and_not_json(render: Render) -> None:
    """JSON text under this name is refused from Consul 1.13 on, an absent file skips the unit."""
    text = render().payload("pg1", CONSUL)
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    assert 'datacenter = "sirius"' in text


@pytest.mark.parametrize("node", ["consul1", "consul2", "consul3", "pg1"])
def test_retry_join_names_every_server_but_itself(render: Render, node: str) -> None:
    """A self-join counts as success and ends the retries."""
    rendered = render()
    addresses = {peer.name: str(peer.address) for peer in rendered.cluster.servers if peer.name != node}
    parsed = read_consul(rendered, node)
    assert parsed["retry_join"] == list(addresses.values())
    assert "start_join" not in parsed


def test_a_single_server_joins_nobody(render: Render) -> None:
    """There is no other server, and an empty list says nothing."""
    parsed = read_consul(render("single"), "solo")
    assert "retry_join" not in parsed
    assert parsed["bootstrap_expect"] == 1


def test_another_serf_port_is_part_of_the_join_address(render: Render) -> None:
    """Consul assumes 8301 where an address has no port."""
    parsed = read_consul(render(changes={"ports.consul_serf": 18301}), "pg1")
    assert parsed["retry_join"][0] == "192.168.11.191:18301"
    assert block(parsed, "ports")["serf_lan"] == 18301


def test_trap_17_and_25_addresses_are_named(render: Render) -> None:
    """On the holder of the VIP Consul would find two addresses and refuse to start."""
    rendered = render()
    for peer in rendered.cluster.peers:
        parsed = read_consul(rendered, peer.name)
        assert parsed["bind_addr"] == parsed["advertise_addr"] == str(peer.address)
        assert parsed["client_addr"] == "127.0.0.1"


def test_trap_18_a_restart_is_no_goodbye(render: Render) -> None:
    """Leaving on SIGTERM would destroy the session and Patroni's leader key."""
    for node in ("consul1", "pg1"):
        parsed = read_consul(render(), node)
        assert parsed["leave_on_terminate"] is False
        assert parsed["skip_leave_on_interrupt"] is True


def test_trap_23_one_gossip_key_of_32_bytes(render: Render) -> None:
    """The same on every machine, in standard base64."""
    rendered = render()
    keys = {read_consul(rendered, peer.name)["encrypt"] for peer in rendered.cluster.peers}
    assert len(keys) == 1
    assert len(b64decode(keys.pop(), validate=True)) == 32


def test_trap_24_bootstrap_expect_is_the_number_of_servers(render: Render) -> None:
    """Equal on all servers, absent on clients."""
    rendered = render()
    for peer in rendered.cluster.peers:
        parsed = read_consul(rendered, peer.name)
        assert parsed["server"] is peer.is_server
        assert parsed.get("bootstrap_expect") == (3 if peer.is_server else None)


def test_acls_deny_by_default(render: Render) -> None:
    """Nobody without a token may do more than read the catalogue."""
    acl = block(read_consul(render(), "pg1"), "acl")
    assert acl["enabled"] is True
    assert acl["default_policy"] == "deny"


def test_the_management_token_is_on_servers_only(render: Render) -> None:
    """It may do anything."""
    rendered = render()
    token = rendered.bundle.management_token.secret_id.get_secret_value()
    for path, file in rendered.files.items():
        if token.encode() in file.content:
            assert path.split("/")[1].startswith("consul")
            assert file.is_secret


def grants_of(rendered: Rendered) -> tuple[AclGrant, ...]:
    """Return the grants of a cluster."""
    return list_grants(rendered.cluster, rendered.bundle)


def test_trap_11_policies_have_no_leading_slash(render: Render) -> None:
    """Consul's keys have none: a policy with one matches nothing."""
    asking = render(changes={"vip_manager.mode": "consul"})
    grants = {grant.name: grant for grant in grants_of(asking)}
    assert 'key_prefix "service/sirius/"' in grants["patroni-sirius"].rules
    assert grants["vip-sirius"].rules == 'key "service/sirius/leader" { policy = "read" }'
    assert all('"/' not in grant.rules for grant in grants.values())


def test_trap_10_the_service_of_the_policy_is_the_scope(render: Render) -> None:
    """Patroni registers the translated scope; a scope needs no translation."""
    grants = {grant.name: grant for grant in grants_of(render())}
    assert 'service "sirius" { policy = "write" }' in grants["patroni-sirius"].rules
    silent = grants_of(render(changes={"patroni.register_service": False}))
    assert all('service "sirius"' not in grant.rules for grant in silent)


def test_vip_manager_gets_a_token_only_where_it_asks_consul(render: Render) -> None:
    """In patroni mode it never speaks to Consul."""
    asking = render(changes={"vip_manager.mode": "consul"})
    assert "vip-sirius" not in {grant.name for grant in grants_of(render())}
    assert "vip-sirius" in {grant.name for grant in grants_of(asking)}


def test_acl_json_is_on_servers_only(render: Render) -> None:
    """It holds every token; clients have no use for it."""
    rendered = render()
    places = {path.split("/")[1] for path in rendered.files if path.endswith("/acl.json")}
    assert places == {"consul1", "consul2", "consul3"}


@pytest.mark.parametrize("consul", ["1.8.7", "1.13.9"])
def test_no_setting_shortens_the_life_of_a_lock(render: Render, consul: str) -> None:
    """Dead servers cleaned up: a member that is a server, too, lost its lock after 12 s of a ttl of 30."""
    rendered = render("trio", changes={"components.consul": {"version": consul}})
    autopilot = block(read_consul(rendered, "trio1"), "autopilot")
    assert autopilot["cleanup_dead_servers"] is False
    document = rendered.document("trio1", "/etc/holster/acl.json")
    # New servers read the one, running ones are told the other.
    assert document["autopilot"] == {"CleanupDeadServers": False}


def test_every_token_names_a_policy_that_is_made(render: Render) -> None:
    """Consul refuses a token with an unknown policy."""
    document = render().document("consul1", "/etc/holster/acl.json")
    policies = {policy["name"] for policy in document["policies"]}
    assert {name for token in document["tokens"] for name in token["policies"]} == policies
    assert len({token["secret_id"] for token in document["tokens"]}) == len(document["tokens"])


def test_policy_rules_are_hcl(render: Render) -> None:
    """An independent parser reads every rule."""
    for grant in grants_of(render()):
        assert hcl2.loads(grant.rules + "\n")
