"""xorriso or genisoimage: pack folders as an ISO image that Linux mounts with its long names.

Packer needs one of the two anyway, for the disc with the build's key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.errors import ToolMissing
from generator.tools.process import Command, run
from generator.tools.programs import GENISOIMAGE, XORRISO

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from generator.tools.toolbox import ToolBox


def pack_disc(tools: ToolBox, target: Path, label: str, folders: Mapping[str, Path]) -> None:
    """Write an ISO image with these folders at its root.

    Raises:
        ToolMissing: neither program is there.
        ToolFailed: it did not work out.
    """
    try:
        tool = tools.find(XORRISO)
        argv: list[str | Path] = [tool.path, "-as", "mkisofs"]
    except ToolMissing:
        tool = tools.find(GENISOIMAGE)
        argv = [tool.path]
    grafts = [f"{name}={folder}" for name, folder in folders.items()]
    run(
        Command(
            [*argv, "-quiet", "-R", "-V", label, "-o", target, "-graft-points", *grafts],
            purpose=f"pack {target.name} with {tool.label}",
            timeout_s=900,
        )
    )
