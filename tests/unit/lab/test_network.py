"""The lab's network: closed, and no other than that of production for the machines."""

from __future__ import annotations

import tracemalloc
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from generator.errors import UsageInvalid
from generator.lab.network import Cable, Forward, choose_gate, list_gate_arguments

PREFIX = IPv4Network("10.77.0.0/24")
NODES = [IPv4Address(f"10.77.0.{number}") for number in (11, 12, 13, 100)]


def test_gate_holds_no_machine() -> None:
    """What is sent into the gate's part never reaches a machine, and the reverse."""
    gate = choose_gate(PREFIX, [*NODES, PREFIX.network_address, PREFIX.broadcast_address])
    assert gate == IPv4Network("10.77.0.224/28")
    assert gate.subnet_of(PREFIX)
    assert not any(address in gate for address in NODES)


def test_smaller_part_is_taken_where_the_network_is_full() -> None:
    """Eight addresses are enough."""
    taken = [IPv4Address(f"10.77.0.{number}") for number in range(0, 256, 16)]
    gate = choose_gate(PREFIX, taken)
    assert gate.prefixlen == 29
    assert not any(address in gate for address in taken)


@pytest.mark.parametrize("prefix", ["10.77.0.0/24", "10.77.0.0/29", "10.77.0.0/30"])
def test_full_network_is_refused(prefix: str) -> None:
    """Without a place for the gate nothing could get in."""
    network = IPv4Network(prefix)
    with pytest.raises(UsageInvalid, match="no free part"):
        choose_gate(network, [address for address in network if int(address) % 4 == 0])


def test_the_gate_is_closed_and_reached_from_this_machine_only() -> None:
    """Nothing of a lab may reach another machine, or be reached from one."""
    forwards = [Forward(5001, NODES[0], 22), Forward(5002, NODES[3], 5432)]
    part = IPv4Network("10.77.0.224/28")
    arguments = list_gate_arguments(part, Cable(4001, 4002), forwards, Path("m"))
    users = [word for word in arguments if word.startswith("user,")]
    assert len(users) == 1
    assert "restrict=on" in users[0].split(",")
    assert "ipv6=off" in users[0].split(",")
    assert "hostfwd=tcp:127.0.0.1:5001-10.77.0.11:22" in users[0].split(",")
    assert "hostfwd=tcp:127.0.0.1:5002-10.77.0.100:5432" in users[0].split(",")
    assert "socket,id=cable,udp=127.0.0.1:4002,localaddr=127.0.0.1:4001" in arguments


def test_a_large_network_costs_nothing() -> None:
    """A /8 has a million parts of sixteen addresses: listing them took 17 s and 245 MiB."""
    tracemalloc.start()
    gate = choose_gate(IPv4Network("10.0.0.0/8"), [IPv4Address("10.255.255.254"), IPv4Address("10.0.0.1")])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert gate == IPv4Network("10.255.255.224/28")
    assert peak < 100_000
