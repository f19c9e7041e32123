"""The two processes that make the lab's network: the switch and the gate."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from generator.lab.network import list_gate_arguments
from generator.layout import PACKAGE
from generator.tools.background import Background
from generator.tools.process import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generator.lab.site import Site
    from generator.tools.toolbox import Tool

SWITCH: Final = PACKAGE / "lab" / "switch.py"
START_S: Final = 20.0
POLL_S: Final = 0.05


class Wiring:
    """Switch and gate of one lab; off until `start`.

    Args:
        site: ports and addresses.
        qemu: for the gate.
        outlives: whether they go on without us.
    """

    def __init__(self, site: Site, qemu: Tool, *, outlives: bool) -> None:
        self._site = site
        self._qemu = qemu
        self._outlives = outlives
        self._parts: dict[str, Background] = {}

    @property
    def pids(self) -> dict[str, int]:
        """The processes by name."""
        return {name: part.pid for name, part in self._parts.items()}

    def start(self) -> None:
        """Start what does not run.

        Raises:
            ToolFailed: it does not start; its words are in the message.
        """
        site = self._site
        if not self._runs("switch"):
            cables = [site.gate_cable, *(plan.cable for plan in site.plans.values())]
            argv: list[str | Path] = [sys.executable, "-I", "-S", SWITCH]
            argv += [cable.argument for cable in cables]
            self._start("switch", argv, lambda beside: "ready" in beside.read_output())
        if not self._runs("gate"):
            monitor = site.sockets / "gate.qmp"
            monitor.unlink(missing_ok=True)
            arguments = list_gate_arguments(site.gate, site.gate_cable, site.forwards.values(), monitor)
            self._start("gate", [self._qemu.path, *arguments], lambda _: monitor.exists())

    def _runs(self, name: str) -> bool:
        part = self._parts.get(name)
        return part is not None and part.is_alive

    def _start(self, name: str, argv: list[str | Path], is_ready: Callable[[Background], bool]) -> None:
        command = Command(argv, purpose=f"start the lab's {name}")
        part = Background(command, self._site.folder / f"{name}.log", outlives=self._outlives)
        self._parts[name] = part
        deadline = time.monotonic() + START_S
        while not is_ready(part):
            if not part.is_alive or time.monotonic() > deadline:
                part.kill()
                raise part.explain()
            time.sleep(POLL_S)

    def close(self) -> None:
        """End both; safe to repeat."""
        for part in self._parts.values():
            part.kill()
        self._parts.clear()
