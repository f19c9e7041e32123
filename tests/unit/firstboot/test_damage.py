"""Damaged documents, full disks, answers that never end: words and an exit code, no traceback."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from generator.firstboot.cli import main
from generator.firstboot.node import NODE_JSON
from generator.firstboot.rootfs import LARGEST, RootFs
from generator.firstboot.status import STATUS_JSON
from generator.firstboot.web import Unreachable, Web
from tests.fakes.firstboot_runs import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes.fake_machine import FakeMachine


def write_deep(path: Path) -> None:
    """Nest deeper than any reader goes."""
    path.write_text("[" * 200_000)


def write_huge(path: Path) -> None:
    """Take no room, and be larger than anything that is read."""
    with path.open("wb") as stream:
        stream.truncate(LARGEST + 1)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_text(""),
    "no JSON": lambda path: path.write_text('{"stages": ['),
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "another shape": lambda path: path.write_text('{"stages": [{"name": 1}], "warnings": 7, "failure": []}'),
    "a list": lambda path: path.write_text("[1]"),
    "deep": write_deep,
    "huge": write_huge,
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("command", ["run", "storage"])
def test_a_damaged_node_json_is_told(
    fake: FakeMachine, capsys: pytest.CaptureFixture[str], kind: str, command: str
) -> None:
    """Never the payload's fault that a traceback stands on the console."""
    path = fake.at(NODE_JSON)
    path.unlink()
    DAMAGE[kind](path)
    assert main(["--root", str(fake.root), command]) == 4
    assert NODE_JSON in capsys.readouterr().out


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_status_is_told_and_written_anew(
    fake: FakeMachine, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """For a person and for a program."""
    path = fake.at(STATUS_JSON)
    path.parent.mkdir(parents=True)
    DAMAGE[kind](path)
    assert main(["--root", str(fake.root), "status"]) == 1
    assert "is damaged" in capsys.readouterr().out
    assert main(["--root", str(fake.root), "status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) is None
    if kind != "a folder":
        assert run(fake, "preflight").code == 0
        assert main(["--root", str(fake.root), "status"]) == 0


@pytest.mark.parametrize(("number", "cause"), [(28, "disk-full"), (122, "disk-full"), (30, "disk-read-only")])
def test_a_disk_that_takes_nothing_is_a_cause(
    fake: FakeMachine, monkeypatch: pytest.MonkeyPatch, number: int, cause: str
) -> None:
    """Also where the record itself cannot be written: the journal and the console tell."""

    def refuse(_self: RootFs, path: str, *_more: object) -> None:
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(RootFs, "write_blocks", refuse)
    result = run(fake)
    assert result.code == 1
    assert f"{cause}: " in result.log.getvalue()
    assert "what to do" in result.log.getvalue()


@pytest.fixture
def talk() -> Callable[[Callable[[socket.socket], None]], str]:
    """Return a function that lets a server say something once, and gives its address."""

    def serve(say: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, listener:
                connection.recv(65536)
                try:
                    say(connection)
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    return serve


def drip(connection: socket.socket) -> None:
    """Send a byte now and then."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.05)


def test_an_answer_that_drips_ends_in_time(talk: Callable[[Callable[[socket.socket], None]], str]) -> None:
    """Each part comes in time, the whole never would."""
    begin = time.monotonic()
    with pytest.raises(Unreachable, match="did not end in time"):
        Web(timeout=0.5).ask(talk(drip))
    assert time.monotonic() - begin < 5


def test_a_download_that_drips_is_given_up(talk: Callable[[Callable[[socket.socket], None]], str]) -> None:
    """The question whether it is late is asked for each part that comes."""
    latest = time.monotonic() + 0.5
    with pytest.raises(Unreachable, match="came in time"):
        list(Web(timeout=2).download(talk(drip), lambda: time.monotonic() > latest))


def test_an_answer_that_broke_off_is_none(talk: Callable[[Callable[[socket.socket], None]], str]) -> None:
    """Half of a JSON text may be JSON, too."""
    address = talk(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1]"))
    with pytest.raises(Unreachable, match="broke off"):
        Web(timeout=2).ask(address)


def test_a_token_goes_nowhere_else(talk: Callable[[Callable[[socket.socket], None]], str]) -> None:
    """Python's client would send all headers on to wherever a redirect points."""
    asked: list[bool] = []
    other = talk(lambda _connection: asked.append(True))
    head = f"HTTP/1.1 302 Found\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n"
    answer = Web(timeout=2).ask(talk(lambda connection: connection.sendall(head.encode())), token="secret")  # noqa: S106 -- of this test
    assert answer.status == 302
    assert not asked
