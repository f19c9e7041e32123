"""The shipped program installs Consul over HTTP, is killed in the middle, and installs it all the same."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from generator.node.machine.rootfs import RootFs
from generator.node.status import load_status
from generator.pack.node_program import build_node_program
from tests.external.test_firstboot_python import find_python
from tests.fakes.fake_machine import FakeMachine
from tests.fakes.node_documents import make_document, prepare, write_document
from tests.fakes.on_path import install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.external

CONSUL = b"#!/bin/sh\necho Consul v1.13.9\n"


def pack() -> bytes:
    """Return an archive of several MiB, so that it goes over the wire in many pieces."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("filler", os.urandom(4 << 20))
        archive.writestr("consul", CONSUL)
    return stream.getvalue()


class Server(ThreadingHTTPServer):
    """Sends half of the file to who asks first, then says so and waits."""

    daemon_threads = True

    def __init__(self) -> None:
        self.content = pack()
        self.is_half = threading.Event()
        self.may_end = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Expect that who asked is gone."""


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server

    def do_GET(self) -> None:
        """Send the file, with a pause in the middle of the first answer."""
        content, half = self.server.content, len(self.server.content) // 2
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:half])
        if not self.server.is_half.is_set():
            self.server.is_half.set()
            self.server.may_end.wait(60)
        self.wfile.write(content[half:])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the interface's own name
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a running file server."""
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.may_end.set()
        made.shutdown()
        thread.join()


@pytest.mark.parametrize("version", ["3.8", "3.11"])
def test_a_download_that_is_killed_converges(tmp_path: Path, server: Server, version: str) -> None:
    """SIGKILL with half of the file there: the path stays empty, and the next run ends as if nothing was."""
    python = find_python(version)
    machine = FakeMachine(tmp_path)
    prepare(machine)
    machine.at("/usr/bin/consul").unlink()
    document = make_document()
    document["programs"]["consul"]["source"] = {
        "url": f"http://127.0.0.1:{server.server_address[1]}/consul.zip",
        "sha256": hashlib.sha256(server.content).hexdigest(),
    }
    write_document(machine, document)
    install(machine, tmp_path / "bin")
    archive = tmp_path / "holster-node"
    archive.write_bytes(build_node_program())
    argv = [python, "-I", str(archive), "--root", str(machine.root), "run", "--until", "preflight"]
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL) as child:
        assert server.is_half.wait(60)
        child.kill()
    server.may_end.set()
    assert list(machine.at("/usr/bin").iterdir()) == []
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    consul = machine.at("/usr/bin/consul")
    assert (consul.read_bytes(), consul.stat().st_mode & 0o7777) == (CONSUL, 0o755)
    # The installed program was started: its version is the declared one.
    assert (load_status(RootFs(str(machine.root))) or {})["warnings"] == []
    assert [path.name for path in consul.parent.iterdir()] == ["consul"]
    assert list(machine.at("/var/lib/holster/downloads").iterdir()) == []
