"""Labs that go on without us: found again and ended, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from generator.errors import UsageInvalid
from generator.lab.kept import STATE, list_running, reserve, save_kept, stop_kept
from generator.tools.background import Background
from generator.tools.process import Command
from tests.fakes.damage import damage_bytes, damage_data, make_draw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.starts_python


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Background]:
    """Return a process that could be a machine."""
    command = Command([sys.executable, "-c", "import time; time.sleep(60)"], "sleep")
    started = Background(command, tmp_path / "log", outlives=True)
    yield started
    started.kill()


def test_kept_lab_is_found_and_ended(tmp_path: Path, beside: Background) -> None:
    """By the user's `--stop`, from another shell."""
    sockets = tmp_path / "holster-lab-x"
    sockets.mkdir()
    save_kept(tmp_path, {"pg1": beside.pid}, sockets)
    assert list_running(tmp_path) == ["pg1"]
    with pytest.raises(UsageInvalid, match="still runs \\(pg1\\)") as refused, reserve(tmp_path):
        pass
    assert "--stop" in (refused.value.hint or "")
    assert stop_kept(tmp_path) == ["pg1"]
    assert beside.wait(5) is not None
    assert not sockets.exists()
    assert stop_kept(tmp_path) == []
    with reserve(tmp_path):
        pass


def test_other_process_with_the_same_pid_is_left_alone(tmp_path: Path, beside: Background) -> None:
    """After a reboot of the host pids name other programs."""
    save_kept(tmp_path, {"pg1": beside.pid}, tmp_path / "holster-lab-x")
    path = tmp_path / STATE
    data = json.loads(path.read_text())
    data["processes"]["pg1"]["start"] -= 1
    path.write_text(json.dumps(data))
    assert list_running(tmp_path) == []
    assert stop_kept(tmp_path) == []
    assert beside.is_alive


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    """Each would replace the disks of the other."""
    code = f"""
import sys
sys.path[:] = {sys.path!r}
from pathlib import Path
from generator.errors import UsageInvalid
from generator.lab.kept import reserve
try:
    with reserve(Path({str(tmp_path)!r})):
        print("mine")
except UsageInvalid as error:
    print(error.message)
"""
    with reserve(tmp_path):
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "another run uses the lab" in answer.stdout


@pytest.mark.parametrize("text", ["", "[]", '{"holster_lab": 2}', "{"])
def test_damaged_note_is_no_lab(tmp_path: Path, text: str) -> None:
    """Nothing can be ended then, and nothing is in the way."""
    (tmp_path / STATE).write_text(text)
    assert list_running(tmp_path) == []
    assert stop_kept(tmp_path) == []


def test_damaged_note_ends_nothing_and_removes_nothing(tmp_path: Path, beside: Background) -> None:
    """Refused as none of ours; what it names as folder of sockets must look like one."""
    precious = tmp_path / "precious"
    precious.mkdir()
    save_kept(tmp_path, {"pg1": beside.pid}, precious)
    whole = (tmp_path / STATE).read_bytes()
    draw = make_draw("lab.json")
    for _ in range(300):
        data = json.loads(whole)
        damage_data(draw, data)
        # A process of another start: damage cannot hit it, whatever the numbers.
        for item in data["processes"].values() if isinstance(data.get("processes"), dict) else ():
            if isinstance(item, dict) and item.get("start"):
                item["start"] = 1
        text = json.dumps(data).encode() if draw.random() < 0.5 else damage_bytes(draw, b'{"a": [1, {}]}')
        (tmp_path / STATE).write_bytes(text)
        assert list_running(tmp_path) == []
        assert stop_kept(tmp_path) == []
    assert precious.is_dir()
    assert beside.is_alive
