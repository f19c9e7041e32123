"""The lab's switch: carries frames between the machines and the gate, each to where it belongs.

A program of its own, with the standard library only: it must go on when the lab is kept.

    switch.py GATE_END:SWITCH_END MACHINE_END:SWITCH_END…

Each argument is a cable: two UDP ports of 127.0.0.1, that of the far end and ours.  One
datagram is one Ethernet frame.  As every switch, it learns behind which cable an address
is.  QEMU's own hub would not do: it hands every frame to every port, and QEMU's user
network answers what is sent between the machines with resets.
"""

from __future__ import annotations

import selectors
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = "127.0.0.1"
LONGEST: Final = 65536
BUFFER: Final = 4 << 20
BURST: Final = 64
"""Frames taken from one cable before the others have their turn."""
GROUP_BIT: Final = 1
"""IEEE 802.3: of the first octet; set in addresses of many."""


@dataclass(frozen=True, slots=True)
class Port:
    """One cable's end here; `is_gate` marks the one that leads out of the network."""

    stream: socket.socket
    peer: tuple[str, int]
    is_gate: bool


class Switch:
    """Ports, and what was learned about them."""

    def __init__(self, ports: list[Port]) -> None:
        self._ports = ports
        self._known: dict[bytes, Port] = {}

    def carry(self, frame: bytes, source: Port) -> None:
        """Send a frame on; one that cannot be sent now is lost, as on a real cable."""
        target, sender = frame[:6], frame[6:12]
        self._known[sender] = source
        if not target[0] & GROUP_BIT and (known := self._known.get(target)) is not None:
            if known is not source:
                _send(known, frame)
            return
        is_group = bool(target[0] & GROUP_BIT)
        for port in self._ports:
            # The gate gets what is for all or for itself, never what is for an unknown machine.
            if port is not source and (is_group or not port.is_gate):
                _send(port, frame)

    def serve(self) -> None:
        """Carry frames for ever."""
        with selectors.DefaultSelector() as selector:
            for port in self._ports:
                selector.register(port.stream, selectors.EVENT_READ, port)
            while True:
                for key, _ in selector.select():
                    self._drain(key.data)

    def _drain(self, port: Port) -> None:
        for _ in range(BURST):
            try:
                frame, sender = port.stream.recvfrom(LONGEST)
            except OSError:
                return
            # Nobody else's datagrams come into the network.
            if sender == port.peer and len(frame) > 12:  # noqa: PLR2004 -- two addresses
                self.carry(frame, port)


def _send(port: Port, frame: bytes) -> None:
    with suppress(OSError):
        port.stream.sendto(frame, port.peer)


def open_port(cable: str, *, is_gate: bool) -> Port:
    """Return the port of a cable "FAR:OURS"."""
    far, ours = cable.split(":")
    stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stream.settimeout(0)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    stream.bind((LOOPBACK, int(ours)))
    return Port(stream, (LOOPBACK, int(far)), is_gate)


def main(arguments: list[str]) -> None:
    """Serve these cables; the first one is the gate's."""
    ports = [open_port(cable, is_gate=index == 0) for index, cable in enumerate(arguments)]
    # Whoever started us waits for this line.
    print("ready", flush=True)  # noqa: T201 -- it has no other way to say so
    Switch(ports).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
