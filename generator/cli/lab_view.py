"""How a lab is shown: one live line for each machine, and the table at the end."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Self

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from generator.lab.cluster import Lab
    from generator.lab.machine import VirtualMachine
    from generator.lab.report import LabReport

SHOWN_NOTE: Final = 100


def describe_machine(machine: VirtualMachine) -> str:
    """Return what a machine does now, in a few words."""
    log = machine.log
    if log.outcome is not None:
        return log.outcome
    if log.stage is not None:
        return f"{log.stage.name}: {log.note}" if log.note else log.stage.name
    return "boots" if machine.is_on else "off"


class LiveView:
    """Shows a lab while it boots, as a context manager.

    On a terminal there is a line for each machine; elsewhere a line for each change.
    """

    def __init__(self, lab: Lab, *, is_quiet: bool) -> None:
        self._lab = lab
        self._is_quiet = is_quiet
        self._shown: dict[str, str] = {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._is_quiet:
            return self
        if sys.stderr is not None and sys.stderr.isatty():
            console = Console(stderr=True, highlight=False)
            self._live = Live(self._draw(), console=console, auto_refresh=False, transient=True)
            self._live.start()
        self._lab.on_tick = self._show
        return self

    def __exit__(self, *error: object) -> None:
        self._lab.on_tick = None
        if self._live is not None:
            self._live.stop()

    def _show(self) -> None:
        if self._live is not None:
            self._live.update(self._draw(), refresh=True)
            return
        for name, machine in self._lab.nodes.items():
            log = machine.log
            # Without the note: what a stage waits for changes many times.
            text = log.outcome or (log.stage.name if log.stage else describe_machine(machine))
            if self._shown.get(name) != text:
                self._shown[name] = text
                click.echo(f"[{_elapsed(machine):5.0f} s] {name}: {text}", err=True)

    def _draw(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, machine in self._lab.nodes.items():
            table.add_row(name, f"{_elapsed(machine):5.0f} s", describe_machine(machine)[:SHOWN_NOTE])
        return table


def _elapsed(machine: VirtualMachine) -> float:
    if machine.log.ended_at is not None:
        return machine.log.ended_at
    return 0.0 if machine.on_at is None else time.monotonic() - machine.on_at


def tabulate_boot(report: LabReport) -> Table:
    """Return the table of a boot: who is what, and what each stage took."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(dict.fromkeys(stage.name for node in report.nodes for stage in node.stages))
    for title in ("machine", "roles", "address"):
        table.add_column(title, overflow="fold")
    for title in ("ready", "boot", *names):
        table.add_column(title, justify="right")
    for node in report.nodes:
        took = {stage.name: _format_seconds(stage.began, stage.ended) for stage in node.stages}
        address = f"{node.address} + {report.vip}" if node.name == report.vip_owner else node.address
        booted = _format_seconds(0.0, node.stages[0].began if node.stages else None)
        ready = _format_seconds(0.0, node.sealed)
        row = [node.name, ", ".join(node.roles), address, ready, booted]
        table.add_row(*row, *(took.get(name, "-") for name in names))
    return table


def _format_seconds(began: float, ended: float | None) -> str:
    return "-" if ended is None else f"{ended - began:.0f} s"
