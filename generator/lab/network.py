"""The lab's network: one closed layer-2 network, and a way in from 127.0.0.1.

Every machine and the gate have a cable to the switch (switch.py): a pair of UDP ports.
The gate is a QEMU process without a machine: its user network with `restrict=on`, which
lets in what comes to the forwarded ports and lets nothing out.

The gate's own network is a free part of the cluster's prefix: the machines find it in
their own network and need no route to it, and it answers for no address of theirs.
Their network configuration is the one of production.

Pure: ports and the machine's facts come as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

from generator.errors import UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address
    from pathlib import Path

LOOPBACK: Final = "127.0.0.1"
GATE_LENGTHS: Final = (28, 29)
HUB: Final = 1


@dataclass(frozen=True, slots=True)
class Forward:
    """A port of 127.0.0.1 that leads to a port of an address inside."""

    host_port: int
    address: IPv4Address
    port: int


@dataclass(frozen=True, slots=True)
class Cable:
    """The UDP ports of a cable: its far end, at a machine or at the gate, and the switch's end."""

    far_port: int
    switch_port: int

    @property
    def options(self) -> str:
        """What QEMU at the far end is told."""
        return f"udp={LOOPBACK}:{self.switch_port},localaddr={LOOPBACK}:{self.far_port}"

    @property
    def argument(self) -> str:
        """What the switch is told."""
        return f"{self.far_port}:{self.switch_port}"


def choose_gate(prefix: IPv4Network, taken: Iterable[IPv4Address]) -> IPv4Network:
    """Return the part of `prefix` that holds the gate: the last one without a taken address.

    Raises:
        UsageInvalid: there is none.
    """
    used = set(taken)
    for length in GATE_LENGTHS:
        if length <= prefix.prefixlen:
            continue
        # From the end: people number from the start. One by one: a /8 has a million parts.
        size = 1 << (prefix.max_prefixlen - length)
        for last in range(int(prefix.broadcast_address), int(prefix.network_address), -size):
            part = IPv4Network((last - size + 1, length))
            if not any(address in part for address in used):
                return part
    raise UsageInvalid(
        f"the network {prefix} has no free part for the lab's own address",
        hint="the lab needs eight addresses in a row that no machine has; take a larger prefix",
    )


def list_gate_arguments(
    gate: IPv4Network, cable: Cable, forwards: Iterable[Forward], monitor: Path
) -> list[str]:
    """Return QEMU's arguments of the gate; without a machine it takes next to no memory."""
    user = [
        "user",
        "id=gate",
        "restrict=on",
        "ipv6=off",
        f"net={gate}",
        # QEMU takes them as given; inside of a part their usual numbers are not.
        *(f"{key}={gate[index]}" for key, index in (("host", 1), ("dns", 2), ("dhcpstart", 3))),
        *(
            f"hostfwd=tcp:{LOOPBACK}:{forward.host_port}-{forward.address}:{forward.port}"
            for forward in forwards
        ),
    ]
    arguments = [
        "-M",
        "none",
        "-display",
        "none",
        "-nodefaults",
        "-qmp",
        f"unix:{monitor},server=on,wait=off",
    ]
    arguments += ["-netdev", ",".join(user), "-netdev", f"hubport,id=inside,hubid={HUB},netdev=gate"]
    arguments += ["-netdev", f"socket,id=cable,{cable.options}"]
    return [*arguments, "-netdev", f"hubport,id=outside,hubid={HUB},netdev=cable"]
