"""Real Consul agents with our certificates and our gossip key, on loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from generator.credentials.bundle import CredentialBundle, NodeIdentity, create_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.external

DEADLINE_S = 40


@pytest.fixture(scope="module")
def bundle() -> CredentialBundle:
    """Return the secrets of one server and one client, both on this machine."""
    nodes = [
        NodeIdentity("consul1", "127.0.0.1", is_server=True, datacenter="sirius", domain="consul"),
        NodeIdentity("pg1", "127.0.0.1", is_server=False, datacenter="sirius", domain="consul"),
    ]
    return create_bundle("sirius", nodes, years=2, now=datetime.now(UTC), entropy=os.urandom)


def find_ports(count: int) -> list[int]:
    """Return ports that are free for TCP at this moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [opened.getsockname()[1] for opened in sockets]


@dataclass
class Agent:
    """A running agent."""

    http: int
    serf: int
    log: Path

    def ask(self, path: str) -> str:
        """Return the answer of the agent's HTTP interface; nothing while it has none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return ""

    def wait_for(self, path: str, text: str) -> bool:
        """Say whether an answer holds `text` before the deadline."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if text in self.ask(path):
                return True
            time.sleep(0.2)
        return False

    def wait_for_log(self, text: str) -> bool:
        """Say whether the log holds `text` before the deadline."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if text in self.log.read_text():
                return True
            time.sleep(0.2)
        return False


@contextmanager
def start_agent(  # noqa: PLR0913 -- what makes one agent differ from another
    consul: Path,
    folder: Path,
    bundle: CredentialBundle,
    node: str,
    *,
    certified_as: str | None = None,
    join: int | None = None,
) -> Iterator[Agent]:
    """Run an agent; a server unless it joins one."""
    credentials = bundle.nodes[certified_as or node]
    home = folder / node
    home.mkdir()
    (home / "ca.pem").write_text(bundle.authority.certificate)
    (home / "agent.pem").write_text(credentials.certificate)
    (home / "agent.key").write_text(credentials.key.get_secret_value())
    http, serf, server = find_ports(3)
    # The keys at the top are read by old and new versions.
    config = {
        "datacenter": "sirius",
        "node_name": node,
        "data_dir": str(home / "data"),
        "bind_addr": "127.0.0.1",
        "encrypt": bundle.gossip_key.get_secret_value(),
        "ports": {"http": http, "serf_lan": serf, "server": server, "dns": -1, "grpc": -1, "serf_wan": -1},
        "ca_file": str(home / "ca.pem"),
        "cert_file": str(home / "agent.pem"),
        "key_file": str(home / "agent.key"),
        "verify_incoming": True,
        "verify_outgoing": True,
        "verify_server_hostname": True,
        "disable_update_check": True,
        "performance": {"raft_multiplier": 1},
    }
    if join is None:
        config |= {"server": True, "bootstrap_expect": 1}
    else:
        config |= {"retry_join": [f"127.0.0.1:{join}"], "retry_interval": "1s"}
    (home / "consul.json").write_text(json.dumps(config))
    log = home / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [consul, "agent", f"-config-file={home / 'consul.json'}"], stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield Agent(http, serf, log)
        finally:
            process.kill()


@pytest.mark.parametrize("version", ["1.8", "1.13"])
def test_client_reaches_the_server_with_every_check_on(
    tool: Callable[..., Path], tmp_path: Path, bundle: CredentialBundle, version: str
) -> None:
    """Gossip key accepted, both certificates verified, the server's name compared."""
    consul = tool("consul", version)
    with start_agent(consul, tmp_path, bundle, "consul1") as server:
        assert server.wait_for("/v1/status/leader", "127.0.0.1:"), server.log.read_text()
        with start_agent(consul, tmp_path, bundle, "pg1", join=server.serf) as client:
            # The client has no answer of its own: it asks the server over TLS.
            assert client.wait_for("/v1/catalog/nodes", '"Node":"pg1"'), client.log.read_text()
            assert "consul1" in client.ask("/v1/catalog/nodes")


@pytest.mark.parametrize("version", ["1.8", "1.13"])
def test_trap_c8_client_certificate_does_not_make_a_server(
    tool: Callable[..., Path], tmp_path: Path, bundle: CredentialBundle, version: str
) -> None:
    """Whoever takes over a client cannot pose as a server: the peers name the missing name."""
    consul = tool("consul", version)
    with start_agent(consul, tmp_path, bundle, "consul1", certified_as="pg1") as impostor:
        assert impostor.wait_for("/v1/agent/self", "consul1"), impostor.log.read_text()
        with start_agent(consul, tmp_path, bundle, "pg1", join=impostor.serf) as client:
            assert client.wait_for_log("not server.sirius.consul"), client.log.read_text()
            assert client.ask("/v1/catalog/nodes") == ""


def test_another_clusters_gossip_key_is_refused(
    tool: Callable[..., Path], tmp_path: Path, bundle: CredentialBundle
) -> None:
    """Two clusters in one network never meet."""
    consul = tool("consul")
    other = bundle.model_copy(
        update={
            "gossip_key": create_bundle(
                "vega", [], years=2, now=datetime.now(UTC), entropy=os.urandom
            ).gossip_key
        }
    )
    with (
        start_agent(consul, tmp_path, bundle, "consul1") as server,
        start_agent(consul, tmp_path, other, "pg1", join=server.serf) as stranger,
    ):
        assert server.wait_for_log("No installed keys could decrypt the message"), server.log.read_text()
        assert stranger.ask("/v1/agent/members").count('"Name"') == 1
