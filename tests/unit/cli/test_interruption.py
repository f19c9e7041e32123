"""Ctrl-C and its like during a long render: it ends soon, with 130, and leaves nothing half-made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator import cli
from generator.write.manifest import is_intact, load_manifest
from tests.bench.fleet import write_fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_S = 60
FLEET = 80


def wait_for_first_output(output: Path, process: subprocess.Popen[bytes]) -> None:
    """Return once a first cluster has been written."""
    end = time.monotonic() + DEADLINE_S
    while not list(output.glob("*/manifest.json")):
        assert process.poll() is None, "the render ended before it could be interrupted"
        assert time.monotonic() < end, "no output appeared"
        time.sleep(0.01)


def test_an_interrupt_that_a_library_made_an_error_of_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pydantic reports a Ctrl-C while it serializes as an error of serialization."""

    def serialize() -> int:
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("Error calling function: KeyboardInterrupt")

    monkeypatch.setattr(cli, "run", serialize)
    with pytest.raises(SystemExit, match="130"):
        cli.main()
    assert "interrupted" in capsys.readouterr().err


@pytest.fixture
def _heeds_hangups() -> Iterator[None]:
    """Undo for our children what nohup(1) may have done to us: the render rightly keeps to it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.starts_python
@pytest.mark.usefixtures("_heeds_hangups")
@pytest.mark.parametrize(
    ("jobs", "number", "is_for_all"),
    [
        # Ctrl-C goes to the whole foreground group, a lost connection too; a cancelled job to one process.
        (1, signal.SIGINT, True),
        (2, signal.SIGINT, True),
        (2, signal.SIGHUP, True),
        (2, signal.SIGTERM, False),
    ],
)
def test_interrupted_render_leaves_whole_clusters_only(
    tmp_path: Path, jobs: int, number: signal.Signals, *, is_for_all: bool
) -> None:
    """Exit code 130; every cluster on the disk is whole, no worker stays, the next run finishes the rest."""
    specs = [str(path) for path in write_fleet(tmp_path / "specs", FLEET)]
    command = [
        sys.executable,
        "-m",
        "generator",
        "render",
        "--quiet",
        "--jobs",
        str(jobs),
        "-o",
        "made",
        *specs,
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    wait_for_first_output(tmp_path / "made", process)
    (os.killpg if is_for_all else os.kill)(process.pid, number)
    # Workers hold the pipe, too: it ends when all of them have.
    _, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, errors.decode()
    assert b"Traceback" not in errors
    made = [path for path in (tmp_path / "made").iterdir() if not path.name.startswith(".")]
    assert 0 < len(made) < FLEET
    for folder in made:
        manifest = load_manifest(folder)
        assert manifest
        assert is_intact(folder, manifest)
    again = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, check=False)
    assert again.returncode == 0, again.stderr.decode()
    assert len(list((tmp_path / "made").glob("*/manifest.json"))) == FLEET
    assert [path.name for path in (tmp_path / "made").iterdir() if path.name.startswith(".")] == []
