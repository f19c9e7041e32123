"""The switch: each frame goes where it belongs, and to the gate only what is for it."""

from __future__ import annotations

import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from generator.lab import switch
from generator.tools.background import Background
from generator.tools.process import Command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL = b"\xff" * 6
GATE, ONE, TWO, UNKNOWN = (bytes((0x52, 0x54, 0, 0, 0, number)) for number in range(4))
WAIT_S = 10.0


class Ends:
    """The far ends of three cables (the gate's is the first), and the switch between them."""

    def __init__(self, folder: Path) -> None:
        self.sockets = [self._open() for _ in range(3)]
        held = [self._open() for _ in range(3)]
        ours = [end.getsockname()[1] for end in held]
        for end in held:
            end.close()
        cables = [f"{end.getsockname()[1]}:{port}" for end, port in zip(self.sockets, ours, strict=True)]
        self._ours = ours
        command = Command([sys.executable, "-I", "-S", switch.__file__, *cables], "start the switch")
        self.process = Background(command, folder / "log")
        deadline = time.monotonic() + WAIT_S
        while "ready" not in self.process.read_output():
            assert self.process.is_alive, self.process.read_output()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    @staticmethod
    def _open() -> socket.socket:
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind(("127.0.0.1", 0))
        end.settimeout(WAIT_S)
        return end

    def send(self, source: int, target: bytes, sender: bytes, words: bytes) -> None:
        """Send a frame into a cable."""
        self.sockets[source].sendto(target + sender + words, ("127.0.0.1", self._ours[source]))

    def receive(self, end: int) -> bytes:
        """Return the words of the next frame at a cable's end."""
        return self.sockets[end].recv(4096)[12:]

    def close(self) -> None:
        """End everything."""
        self.process.kill()
        for end in self.sockets:
            end.close()


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    """Return a running switch."""
    made = Ends(tmp_path)
    yield made
    made.close()


@pytest.mark.starts_python
def test_known_address_is_reached_through_its_cable_only(ends: Ends) -> None:
    """QEMU's user network would answer what it overhears with a reset."""
    ends.send(1, ALL, ONE, b"who is there")
    assert (ends.receive(0), ends.receive(2)) == (b"who is there", b"who is there")
    ends.send(2, ONE, TWO, b"I am")
    assert ends.receive(1) == b"I am"
    ends.send(1, TWO, ONE, b"data")
    assert ends.receive(2) == b"data"
    # The gate's next frame is this one: it got none in between.
    ends.send(1, ALL, ONE, b"the end")
    assert ends.receive(0) == b"the end"


@pytest.mark.starts_python
def test_frame_for_an_unknown_machine_never_reaches_the_gate(ends: Ends) -> None:
    """A switch that was started again has forgotten who is where."""
    ends.send(1, UNKNOWN, ONE, b"where are you")
    assert ends.receive(2) == b"where are you"
    ends.send(1, ALL, ONE, b"the end")
    assert ends.receive(0) == b"the end"
    ends.send(0, UNKNOWN, GATE, b"from the gate")
    assert (ends.receive(1), ends.receive(2)) == (b"from the gate", b"the end")
    assert ends.receive(2) == b"from the gate"


@pytest.mark.starts_python
def test_machine_that_moved_is_found_again(ends: Ends) -> None:
    """What was learned last counts."""
    ends.send(1, ALL, ONE, b"here")
    assert (ends.receive(0), ends.receive(2)) == (b"here", b"here")
    ends.send(2, ALL, ONE, b"now here")
    assert (ends.receive(0), ends.receive(1)) == (b"now here", b"now here")
    ends.send(0, ONE, GATE, b"to you")
    assert ends.receive(2) == b"to you"


@pytest.mark.starts_python
def test_strangers_are_not_heard(ends: Ends) -> None:
    """Another program of this machine is not on the network."""
    stranger = Ends._open()
    stranger.sendto(ALL + UNKNOWN + b"let me in", ("127.0.0.1", ends._ours[1]))
    stranger.close()
    ends.send(1, ALL, ONE, b"the end")
    assert ends.receive(2) == b"the end"
