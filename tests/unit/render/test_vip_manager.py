"""vip-manager: its two modes, its versions, and a VIP that never stays behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render

CONFIG = "/etc/default/vip-manager.yml"
UNIT = "/etc/systemd/system/vip-manager.service"
KNOWN = {
    "ip",
    "netmask",
    "interface",
    "trigger-key",
    "trigger-value",
    "manager-type",
    "dcs-type",
    "dcs-endpoints",
    "consul-token",
    "interval",
    "retry-num",
    "retry-after",
    "verbose",
}
"""What every version from 1.0 to 5.0 reads."""

VERSIONS = ("1.0.2", "2.8.0", "3.0.0", "4.0.0", "5.0.0")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", ["consul", "patroni"])
def test_trap_32_only_keys_that_every_version_reads(render: Render, version: str, mode: str) -> None:
    """5.0 ignores the old names, and `hosting-type` was never read by any."""
    changes = {"components.vip_manager": {"version": version}, "vip_manager.mode": mode}
    document = render(changes=changes).document("pg1", CONFIG)
    assert set(document) <= KNOWN
    assert document["manager-type"] == "basic"
    assert document["dcs-type"] == mode
    assert document["netmask"] == 24
    assert len(document["dcs-endpoints"]) == 1


def test_trap_31_in_consul_mode_the_trigger_follows_the_scope(render: Render) -> None:
    """Key and value are Patroni's own: namespace, scope, member name."""
    rendered = render(changes={"vip_manager.mode": "consul"})
    document, patroni = rendered.document("pg2", CONFIG), rendered.document("pg2", "/etc/patroni/patroni.yml")
    assert document["trigger-key"] == f"{patroni['namespace']}{patroni['scope']}/leader"
    assert document["trigger-value"] == patroni["name"] == "pg2"
    assert document["dcs-endpoints"] == ["http://127.0.0.1:8500"]


def test_the_token_of_vip_manager_is_not_the_gossip_key(render: Render) -> None:
    """The original sent the encryption key as a token, in clear text."""
    rendered = render(changes={"vip_manager.mode": "consul"})
    token = rendered.document("pg1", CONFIG)["consul-token"]
    assert token == rendered.bundle.vip_token.secret_id.get_secret_value()
    assert rendered.bundle.gossip_key.get_secret_value() not in rendered.payload("pg1", CONFIG)


def test_trap_31_in_patroni_mode_the_own_rest_api_decides(render: Render) -> None:
    """vip-manager joins endpoint and key as they are: no slash at the end of the endpoint.

    On loopback: seen in the lab's scenario 17, a machine without a cable had no address to be asked at,
    and vip-manager 3.0.0 kept the virtual one beside the next leader.
    """
    document = render(changes={"vip_manager.mode": "patroni", "ports.patroni": 8018}).document("pg1", CONFIG)
    assert document["trigger-key"] == "/leader"
    assert document["trigger-value"] == "200"
    assert document["dcs-endpoints"] == ["http://127.0.0.1:8018"]
    assert "consul-token" not in document


@pytest.mark.parametrize(("mode", "trusts"), [("patroni", True), ("consul", False)])
def test_with_tls_vip_manager_believes_the_authority(render: Render, mode: str, *, trusts: bool) -> None:
    """Before 4.0 it has no setting for that; its language has one."""
    rendered = render(changes={"vip_manager.mode": mode, "patroni.rest_tls": True})
    endpoint = "https://127.0.0.1:8008" if trusts else "http://127.0.0.1:8500"
    assert rendered.document("pg1", CONFIG)["dcs-endpoints"] == [endpoint]
    assert ("Environment=SSL_CERT_FILE=/etc/holster/tls/ca.pem" in rendered.payload("pg1", UNIT)) is trusts


def read_unit(text: str) -> dict[str, list[str]]:
    """Return the settings of a unit file, repeated ones in order."""
    settings: dict[str, list[str]] = {}
    for line in text.splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            settings.setdefault(key, []).append(value)
    return settings


def test_trap_06_stopping_removes_the_vip(render: Render) -> None:
    """vip-manager removes the address on SIGINT only; a killed one leaves it to ExecStopPost."""
    unit = read_unit(render().payload("pg1", UNIT))
    assert unit["KillSignal"] == ["SIGINT"]
    # Seen in the lab's scenario 12: the signal reached the `ip` that vip-manager had started, too.
    assert unit["KillMode"] == ["mixed"]
    assert unit["ExecStopPost"] == ["-/usr/sbin/ip address delete 192.168.11.200/24 dev ${VIP_INTERFACE}"]


def test_a_vip_manager_that_hangs_keeps_writes_away_for_seconds_only(render: Render) -> None:
    """Seen in the lab's scenario 12: the address was gone, and Patroni was stopped 30 s later."""
    unit = read_unit(render().payload("pg1", UNIT))
    assert unit["TimeoutStopSec"] == ["5"]


def test_the_vip_is_removed_before_patroni_gives_the_leader_key_back(render: Render) -> None:
    """Units stop in the reverse of their order; else another member takes the address too early."""
    unit = read_unit(render().payload("pg1", UNIT))
    assert "patroni.service" in unit["After"][0].split()


@pytest.mark.parametrize(
    ("example", "node", "interface"), [("sirius", "pg1", "enp0s8"), ("trio", "trio1", None)]
)
def test_trap_14_the_interface_may_be_known_on_the_first_boot_only(
    render: Render, example: str, node: str, interface: str | None
) -> None:
    """Then the file of the first boot names it, for vip-manager and for ExecStopPost alike."""
    rendered = render(example)
    document: dict[str, Any] = rendered.document(node, CONFIG)
    unit = read_unit(rendered.payload(node, UNIT))
    assert document.get("interface") == interface
    assert unit["EnvironmentFile"] == ["-/etc/holster/vip-manager.env"]
    assert unit.get("Environment") == ([f"VIP_INTERFACE={interface}"] if interface else None)
    assert rendered.document(node, "/etc/holster/node.json")["network"]["interface"] == interface
