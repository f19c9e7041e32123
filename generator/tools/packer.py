"""`packer fmt -check` and `packer validate`, for Packer with external plugins and before.

Packer 1.6 has its builders inside and refuses the block `required_plugins`; 1.7 and
newer want it.  The block lies in a file of its own, which an old Packer is not given.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Final

from generator.tools.process import Command, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from generator.tools.toolbox import Tool

PLUGINS_SINCE: Final = "1.7"
_BLOCK: Final = re.compile(r"^\s*required_plugins\b", re.MULTILINE)


def needs_plugins(tool: Tool) -> bool:
    """Say whether this Packer has its builders in plugins."""
    return tool.version is not None and tool.version.at_least(PLUGINS_SINCE)


def _environment(home: Path, plugins: Path | None) -> dict[str, str]:
    environment = {"HOME": str(home), "CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1"}
    # Always set: Packer must not look for plugins where the user has some of his own.
    environment["PACKER_PLUGIN_PATH"] = str(plugins or home / "no-plugins")
    return environment


def check_packer_format(tool: Tool, folder: Path, scratch: Path) -> tuple[str, ...]:
    """Return the files that `packer fmt` would change."""
    answer = run(
        Command(
            argv=[tool.path, "fmt", "-check", "-diff", folder],
            purpose=f"check the format of {folder.name} with {tool.label}",
            environment=_environment(scratch, None),
            accepted=(0, 1, 3),
        )
    )
    return (answer.output or "packer fmt would change it",) if answer.exit_code else ()


def copy_for(tool: Tool, folder: Path, target: Path) -> Path:
    """Return a copy of the Packer folder that this Packer can read."""
    shutil.copytree(folder, target)
    if not needs_plugins(tool):
        for path in target.glob("*.pkr.hcl"):
            if _BLOCK.search(path.read_text("utf-8")):
                path.unlink()
    return target


def check_packer_config(
    tool: Tool, folder: Path, scratch: Path, *, variables: Mapping[str, str], plugins: Path | None
) -> tuple[str, ...]:
    """Return what `packer validate` says against the folder.

    Args:
        tool: Packer.
        folder: what `copy_for` made; the files that it names must exist.
        scratch: a private folder that stands in for HOME.
        variables: values of variables without a default.
        plugins: the plugin folder, for Packer 1.7 and newer.
    """
    argv: list[str | Path] = [tool.path, "validate"]
    for name, value in variables.items():
        argv += ["-var", f"{name}={value}"]
    answer = run(
        Command(
            argv=[*argv, "."],
            purpose=f"validate {folder.name} with {tool.label}",
            cwd=folder,
            environment=_environment(scratch, plugins),
            accepted=(0, 1),
        )
    )
    return (answer.output,) if answer.exit_code else ()
