"""`firewall-offline-cmd --check-config` against a folder of ours instead of /etc/firewalld."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from generator.errors import ToolMissing
from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool

_NO_MAIN_FILE: Final = re.compile(r"firewalld\.conf|Using fallback firewalld configuration")
_FINDING: Final = re.compile(r"^(WARNING|ERROR|Error|Configuration error)\b.*$", re.MULTILINE)


def check_firewall(tool: Tool, config: Path) -> tuple[str, ...]:
    """Return what firewalld says against zones, services and policies below `config`.

    A rule that it cannot read is only a warning to it (exit code 0) and is then missing
    from the firewall: every warning counts.  Findings about an absent firewalld.conf do
    not: the machine has its package's.

    Raises:
        ToolMissing: the program refuses to run for this user.
    """
    answer = run(
        Command(
            argv=[tool.path, "--system-config", config, "--check-config"],
            purpose=f"check the firewall with {tool.label}",
            accepted=None,
        )
    )
    if "need to be root" in answer.output:
        raise ToolMissing(
            f"{tool.label} runs for root only", hint="run as root, or where user namespaces are allowed"
        )
    findings = dict.fromkeys(
        match[0] for match in _FINDING.finditer(answer.output) if not _NO_MAIN_FILE.search(match[0])
    )
    if answer.exit_code and not findings:
        return (answer.output or f"{tool.label} refuses it without saying why",)
    return tuple(findings)
