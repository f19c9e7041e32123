"""Whom the kernel ends when memory is short: a session, never the postmaster.

The unit's own settings, handed on by Patroni's own code to a real PostgreSQL.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.external.machine_fixtures import absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.external

START = """
import sys
from patroni.postgresql.postmaster import PostmasterProcess
_, program, data, answer, *options = sys.argv
postmaster = PostmasterProcess.start(program, data, f"{data}/postgresql.conf", options)
open(answer, "w").write(str(postmaster.pid))
"""
SECONDS = 30
INHERITED = 100
"""In place of the unit's score: a negative one needs a right that containers lack. Inherited is either."""


def read_settings(unit: Path) -> tuple[int, dict[str, str]]:
    """Return the unit's protection from the kernel and its environment."""
    score = 0
    environment: dict[str, str] = {}
    for line in unit.read_text("utf-8").splitlines():
        key, _, value = line.partition("=")
        if key == "OOMScoreAdjust":
            score = int(value)
        if key == "Environment":
            environment.update(word.partition("=")[::2] for word in shlex.split(value))
    return score, environment


def read_score(pid: int) -> int:
    """Return how much the kernel prefers or spares a process."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def list_children(pid: int) -> list[int]:
    """Return the processes that the postmaster has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def database() -> Iterator[tuple[Path, Path]]:
    """Return a program that runs PostgreSQL as its own user, and an empty database."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not servers or os.geteuid() != 0 or shutil.which("setpriv") is None:
        absent("PostgreSQL server (package postgresql), root privileges, setpriv")
    # Below /tmp and not below pytest's own folder, which other users may not enter.
    folder = Path(tempfile.mkdtemp(prefix="holster-memory-"))
    folder.chmod(0o755)
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    program = folder / "postgres"
    program.write_text(f'#!/bin/sh\nexec {" ".join(become)} {servers[-1]} "$@"\n')
    program.chmod(0o755)
    data = folder / "data"
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    initdb: list[str | Path] = [*become, servers[-1].with_name("initdb"), "--auth=trust", "--no-sync", data]
    subprocess.run(initdb, check=True, timeout=120, capture_output=True, cwd="/")
    yield program, data
    shutil.rmtree(folder)


@pytest.mark.parametrize("gives_up", [True, False])
def test_sessions_are_ended_before_the_postmaster(
    rendered_example: Callable[..., Path], database: tuple[Path, Path], tmp_path: Path, *, gives_up: bool
) -> None:
    """Without the two variables every process of PostgreSQL inherits the protection."""
    payload = rendered_example("trio") / "nodes/trio1/payload"
    score, environment = read_settings(payload / "etc/systemd/system/patroni.service")
    assert score == -900
    program, data = database
    if not gives_up:
        environment = {}
    options = ["--listen_addresses=", f"--unix_socket_directories={data}"]
    answer = tmp_path / "pid"
    subprocess.run(
        [sys.executable, "-c", START, program, data, answer, *options],
        env={"PATH": os.environ["PATH"], **environment},
        # PostgreSQL keeps these open.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=SECONDS,
        preexec_fn=lambda: Path("/proc/self/oom_score_adj").write_text(str(INHERITED)),
    )
    postmaster = int(answer.read_text())
    try:
        deadline = time.monotonic() + SECONDS
        # Checkpointer, writers, launchers: what is started for a session is started in the same way.
        while len(children := list_children(postmaster)) < 4 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(children) >= 4
        assert read_score(postmaster) == INHERITED
        assert {read_score(child) for child in children} == {0 if gives_up else INHERITED}
    finally:
        os.kill(postmaster, 3)
        while (
            Path(f"/proc/{postmaster}").exists() and "Z" not in Path(f"/proc/{postmaster}/stat").read_text()
        ):
            time.sleep(0.1)
