"""Labs that go on without us (`holster boot --keep`): written down, found again, ended."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from generator.errors import UsageInvalid
from generator.tools.background import end_other, read_start
from generator.whole_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STATE: Final = "lab.json"
LOCK: Final = "lab.lock"
SOCKETS: Final = "holster-lab-"
"""How the name of a lab's folder of sockets begins."""
STATE_VERSION: Final = 1


def save_kept(folder: Path, processes: Mapping[str, int], sockets: Path) -> None:
    """Write down which processes go on; a pid alone may be another program's by then."""
    data = {
        "holster_lab": STATE_VERSION,
        "sockets": str(sockets),
        "processes": {name: {"pid": pid, "start": read_start(pid)} for name, pid in processes.items()},
    }
    replace_file(folder / STATE, json.dumps(data, indent=2) + "\n")


def forget_kept(folder: Path) -> None:
    """Remove the note: nothing goes on."""
    (folder / STATE).unlink(missing_ok=True)


class _Process(BaseModel):
    """A process that was left running; `start` tells it from a later one of its number."""

    model_config = ConfigDict(strict=True)
    pid: PositiveInt
    start: int | None


class _Kept(BaseModel):
    """The note of a lab."""

    model_config = ConfigDict(strict=True)
    holster_lab: Literal[1]
    sockets: str
    processes: dict[str, _Process]


def _load(folder: Path) -> _Kept | None:
    """Return the note; None where there is none, or one that we did not write."""
    try:
        return _Kept.model_validate_json((folder / STATE).read_bytes())
    except (OSError, ValueError):
        return None


def list_running(folder: Path) -> list[str]:
    """Return the names of the kept processes that still run."""
    kept = _load(folder)
    found = kept.processes.items() if kept else ()
    return [name for name, item in found if item.start and read_start(item.pid) == item.start]


def stop_kept(folder: Path) -> list[str]:
    """End the kept processes; return the names of those that ran."""
    kept = _load(folder)
    if kept is None:
        return []
    ended = [name for name, item in kept.processes.items() if item.start and end_other(item.pid, item.start)]
    # A damaged note must not name another folder to be removed.
    if Path(kept.sockets).name.startswith(SOCKETS):
        shutil.rmtree(kept.sockets, ignore_errors=True)
    (folder / STATE).unlink()
    return ended


@contextmanager
def reserve(folder: Path) -> Iterator[None]:
    """Keep the lab's folder for us.

    Raises:
        UsageInvalid: another run uses it, or a lab that was kept still runs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageInvalid(f"another run uses the lab in {folder}") from None
        if running := list_running(folder):
            raise UsageInvalid(
                f"the lab in {folder} still runs ({', '.join(running)})",
                hint="`holster boot SPEC --stop` ends it",
            )
        yield
    finally:
        os.close(descriptor)
