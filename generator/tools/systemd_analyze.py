"""`systemd-analyze verify --root`: units read and their jobs ordered by systemd itself.

The units lie in a folder that stands in for `/`, so that the answer depends neither
on this machine's units nor on its programs.  Since systemd 250.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from generator.tools.process import Command, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.versions import VersionNumber

_IRRELEVANT: Final = re.compile(r"^(Failed to (open|load) .*audit|SELinux enabled state cached to: .*)")


def can_check(version: VersionNumber) -> bool:
    """Say whether this systemd-analyze has `verify --root`."""
    return version.at_least("250")


def check_units(tool: Tool, root: Path, units: Sequence[str]) -> tuple[str, ...]:
    """Return what systemd says when all these units are started in one boot.

    Args:
        tool: systemd-analyze.
        root: a folder with units, drop-ins and the programs that they start.
        units: unit names; all are loaded together.

    A cycle that systemd can break by deleting a job ends with exit code 0 and a line in
    the log, and the boot then goes without that job: every line counts.
    """
    answer = run(
        Command(
            argv=[tool.path, "verify", "--man=no", f"--root={root}", *units],
            purpose=f"verify {len(units)} units with {tool.label}",
            # Only this folder: without it drop-ins of the host for its own units are read.
            environment={"SYSTEMD_LOG_LEVEL": "notice"},
            accepted=(0, 1),
        )
    )
    root_text = str(root)
    lines = [line.replace(root_text, "") for line in answer.output.splitlines()]
    findings = tuple(dict.fromkeys(line for line in lines if line.strip() and not _IRRELEVANT.match(line)))
    if answer.exit_code and not findings:
        return (f"{tool.label} refuses them without saying why",)
    return findings
