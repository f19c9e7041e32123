"""An absent Consul comes from its declared source: whole, as declared, or not at all."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from generator.node.machine.web import Web
from generator.node.runner import Interrupted
from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.fake_machine import FakeMachine
    from tests.fakes.node_runs import Run

CONSUL = b"\x7fELF the program Consul" + bytes(range(256)) * 9000
PATH = "/usr/bin/consul"
DOWNLOAD = "/var/lib/holster/downloads/consul"


def pack(name: str = "consul", content: bytes = CONSUL) -> bytes:
    """Return a zip archive as the vendor publishes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("LICENSE.txt", "words")
        archive.writestr(name, content)
    return stream.getvalue()


def pack_tar(kind: str) -> bytes:
    """Return a tar archive, compressed in a way."""
    stream = io.BytesIO()
    modes: dict[str, Any] = {"tar": "w", "gz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}
    with tarfile.open(fileobj=stream, mode=modes[kind]) as archive:
        entry = tarfile.TarInfo("consul_1.13.9/consul")
        entry.size = len(CONSUL)
        archive.addfile(entry, io.BytesIO(CONSUL))
    return stream.getvalue()


class Server(ThreadingHTTPServer):
    """A file server on the loopback address that can break off its answers, or refuse."""

    def __init__(self) -> None:
        self.content = CONSUL
        self.status = 200
        self.broken = 0
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"http://127.0.0.1:{self.server_address[1]}/files/consul"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server

    def do_GET(self) -> None:
        """Send the file, the first `broken` times only half of it."""
        self.server.asked.append(self.path)
        content = self.server.content
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        is_broken = len(self.server.asked) <= self.server.broken
        self.wfile.write(content[: len(content) // 2] if is_broken else content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the interface's own name
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a running file server."""
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def bare(fake: FakeMachine) -> FakeMachine:
    """Return a machine without Consul."""
    fake.at(PATH).unlink()
    return fake


def declare(fake: FakeMachine, content: bytes = CONSUL, **place: Any) -> None:
    """Deliver a node.json with a source of Consul."""
    document = make_document()
    digest = hashlib.sha256(content).hexdigest()
    document["programs"]["consul"]["source"] = {"sha256": digest, **place}
    write_document(fake, document)


def preflight(fake: FakeMachine) -> Run:
    """Run the first stage."""
    return run(fake, "preflight")


def files(folder: Path) -> list[str]:
    """Return the names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def assert_refused(fake: FakeMachine, words: str) -> str:
    """Run, expect the cause with these words and nothing half-made; return the log."""
    result = preflight(fake)
    assert (result.code, result.failure["cause"]) == (1, "program-source"), result.failure
    assert words in result.failure["reason"]
    assert f"consul: {PATH} is missing" in result.failure["reason"]
    assert files(fake.at("/usr/bin")) == []
    return result.log.getvalue()


@pytest.mark.parametrize("kind", ["binary", "zip", "gz", "bz2", "xz", "tar"])
@pytest.mark.parametrize("place", ["path", "url"])
def test_an_absent_consul_is_installed(bare: FakeMachine, server: Server, place: str, kind: str) -> None:
    """From the image's or the payload's folder, or from an address; what it is, its content says."""
    server.content = CONSUL if kind == "binary" else pack() if kind == "zip" else pack_tar(kind)
    bare.at("/opt/files").mkdir(parents=True)
    bare.at("/opt/files/consul").write_bytes(server.content)
    where: dict[str, Any] = {"url": server.url} if place == "url" else {"path": "/opt/files/consul"}
    declare(bare, server.content, **where)
    result = preflight(bare)
    assert result.code == 0, result.log.getvalue()
    assert bare.at(PATH).read_bytes() == CONSUL
    assert bare.at(PATH).stat().st_mode & 0o7777 == 0o755
    assert len(server.asked) == (place == "url")
    assert f"consul was installed from {next(iter(where.values()))}" in result.log.getvalue()
    assert files(bare.at(DOWNLOAD).parent) == []


def test_a_present_consul_is_left_alone_and_nobody_is_asked(fake: FakeMachine, server: Server) -> None:
    """The image's program wins; the network is used for nothing that is there."""
    before = fake.at(PATH).read_bytes()
    declare(fake, url=server.url)
    assert preflight(fake).code == 0
    assert (fake.at(PATH).read_bytes(), server.asked) == (before, [])


@pytest.mark.parametrize("place", ["path", "url"])
def test_another_file_than_the_declared_one_is_refused(bare: FakeMachine, server: Server, place: str) -> None:
    """Its digest is named; asking again would bring the same file."""
    server.content = b"another program"
    bare.at("/opt").mkdir(exist_ok=True)
    bare.at("/opt/consul.zip").write_bytes(server.content)
    where: dict[str, Any] = {place: server.url if place == "url" else "/opt/consul.zip"}
    declare(bare, **where)
    assert_refused(bare, f"its SHA-256 is {hashlib.sha256(server.content).hexdigest()}")
    assert len(server.asked) == (place == "url")


def test_a_missing_file_is_named(bare: FakeMachine) -> None:
    """On this machine, where the spec says that it is."""
    declare(bare, path="/opt/files/consul")
    assert_refused(bare, "/opt/files/consul is missing or unreadable")


def test_a_refusing_server_is_asked_once(bare: FakeMachine, server: Server) -> None:
    """404 does not pass by waiting."""
    server.status = 404
    declare(bare, url=server.url)
    assert_refused(bare, "the server answers 404")
    assert len(server.asked) == 1


def test_a_broken_off_download_is_repeated(bare: FakeMachine, server: Server) -> None:
    """In the same run, while there is time."""
    server.broken = 2
    declare(bare, url=server.url)
    result = preflight(bare)
    assert result.code == 0, result.failure
    assert len(server.asked) == 3
    assert bare.at(PATH).read_bytes() == CONSUL


def test_a_download_that_never_ends_is_named_and_a_later_run_converges(
    bare: FakeMachine, server: Server
) -> None:
    """Half a file is never at the program's path."""
    server.broken = 1000
    declare(bare, url=server.url)
    log = assert_refused(bare, "the download does not succeed")
    assert f"broke off after {len(CONSUL) // 2} of {len(CONSUL)} bytes" in log
    assert len(server.asked) > 2
    assert files(bare.at(DOWNLOAD).parent) == []
    server.broken = 0
    assert preflight(bare).code == 0
    assert bare.at(PATH).read_bytes() == CONSUL


def test_a_server_that_is_not_up_yet_is_waited_for(bare: FakeMachine, server: Server) -> None:
    """Its trouble passes: 503, or nobody listens."""
    server.status = 503
    declare(bare, url=server.url)
    assert_refused(bare, "the server answers 503")
    assert len(server.asked) > 2


def test_an_interrupted_download_converges(
    bare: FakeMachine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM in the middle: nothing half-made is at the path, and the next run installs."""
    declare(bare, url=server.url)

    def begin(_web: Web, _url: str, _is_late: object) -> Iterator[bytes]:
        yield CONSUL[:1000]
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(Web, "download", begin)
        with pytest.raises(Interrupted):
            preflight(bare)
    assert files(bare.at("/usr/bin")) == []
    assert preflight(bare).code == 0
    assert bare.at(PATH).read_bytes() == CONSUL


@pytest.mark.parametrize("left", [CONSUL, CONSUL[:1000]])
def test_what_a_power_cut_left_is_used_when_it_is_whole(
    bare: FakeMachine, server: Server, left: bytes
) -> None:
    """Between download and installation, or in a draft; both end in the same state."""
    declare(bare, url=server.url)
    for name in ("consul", ".consul.new"):
        path = bare.at(DOWNLOAD).with_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(left)
    bare.at("/usr/bin/.consul.new").write_bytes(CONSUL[:10])
    assert preflight(bare).code == 0
    assert bare.at(PATH).read_bytes() == CONSUL
    assert files(bare.at("/usr/bin")) == ["consul"]
    assert len(server.asked) == (left != CONSUL)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pack("other"), "the archive holds no file consul"),
        (b"no archive", "neither a program, a zip nor a tar"),
        (pack(content=b"<html>"), "the file consul of the archive is no program"),
        (pack_tar("gz")[:-100], "the archive cannot be read"),
        (b"!<arch>\ndebian-binary", "it is a deb package, not the program consul"),
        (pack()[:-40].replace(b"PK\x01\x02", b"PK\x09\x09"), "the archive cannot be read"),
    ],
)
def test_an_archive_that_cannot_be_used_is_named(bare: FakeMachine, content: bytes, words: str) -> None:
    """Even when it is the declared one."""
    bare.at("/opt/consul.zip").write_bytes(content)
    declare(bare, content, path="/opt/consul.zip")
    assert_refused(bare, words)


def test_a_package_goes_through_the_package_manager(bare: FakeMachine) -> None:
    """And has to bring the program to its path."""
    package = b"\xed\xab\xee\xdb\x03" + bytes(100)
    bare.at("/opt/consul.zip").write_bytes(package)
    declare(bare, package, path="/opt/consul.zip")
    assert_refused(bare, "the package /opt/consul.zip has no /usr/bin/consul")
    call = ["rpm", "--upgrade", "--replacepkgs", "--nosignature", "/opt/consul.zip"]
    assert [words for words in bare.calls if words[0] == "rpm"] == [call]


def test_selinux_gets_its_label_on_every_run(bare: FakeMachine, server: Server) -> None:
    """A label of another folder would keep systemd from starting it; a run may be cut off before it."""
    declare(bare, url=server.url)
    document = make_document()
    document["platform"]["has_selinux"] = True
    document["programs"]["consul"]["source"] = {
        "url": server.url,
        "sha256": hashlib.sha256(CONSUL).hexdigest(),
    }
    write_document(bare, document)
    for _ in range(2):
        bare.forget_calls()
        assert preflight(bare).code == 0
        assert ["restorecon", PATH] in bare.calls


def test_everything_else_that_is_missing_is_named_too(bare: FakeMachine, server: Server) -> None:
    """The list stays complete when a source fails."""
    server.status = 404
    declare(bare, url=server.url)
    bare.at("/usr/share/zoneinfo/Europe/Moscow").unlink()
    bare.at("/etc/patroni/patroni.yml").unlink()
    failure = preflight(bare).failure
    assert failure["cause"] == "machine-unfit"
    for words in ("the server answers 404", "time zone", "/etc/patroni/patroni.yml was not delivered"):
        assert words in failure["reason"]


def test_what_an_address_may_hold_in_secret_is_never_shown(bare: FakeMachine, server: Server) -> None:
    """Neither on the console nor in the status."""
    server.content = b"another program"
    declare(bare, url=f"{server.url}?token=to-ken")
    result = preflight(bare)
    assert result.failure["cause"] == "program-source"
    assert "to-ken" not in result.log.getvalue() + str(result.status)
