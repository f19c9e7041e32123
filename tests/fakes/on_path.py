"""Put the fake machine's programs on PATH, for a first boot in another process and another Python."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fakes.fake_disks import DISK_COMMANDS
from tests.fakes.fake_machine import FakeMachine
from tests.fakes.fake_services import SERVICE_COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SILENT = ("timedatectl", "sysctl", "systemd-tmpfiles", "resize2fs")
SCRIPT = """#!{python}
import sys
sys.path.insert(0, {root!r})
from tests.fakes.on_path import play
sys.exit(play({folder!r}))
"""


def install(machine: FakeMachine, folder: Path) -> None:
    """Write one script per program into a folder."""
    folder.mkdir()
    text = SCRIPT.format(python=sys.executable, root=str(ROOT), folder=str(machine.folder))
    for name in (*DISK_COMMANDS, *SERVICE_COMMANDS, *SILENT):
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)


def play(folder: str) -> int:
    """Play the program by whose name this was started."""
    code, output, errors = FakeMachine(Path(folder)).call([Path(sys.argv[0]).name, *sys.argv[1:]])
    sys.stdout.write(output)
    sys.stderr.write(errors)
    return code
