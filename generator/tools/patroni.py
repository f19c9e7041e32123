"""`patroni --validate-config`, without what only a live host can answer.

Patroni's check also asks whether Consul answers, whether ports are free and whether
PostgreSQL is installed.  On the machine that renders, these say nothing about the
file, so exactly those lines are left out (reference notes §2.1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed
from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool

_LIVE_HOST: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(restapi|postgresql)\.listen \S+ didn't pass validation: Port \d+ is already in use\.?$",
        r"^consul\.host \S+ didn't pass validation: \S+ is not reachable$",
        r"^postgresql\.bin_dir\s+Directory '[^']+' does not exist\.$",
        r"^postgresql\.bin_dir \S+ didn't pass validation: Program '[^']+' not found",
    )
)

_TRACEBACK: Final = re.compile(r"Traceback \(|  File \"|    ")
"""Patroni has no words of its own for a file that is not YAML; the last lines say it."""


def check_patroni_config(tool: Tool, config: Path, *, secrets: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what Patroni says against the file, live-host answers left out.

    Raises:
        ToolFailed: Patroni itself does not run here.
    """
    answer = run(
        Command(
            argv=[tool.path, "--validate-config", config],
            purpose=f"validate {config.name} with {tool.label}",
            accepted=(0, 1),
            secrets=secrets,
        )
    )
    lines = [
        line.rstrip() for line in answer.output.splitlines() if line.strip() and not _TRACEBACK.match(line)
    ]
    for line in lines:
        if line.startswith("FATAL:") or "ModuleNotFoundError" in line:
            raise ToolFailed(f"{tool.label} does not run: {line}", hint=tool.program.hint)
    complaints = tuple(line for line in lines if not any(pattern.match(line) for pattern in _LIVE_HOST))
    if answer.exit_code and not lines:
        return (f"{tool.label} refuses it without saying why",)
    return complaints if answer.exit_code else ()
