"""Damaged documents, full disks, answers that never end: words and an exit code, no traceback."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from generator.node.cli import main, run_stages
from generator.node.facts.document import NodeInvalid
from generator.node.facts.node import NODE_JSON
from generator.node.machine import web
from generator.node.machine.rootfs import LARGEST, RootFs
from generator.node.machine.web import NotServed, Unreachable, Web
from generator.node.status import STATUS_JSON
from generator.node.storage_service import bring_up_storage
from tests.fakes.damage import damage_bytes, damage_data, make_draw
from tests.fakes.fake_machine import FakeMachine
from tests.fakes.node_documents import prepare
from tests.fakes.node_runs import Run, run

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path


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


RECORDS = (
    "/var/lib/holster/status.json",
    "/var/lib/holster/storage.json",
    "/var/lib/holster/bootstrap.json",
    "/var/lib/holster/sealed",
    "/etc/holster/acl.json",
)
TRIES = 40


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeMachine]:
    """Return a machine that is ready, for many tests."""
    machine = FakeMachine(tmp_path_factory.mktemp("sealed"))
    prepare(machine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _descriptor: None)
        patch.setattr("os.sync", lambda: None)
        assert run(machine).code == 0
        yield machine


def break_file(draw: random.Random, path: Path, text: bytes) -> None:
    """Damage a file's bytes, one of its values, or put something else in its place."""
    way = draw.randrange(5)
    if way == 0:
        path.unlink()
        draw.choice(list(DAMAGE.values()))(path)
    elif way == 1:
        path.write_bytes(damage_bytes(draw, text))
    else:
        data = json.loads(text)
        damage_data(draw, data)
        path.write_text(json.dumps(data))


def restore(path: Path, text: bytes) -> None:
    """Put the whole file back, whatever stands there."""
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(text)


def show_status(machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    """Ask for the status in both forms; every answer is words that a terminal can show."""
    for more in ([], ["--json"]):
        assert main(["--root", str(machine.root), "status", *more]) in {0, 1}
        assert capsys.readouterr().out.encode()


@pytest.mark.parametrize("record", RECORDS)
def test_any_damage_of_a_record_ends_in_words(
    sealed: FakeMachine, capsys: pytest.CaptureFixture[str], record: str
) -> None:
    """Whatever stands there: no traceback, nothing formatted, and the storage of a sealed one comes up."""
    draw = make_draw(record)
    path = sealed.at(record)
    # The seal removes the note on the bootstrap.
    whole = (
        path.read_bytes() if path.exists() else json.dumps({"instance_id": "demo", "initialize": 7}).encode()
    )
    restore(path, whole)
    marker = sealed.at("/var/lib/holster/sealed").read_bytes()
    for number in range(TRIES):
        break_file(draw, path, whole)
        # A sealed machine would not look; every second one begins again.
        if number % 2:
            restore(sealed.at("/var/lib/holster/sealed"), b"{}")
        sealed.forget_calls()
        show_status(sealed, capsys)
        for command in (bring_up_storage, lambda machine: run_stages(machine, None)):
            result = Run(sealed)
            assert command(result.open()) in {0, 1, 3}
            assert "internal" not in result.log.getvalue(), result.log.getvalue()
        assert not [call for call in sealed.calls if call[0] in {"pvcreate", "vgcreate", "mkfs.ext4"}]
        restore(path, whole)
        restore(sealed.at("/var/lib/holster/sealed"), marker)


def test_any_damage_of_node_json_ends_in_words(
    sealed: FakeMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can be read may be wrong, and is then told by the stage that meets it."""
    draw = make_draw(NODE_JSON)
    path = sealed.at(NODE_JSON)
    whole = path.read_bytes()
    for _ in range(3 * TRIES):
        break_file(draw, path, whole)
        show_status(sealed, capsys)
        for command in (bring_up_storage, lambda machine: run_stages(machine, None)):
            result = Run(sealed)
            machine = None
            with suppress(NodeInvalid):
                machine = result.open()
            if machine is not None:
                assert command(machine) in {0, 1, 3}
                continue
            assert main(["--root", str(sealed.root), "storage"]) == 4
            assert capsys.readouterr().out.encode()
        restore(path, whole)


@pytest.mark.parametrize("kind", [*DAMAGE, "missing"])
def test_a_sealed_machine_mounts_its_volumes_without_the_plan(fake: FakeMachine, kind: str) -> None:
    """The plan is for what is begun; what is made has its names, and the volumes say whose they are."""
    assert run(fake).code == 0
    path = fake.at(RECORDS[1])
    path.unlink()
    if kind != "missing":
        DAMAGE[kind](path)
    fake.reboot()
    result = Run(fake)
    assert bring_up_storage(result.open()) == 0
    assert "brought up by their names" in result.log.getvalue()
    assert "/pgdata" in fake.at("/proc/self/mountinfo").read_text()


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


def test_a_download_without_an_end_fills_no_disk(
    talk: Callable[[Callable[[socket.socket], None]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up for good: another attempt would bring the same."""
    monkeypatch.setattr(web, "LARGEST_DOWNLOAD", 10)
    with pytest.raises(NotServed, match="larger than"):
        list(Web(timeout=2).download(talk(drip), lambda: False))


@pytest.mark.parametrize("place", ["http://[::1", "http://127.0.0.1:1/", "file:///etc/passwd", ""])
def test_a_redirect_is_an_answer_wherever_it_leads(
    talk: Callable[[Callable[[socket.socket], None]], str], place: str
) -> None:
    """A malformed one, too."""
    head = f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
    assert Web(timeout=2).ask(talk(lambda connection: connection.sendall(head))).status == 302


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
