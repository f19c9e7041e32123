"""The shipped program under the oldest Python that a platform has: 3.8 on RED OS 7.3."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from generator.node.machine.rootfs import RootFs
from generator.node.status import load_status
from generator.pack.node_program import build_node_program
from tests.external.machine_fixtures import absent
from tests.fakes.fake_machine import FakeMachine
from tests.fakes.node_documents import prepare
from tests.fakes.on_path import install

pytestmark = pytest.mark.external


def call(*argv: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command and return what it did."""
    return subprocess.run(argv, capture_output=True, check=False)


def find_python(version: str) -> str:
    """Return a Python of that version: on PATH, or of pyenv."""
    found = shutil.which(f"python{version}")
    candidates = [Path(found)] if found else []
    candidates += (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")
    working = [path for path in candidates if call(path, "--version").returncode == 0]
    return str(working[0]) if working else absent(f"Python {version}")


@pytest.mark.parametrize("version", ["3.8", "3.9"])
def test_the_archive_runs_on_an_old_python(tmp_path: Path, version: str) -> None:
    """From the command line through real child processes to made volumes."""
    python = find_python(version)
    machine = FakeMachine(tmp_path)
    prepare(machine)
    install(machine, tmp_path / "bin")
    archive = tmp_path / "holster-node"
    archive.write_bytes(build_node_program())
    done = subprocess.run(
        [python, "-I", str(archive), "--root", str(machine.root), "run", "--until", "storage"],
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    status = load_status(RootFs(str(machine.root))) or {}
    assert [stage["state"] for stage in status["stages"][:5]] == ["done"] * 5
    assert sorted(path.name for path in machine.at("/dev/mapper").iterdir()) == ["pg-pg_data", "pg-pg_val"]


def test_a_terminated_run_records_it(tmp_path: Path) -> None:
    """SIGTERM, as systemd sends it: exit code 130 and `interrupted` in the record."""
    machine = FakeMachine(tmp_path)
    prepare(machine)
    machine.state["synchronised"] = False
    machine.save()
    install(machine, tmp_path / "bin")
    archive = tmp_path / "holster-node"
    archive.write_bytes(build_node_program())
    with subprocess.Popen(
        [shutil.which("python3") or "python3", "-I", str(archive), "--root", str(machine.root), "run"],
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        for line in run.stdout or ():
            if "not synchronised" in line:
                break
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=30)
    assert run.returncode == 130
    status = load_status(RootFs(str(machine.root))) or {}
    assert (status["state"], status["stage"]) == ("interrupted", "time")
