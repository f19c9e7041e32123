"""The lock of a member that is a Consul server, too, lives as long as its session says.

Real Consul with the rendered configuration, as an older release made it, told by the step of the first
boot; a network namespace per server.  The key is read where the fault is not.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.external.machine_fixtures import demand_privileges, install_image
from tests.external.test_firstboot_cluster import Cluster, deliver, render
from tests.fakes.network import sh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes.machines import TestMachine

pytestmark = pytest.mark.external

CONSUL = "/etc/consul.d/consul.hcl"
AGENT = ("/usr/bin/consul", "agent", "-config-dir=/etc/consul.d")
TTL_S = 15
"""Of the session, as Patroni asks for with its default `ttl` of 30; Consul waits up to twice as long."""
CUT_S = 16
"""Longer than it took autopilot to remove a server (11 to 12 s), shorter than the session may live."""
BEGIN_S = 60
STEP = """
import json, sys, types
sys.path.insert(0, "/usr/local/sbin/holster-node")
from generator.node.cluster.autopilot import ensure_autopilot
from generator.node.machine.web import Web
acl = json.load(open("/etc/holster/acl.json"))
token = acl["management_token"]["secret_id"]
print(ensure_autopilot(types.SimpleNamespace(web=Web()), acl["http"], token, acl["autopilot"]))
"""


class Servers:
    """Three Consul servers that run without the rest of a machine."""

    def __init__(self, cluster: Cluster, token: str) -> None:
        self.machines = cluster.machines
        self._switch = cluster.switch.name
        self._token = token

    def ask(self, machine: TestMachine, path: str, method: str = "GET", body: object = None) -> Any:
        """Return what the agent of a machine answers, None where that is no JSON."""
        words = ["curl", "-s", "-m", "5", "-X", method, "-H", f"X-Consul-Token: {self._token}"]
        data = [] if body is None else ["-d", json.dumps(body)]
        text = machine.ask(*words, *data, f"http://127.0.0.1:8500/v1/{path}", check=False)
        try:
            return json.loads(text)
        except ValueError:
            return None

    def find_leader(self) -> TestMachine:
        """Wait until the servers agree on who leads them."""
        deadline = time.monotonic() + BEGIN_S
        while time.monotonic() < deadline:
            seen = {self.ask(machine, "status/leader") for machine in self.machines}
            for number, machine in enumerate(self.machines, 11):
                if seen == {f"10.77.0.{number}:8300"}:
                    return machine
            time.sleep(0.5)
        pytest.fail("the Consul servers do not agree on a leader")

    def switch_link(self, machine: TestMachine, state: str) -> None:
        """Pull a machine's cable at the switch, or put it back."""
        port = f"p{11 + self.machines.index(machine)}"
        sh("ip", "-n", self._switch, "link", "set", port, state)


@pytest.fixture
def start_servers(tmp_path: Path, tool: Callable[..., Path]) -> Iterator[Callable[[str], Servers]]:
    """Return a function that starts three servers of a version, made by a release that cleaned up."""
    demand_privileges()
    made: list[Cluster] = []

    def start(version: str) -> Servers:
        cluster = Cluster(tmp_path)
        made.append(cluster)
        tree = render(version, "15")
        for number, machine in enumerate(cluster.machines, 11):
            deliver(tree, machine)
            config = machine.upper / CONSUL.lstrip("/")
            text, changes = re.subn(r"(cleanup_dead_servers\s*=) false", r"\1 true", config.read_text())
            assert changes == 1
            config.write_text(text)
            install_image(machine, {"/usr/bin/consul": tool("consul", version)})
            cluster.switch.plug(machine.network, number, f"10.77.0.{number}/24")
            machine.switch_on()
            cluster.runs[machine.name] = machine.start(*AGENT, log="consul.log")
        acl = json.loads(cluster.machines[0].ask("cat", "/etc/holster/acl.json"))
        return Servers(cluster, acl["management_token"]["secret_id"])

    yield start
    for cluster in made:
        cluster.remove()


@pytest.mark.parametrize("version", ["1.13.9", "1.8.7"])
def test_a_cut_server_keeps_its_lock_for_its_time(
    start_servers: Callable[[str], Servers], version: str
) -> None:
    """Autopilot took the cut leader out of the catalogue, and with it the session: two writable primaries."""
    servers = start_servers(version)
    leader = servers.find_leader()
    other = next(machine for machine in servers.machines if machine is not leader)
    deadline = time.monotonic() + BEGIN_S
    # Told by a server that does not lead, and again by the others: it must be safe to repeat.
    while [machine.ask("python3", "-c", STEP) for machine in (other, *servers.machines)] != ["None"] * 4:
        assert time.monotonic() < deadline
        time.sleep(1)
    settings = servers.ask(other, "operator/autopilot/configuration")
    assert settings["CleanupDeadServers"] is False
    assert settings["ServerStabilizationTime"] == "10s"
    session = servers.ask(
        leader,
        "session/create",
        "PUT",
        {"TTL": f"{TTL_S}s", "Checks": [], "LockDelay": "1ms", "Behavior": "delete"},
    )["ID"]
    assert servers.ask(leader, f"kv/lock?acquire={session}", "PUT", "leader") is True
    while servers.ask(other, "kv/lock?stale") is None:
        assert time.monotonic() < deadline, "the lock never came to another server"
        time.sleep(0.1)
    servers.switch_link(leader, "down")
    cut = time.monotonic()
    while (seconds := time.monotonic() - cut) < CUT_S:
        # Whatever this server knows, so that an election is no gap.
        assert servers.ask(other, "kv/lock?stale"), f"the lock was gone after {seconds:.1f} s"
        time.sleep(0.5)
    servers.switch_link(leader, "up")
    assert servers.find_leader() is not leader, "nothing was cut"
    assert servers.ask(other, "kv/lock")[0]["Session"] == session
