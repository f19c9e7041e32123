"""`nft --check`: the kernel itself judges a ruleset, and keeps its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from generator.errors import ToolMissing
from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool

_NO_RIGHT: Final = re.compile(
    r"Operation not permitted|must be root|initialize Netlink|Protocol not supported"
)


def check_ruleset(tool: Tool, ruleset: Path) -> tuple[str, ...]:
    """Return what nft and the kernel say against the file; nothing is changed.

    Raises:
        ToolMissing: this user may not ask the kernel, or the kernel has no nftables.
    """
    answer = run(
        Command(
            argv=[tool.path, "--check", "--file", ruleset],
            purpose=f"check {ruleset.name} with {tool.label}",
            accepted=None,
        )
    )
    if not answer.exit_code:
        return ()
    if _NO_RIGHT.search(answer.output):
        raise ToolMissing(
            f"{tool.label} cannot ask this kernel", hint="run as root, on a kernel with nftables"
        )
    return (answer.output or f"{tool.label} refuses it without saying why",)
