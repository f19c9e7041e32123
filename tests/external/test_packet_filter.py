"""The table of nftables in a real kernel: who gets through to which port, and what of others stays."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.external.machine_fixtures import absent
from tests.unit.render.conftest import Rendered, make_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.external

RULES: Final = "/etc/holster/firewall.nft"
SERVER, MEMBER = "192.168.11.181", "192.168.11.182"
CLIENT, ADMIN, MONITOR, STRANGER = "10.1.0.9", "10.2.0.9", "10.3.0.9", "10.4.0.9"
SOURCES: Final = (MEMBER, CLIENT, ADMIN, MONITOR, STRANGER)
PORTS: Final = (22, 5432, 8008, 8300, 8301, 8500)
NETWORKS: Final = {
    "platform": "debian13",
    "network.clients": ["10.1.0.0/16"],
    "network.admins": ["10.2.0.0/16"],
    "network.monitors": ["10.3.0.0/16"],
}
LISTEN: Final = """
import json, selectors, socket, sys
chosen = selectors.DefaultSelector()
for port in json.loads(sys.argv[1]):
    stream = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagram.bind(("", port))
    chosen.register(stream, selectors.EVENT_READ)
    chosen.register(datagram, selectors.EVENT_READ)
print("up", flush=True)
while True:
    for key, _ in chosen.select():
        if key.fileobj.type == socket.SOCK_STREAM:
            key.fileobj.accept()[0].close()
        else:
            data, sender = key.fileobj.recvfrom(9)
            key.fileobj.sendto(data, sender)
"""
ASK: Final = """
import json, socket, sys
answers = []
for source, target, port, kind in json.loads(sys.argv[1]):
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    tried = socket.socket(family, getattr(socket, kind))
    tried.settimeout(0.5)
    try:
        if source:
            tried.bind((source, 0))
        tried.connect(socket.getaddrinfo(target, port, family)[0][4])
        if kind == "SOCK_DGRAM":
            tried.send(b"x")
            tried.recv(9)
        answers.append("through")
    except TimeoutError:
        answers.append("silence")
    except OSError as error:
        answers.append(type(error).__name__ if error.errno != 113 else "rejected")
print(json.dumps(answers))
"""


def sh(*words: str | Path) -> str:
    """Run a program and return what it said."""
    return subprocess.run(words, check=True, timeout=60, capture_output=True, text=True).stdout


class Wire:
    """A filtered machine and somebody with many addresses, on one cable."""

    def __init__(self, rules: Path) -> None:
        self.rules = rules
        self.inside, self.outside = f"hol-fw-{os.getpid()}-a", f"hol-fw-{os.getpid()}-b"
        for name in (self.inside, self.outside):
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        sh(
            "ip",
            "-n",
            self.inside,
            "link",
            "add",
            "eth0",
            "type",
            "veth",
            "peer",
            "eth0",
            "netns",
            self.outside,
        )
        sh("ip", "-n", self.inside, "address", "add", f"{SERVER}/32", "dev", "eth0")
        for address in SOURCES:
            sh("ip", "-n", self.outside, "address", "add", f"{address}/32", "dev", "eth0")
        for name in (self.inside, self.outside):
            sh(
                "ip",
                "-n",
                name,
                "-6",
                "address",
                "add",
                f"fd00::{1 + (name == self.outside)}/64",
                "dev",
                "eth0",
                "nodad",
            )
            sh("ip", "-n", name, "link", "set", "eth0", "up")
            sh("ip", "-n", name, "route", "add", "default", "dev", "eth0")
        self._servers = [self._listen(self.inside), self._listen(self.outside)]

    def _listen(self, where: str) -> subprocess.Popen[str]:
        words = ["ip", "netns", "exec", where, sys.executable, "-c", LISTEN, json.dumps(PORTS)]
        server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"
        return server

    def nft(self, *words: str | Path) -> str:
        """Run nft on the filtered machine."""
        return sh("ip", "netns", "exec", self.inside, "nft", *words)

    def ask(self, where: str, questions: list[tuple[str, str, int, str]]) -> list[str]:
        """Return what becomes of packets from a source to a target and port."""
        words = ["ip", "netns", "exec", where, sys.executable, "-c", ASK, json.dumps(questions)]
        answers: list[str] = json.loads(sh(*words))
        return answers

    def close(self) -> None:
        """End everything."""
        for server in self._servers:
            server.kill()
            server.communicate(timeout=10)
        for name in (self.inside, self.outside):
            sh("ip", "netns", "delete", name)


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    """Return a machine with the filter of pg1, loaded."""
    if os.geteuid() != 0 or shutil.which("nft") is None:
        absent("nft (package nftables), root privileges")
    rules = tmp_path / "firewall.nft"
    rules.write_text(Rendered(make_cluster("sirius", dict(NETWORKS))).payload("pg1", RULES))
    made = Wire(rules)
    made.nft("-f", rules)
    yield made
    made.close()


def test_each_gets_to_its_ports_and_to_no_other(wire: Wire) -> None:
    """The same table as firewalld's zone is made from; whoever is kept out learns it at once."""
    # First: the kernel sends few such answers in a second.
    assert wire.ask(wire.outside, [(STRANGER, SERVER, 5432, "SOCK_STREAM")]) == ["rejected"]
    allowed = {
        (MEMBER, 5432, "SOCK_STREAM"),
        (MEMBER, 8008, "SOCK_STREAM"),
        (MEMBER, 8301, "SOCK_STREAM"),
        (MEMBER, 8301, "SOCK_DGRAM"),
        (CLIENT, 5432, "SOCK_STREAM"),
        (ADMIN, 22, "SOCK_STREAM"),
        (MONITOR, 8008, "SOCK_STREAM"),
    }
    questions = [
        (source, SERVER, port, kind)
        for source in SOURCES
        for port in PORTS
        for kind in ("SOCK_STREAM", "SOCK_DGRAM")
    ]
    answers = wire.ask(wire.outside, questions)
    for (source, _, port, kind), answer in zip(questions, answers, strict=True):
        assert (answer == "through") is ((source, port, kind) in allowed), (
            f"{source} to {port} {kind}: {answer}"
        )


def test_the_machine_itself_is_not_held_back(wire: Wire) -> None:
    """Outwards everything goes, and answers come back; on itself it reaches every port."""
    outwards = [("", STRANGER, port, "SOCK_STREAM") for port in PORTS]
    itself = [("", target, 8500, "SOCK_STREAM") for target in ("127.0.0.1", "::1", SERVER)]
    assert set(wire.ask(wire.inside, [*outwards, *itself])) == {"through"}


def test_nothing_comes_in_by_ipv6_but_neighbours_are_seen(wire: Wire) -> None:
    """No list of the spec names IPv6: every port is shut there, and outwards it works."""
    shut = [("", "fd00::1", port, "SOCK_STREAM") for port in PORTS]
    assert "through" not in wire.ask(wire.outside, shut)
    assert wire.ask(wire.inside, [("", "fd00::2", 8500, "SOCK_STREAM")]) == ["through"]


def test_what_others_filter_stays_and_ours_is_there_once(wire: Wire) -> None:
    """Loaded again at every first boot and reload, beside tables of the site."""
    before = wire.nft("list", "table", "inet", "holster")
    wire.nft("add", "table", "inet", "site")
    for _ in range(2):
        wire.nft("-f", wire.rules)
    assert sorted(wire.nft("list", "tables").splitlines()) == ["table inet holster", "table inet site"]
    assert wire.nft("list", "table", "inet", "holster") == before


@pytest.mark.parametrize("everybody", [["0.0.0.0/0"], ["10.0.0.0/8", "10.1.0.0/16", "192.168.11.182/32"]])
def test_networks_that_overlap_are_no_error(wire: Wire, tmp_path: Path, everybody: list[str]) -> None:
    """The kernel refuses a set with overlapping networks, and with it the whole table."""
    changes: dict[str, Any] = {"platform": "debian13", "network.clients": everybody}
    rules = tmp_path / "other.nft"
    rules.write_text(Rendered(make_cluster("sirius", changes)).payload("pg1", RULES))
    wire.nft("-f", rules)
    assert wire.ask(wire.outside, [(CLIENT, SERVER, 5432, "SOCK_STREAM")]) == ["through"]
