"""`chronyd -p`: read the configuration, print it, end.  Since chrony 4.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.versions import VersionNumber


def can_check(version: VersionNumber) -> bool:
    """Say whether this chronyd has `-p`."""
    return version.at_least("4.0")


def check_chrony_config(tool: Tool, config: Path) -> tuple[str, ...]:
    """Return what chronyd says against the file."""
    answer = run(
        Command(
            argv=[tool.path, "-p", "-f", config],
            purpose=f"read {config.name} with {tool.label}",
            accepted=(0, 1),
        )
    )
    return (answer.output,) if answer.exit_code else ()
