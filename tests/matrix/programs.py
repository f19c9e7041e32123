"""The vip-managers under test, as they speak of themselves."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COMPARED: Final = "HOLSTER_VIP_MANAGERS"
"""Names programs to compare, separated as PATH is."""


MODES: Final = ("patroni", "consul")


@dataclass(frozen=True)
class VipManager:
    """A program, its version, and the modes of this build: distributions leave Consul's out."""

    path: Path
    version: str
    modes: tuple[str, ...]


def ask(path: Path) -> VipManager:
    """Return what a program says of itself.

    Raises:
        RuntimeError: it says no version.
    """
    told = _run(path, "--version")
    found = re.search(r"(\d+(?:\.\d+)+)", told)
    if found is None:
        raise RuntimeError(f"{path} --version says no version: {told!r}")
    return VipManager(path, found[1], tuple(mode for mode in MODES if _has_mode(path, mode)))


def _has_mode(path: Path, mode: str) -> bool:
    """Have it work on the loopback interface: every version refuses that, but an unknown mode before it."""
    options = {
        "interface": "lo",
        "ip": "192.0.2.1",
        "netmask": "32",
        "trigger-key": "/x",
        "trigger-value": "x",
        "dcs-type": mode,
        "dcs-endpoints": "http://127.0.0.1:1",
    }
    told = _run(path, *(word for name, value in options.items() for word in (f"--{name}", value)))
    return "endpoint type not supported" not in told


def _run(path: Path, *words: str) -> str:
    done = subprocess.run([path, *words], check=False, capture_output=True, text=True, timeout=10)
    return done.stdout + done.stderr


def list_compared() -> list[VipManager]:
    """Return the programs that are to be compared."""
    return [ask(Path(name)) for name in os.environ.get(COMPARED, "").split(os.pathsep) if name]
