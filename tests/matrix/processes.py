"""The processes of a test machine, seen from outside: they are those in its process namespace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.network import sh

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fakes.machines import TestMachine


def find_init(machine: TestMachine) -> int:
    """Return the id of the machine's first process, as this machine counts."""
    return int(sh("pgrep", "-P", str(machine._find_unshare())))


def _namespace(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return None


def list_machine(machine: TestMachine) -> list[int]:
    """Return all processes of a machine, the first one last: nobody starts others once it is stopped."""
    init = find_init(machine)
    wanted = _namespace(init)
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in sorted(found, reverse=True) if wanted and _namespace(pid) == wanted]


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def list_of_unit(pids: Iterable[int], unit: str) -> list[int]:
    """Return those that belong to `consul`, `patroni`, `vip-manager` or `postgresql`."""

    def belongs(pid: int) -> bool:
        words = _command(pid)
        if unit == "patroni":
            return words[1:3] == ["-m", "patroni"]
        if unit == "postgresql":
            program = words[0] if words else ""
            return program.endswith("/postgres") or program.startswith("postgres:")
        return bool(words) and words[0] == f"/usr/bin/{unit}"

    return [pid for pid in pids if belongs(pid)]
