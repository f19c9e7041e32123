"""`visudo -c`: is this sudoers file well formed?  sudo refuses to run with a broken one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool


def check_sudoers(tool: Tool, sudoers: Path) -> tuple[str, ...]:
    """Return what visudo says against the file."""
    answer = run(
        Command(
            # -s: an alias that is used but never defined is an error, too.
            argv=[tool.path, "-csf", sudoers],
            purpose=f"check {sudoers.name} with {tool.label}",
            accepted=(0, 1),
        )
    )
    return (answer.output,) if answer.exit_code else ()
