"""Programs beside us: they end when they must, and say why they ended."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from generator.errors import ToolMissing
from generator.tools.background import Background, end_other, read_start
from generator.tools.process import Command, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.starts_python

SLEEPER = "import time; print('here', flush=True); time.sleep(60)"
PARENT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from generator.tools.background import Background
from generator.tools.process import Command
folder = Path(sys.argv[2])
outlives = sys.argv[3] == "outlives"
beside = Background(
    Command([sys.executable, "-c", "import time; time.sleep(60)"], "sleep"), folder / "log", outlives=outlives
)
(folder / "pid.new").write_text(str(beside.pid))
(folder / "pid.new").rename(folder / "pid")
time.sleep(60)
"""
"""A program that starts another one and is then killed."""


def _sleeper(folder: Path, code: str = SLEEPER, **options: bool) -> Background:
    return Background(Command([sys.executable, "-c", code], "sleep"), folder / "log", **options)


def _wait(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_lives_until_it_is_ended(tmp_path: Path) -> None:
    """What it says is read while it runs; the end is a signal."""
    beside = _sleeper(tmp_path)
    try:
        assert _wait(lambda: "here" in beside.read_output())
        assert beside.is_alive
        assert beside.wait(0.05) is None
    finally:
        beside.end()
    assert (beside.is_alive, beside.exit_code) == (False, -signal.SIGTERM)
    beside.end()


def test_what_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """The machine of a frozen guest must end, too."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER
    beside = _sleeper(tmp_path, code)
    assert _wait(lambda: "here" in beside.read_output())
    beside.end(grace_s=0.2)
    assert beside.exit_code == -signal.SIGKILL


def test_early_end_is_explained(tmp_path: Path) -> None:
    """The cause stands in what the program said, not in what an earlier one said into the same file."""
    (tmp_path / "log").write_text("words of another run\n")
    beside = _sleeper(tmp_path, "import sys; sys.exit('no such disk')")
    assert beside.wait(10) == 1
    message = beside.explain().message
    assert "no such disk" in message
    assert "exit code 1" in message
    assert "another run" not in message


def test_missing_program_is_named(tmp_path: Path) -> None:
    """With the launcher in between, the cause must not be lost."""
    with pytest.raises(ToolMissing, match="/no/such/program"):
        Background(Command(["/no/such/program"], "start it"), tmp_path / "log")


def _run_parent(folder: Path, mode: str) -> int:
    """Start a parent with a program beside it, kill the parent, return the pid of what was beside it."""
    root = str(__import__("pathlib").Path(__file__).parents[3])
    parent = Background(
        Command([sys.executable, "-c", PARENT, root, str(folder), mode], "be the parent"), folder / "parent"
    )
    assert _wait((folder / "pid").exists), parent.read_output()
    parent.kill()
    return int((folder / "pid").read_text())


def test_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves nobody a chance to clean up: the kernel does it."""
    pid = _run_parent(tmp_path, "ends")
    assert _wait(lambda: read_start(pid) is None)


def test_outlives_its_parent_when_told_to(tmp_path: Path) -> None:
    """A lab that is kept goes on; it is found again by pid and moment of its start."""
    pid = _run_parent(tmp_path, "outlives")
    start = read_start(pid)
    assert start is not None
    assert not end_other(pid, start + 1), "another process with the same pid must be left alone"
    assert read_start(pid) == start
    assert end_other(pid, start)
    assert _wait(lambda: read_start(pid) is None)
    assert not end_other(pid, start)


def test_own_start_is_known() -> None:
    """A process that is not there has none."""
    assert (read_start(os.getpid()) or 0) > 0
    ended = int(run(Command([sys.executable, "-c", "import os; print(os.getpid())"], "ask")).stdout)
    assert read_start(ended) is None
